/*
 * emit.h
 *	  ecapi_emit(): an event by a function call.
 */
#ifndef ECAPI_EMIT_H
#define ECAPI_EMIT_H

#include "postgres.h"
#include "fmgr.h"

extern PGDLLEXPORT Datum ecapi_emit(PG_FUNCTION_ARGS);

#endif							/* ECAPI_EMIT_H */
