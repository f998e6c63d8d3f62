/*
 * sql_scope.c
 *	  What every run of SQL that users wrote has in common.
 *
 * Capture runs it in a shop's transaction (rowsql/confine.c), enrichment in the
 * worker's (enrich/user_sql.c).  Both need it to mean the same for all who run it,
 * and both may report of its errors only what cannot be a value of a row.
 *
 * The caller that sets restores: nothing here outlives the caller's nest level, and
 * nothing is kept.
 */
#include "postgres.h"

#include "access/attnum.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "pgtime.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "base/sql_scope.h"

/*
 * pg_temp stands last because, when it is not named, it is searched first, and
 * the writer's temporary tables are in it.  The server has no path without it:
 * a function of the owner that names a table without its schema, where no such
 * table is found, reads the writer's.  Sources themselves may not (see
 * row_sql_check.c).
 */
#define SEARCH_PATH	"pg_catalog, pg_temp"

void
ecapi_sql_set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Most sessions already have most of them, and setting one costs a hundred
 * times what comparing does.
 */
void
ecapi_sql_settings(void)
{
	const char *zone = pg_get_timezone_name(session_timezone);

	if (strcmp(namespace_search_path, SEARCH_PATH) != 0)
		ecapi_sql_set("search_path", SEARCH_PATH);
	if (!row_security)
		ecapi_sql_set("row_security", "on");
	if (DateStyle != USE_ISO_DATES || DateOrder != DATEORDER_MDY)
		ecapi_sql_set("DateStyle", "ISO, MDY");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		ecapi_sql_set("IntervalStyle", "postgres");
	if (zone == NULL || strcmp(zone, "UTC") != 0)
		ecapi_sql_set("TimeZone", "UTC");
	/* all above 0 mean the same: the shortest text that is exact */
	if (extra_float_digits <= 0)
		ecapi_sql_set("extra_float_digits", "1");
	if (bytea_output != BYTEA_OUTPUT_HEX)
		ecapi_sql_set("bytea_output", "hex");
	/* These two change what a source says, not only how a value looks. */
	if (!standard_conforming_strings)
		ecapi_sql_set("standard_conforming_strings", "on");
	if (Transform_null_equals)
		ecapi_sql_set("transform_null_equals", "off");
}

/* The name, if it is set and is one of the relation's. */
static const char *
part_of_relation(Oid relation, const ErrorData *edata)
{
	if (edata->column_name &&
		get_attnum(relation, edata->column_name) != InvalidAttrNumber)
		return edata->column_name;
	if (edata->constraint_name &&
		OidIsValid(get_relation_constraint_oid(relation, edata->constraint_name, true)))
		return edata->constraint_name;
	return NULL;
}

/*
 * RAISE can put any text into these fields, also one of the row,
 * so only names of objects that exist are believed.
 */
char *
ecapi_sql_object(const ErrorData *edata, const char **part)
{
	Oid			schema;
	Oid			object;

	*part = NULL;
	if (edata->schema_name == NULL)
		return NULL;
	schema = get_namespace_oid(edata->schema_name, true);
	if (!OidIsValid(schema))
		return NULL;

	if (edata->table_name)
	{
		object = get_relname_relid(edata->table_name, schema);
		if (!OidIsValid(object))
			return NULL;
		*part = part_of_relation(object, edata);
		return psprintf("%s.%s", edata->schema_name, edata->table_name);
	}
	if (edata->datatype_name)
	{
		object = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
								 CStringGetDatum(edata->datatype_name),
								 ObjectIdGetDatum(schema));
		if (!OidIsValid(object))
			return NULL;
		if (edata->constraint_name &&
			OidIsValid(get_domain_constraint_oid(object, edata->constraint_name, true)))
			*part = edata->constraint_name;
		return psprintf("%s.%s", edata->schema_name, edata->datatype_name);
	}
	return NULL;
}

/*
 * The compiler sets where an error was raised, so no function of a user can claim it.
 */
const char *
ecapi_sql_own_message(const ErrorData *edata)
{
	if (edata->sqlerrcode != ERRCODE_INVALID_PARAMETER_VALUE || edata->filename == NULL ||
		edata->funcname == NULL || strstr(edata->filename, "fieldapi.c") == NULL ||
		strcmp(edata->funcname, "minor_decimals") != 0)
		return NULL;
	return edata->message;
}
