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
extern void ecapi_argument_refuse(const char *message, const char *hint) pg_attribute_noreturn();

/* Raise an error that an argument, or one of its elements, is null. */
extern void ecapi_argument_refuse_null(const char *name) pg_attribute_noreturn();

/* Raise an error unless the current role owns a relation, which exists. */
extern void ecapi_argument_own(Oid relation);

#endif							/* ECAPI_ARGUMENT_H */
