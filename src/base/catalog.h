/*
 * catalog.h
 *	  Our own tables: where they are, and whose rights reach them.
 */
#ifndef ECAPI_CATALOG_H
#define ECAPI_CATALOG_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/resowner.h"

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

/* The slot that the clock gives to rows written at a moment. */
extern int	ecapi_ring_slot(TimestampTz moment);

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
 * back with its (sub)transaction, so no cleanup is needed.
 */
extern void ecapi_become_owner(EcapiOwnerScope *scope);
extern void ecapi_become_caller(const EcapiOwnerScope *scope);

/*
 * Between those two: let our own triggers fire where session_replication_role keeps
 * them from it; they decide what a table of ours takes.
 */
extern void ecapi_fire_own_triggers(void);

/* What was current before a look. */
typedef struct EcapiLook
{
	MemoryContext context;
	ResourceOwner owner;
} EcapiLook;

/*
 * Statements between these two only read, and whatever locks they take are released
 * at the end of the look, not of the transaction: one that is left open must not keep
 * slots of the ring from being emptied.  Results that lie in the memory context of
 * before stay.  An error between needs no cleanup.
 */
extern void ecapi_look_begin(EcapiLook *look);
extern void ecapi_look_end(const EcapiLook *look);

#endif							/* ECAPI_CATALOG_H */
