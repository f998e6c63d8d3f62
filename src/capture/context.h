/*
 * context.h
 *	  The setting ecapi.context: what the application knows of this transaction.
 */
#ifndef ECAPI_CONTEXT_H
#define ECAPI_CONTEXT_H

#include "postgres.h"

#include "event/value.h"
#include "utils/guc.h"

/* Bytes of the setting: cookies and a user agent of the largest kind. */
#define ECAPI_MAX_CONTEXT	(64 * 1024)

/*
 * The fragment of an event that was set in this very transaction, or NULL.  It
 * lives until the transaction ends; nobody changes it.
 */
extern const EcapiValue *ecapi_context(void);

/* A JSON text as a tree in context; NULL when it is none (a number stays text). */
extern EcapiValue *ecapi_context_parse(const char *json, MemoryContext context);

/* Hooks of the setting; see settings.c. */
extern bool ecapi_context_check(char **value, void **extra, GucSource source);
extern void ecapi_context_assign(const char *value, void *extra);

#endif							/* ECAPI_CONTEXT_H */
