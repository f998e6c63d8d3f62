/*
 * validator.c
 *	  The validator of the foreign data wrapper.
 *
 * The server calls it with the whole list of options, as it would be after
 * the command, at every CREATE and ALTER of a server or user mapping, and in
 * restores.  It looks at nothing but the list: neither at files nor at other
 * catalogs, so that a dump can be restored anywhere.
 *
 * It does not learn for which user a mapping is made.  Only the PUBLIC mapping
 * of a destination is used; that another is refused or warned about is for
 * the event trigger, which sees the command.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"

#include "destination/options.h"

PG_FUNCTION_INFO_V1(ecapi_fdw_validator);

/*
 * ecapi_internal.fdw_validator(text[], oid): nothing, or an error that names the
 * option at fault.
 */
Datum
ecapi_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *list = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	EcapiOptions options;
	EcapiOptionProblem problem;

	if (catalog == ForeignTableRelationId || catalog == AttributeRelationId)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("foreign tables are not supported by foreign-data wrapper \"ecapi\""),
				 errhint("A server of this wrapper is a destination of events; ecapi.destination shows its state.")));

	if (catalog != ForeignServerRelationId && catalog != UserMappingRelationId)
	{
		if (list != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"",
							linitial_node(DefElem, list)->defname),
					 errhint("Options belong to servers and user mappings of this wrapper.")));
		PG_RETURN_VOID();
	}

	memset(&options, 0, sizeof(options));
	if (!ecapi_options_read(list, catalog, &options, &problem))
		ereport(ERROR,
				(errcode(problem.sqlstate),
				 errmsg("%s", problem.message),
				 problem.detail[0] != '\0' ? errdetail("%s", problem.detail) : 0,
				 problem.hint[0] != '\0' ? errhint("%s", problem.hint) : 0));
	PG_RETURN_VOID();
}
