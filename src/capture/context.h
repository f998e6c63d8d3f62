/*
 * context.h
 *	  The setting ecapi.context: what the application knows of this transaction.
 */
#ifndef ECAPI_CONTEXT_H
#define ECAPI_CONTEXT_H

#include "postgres.h"

#include "event/value.h"

/* Bytes of a fragment that are kept: cookies and a user agent of the largest kind. */
#define ECAPI_MAX_CONTEXT	(64 * 1024)

/*
 * The fragment of an event that was set in this very transaction, or NULL.  It lives
 * as long as the current memory context, or (to_keep) until the transaction ends, and
 * is not to be changed.  What of the value cannot be used is left out, with a warning
 * the first time.  Raises "out of memory" and a cancellation.
 */
extern const EcapiValue *ecapi_context(void);
extern const EcapiValue *ecapi_context_to_keep(void);

/* Define the setting. */
extern void ecapi_context_define(void);

#endif							/* ECAPI_CONTEXT_H */
