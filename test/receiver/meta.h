/*
 * meta.h
 *	  Meta's Conversions API, as far as a sender sees it (platform.h).
 */
#ifndef RCV_META_H
#define RCV_META_H

#include "call.h"

/* The access token to expect; NULL: any. */
extern void rcv_meta_init(const char *token);

/* Judge a POST to .../vNN.N/PIXEL/events. */
extern void rcv_meta_judge(RcvCall *call);

#endif							/* RCV_META_H */
