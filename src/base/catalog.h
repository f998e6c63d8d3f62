/*
 * catalog.h
 *	  Our own tables: where they are, and whose rights reach them.
 */
#ifndef ECAPI_CATALOG_H
#define ECAPI_CATALOG_H

#include "postgres.h"

#include "event/probed.h"

/* Partitions of the ring; the install script makes as many. */
#define ECAPI_SLOTS 6

/* Relations of the emit path, looked up once and kept until one changes. */
typedef struct EcapiRelations
{
	Oid			outbox[ECAPI_SLOTS];
	Oid			outbox_seq;
} EcapiRelations;

/*
 * The relations of the emit path; raises an error when one is missing.  What
 * changes during the look-ups is looked up again at the next call.
 */
extern const EcapiRelations *ecapi_relations(void);

/*
 * Oid of a relation of schema ecapi.  Missing: InvalidOid, or an error that
 * says that the extension is not there.
 */
extern Oid	ecapi_relation(const char *name, bool missing_ok);

/* Whether the extension is in this database.  Needs a transaction. */
extern bool ecapi_installed(void);

/* Oid of our foreign data wrapper, InvalidOid when it is gone. */
extern Oid	ecapi_wrapper(void);

/* The role that owns the extension's tables. */
extern Oid	ecapi_owner(void);

/* Who owns a relation; InvalidOid when it is gone. */
extern Oid	ecapi_relation_owner(Oid relation);
extern Oid	ecapi_capture_function(void);	/* InvalidOid: there is none */

/* Who runs a fixed statement of ours, and who ran before. */
typedef struct EcapiOwnerScope
{
	Oid			user;
	int			context;
	int			nest;			/* of settings */
} EcapiOwnerScope;

/*
 * Become the extension's owner, connected to SPI, with a search_path in which
 * only pg_catalog's operators are found; and the caller again: for functions
 * whose callers have no right on our tables.  An error between puts all of it
 * back with its (sub)transaction, so no cleanup is needed.  Raises an error where our
 * tables are of a version that this library does not know; the second does not, for what
 * only keeps events.
 */
extern ECAPI_PROBED void ecapi_become_owner(EcapiOwnerScope *scope);
extern void ecapi_become_owner_to_keep(EcapiOwnerScope *scope);
extern ECAPI_PROBED void ecapi_become_caller(const EcapiOwnerScope *scope);

/*
 * Between those two: let our own triggers fire where session_replication_role keeps
 * them from it; they decide what a table of ours takes.
 */
extern void ecapi_fire_own_triggers(void);

#endif							/* ECAPI_CATALOG_H */
