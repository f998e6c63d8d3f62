/*
 * resolve.c
 *	  From the names in a server's option enrich to functions that may be called.
 *
 * A name stands with its schema, for no search_path may decide whose code runs.
 * The function is the one of that name that takes a page, ecapi.event[], alone;
 * what it returns has the columns seq bigint and patch jsonb and no others.
 *
 * Everything is looked up again at every call: owners, rights and versions change
 * without notice.  Nothing here raises, but for want of memory, so that a
 * destination at fault does not disturb others.
 *
 * Ownership: the list is the caller's; nothing is kept, no locks are taken.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/run_as.h"
#include "compat.h"
#include "enrich/event_row.h"
#include "enrich/resolve.h"
#include "enrich/user_sql.h"
#include "event/closest.h"

#define SIGNATURE "(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb)"

/* What is being resolved, and where problems are reported. */
typedef struct Resolving
{
	Oid			server_owner;
	EcapiUserProblem *problem;
} Resolving;

static bool refuse(const Resolving *resolving, int sqlerrcode, const char *hint,
				   const char *format,...) pg_attribute_printf(4, 5);

/* Say what is wrong; hint is a sentence or "".  Returns false. */
static bool
refuse(const Resolving *resolving, int sqlerrcode, const char *hint,
	   const char *format,...)
{
	EcapiUserProblem *problem = resolving->problem;
	va_list		args;

	problem->sqlerrcode = sqlerrcode;
	va_start(args, format);
	vsnprintf(problem->message, sizeof(problem->message), format, args);
	va_end(args);
	strlcpy(problem->hint, hint, sizeof(problem->hint));
	return false;
}

/* The comma that ends the name at text, or the end; commas in quotes end nothing. */
static const char *
end_of_name(const char *text)
{
	bool		quoted = false;

	for (; *text != '\0' && (quoted || *text != ','); text++)
		if (*text == '"')
			quoted = !quoted;
	return text;
}

static const char *
nth_name(int n, void *arg)
{
	List	   *names = arg;

	return n < list_length(names) ? list_nth(names, n) : NULL;
}

/*
 * The function that takes a page and is called nearly so ("schema.name"), or NULL.
 * Reads all of pg_proc, for a hint alone.
 */
static const char *
closest_function(const char *name, Oid page_type)
{
	Relation	procs = table_open(ProcedureRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(procs, InvalidOid, false, NULL, 0, NULL);
	List	   *names = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
		char	   *schema;

		if (form->pronargs != 1 || form->proargtypes.values[0] != page_type)
			continue;
		schema = get_namespace_name(form->pronamespace);
		if (schema != NULL)
			names = lappend(names, psprintf("%s.%s", schema, NameStr(form->proname)));
	}
	systable_endscan(scan);
	table_close(procs, AccessShareLock);
	return ecapi_closest(name, strlen(name), nth_name, names);
}

/* There is no such function or schema. */
static bool
refuse_missing(const Resolving *resolving, const char *name, Oid page_type)
{
	const char *closest = closest_function(name, page_type);

	return refuse(resolving, ERRCODE_UNDEFINED_FUNCTION,
				  closest != NULL ? psprintf("Perhaps you meant \"%s\".", closest) :
				  "An enrichment is a function " SIGNATURE ".",
				  "enrichment \"%s\" does not exist", name);
}

/* Whether a function of that name takes something else. */
static bool
name_is_taken(Oid schema, const char *name)
{
	CatCList   *all = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	bool		taken = false;

	for (int i = 0; i < all->n_members; i++)
		taken |= ((Form_pg_proc) GETSTRUCT(&all->members[i]->tuple))->pronamespace == schema;
	ReleaseSysCacheList(all);
	return taken;
}

Oid
ecapi_enrichment_function(const char *schema, const char *name)
{
	Oid			page_type = get_array_type(ecapi_event_row_type());
	Oid			namespace = get_namespace_oid(schema, true);

	if (!OidIsValid(namespace) || !OidIsValid(page_type))
		return InvalidOid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(&page_type, 1)),
						   ObjectIdGetDatum(namespace));
}

/* Whether a function returns the columns of an enrichment. */
static bool
returns_patches(Oid function)
{
	TupleDesc	desc = NULL;
	Oid			type;
	bool		seq = false;
	bool		patch = false;

	if (!get_func_retset(function) ||
		get_func_result_type(function, &type, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != 2)
		return false;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		seq |= strcmp(NameStr(column->attname), "seq") == 0 && column->atttypid == INT8OID;
		patch |= strcmp(NameStr(column->attname), "patch") == 0 && column->atttypid == JSONBOID;
	}
	return seq && patch;
}

/* The role that it runs as, and whether that may call it; resolved->function is known. */
static bool
check_rights(const Resolving *resolving, EcapiEnrichment *resolved, Oid schema,
			 Oid function_owner, bool definer)
{
	resolved->role = ecapi_user_sql_role(resolving->server_owner, function_owner);
	/* the role of ecapi.run_as would only call it */
	if (definer && superuser_arg(resolving->server_owner) && superuser_arg(function_owner))
		resolved->role = InvalidOid;
	resolved->sees_identifiers = ecapi_may_see_identifiers(resolving->server_owner);
	if (!OidIsValid(resolved->role))
		return refuse(resolving, ERRCODE_INSUFFICIENT_PRIVILEGE,
					  ecapi_run_as_hint("Give the server to a role that is no superuser, with "
										"ALTER SERVER ... OWNER TO"),
					  "enrichment \"%s\" would run as a superuser", resolved->name);
	if (object_aclcheck(NamespaceRelationId, schema, resolved->role, ACL_USAGE) != ACLCHECK_OK)
		return refuse(resolving, ERRCODE_INSUFFICIENT_PRIVILEGE,
					  "Grant USAGE on the schema to the server's owner.",
					  "role \"%s\" has no right to use the schema of enrichment \"%s\"",
					  GetUserNameFromId(resolved->role, true), resolved->name);
	if (object_aclcheck(ProcedureRelationId, resolved->function, resolved->role, ACL_EXECUTE) != ACLCHECK_OK)
		return refuse(resolving, ERRCODE_INSUFFICIENT_PRIVILEGE,
					  "Grant EXECUTE on the function to the server's owner.",
					  "role \"%s\" has no right to execute enrichment \"%s\"",
					  GetUserNameFromId(resolved->role, true), resolved->name);
	if (ecapi_user_sql_held(resolved->function))
		return refuse(resolving, ERRCODE_QUERY_CANCELED,
					  "Replace it by one that ends, then resume the destination.",
					  "enrichment \"%s\" did not stop at its time limit and is not called again",
					  resolved->name);
	return true;
}

