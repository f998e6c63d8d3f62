/*
 * recapture.h
 *	  ecapi.recapture(): set-aside rows once more, through the track as it is now.
 */
#ifndef ECAPI_RECAPTURE_H
#define ECAPI_RECAPTURE_H

#include "postgres.h"
#include "fmgr.h"

extern PGDLLEXPORT Datum ecapi_recapture(PG_FUNCTION_ARGS);

#endif							/* ECAPI_RECAPTURE_H */
