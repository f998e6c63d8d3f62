/*
 * stopped.h
 *	  Marking events in memory that may not leave any more: they were cancelled.
 */
#ifndef ECAPI_STOPPED_H
#define ECAPI_STOPPED_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "event/value.h"

extern const EcapiValue *ecapi_stops_object(const char *text, int len);
extern bool ecapi_stops_id(const char *text, int len, const char **id, int *id_len);
extern void ecapi_stops_refresh(TimestampTz now);
extern void ecapi_stops_look_again(void);
extern uint64 ecapi_stops_looks(void);

#endif							/* ECAPI_STOPPED_H */
