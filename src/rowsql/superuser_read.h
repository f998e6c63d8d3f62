/*
 * superuser_read.h
 *	  What may be read with a superuser's rights and runs no code of users.
 */
#ifndef ECAPI_SUPERUSER_READ_H
#define ECAPI_SUPERUSER_READ_H

#include "postgres.h"

#include "rowsql/foreign_key.h"
#include "utils/rel.h"

/*
 * Why an open table, or a partition of it, cannot be read so: NULL, or a phrase
 * for a message, "table schema.name ...", in the current context.  Partitions are
 * locked (AccessShare) to the end of the transaction.  Raises what the catalogs
 * raise.
 */
extern char *ecapi_superuser_obstacle(Relation relation);

/* Whether a key of a relation is compared with what it refers to so. */
extern bool ecapi_superuser_may_join(Oid relation, const EcapiKeyJoin *join);

/* Whether values of a type are ordered so by two operators. */
extern bool ecapi_superuser_may_order(Oid type, Oid less, Oid greater);

/* Whether values of a type, which is no domain, are read by its input function so. */
extern bool ecapi_superuser_may_input(Oid type);

#endif							/* ECAPI_SUPERUSER_READ_H */
