/*
 * compat.h
 *	  Differences between server versions, as small wrappers.
 *
 * PostgreSQL 15 to 18.  No other file asks for the version (test/house.sh): here each
 * wrapper names the version that changed what it hides, and has the shape of the newest
 * one where that can be had.
 *
 * What newer servers offer and is not used:
 *	  - injection points (17): only a server built with --enable-injection-points has them, and
 *		Debian's are not; test/probe brings faults into any.
 *	  - custom cumulative statistics (18): what is counted must be the same on each version.
 *	  - workers that end for DDL on their database by themselves: 18 has no such flag yet.
 *
 * What a wrapper needs of the server's headers is included here, so that it can be read
 * by itself; a file that uses one still includes what else it needs.
 */
#ifndef ECAPI_COMPAT_H
#define ECAPI_COMPAT_H

#include "postgres.h"

#include "access/genam.h"
#include "access/xact.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/tablecmds.h"
#include "common/jsonapi.h"
#include "executor/executor.h"
#include "nodes/parsenodes.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/guc_tables.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/wait_event.h"

/* The number of the server's major version, as names of packages have it. */
#define ECAPI_SERVER_MAJOR	(PG_VERSION_NUM / 10000)

#if PG_VERSION_NUM >= 160000
#include "varatt.h"					/* 16 took it out of postgres.h */
#endif
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"	/* 18 took it out of storage/latch.h */
#endif

#if PG_VERSION_NUM < 150000
#error "ecapi needs PostgreSQL 15 or later"
#endif

/* ------------------------------------------------------------------ privileges */

/* 16 asks for all classes by one function; before, each had its own. */
#if PG_VERSION_NUM < 160000
static inline AclResult
object_aclcheck(Oid classid, Oid objectid, Oid roleid, AclMode mode)
{
	switch (classid)
	{
		case NamespaceRelationId:
			return pg_namespace_aclcheck(objectid, roleid, mode);
		case ProcedureRelationId:
			return pg_proc_aclcheck(objectid, roleid, mode);
		case ForeignDataWrapperRelationId:
			return pg_foreign_data_wrapper_aclcheck(objectid, roleid, mode);
		default:
			elog(ERROR, "unexpected class %u", classid);
	}
}

static inline bool
object_ownercheck(Oid classid, Oid objectid, Oid roleid)
{
	switch (classid)
	{
		case RelationRelationId:
			return pg_class_ownercheck(objectid, roleid);
		case DatabaseRelationId:
			return pg_database_ownercheck(objectid, roleid);
		case ExtensionRelationId:
			return pg_extension_ownercheck(objectid, roleid);
		case ForeignServerRelationId:
			return pg_foreign_server_ownercheck(objectid, roleid);
		default:
			elog(ERROR, "unexpected class %u", classid);
	}
}
#endif

/*
 * What a query, analyzed or rewritten, may read only with a right: one entry for each
 * relation, without those of its sub-queries.
 *
 * Before 16 that is a part of the range table: a view that was expanded has left its
 * right to an entry of kind RTE_RELATION inside of what it became.  16 keeps it in a
 * list of its own, and the expanded view, now an RTE_SUBQUERY, points to its part of
 * it: the list is the whole of it, and who looks at RTE_RELATIONs alone loses views.
 */
typedef struct
#if PG_VERSION_NUM >= 160000
			RTEPermissionInfo
#else
			RangeTblEntry
#endif
			EcapiPermission;

static inline List *
ecapi_permissions_of(const Query *query)
{
#if PG_VERSION_NUM >= 160000
	return query->rteperminfos;
#else
	List	   *permissions = NIL;
	ListCell   *cell;

	foreach(cell, query->rtable)
		if (((RangeTblEntry *) lfirst(cell))->rtekind == RTE_RELATION)
			permissions = lappend(permissions, lfirst(cell));
	return permissions;
#endif
}

/*
 * Whether the executor would let one of them pass.  16 checks lists, in which each entry
 * belongs to one of a range table.
 */
static inline bool
ecapi_permission_holds(EcapiPermission *permission)
{
#if PG_VERSION_NUM >= 160000
	RangeTblEntry *entry;

	if (permission->requiredPerms == 0)
		return true;
	entry = makeNode(RangeTblEntry);
	entry->rtekind = RTE_RELATION;
	entry->relid = permission->relid;
	entry->perminfoindex = 1;
	return ExecCheckPermissions(list_make1(entry), list_make1(permission), false);
#else
	return ExecCheckRTEPerms(permission);
#endif
}

/* ----------------------------------------------------------------- transactions */

