/*
 * customer_key.h
 *	  Which customer an event is of, as one text.
 */
#ifndef ECAPI_CUSTOMER_KEY_H
#define ECAPI_CUSTOMER_KEY_H

#include "postgres.h"

#include "event/value.h"

/* Fields of user_data that can say it. */
#define ECAPI_CUSTOMER_FIELDS	4

/* What an event says of its customer. */
typedef struct EcapiCustomerKey
{
	const char *texts[ECAPI_CUSTOMER_FIELDS];	/* of each field the first value, as the
												 * event has it; NULL: none */
	const char *country;		/* of telephone numbers, constant, or NULL */
} EcapiCustomerKey;

/*
 * What user_data (or NULL) says.  default_country as of ecapi_default_country().  The
 * texts are those of the tree; runs no SQL and raises nothing.
 */
extern void ecapi_customer_key(const EcapiValue *user_data, const char *default_country,
							   EcapiCustomerKey *key);

/* The same with texts of its own, in a context. */
extern void ecapi_customer_key_copy(EcapiCustomerKey *key, MemoryContext context);

/*
 * The customer as one text, palloc'd, in the server's encoding: of the first field that
 * has a usable value.  Numbers and ids of the shop stand as they are, addresses and
 * telephone numbers in their normal form; with digest all are the digests that the
 * standard wants.  *path gets the field's path, a constant.  NULL: no field tells.
 * Raises out of memory, and an error for text that is not UTF-8.
 */
extern char *ecapi_customer_text(const EcapiCustomerKey *key, bool digest, const char **path);

#endif							/* ECAPI_CUSTOMER_KEY_H */
