/*
 * cancel.h
 *	  What has left before it was cancelled is taken back.
 */
#ifndef ECAPI_CANCEL_H
#define ECAPI_CANCEL_H

#include "postgres.h"

#include "datatype/timestamp.h"

extern long ecapi_cancel_step(TimestampTz now);

#endif							/* ECAPI_CANCEL_H */
