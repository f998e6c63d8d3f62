/*
 * backfill.h
 *	  CALL ecapi.backfill(): history through the same track as live changes.
 */
#ifndef ECAPI_BACKFILL_H
#define ECAPI_BACKFILL_H

#include "postgres.h"
#include "fmgr.h"

extern PGDLLEXPORT Datum ecapi_backfill(PG_FUNCTION_ARGS);

#endif							/* ECAPI_BACKFILL_H */
