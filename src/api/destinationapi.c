/*
 * destinationapi.c
 *	  SQL-callable functions around the users' SQL of destinations: what is checked
 *	  when a server is created or altered, and what the doctor says of it later.
 *
 * The event triggers of the install script call these, with the rights of the
 * extension's owner; none is granted to anybody.
 *
 * When a problem is an error, and when it is none:
 *
 *	  CREATE SERVER				an error, unless the options have an origin: then it
 *								is a restore, whose other objects and grants may be
 *								yet to come, and nothing is said
 *	  ALTER SERVER ... OPTIONS	an error of what the command itself sets; otherwise
 *								a broken destination could not be put into shadow
 *								mode
 *	  ALTER SERVER ... OWNER	a warning, as grants to the new owner may come after;
 *								in a copy nothing is said
 *
 * Whatever came about otherwise (event triggers do not run everywhere, rights are
 * revoked, functions replaced, roles made superusers) is found at the next use,
 * which holds the destination, and before that by ecapi.check().
 */
#include "postgres.h"

#include <time.h>

#include "access/xlog.h"
#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/deparse_utility.h"
#include "utils/builtins.h"

#include "base/catalog.h"
#include "base/identifier.h"
#include "base/refuse.h"
#include "base/result.h"
#include "base/sql_version.h"
#include "destination/options.h"
#include "enrich/declared.h"
#include "enrich/enrichment.h"
#include "enrich/filter.h"
#include "pipeline/server.h"
#include "records/new_oids.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_check_destination);
PG_FUNCTION_INFO_V1(ecapi_destination_problems);
PG_FUNCTION_INFO_V1(ecapi_follow_enrichments);
PG_FUNCTION_INFO_V1(ecapi_depend_enrichments);

#define HINT_VOLATILE \
	"A volatile function cannot be inlined and is planned again for every page. Declare it STABLE if it is."

static bool
filter_is_good(const ForeignServer *server, EcapiUserProblem *problem)
{
	const char *condition = ecapi_option_text(server->options, "filter");

	return condition == NULL ||
		ecapi_filter_compile(condition, problem) != NULL;
}

static bool
enrichments_are_good(const ForeignServer *server, EcapiEnrichments *list, EcapiUserProblem *problem)
{
	const char *names = ecapi_option_text(server->options, "enrich");

	memset(list, 0, sizeof(EcapiEnrichments));
	return names == NULL || ecapi_enrichments_resolve(names, server->owner, list, problem);
}

/* ----------------------------------------------------------- CREATE, ALTER SERVER */

/* Was it made in this database, and not restored from another one's dump? */
static bool
is_at_home(const ForeignServer *server)
{
	EcapiOrigin origin;

	return ecapi_options_origin(server->options, &origin) &&
		origin.system_identifier == GetSystemIdentifier() &&
		origin.database == MyDatabaseId;
}

/*
 * How loud a command is about problems: the elevels of the filter and of the
 * enrichments, 0: not at all.
 */
static void
loudness(Node *command, const ForeignServer *server, int *filter, int *enrich)
{
	*filter = *enrich = 0;
	switch (nodeTag(command))
	{
		case T_CreateForeignServerStmt:
			if (!ecapi_option_find(castNode(CreateForeignServerStmt, command)->options,
								   "origin"))
				*filter = *enrich = ERROR;
			break;
		case T_AlterForeignServerStmt:
			{
				List	   *options = castNode(AlterForeignServerStmt, command)->options;

				*filter = ecapi_option_find(options, "filter") ? ERROR : 0;
				*enrich = ecapi_option_find(options, "enrich") ? ERROR : 0;
				break;
			}
		case T_AlterOwnerStmt:
			if (is_at_home(server))
				*filter = *enrich = WARNING;
			break;
		default:
			break;
	}
}

static void
report(int elevel, const char *option, const ForeignServer *server, const EcapiUserProblem *problem)
{
	ereport(elevel,
			(errcode(problem->sqlerrcode),
			 elevel == ERROR ?
			 errmsg("invalid value for option \"%s\": %s", option, problem->message) :
			 errmsg("option \"%s\" of destination \"%s\" cannot be used: %s", option,
					server->servername, problem->message),
			 problem->hint[0] != '\0' ? errhint("%s", problem->hint) : 0));
}

static void
report_volatile(const EcapiEnrichments *list)
{
	for (int i = 0; i < list->n; i++)
		if (list->list[i].is_volatile)
			ereport(WARNING,
					(errcode(ERRCODE_WARNING),
					 errmsg("enrichment \"%s\" is volatile", list->list[i].name),
					 errhint(HINT_VOLATILE)));
}

