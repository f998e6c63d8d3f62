/*
 * sqlapi.h
 *	  What the files of SQL-callable functions share.
 */
#ifndef ECAPI_SQLAPI_H
#define ECAPI_SQLAPI_H

#include "postgres.h"

#include "foreign/foreign.h"

/*
 * The destination of that name, palloc'd.  Raises undefined_object, with the
 * closest name as hint, and insufficient_privilege when the current role does
 * not own it.
 */
extern ForeignServer *ecapi_owned_destination(const char *name);

#endif							/* ECAPI_SQLAPI_H */
