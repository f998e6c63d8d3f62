/*
 * app_data.h
 *	  What an app says of itself beside its events, as Meta asks it and others copied it.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_APP_DATA_H
#define ECAPI_APP_DATA_H

#include "event/value.h"

/*
 * The member app_data of an event's ext (or NULL), given by the application, for nothing
 * else knows what is in it: both flags, as JSON booleans or 0 and 1, and the 16 texts of
 * extinfo, of which the first is a2 (Android) or i2 (iOS).  NULL when it is anything else.
 */
extern const EcapiValue *ecapi_app_data(const EcapiValue *ext);

#endif							/* ECAPI_APP_DATA_H */
