/*
 * json_scan.h
 *	  Whether bytes are JSON, and what they hold.
 *
 * Pure C: no server header, no I/O, no allocation, no locale.
 */
#ifndef ECAPI_JSON_SCAN_H
#define ECAPI_JSON_SCAN_H

#include <stddef.h>

/*
 * Arrays and objects around a value, at most.  The standard's deepest value has 5
 * levels; ext may add some.
 */
#define ECAPI_JSON_DEPTH	32

/* What a text holds. */
typedef struct EcapiJsonMeasure
{
	size_t		tokens;			/* keys, scalars, arrays, objects */
	size_t		containers;		/* arrays and objects, of these */
} EcapiJsonMeasure;

/*
 * Look over one JSON text.  NULL when it is one, as json_scan.c says, and then it is
 * measured; else what is wrong with it, as a constant that quotes nothing of the text.
 */
extern const char *ecapi_json_scan(const char *text, size_t len, EcapiJsonMeasure *measure);

/* The code unit of an escape \uXXXX that begins at text (len bytes), or -1 when it is none. */
extern int	ecapi_json_escaped_unit(const char *text, size_t len);

#endif							/* ECAPI_JSON_SCAN_H */
