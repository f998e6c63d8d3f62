/*
 * bits.h
 *	  The bits of six-bit text, in which consent strings are written, and sets of ids in it.
 *
 * Each character of "A-Za-z0-9-_" has six bits, most significant first; it is no base64:
 * there are no groups of bytes and no padding characters (GPP, Consent String
 * Specification).  Whatever bits are left behind the last field are ignored.
 *
 * Nothing is expanded: a set of ids is a place in the text, and its ids are found by
 * reading it, so that a string that names 65535 vendors takes no memory.
 *
 * Pure C: no server header, no I/O, no allocation.  What points into a text lives as long
 * as that.
 */
#ifndef ECAPI_BITS_H
#define ECAPI_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct EcapiBits
{
	const char *text;
	uint64_t	len;			/* in bits */
	uint64_t	at;				/* the next one, from 0 */
	bool		bad;			/* a read went behind the end, or what was read is no code */
	bool		cut;			/* bad because a read went behind the end */
} EcapiBits;

/*
 * Begin to read len characters of a text.  False, and bad is set, when one of them is none of
 * the alphabet.
 */
extern bool ecapi_bits_init(EcapiBits *bits, const char *text, size_t len);

/* The next n bits as a number, n from 1 to 36.  Behind the end: 0, and bad. */
extern uint64_t ecapi_bits_read(EcapiBits *bits, int n);

/*
 * A Fibonacci-coded integer, from 1.  0, and bad: the code does not end within the 24 bits
 * that the largest id of 16 bits takes.
 */
extern uint32_t ecapi_bits_fibonacci(EcapiBits *bits);

/* n bits further, without looking at them. */
extern void ecapi_bits_skip(EcapiBits *bits, uint64_t n);

/* Whether all bits that are left are 0. */
extern bool ecapi_bits_rest_is_zero(const EcapiBits *bits);

/* ---- ids ---- */

/* The largest id there is: those of vendors have 16 bits. */
#define ECAPI_IDS_MAX	65535

typedef enum EcapiIdsForm
{
	ECAPI_IDS_NONE,				/* no ids; zeroed memory is that */
	ECAPI_IDS_BITFIELD,			/* bit i, from 1, is id i */
	ECAPI_IDS_RANGES,			/* ids of 16 bits, single ones and first and last */
	ECAPI_IDS_FIBONACCI			/* distances in Fibonacci codes, ascending */
} EcapiIdsForm;

typedef struct EcapiIds
{
	EcapiIdsForm form;
	uint32_t	n;				/* bits of the field, or items of the range */
	uint32_t	max;			/* the largest id; of a bitfield, its number of bits */
	uint32_t	asked;			/* of a range: an id that was looked for on the way; 0: none */
	bool		has_asked;		/* it is one of them */
	EcapiBits	at;				/* the first of them */
} EcapiIds;

/* How an optimized range of the TCF writes what is no bitfield. */
typedef enum EcapiIdsCoding
{
	ECAPI_CODED_INT,			/* OptimizedIntRange */
	ECAPI_CODED_FIBONACCI		/* the same with a Range(Fibonacci) */
} EcapiIdsCoding;

/*
 * Read a set: Int(16) the largest id, Boolean, and either a range or a bitfield.  bits is
 * behind it afterwards, or bad: it is cut, an id is 0 or too large, or a group runs
 * backwards.  asked, unless 0, is an id that ecapi_ids_have() then knows without reading a
 * range once more.
 */
extern void ecapi_ids_read(EcapiBits *bits, EcapiIdsCoding coding, uint32_t asked, EcapiIds *ids);

/* The same of a range alone: Int(12) count, and the items. */
extern void ecapi_ids_read_range(EcapiBits *bits, EcapiIdsCoding coding, uint32_t asked,
								 EcapiIds *ids);

/* A bitfield of n bits. */
extern void ecapi_ids_read_bitfield(EcapiBits *bits, uint32_t n, EcapiIds *ids);

extern bool ecapi_ids_have(const EcapiIds *ids, uint32_t id);

/*
 * Walk over a set in the order of the text, group by group; start with a copy of the set
 * and last 0.  False: there is no further group.
 */
extern bool ecapi_ids_next(EcapiIds *walk, uint32_t *first, uint32_t *last);

#endif							/* ECAPI_BITS_H */
