/*
 * scan.h
 *	  Numbers, times and addresses in texts.
 *
 * Pure C: no server header, no I/O, no allocation, no locale.
 */
#ifndef ECAPI_SCAN_H
#define ECAPI_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct EcapiNumber
{
	bool		plain;			/* digits alone, perhaps behind "-" */
	bool		integral;		/* no fraction but zeros; whole fits, and is it */
	int64_t		whole;			/* the integer part, if it fits */
	bool		fits;			/* the integer part fits int64 */
	bool		negative;
	bool		zero;
} EcapiNumber;

/*
 * Read a JSON number.  False when it is none, or when a receiver could not
 * keep it: not finite as a double, or an integer beyond int64.
 */
extern bool ecapi_scan_number(const char *text, size_t len, EcapiNumber *number);

/*
 * Read a date and time of ISO 8601, also with a blank for the "T", as seconds
 * since 1970 UTC, fractions cut off.  It must have a time zone (zoned is
 * false when that alone was missing).
 */
extern bool ecapi_scan_time(const char *text, size_t len, int64_t *seconds, bool *zoned);

/* Whether a text is a date of the calendar, YYYYMMDD or YYYY-MM-DD. */
extern bool ecapi_scan_date(const char *text, size_t len);

/* Whether a text is an IPv4 or IPv6 address, and nothing else. */
extern bool ecapi_scan_ip(const char *text, size_t len);

/*
 * The same, of an address that can be a visitor's: not of a private network, this machine,
 * a link or a group.  Those of documentation count as public.
 */
extern bool ecapi_scan_ip_is_public(const char *text, size_t len);

/* Whether a text is a UUID: 32 hex digits in either case, by dashes in 8, 4, 4, 4 and 12. */
extern bool ecapi_scan_uuid(const char *text, size_t len);

/* Whether a text is an absolute URL: a scheme, "://", something, no blank or control. */
extern bool ecapi_scan_url(const char *text, size_t len);

#endif							/* ECAPI_SCAN_H */
