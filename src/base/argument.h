/*
 * argument.h
 *	  Arguments of functions that SQL calls.
 */
#ifndef ECAPI_ARGUMENT_H
#define ECAPI_ARGUMENT_H

#include "postgres.h"

#include "fmgr.h"

/* A text argument as a string in the current context; NULL where it is null. */
extern char *ecapi_argument_text(FunctionCallInfo fcinfo, int n);

/* Raise an error that names the argument if it is null. */
extern void ecapi_argument_required(FunctionCallInfo fcinfo, int n, const char *name);

/* Raise an error that an argument cannot be what it is; hint may be NULL. */
extern _Noreturn void ecapi_argument_refuse(const char *message, const char *hint);

/* Raise an error that an argument, or one of its elements, is null. */
extern _Noreturn void ecapi_argument_refuse_null(const char *name);

/* Raise an error unless the current role owns a relation, which exists. */
extern void ecapi_argument_own(Oid relation);

/*
 * A text argument that is not null, as the worker would read it: *len bytes of UTF-8,
 * palloc'd, or the argument itself.  Raises an error for text that is not UTF-8, which
 * only a database without an encoding can hold.
 */
extern const char *ecapi_argument_utf8(FunctionCallInfo fcinfo, int n, size_t *len);

/*
 * The id of an event, palloc'd; raises an error for what cannot be one: null, empty,
 * longer than ids are, or no UTF-8.
 */
extern char *ecapi_argument_event_id(FunctionCallInfo fcinfo, int n);

/*
 * A text argument as a country, alpha-2 in lower case; where it is null, the setting
 * ecapi.default_country, or NULL.  Raises an error with the message wrong for what is
 * no country.
 */
extern const char *ecapi_argument_country(FunctionCallInfo fcinfo, int n, const char *wrong);

#endif							/* ECAPI_ARGUMENT_H */
