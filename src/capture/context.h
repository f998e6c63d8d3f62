/*
 * context.h
 *	  The setting ecapi.context: what the application knows of this transaction.
 */
#ifndef ECAPI_CONTEXT_H
#define ECAPI_CONTEXT_H

#include "postgres.h"

#include "event/value.h"
#include "utils/guc.h"

/* Bytes of a fragment that are kept: cookies and a user agent of the largest kind. */
#define ECAPI_MAX_CONTEXT	(64 * 1024)

/*
 * The fragment of an event that was set in this very transaction, or NULL.  It
 * lives until the transaction ends; nobody changes it.  What of the value cannot be
 * used is left out, with a warning the first time.  Raises "out of memory" and a
 * cancellation.
 */
extern const EcapiValue *ecapi_context(void);

/* Hooks of the setting; see settings.c. */
extern bool ecapi_context_check(char **value, void **extra, GucSource source);
extern void ecapi_context_assign(const char *value, void *extra);

/*
 * The setting has just been defined: a value that it had before this transaction
 * is not this transaction's.
 */
extern void ecapi_context_adopt(void);

#endif							/* ECAPI_CONTEXT_H */
