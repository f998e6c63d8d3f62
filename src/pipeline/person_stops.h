/*
 * person_stops.h
 *	  Marking events in memory whose person was forgotten, or has withdrawn consent.
 */
#ifndef ECAPI_PERSON_STOPS_H
#define ECAPI_PERSON_STOPS_H

#include "postgres.h"

#include "pipeline/forward.h"

/*
 * Bring the marks of all pages up to date.  Outside of a transaction.  Raises what
 * SQL raises; then the next look finds the same.
 */
extern void ecapi_person_stops_refresh(void);

/* The next look finds all that there is: another worker has done so for a destination. */
extern void ecapi_person_stops_again(void);

/*
 * Mark the events of one page.  In a transaction with an active snapshot, SPI connected;
 * raises what SQL raises.
 */
extern void ecapi_person_stops_mark(EcapiPage *page);

#endif							/* ECAPI_PERSON_STOPS_H */
