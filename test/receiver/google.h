/*
 * google.h
 *	  Google's Data Manager API, as far as a sender sees it (platform.h).
 */
#ifndef RCV_GOOGLE_H
#define RCV_GOOGLE_H

#include "call.h"

/* Judge a POST to .../v1/events:ingest. */
extern void rcv_google_judge(RcvCall *call);

/* Judge a GET of .../v1/requestStatus:retrieve. */
extern void rcv_google_status_judge(RcvCall *call);

/*
 * Remember an accepted request under a new id, in the arena; NULL when out of
 * memory.  Marks the records that will fail later, as late-if=TEXT asks.
 */
extern const char *rcv_google_remember(RcvCall *call, const RcvNode *request);

/* An id that nothing is remembered under, in the arena; or NULL. */
extern const char *rcv_google_new_id(RcvCall *call);

#endif							/* RCV_GOOGLE_H */
