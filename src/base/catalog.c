/*
 * catalog.c
 *	  Our own tables: where they are, and whose rights reach them.
 *
 * Names are looked up in schema ecapi only, never through a search_path.  The
 * Oids that every emit needs are kept per backend and dropped when any of
 * those relations is invalidated (DROP EXTENSION, TRUNCATE, a new index).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/catalog.h"
#include "base/sql_scope.h"
#include "base/sql_version.h"

static EcapiRelations relations;
static bool relations_valid = false;
static uint64 relations_changes = 0;	/* heard of so far */
static bool relations_watched = false;

static void
forget_relations(Datum arg, Oid relid)
{
	bool		ours = !OidIsValid(relid) || relid == relations.outbox_seq;

	for (int i = 0; i < ECAPI_SLOTS && !ours; i++)
		ours = relid == relations.outbox[i];
	if (ours)
	{
		relations_valid = false;
		relations_changes++;
	}
}

Oid
ecapi_relation(const char *name, bool missing_ok)
{
	Oid			schema = get_namespace_oid("ecapi", true);
	Oid			relid = InvalidOid;

	if (OidIsValid(schema))
		relid = get_relname_relid(name, schema);
	if (!OidIsValid(relid) && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"ecapi.%s\" does not exist", name),
				 OidIsValid(schema) ?
				 errhint("It was dropped by hand; DROP EXTENSION ecapi CASCADE, then "
						 "CREATE EXTENSION ecapi, makes the schema again.") :
				 errhint("Create the extension with CREATE EXTENSION ecapi.")));
	return relid;
}

const EcapiRelations *
ecapi_relations(void)
{
	uint64		changes;

	if (relations_valid)
		return &relations;

	if (!relations_watched)
	{
		CacheRegisterRelcacheCallback(forget_relations, (Datum) 0);
		relations_watched = true;
	}
	changes = relations_changes;
	for (int i = 0; i < ECAPI_SLOTS; i++)
	{
		char		name[NAMEDATALEN];

		snprintf(name, sizeof(name), "outbox_%d", i);
		relations.outbox[i] = ecapi_relation(name, false);
	}
	relations.outbox_seq = ecapi_relation("outbox_seq", false);
	relations_valid = changes == relations_changes;
	return &relations;
}

bool
ecapi_installed(void)
{
	return OidIsValid(get_extension_oid("ecapi", true)) &&
		OidIsValid(ecapi_relation("cursor", true));
}

Oid
ecapi_wrapper(void)
{
	return get_foreign_data_wrapper_oid("ecapi", true);
}

Oid
ecapi_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum("ecapi"));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"ecapi\" does not exist"),
				 errhint("Create the extension with CREATE EXTENSION ecapi.")));
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

Oid
ecapi_relation_owner(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
ecapi_become_owner(EcapiOwnerScope *scope)
{
	ecapi_sql_check_known();
	ecapi_become_owner_to_keep(scope);
}

void
ecapi_become_owner_to_keep(EcapiOwnerScope *scope)
{
	scope->nest = NewGUCNestLevel();
	ecapi_sql_set("search_path", "pg_catalog, pg_temp");
	GetUserIdAndSecContext(&scope->user, &scope->context);
	SetUserIdAndSecContext(ecapi_owner(), scope->context |
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	SPI_connect();
}

void
ecapi_become_caller(const EcapiOwnerScope *scope)
{
	SPI_finish();
	SetUserIdAndSecContext(scope->user, scope->context);
	AtEOXact_GUC(true, scope->nest);
}

void
ecapi_fire_own_triggers(void)
{
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_ORIGIN)
		(void) set_config_option("session_replication_role", "origin", PGC_SUSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* The trigger function of tracks. */
Oid
ecapi_capture_function(void)
{
	Oid			schema = get_namespace_oid("ecapi", true);

	if (!OidIsValid(schema))
		return InvalidOid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum("capture"),
						   PointerGetDatum(buildoidvector(NULL, 0)),
						   ObjectIdGetDatum(schema));
}
