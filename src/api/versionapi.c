/*
 * versionapi.c
 *	  ecapi.version(): which library and which SQL there are; and what upgrade steps and
 *	  the doctor ask of them.
 *
 * No state and no locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/result.h"
#include "base/server_fault.h"
#include "base/sql_version.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_version);
PG_FUNCTION_INFO_V1(ecapi_require_library);
PG_FUNCTION_INFO_V1(ecapi_library_problems);

/*
 * ecapi.version(OUT library text, OUT sql text, OUT built_for text, OUT server text): the
 * versions of the library that answers, of the SQL of this database, of the server for
 * which the library was built and of the one that runs.
 */
Datum
ecapi_version(PG_FUNCTION_ARGS)
{
	Datum		values[4];
	bool		nulls[4];

	values[0] = ecapi_result_text(ecapi_library_version(), &nulls[0]);
	values[1] = ecapi_result_text(ecapi_sql_version(), &nulls[1]);
	values[2] = ecapi_result_text(PG_VERSION, &nulls[2]);
	values[3] = ecapi_result_text(GetConfigOption("server_version", false, false), &nulls[3]);
	PG_RETURN_DATUM(ecapi_result_row(fcinfo, values, nulls));
}

/*
 * ecapi_internal.require_library(version text): what an upgrade step begins with.  Raises
 * an error where the library is older than the SQL that the step is about to make.
 */
Datum
ecapi_require_library(PG_FUNCTION_ARGS)
{
	char	   *version = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (ecapi_version_compare(ecapi_library_version(), version) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %s of the SQL of ecapi needs its library, and that of %s is in memory",
						version, ecapi_library_version()),
				 ecapi_shmem_attached() ?
				 errhint("Restart the server, then ALTER EXTENSION ecapi UPDATE again.") :
				 errhint("Connect again, then ALTER EXTENSION ecapi UPDATE again.")));
	PG_RETURN_VOID();
}

static void
put_problem(ReturnSetInfo *result, const char *severity, const char *what, const char *what_to_do)
{
	Datum		values[3];
	bool		nulls[3];

	values[0] = ecapi_result_text(severity, &nulls[0]);
	values[1] = ecapi_result_text(what, &nulls[1]);
	values[2] = ecapi_result_text(what_to_do, &nulls[2]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * ecapi_internal.library_problems(): rows (severity, what, what_to_do) for ecapi.check(),
 * of what the library finds in itself, and of faults of the server that it runs in.
 */
Datum
ecapi_library_problems(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *what_to_do;
	bool		is_error;
	const char *what = ecapi_version_problem(&what_to_do, &is_error);
	int			server = atoi(GetConfigOption("server_version_num", false, false));
	const EcapiServerFault *fault;
	int			next = 0;
	int			minor;

	InitMaterializedSRF(fcinfo, 0);
	if (what != NULL)
		put_problem(result, is_error ? "error" : "warning", what, what_to_do);
	while ((fault = ecapi_server_fault(server, &next, &minor)) != NULL)
		put_problem(result, "warning",
					psprintf("PostgreSQL %d.%d has a fault: %s", server / 10000, server % 10000,
							 fault->what),
					psprintf("Install PostgreSQL %d.%d, or a later minor release, and restart the server.",
							 server / 10000, minor));
	return (Datum) 0;
}