static void
check(const ForeignServer *server, int filter, int enrich)
{
	EcapiEnrichments list;
	EcapiUserProblem problem;

	if (filter != 0 && !filter_is_good(server, &problem))
		report(filter, "filter", server, &problem);
	if (enrich == 0)
		return;
	if (!enrichments_are_good(server, &list, &problem))
		report(enrich, "enrich", server, &problem);
	else
		report_volatile(&list);
}

/*
 * ecapi_internal.check_destination(server oid, command pg_ddl_command): look at
 * the SQL of a destination that a command has created or altered, and record
 * which functions it depends on.
 */
Datum
ecapi_check_destination(PG_FUNCTION_ARGS)
{
	ForeignServer *server = GetForeignServer(PG_GETARG_OID(0));
	CollectedCommand *command = (CollectedCommand *) PG_GETARG_POINTER(1);
	int			filter = 0;
	int			enrich = 0;
	ErrorContextCallback *stack = ecapi_frames_hide();

	/* the trigger, which is the owner's, goes by the oids of cursors */
	SPI_connect();
	(void) ecapi_new_oids_follow();
	SPI_finish();
	/* first: it waits for others' DDL on the functions, and then they are as they stay */
	ecapi_enrich_depend(server->serverid);
	if (command->type == SCT_Simple && command->parsetree)
		loudness(command->parsetree, server, &filter, &enrich);
	check(server, filter, enrich);
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}

/* --------------------------------------------------------------------- the doctor */

static void
add_row(ReturnSetInfo *result, const char *severity, const char *what,
		const char *what_to_do)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = CStringGetTextDatum(severity);
	values[1] = CStringGetTextDatum(what);
	values[2] = ecapi_result_text(what_to_do[0] == '\0' ? NULL : what_to_do, &nulls[2]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* What the platform takes now, and will not for long. */
static void
add_what_ends(ReturnSetInfo *result, const ForeignServer *server)
{
	EcapiOptions options = {0};
	EcapiOptionProblem unusable;
	EcapiFormatProblem problem;

	memset(&problem, 0, sizeof(problem));
	if (ecapi_options_read(server->options, ForeignServerRelationId, &options, &unusable) &&
		options.format->lasts != NULL &&
		!options.format->lasts(&options, (int64) time(NULL), &problem))
		add_row(result, "warning", problem.message, problem.hint);
}

/*
 * ecapi.check() of 1.0 asks the library about destinations alone: so the first of them, by
 * name, says that the SQL is older.
 */
static void
add_version(ReturnSetInfo *result, const ForeignServer *server)
{
	const char *what_to_do;
	bool		is_error;
	const char *what;
	ListCell   *cell;

	if (ecapi_sql_has("1.1"))
		return;
	foreach(cell, ecapi_destination_names())
	{
		if (strcmp(lfirst(cell), server->servername) < 0)
			return;
	}
	what = ecapi_version_problem(&what_to_do, &is_error);
	if (what != NULL)
		add_row(result, "warning", what, what_to_do);
}

/*
 * ecapi_internal.destination_problems(server oid): rows (severity, what,
 * what_to_do) about a destination's SQL and what its platform takes, none when all
 * is well; see add_version for one more.
 */
Datum
ecapi_destination_problems(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ForeignServer *server = GetForeignServer(PG_GETARG_OID(0));
	EcapiEnrichments list;
	EcapiUserProblem problem;

	InitMaterializedSRF(fcinfo, 0);
	if (!filter_is_good(server, &problem))
		add_row(result, "error",
				psprintf("its filter cannot be used: %s", problem.message), problem.hint);
	if (!enrichments_are_good(server, &list, &problem))
		add_row(result, "error",
				psprintf("its enrichments cannot run: %s", problem.message), problem.hint);
	else
		for (int i = 0; i < list.n; i++)
			if (list.list[i].is_volatile)
				add_row(result, "warning",
						psprintf("its enrichment \"%s\" is volatile", list.list[i].name),
						HINT_VOLATILE);
	add_what_ends(result, server);
	add_version(result, server);
	return (Datum) 0;
}

/* ------------------------------------------------------------- DDL on functions */

/*
 * ecapi_internal.follow_enrichments(): after DDL on functions or schemas, let
 * the options of destinations name what they named before.
 */
Datum
ecapi_follow_enrichments(PG_FUNCTION_ARGS)
{
	ErrorContextCallback *stack = ecapi_frames_hide();

	if (ecapi_enrich_follow(ecapi_wrapper()))
		ecapi_reload_at_commit();
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}

/*
 * ecapi_internal.depend_enrichments(drops boolean): a command begins that may drop
 * functions; or one may rename some, or has ended.
 */
Datum
ecapi_depend_enrichments(PG_FUNCTION_ARGS)
{
	ErrorContextCallback *stack = ecapi_frames_hide();

	ecapi_enrich_depend_before(ecapi_wrapper(), PG_GETARG_BOOL(0));
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}
