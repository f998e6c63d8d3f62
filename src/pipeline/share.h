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
extern void ecapi_share_count(void);
extern size_t ecapi_share_page(EcapiFeed *feed);
extern size_t ecapi_share_body(EcapiDestination *destination);
extern bool ecapi_share_connection(EcapiDestination *destination);
extern void ecapi_share_sent(const EcapiDestination *destination);
extern bool ecapi_share_is_over(EcapiDestination *destination);

#endif							/* ECAPI_SHARE_H */