/* Check that a function that takes a page is an enrichment. */
static bool
check_function(const Resolving *resolving, EcapiEnrichment *resolved, Oid schema)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(resolved->function));
	Form_pg_proc form;
	Oid			owner;
	bool		is_function;
	bool		definer;

	if (!HeapTupleIsValid(tuple))
		return refuse(resolving, ERRCODE_UNDEFINED_FUNCTION, "",
					  "enrichment \"%s\" does not exist", resolved->name);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	owner = form->proowner;
	definer = form->prosecdef;
	is_function = form->prokind == PROKIND_FUNCTION;
	resolved->is_volatile = form->provolatile == PROVOLATILE_VOLATILE;
	ReleaseSysCache(tuple);
	if (!is_function || !returns_patches(resolved->function))
		return refuse(resolving, ERRCODE_INVALID_FUNCTION_DEFINITION,
					  "It must be " SIGNATURE ".",
					  "function \"%s\" does not return patches", resolved->name);
	return check_rights(resolving, resolved, schema, owner, definer);
}

/* Find the function of a name that was split into its parts. */
static bool
resolve_parts(const Resolving *resolving, const char *schema_name, const char *name,
			  EcapiEnrichment *resolved)
{
	Oid			schema = get_namespace_oid(schema_name, true);
	Oid			page_type = get_array_type(ecapi_event_row_type());

	snprintf(resolved->name, sizeof(resolved->name), "%s.%s", schema_name, name);
	if (!OidIsValid(schema))
		return refuse_missing(resolving, resolved->name, page_type);
	resolved->function = ecapi_enrichment_function(schema_name, name);
	if (OidIsValid(resolved->function))
		return check_function(resolving, resolved, schema);
	if (name_is_taken(schema, name))
		return refuse(resolving, ERRCODE_INVALID_FUNCTION_DEFINITION,
					  "It must be " SIGNATURE ".",
					  "function \"%s\" does not take a page of events", resolved->name);
	return refuse_missing(resolving, resolved->name, page_type);
}

/* One name of the list, as it was written; text is changed. */
static bool
resolve_name(const Resolving *resolving, char *text, EcapiEnrichment *resolved)
{
	char	   *copy = pstrdup(text);
	List	   *parts = NIL;

	/* SplitIdentifierString cuts its input into pieces */
	if (!SplitIdentifierString(copy, '.', &parts) || parts == NIL || list_length(parts) > 2)
		return refuse(resolving, ERRCODE_SYNTAX_ERROR,
					  "Write them as schema.function, separated by commas.",
					  "invalid name of an enrichment: \"%s\"", text);
	if (list_length(parts) == 1)
		return refuse(resolving, ERRCODE_SYNTAX_ERROR,
					  "Write it as schema.function.",
					  "enrichment \"%s\" has no schema", (char *) linitial(parts));
	return resolve_parts(resolving, linitial(parts), lsecond(parts), resolved);
}

static bool
resolve_all(const Resolving *resolving, const char *names, EcapiEnrichments *list)
{
	const char *at = names;

	list->n = 0;
	for (;;)
	{
		const char *end = end_of_name(at);
		EcapiEnrichment *resolved = &list->list[list->n];

		if (list->n == ECAPI_ENRICHMENTS_MAX)
			return refuse(resolving, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
						  "Let one function do the work of several.",
						  "a destination has at most %d enrichments", ECAPI_ENRICHMENTS_MAX);
		memset(resolved, 0, sizeof(EcapiEnrichment));
		if (!resolve_name(resolving, pnstrdup(at, end - at), resolved))
			return false;
		for (int i = 0; i < list->n; i++)
			if (list->list[i].function == resolved->function)
				return refuse(resolving, ERRCODE_DUPLICATE_OBJECT, "",
							  "enrichment \"%s\" is named twice", resolved->name);
		list->n++;
		if (*end == '\0')
			return true;
		at = end + 1;
	}
}

bool
ecapi_enrichments_resolve(const char *names, Oid server_owner, EcapiEnrichments *list,
						  EcapiUserProblem *problem)
{
	Resolving	resolving = {server_owner, problem};

	memset(list, 0, sizeof(EcapiEnrichments));
	memset(problem, 0, sizeof(EcapiUserProblem));
	if (resolve_all(&resolving, names, list))
		return true;
	list->n = 0;				/* those that were found stay for a look */
	return false;
}

bool
ecapi_enrichments_equal(const EcapiEnrichments *a, const EcapiEnrichments *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->list[i].function != b->list[i].function ||
			a->list[i].role != b->list[i].role ||
			a->list[i].sees_identifiers != b->list[i].sees_identifiers)
			return false;
	return true;
}
