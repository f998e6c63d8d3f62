/*
 * gpp.h
 *	  A GPP string: its header, and the texts of its sections.
 *
 * IAB Tech Lab, Global Privacy Platform, Consent String Specification, version 1.  The
 * sections are independent of each other, so each is decoded by itself (us.h, tcf.h),
 * and one that is broken takes none of the others away.
 *
 * Pure C: no server header, no I/O, no allocation.  What points into a text lives as long
 * as that.
 */
#ifndef ECAPI_GPP_H
#define ECAPI_GPP_H

#include <stdbool.h>
#include <stddef.h>

/* Sections of a registered id that this knows: 2, and 5 to 27. */
#define ECAPI_GPP_TCF_EU	2
#define ECAPI_GPP_TCF_CA	5
#define ECAPI_GPP_USP		6
#define ECAPI_GPP_US_FIRST	7
#define ECAPI_GPP_US_LAST	27

/*
 * Bytes of a string at most.  The longest real ones, of a TCF section with a thousand
 * vendors and ranges, have below two thousand.
 */
#define ECAPI_GPP_MAX		16384

/* Sections of a string at most: twice as many as there are ids. */
#define ECAPI_GPP_SECTIONS	54

typedef struct EcapiGppSection
{
	int			id;				/* 1 to 65535 */
	const char *text;
	size_t		len;
} EcapiGppSection;

typedef struct EcapiGpp
{
	bool		bare;			/* no GPP string, but a TC string, as section 2 alone */
	int			nsections;		/* in the order of the string, ascending by id */
	EcapiGppSection sections[ECAPI_GPP_SECTIONS];
} EcapiGpp;

/*
 * Split a string.  NULL, or what is wrong with it: a constant text without values, and
 * then there are no sections.  A string that begins with C is a TC string by itself.
 */
extern const char *ecapi_gpp_split(const char *text, size_t len, EcapiGpp *gpp);

/* "usca" of 8; NULL: the section is none that can be decoded. */
extern const char *ecapi_gpp_section_name(int id);

/*
 * The next segment of a section: sections are divided by full stops.  *at is where it
 * begins, 0 at first; false: there is none.
 */
extern bool ecapi_gpp_segment(const EcapiGppSection *section, size_t *at,
							  const char **segment, size_t *len);

#endif							/* ECAPI_GPP_H */
