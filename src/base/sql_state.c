/*
 * sql_state.c
 *	  Functions that keep state in the process are not for SQL that users wrote.
 *
 * A run of users' SQL is rolled back, or works as somebody else in the middle of a
 * writer's session, but some extensions keep what no rollback undoes: dblink its
 * named connections, http its options.  An enrichment of another owner, run by the same
 * process, would find the connection and talk through it with rights that it has not; a
 * writer would find the one that a track of the table's owner opened.  So these
 * functions are refused while such SQL runs, however they are reached: the server
 * calls an access hook for every function before it is executed for the first time.
 *
 * By name of the extension, because nothing else says which keep state.  The
 * languages of the server keep an interpreter for each role, or are for superusers
 * alone.
 *
 * No locks.  The hook is taken once and stays; it costs a look at two flags.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/sql_state.h"

/* Kinds of runs: that of tracks, and that of enrichments and filters. */
#define KINDS	2

static const char *const extensions[] = {"dblink", "http"};

static bool (*kinds[KINDS]) (void);
static object_access_hook_type previous = NULL;
static bool hooked = false;

/* Whether the function is in C, and so of an extension.  All others call such ones. */
static bool
is_in_c(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId;
	ReleaseSysCache(tuple);
	return result;
}

static void
refuse_state(Oid function)
{
	static Oid	allowed = InvalidOid;	/* the last: a track asks for each row */
	Oid			extension;

	if (function < FirstNormalObjectId || function == allowed || !is_in_c(function))
		return;
	extension = getExtensionOfObject(ProcedureRelationId, function);
	for (int i = 0; OidIsValid(extension) && i < lengthof(extensions); i++)
	{
		if (get_extension_oid(extensions[i], true) != extension)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function %s of extension \"%s\" cannot be called by a track, an enrichment or a filter",
						format_procedure(function), extensions[i]),
				 errdetail("What it keeps would be shared with SQL of other roles."),
				 errhint("Read the other server through a foreign table of postgres_fdw.")));
	}
	allowed = function;
}

static void
on_access(ObjectAccessType access, Oid class, Oid object, int part, void *arg)
{
	if (previous)
		previous(access, class, object, part, arg);
	if (access != OAT_FUNCTION_EXECUTE)
		return;
	for (int i = 0; i < KINDS && kinds[i] != NULL; i++)
	{
		if (kinds[i] ())
		{
			refuse_state(object);
			break;
		}
	}
}

void
ecapi_sql_state_refuse(bool (*runs) (void))
{
	int			i = 0;

	while (kinds[i] != NULL && kinds[i] != runs)
	{
		i++;
		Assert(i < KINDS);
	}
	kinds[i] = runs;
	if (hooked)
		return;
	previous = object_access_hook;
	object_access_hook = on_access;
	hooked = true;
}
