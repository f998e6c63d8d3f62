/*
 * server.h
 *	  The foreign server of a destination, and what its options say.
 */
#ifndef ECAPI_SERVER_H
#define ECAPI_SERVER_H

#include "postgres.h"

#include "fmgr.h"
#include "foreign/foreign.h"

#include "destination/options.h"

/* Names of all destinations, palloc'd texts. */
extern List *ecapi_destination_names(void);

/* The destination of that name, palloc'd.  Raises undefined_object, with the closest name as hint. */
extern ForeignServer *ecapi_named_destination(const char *name);

/* The same; raises insufficient_privilege, too, when the current role does not own it. */
extern ForeignServer *ecapi_owned_destination(const char *name);

/* The same, of the name that is the first argument.  Raises null_value_not_allowed, too. */
extern ForeignServer *ecapi_destination_argument(FunctionCallInfo fcinfo);

/*
 * The options of a destination, with those of its PUBLIC user mapping, palloc'd.
 * NULL when they cannot be used; error is one line then, without secrets.
 */
extern EcapiOptions *ecapi_options_of(const ForeignServer *server,
									  char *error, size_t error_size);

/*
 * Let options that ecapi_options_of() returned have what was measured for them, in the
 * current context.  Reads as the extension's owner; not connected to SPI.
 */
extern void ecapi_options_measure(const ForeignServer *server, EcapiOptions *options);

#endif							/* ECAPI_SERVER_H */