/* 17 moved it. */
static inline LocalTransactionId
ecapi_local_xid(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

/* The place of this process in ProcGlobal->allProcs.  17 moved it. */
static inline int
ecapi_proc_number(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProcNumber;
#else
	return MyProc->pgprocno;
#endif
}

/* 17 can ask for stronger modes at once. */
static inline bool
ecapi_lock_held_by_me(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(tag, mode, false);
#else
	return LockHeldByMe(tag, mode);
#endif
}

/*
 * A wait event set that lives until it is freed, whatever ends meanwhile.  17 ties one
 * to a resource owner, and keeps one without in TopMemoryContext.
 */
static inline WaitEventSet *
ecapi_wait_event_set(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

/*
 * What pg_stat_activity.wait_event says of a wait of ours.  17 lets an extension name it; *event
 * keeps what the name was given.
 */
static inline uint32
ecapi_wait_event(uint32 *event, const char *name)
{
#if PG_VERSION_NUM >= 170000
	if (*event == 0)
		*event = WaitEventExtensionNew(name);
	return *event;
#else
	(void) event;
	(void) name;
	return PG_WAIT_EXTENSION;
#endif
}

/* ---------------------------------------------------------------------- storage */

/* 16 added run_as_table_owner. */
static inline void
ecapi_truncate_locally(List *rels, List *relids)
{
#if PG_VERSION_NUM >= 160000
	ExecuteTruncateGuts(rels, relids, NIL, DROP_RESTRICT, false, false);
#else
	ExecuteTruncateGuts(rels, relids, NIL, DROP_RESTRICT, false);
#endif
}

/* The number of a relation's file.  16 renamed it. */
static inline Oid
ecapi_file_number(Relation relation)
{
#if PG_VERSION_NUM >= 160000
	return relation->rd_locator.relNumber;
#else
	return relation->rd_node.relNode;
#endif
}

/* Whether a relation's file was made in this transaction.  16 renamed the field. */
static inline bool
ecapi_file_is_new(Relation relation)
{
#if PG_VERSION_NUM >= 160000
	SubTransactionId first = relation->rd_firstRelfilelocatorSubid;
#else
	SubTransactionId first = relation->rd_firstRelfilenodeSubid;
#endif

	return relation->rd_createSubid != InvalidSubTransactionId ||
		first != InvalidSubTransactionId;
}

/*
 * The index of a relation's primary key; InvalidOid when it has none, or one that can be
 * deferred.  18 can give that one, too.
 */
static inline Oid
ecapi_primary_key(Relation relation)
{
#if PG_VERSION_NUM >= 180000
	return RelationGetPrimaryKeyIndex(relation, false);
#else
	return RelationGetPrimaryKeyIndex(relation);
#endif
}

/*
 * What pg_attribute.attgenerated says of a column that is computed where its row is read,
 * and stands in no row.  18 made such columns.
 */
#if PG_VERSION_NUM < 180000
#define ATTRIBUTE_GENERATED_VIRTUAL	'v'
#endif

/*
 * Whether a column of a relation is null in none of its rows.  18 sets attnotnull for a
 * constraint that was added NOT VALID, too, before which rows may have had nulls.
 */
static inline bool
ecapi_never_null(Relation relation, AttrNumber number)
{
#if PG_VERSION_NUM >= 180000
	return TupleDescCompactAttr(RelationGetDescr(relation), number - 1)->attnullability ==
		ATTNULLABLE_VALID;
#else
	return TupleDescAttr(RelationGetDescr(relation), number - 1)->attnotnull;
#endif
}

/* Begin a scan by an index, of that many keys.  18 can count what it does. */
static inline IndexScanDesc
ecapi_index_scan(Relation relation, Relation index, Snapshot snapshot, int nkeys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(relation, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(relation, index, snapshot, nkeys, 0);
#endif
}

/* 16 added where to put an error instead of raising it. */
static inline RangeType *
ecapi_make_range(TypeCacheEntry *type, RangeBound *lower, RangeBound *upper, bool empty)
{
#if PG_VERSION_NUM >= 160000
	return make_range(type, lower, upper, empty, NULL);
#else
	return make_range(type, lower, upper, empty);
#endif
}

/* ------------------------------------------------------------------------- JSON */

/* 16: actions of the server's JSON parser can fail; ours do not. */
#if PG_VERSION_NUM >= 160000
#define ECAPI_JSON_ACTION		JsonParseErrorType
#define ECAPI_JSON_GO_ON()		return JSON_SUCCESS
#else
#define ECAPI_JSON_ACTION		void
#define ECAPI_JSON_GO_ON()		return
#endif

/* 17 takes a lexer to fill; without one it makes it, as before. */
static inline JsonLexContext *
ecapi_json_lexer(char *json, size_t len, int encoding)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, len, encoding, true);
#else
	return makeJsonLexContextCstringLen(json, (int) len, encoding, true);
#endif
}

/* --------------------------------------------------------------------- settings */

/* Memory for what a check hook hands on.  16 frees it by guc_free(), before by free(). */
static inline void *
ecapi_setting_extra(size_t size)
{
#if PG_VERSION_NUM >= 160000
	return guc_malloc(LOG, size);
#else
	return malloc(size);
#endif
}

/* All settings, n of them.  16 says how many; the list is palloc'ed from then on. */
static inline struct config_generic **
ecapi_all_settings(int *n)
{
#if PG_VERSION_NUM >= 160000
	return get_guc_variables(n);
#else
	*n = GetNumConfigOptions();
	return get_guc_variables();
#endif
}

#endif							/* ECAPI_COMPAT_H */
