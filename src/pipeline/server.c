/*
 * server.c
 *	  The foreign server of a destination, and what its options say.
 *
 * For callers in a backend: functions that name a destination need its ownership,
 * and the options of a server and of its PUBLIC user mapping are one.
 *
 * Locks: none; the catalogs are read through their caches.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "base/statement.h"
#include "compat.h"
#include "event/closest.h"
#include "pipeline/server.h"
#include "records/measure.h"

/* Names of destinations, for hints. */
static const char *
destination_nth(int i, void *arg)
{
	List	   *names = *(List **) arg;

	return i < list_length(names) ? (const char *) list_nth(names, i) : NULL;
}

List *
ecapi_destination_names(void)
{
	static EcapiStatement names = {
		"SELECT srvname FROM pg_catalog.pg_foreign_server"
		" WHERE srvfdw OPERATOR(pg_catalog.=) $1",
		1, {OIDOID}, NULL
	};
	MemoryContext caller = CurrentMemoryContext;
	List	   *result = NIL;
	uint64		n;

	SPI_connect();
	n = ecapi_execute(&names, ecapi_arg_oid(ecapi_wrapper()));
	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);

		result = lappend(result, pstrdup(ecapi_column_name(i, 1)));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return result;
}

ForeignServer *
ecapi_named_destination(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, true);

	if (server == NULL || server->fdwid != ecapi_wrapper())
	{
		List	   *names = ecapi_destination_names();
		const char *closest = ecapi_closest(name, strlen(name), destination_nth, &names);

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("destination \"%s\" does not exist", name),
				 closest != NULL
				 ? errhint("Perhaps you meant destination \"%s\".", closest)
				 : errhint("Destinations are the foreign servers of wrapper \"ecapi\".")));
	}
	return server;
}

ForeignServer *
ecapi_owned_destination(const char *name)
{
	ForeignServer *server = ecapi_named_destination(name);

	if (!object_ownercheck(ForeignServerRelationId, server->serverid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_SERVER, name);
	return server;
}

ForeignServer *
ecapi_destination_argument(FunctionCallInfo fcinfo)
{
	ecapi_argument_required(fcinfo, 0, "destination");
	return ecapi_owned_destination(NameStr(*PG_GETARG_NAME(0)));
}

EcapiOptions *
ecapi_options_of(const ForeignServer *server, char *error, size_t error_size)
{
	HeapTuple	tuple = SearchSysCache2(USERMAPPINGUSERSERVER,
										ObjectIdGetDatum(InvalidOid),
										ObjectIdGetDatum(server->serverid));
	EcapiServerOwner owner = {
		GetUserNameFromId(server->owner, false), superuser_arg(server->owner),
		object_aclcheck(ForeignDataWrapperRelationId, server->fdwid, server->owner, ACL_USAGE) == ACLCHECK_OK
	};
	List	   *mapping = NIL;

	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		datum = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple,
											Anum_pg_user_mapping_umoptions, &isnull);

		if (!isnull)
			mapping = untransformRelOptions(datum);
		ReleaseSysCache(tuple);
	}
	return ecapi_options_parse(server->options, mapping, &owner, error, error_size);
}

void
ecapi_options_measure(const ForeignServer *server, EcapiOptions *options)
{
	MemoryContext caller = CurrentMemoryContext;
	EcapiOwnerScope scope;
	List	   *found;

	if (!ecapi_transform_is_measured(options->transform))
		return;
	ecapi_become_owner(&scope);
	found = ecapi_measure_load(server->servername, caller);
	ecapi_become_caller(&scope);
	ecapi_measure_give(options, server->servername, found);
}
