/*
 * codes.h
 *	  Closed lists of codes: currencies, countries, event types, sources.
 */
#ifndef RCV_CODES_H
#define RCV_CODES_H

#include <stdbool.h>
#include <stddef.h>

/* Call once, before any thread asks. */
extern void rcv_codes_init(void);

/* text need not be terminated; comparison is exact, so case matters */
extern bool rcv_is_currency(const char *text, size_t len);	/* ISO 4217, "EUR" */
extern bool rcv_is_country(const char *text, size_t len);	/* ISO 3166-1, "de" */
extern bool rcv_is_event_type(const char *text, size_t len);	/* ECAPI 1.0 */
extern bool rcv_is_source(const char *text, size_t len);	/* ECAPI 1.0 */

#endif							/* RCV_CODES_H */
