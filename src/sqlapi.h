/*
 * sqlapi.h
 *	  What the files of SQL-callable functions share.
 */
#ifndef ECAPI_SQLAPI_H
#define ECAPI_SQLAPI_H

#include "postgres.h"

#include "foreign/foreign.h"

#include "destination/options.h"

/*
 * The destination of that name, palloc'd.  Raises undefined_object, with the
 * closest name as hint, and insufficient_privilege when the current role does
 * not own it.
 */
extern ForeignServer *ecapi_owned_destination(const char *name);

/*
 * The options of a destination, with those of its PUBLIC user mapping, palloc'd.
 * NULL when they cannot be used; error is one line then, without secrets.
 */
extern EcapiOptions *ecapi_options_of(const ForeignServer *server,
									  char *error, size_t error_size);

#endif							/* ECAPI_SQLAPI_H */
