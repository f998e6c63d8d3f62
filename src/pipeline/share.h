/*
 * share.h
 *	  How much of the worker's memory and of its connections a destination may take.
 */
#ifndef ECAPI_SHARE_H
#define ECAPI_SHARE_H

#include "postgres.h"

#include "pipeline/forward.h"

/* also states of ecapi.cursor */
#define ECAPI_SHORT_OF_MEMORY	"waiting for memory"
#define ECAPI_SHORT_OF_CONNECTIONS "waiting for a connection"

/*
 * Count again what each destination holds; at the beginning of a turn.  Returns how many
 * bytes of pages that no destination holds are to be freed, so that each can have its share.
 */
extern size_t ecapi_share_count(void);

/*
 * How many bytes of events a feed may read now; 0: none.  A feed that
 * holds nothing gets one event at least.
 */
extern size_t ecapi_share_page(EcapiFeed *feed);

/*
 * How many bytes the body of a destination's next request may have, the first event in
 * any case; 0: it has to wait.  While no body is in memory one always goes, else
 * nothing might ever go.
 */
extern size_t ecapi_share_body(EcapiDestination *destination);

/* Whether a destination may send one more request now. */
extern bool ecapi_share_connection(EcapiDestination *destination);

/* A request of a destination was sent, and counted there. */
extern void ecapi_share_sent(const EcapiDestination *destination);

/* So was one without events. */
extern void ecapi_share_errand_sent(void);

/*
 * Whether memory is lent to a destination: its receiver answers, so that it gives it back
 * soon.
 */
extern bool ecapi_share_lends_to(const EcapiDestination *destination);

/* Whether the budget is exceeded and a destination holds more than its share. */
extern bool ecapi_share_is_over(EcapiDestination *destination);

#endif							/* ECAPI_SHARE_H */
