/*
 * tick.h
 *	  Ticks: the snapshots that bound windows, and places between two of them.
 *
 * A tick is shared by reference, equal ones are one: places and pages count it.
 */
#ifndef ECAPI_TICK_H
#define ECAPI_TICK_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "outbox/snapshot.h"
#include "outbox/window.h"
#include "pipeline/forward.h"

struct EcapiTick
{
	dlist_node	node;			/* in the list of known ticks */
	int			refs;
	EcapiSnapshot *snapshot;
};

typedef struct EcapiPlace
{
	EcapiTick  *from;
	EcapiTick  *to;				/* NULL: no window is open */
	EcapiPosition position;
} EcapiPlace;

extern EcapiTick *ecapi_tick_intern(const EcapiSnapshot *snapshot);
extern void ecapi_tick_drop(EcapiTick *tick);
extern void ecapi_place_set(EcapiPlace *place, EcapiTick *from, EcapiTick *to,
							EcapiPosition position);
extern void ecapi_place_copy(EcapiPlace *to, const EcapiPlace *from);
extern void ecapi_place_clear(EcapiPlace *place);
extern bool ecapi_place_equal(const EcapiPlace *a, const EcapiPlace *b);
extern bool ecapi_tick_take(bool log);
extern EcapiTick *ecapi_tick_next(EcapiTick *from);
extern EcapiTick *ecapi_tick_next_before(EcapiTick *from, TimestampTz before);
extern bool ecapi_tick_is_last(EcapiTick *tick);
extern void ecapi_tick_logged(EcapiTick *tick);

#endif							/* ECAPI_TICK_H */
