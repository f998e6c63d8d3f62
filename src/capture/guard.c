/*
 * guard.c
 *	  Users' SQL of a track runs in here, and cannot hurt the shop's statement.
 *
 * A guarded run is a subtransaction that writes nothing.  Whatever the SQL
 * does wrong rolls back that subtransaction only, and the business statement
 * around it goes on.
 *
 * What always holds:
 *
 * (1) The SQL runs as the owner of the table, in a security-restricted
 *	  operation, under our own settings, never as the writer, and never with
 *	  names looked up where the writer can put objects.  Role and settings are
 *	  restored however the run ends: after an error by the abort of the
 *	  subtransaction, else here.
 * (2) Settings end with their nest level as after an error, not as after a
 *	  success: what a function of the user sets for the session (a plain SET
 *	  inside it) must not outlive the run, or it would work on the writer's
 *	  later statements.
 * (3) No transaction id is assigned: a subtransaction that is read-only has
 *	  none, and only a command that wrote moves the command counter.
 * (4) The subtransaction is gone before an error is raised again, as an outer
 *	  handler would otherwise roll back ours in the place of its own.
 *
 * It works wherever a subtransaction does: in a statement, in a deferred
 * trigger, in a pre-commit callback (where no snapshot is active and the
 * transaction block already is at its end; see
 * BeginInternalSubTransaction()), and in a logical replication worker.  Not in
 * parallel mode, which capture refuses before.
 *
 * Locks that the SQL takes (AccessShare on what it reads) are, as always, kept
 * to the end of the transaction after a success.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "pgtime.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "capture/guard.h"

/*
 * pg_temp stands last because, when it is not named, it is searched first, and
 * the writer's temporary tables are in it.  The server has no path without it:
 * a function of the owner that names a table without its schema, where no such
 * table is found, reads the writer's.  Sources themselves may not (see
 * row_sql_check.c).
 */
#define SEARCH_PATH	"pg_catalog, pg_temp"

/* Set for the current nest level of settings. */
static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Settings on which the meaning of SQL depends, for the caller's nest level.
 * Most sessions already have most of them, and setting one costs a hundred
 * times what comparing does.
 */
void
ecapi_guard_settings(void)
{
	const char *zone = pg_get_timezone_name(session_timezone);

	if (strcmp(namespace_search_path, SEARCH_PATH) != 0)
		set("search_path", SEARCH_PATH);
	if (!row_security)
		set("row_security", "on");
	if (DateStyle != USE_ISO_DATES || DateOrder != DATEORDER_MDY)
		set("DateStyle", "ISO, MDY");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		set("IntervalStyle", "postgres");
	if (zone == NULL || strcmp(zone, "UTC") != 0)
		set("TimeZone", "UTC");
	/* all above 0 mean the same: the shortest text that is exact */
	if (extra_float_digits <= 0)
		set("extra_float_digits", "1");
	if (bytea_output != BYTEA_OUTPUT_HEX)
		set("bytea_output", "hex");
	/* These two change what a source says, not only how a value looks. */
	if (!standard_conforming_strings)
		set("standard_conforming_strings", "on");
	if (Transform_null_equals)
		set("transform_null_equals", "off");
}

/*
 * What the guard does not keep: a cancelled query (also by statement_timeout),
 * errors for which the whole transaction is to be tried again (class 40), and
 * out of memory, where going on would only fail elsewhere.
 *
 * Kept on purpose: a lock timeout (it limits each wait by itself, so nothing
 * of the writer's wish is lost), a full disk and temp_file_limit (they stop
 * this SQL's temporary files; if the outbox cannot be written either, that is
 * raised there), and damaged data in a table that only the SQL reads.  The rest
 * of class 57, too: when this server shuts down, that is FATAL and never gets
 * here, so an error with such a code is another server's, which a foreign table
 * brought along; the shop does not stop because that one does.
 */
bool
ecapi_guard_must_raise(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_QUERY_CANCELED ||
		sqlerrcode == ERRCODE_OUT_OF_MEMORY ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK);
}

/*
 * schema.name[.part] of the object that an error names, or NULL.  RAISE can put
 * any text into these fields, also one of the row, so only names of objects
 * that exist are believed.
 */
static const char *
object_of_error(const ErrorData *edata)
{
	Oid			schema;
	Oid			object;

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
		if (edata->column_name &&
			get_attnum(object, edata->column_name) != InvalidAttrNumber)
			return psprintf("%s.%s.%s", edata->schema_name, edata->table_name,
							edata->column_name);
		if (edata->constraint_name &&
			OidIsValid(get_relation_constraint_oid(object, edata->constraint_name, true)))
			return psprintf("%s.%s.%s", edata->schema_name, edata->table_name,
							edata->constraint_name);
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
			return psprintf("%s.%s.%s", edata->schema_name, edata->datatype_name,
							edata->constraint_name);
		return psprintf("%s.%s", edata->schema_name, edata->datatype_name);
	}
	return NULL;
}

/*
 * Is it about a literal of the source?  Then it has a position there, and no
 * function was at work: the first line of its context is expression.c's.
 */
static bool
is_about_literal(const ErrorData *edata)
{
	return edata->internalpos > 0 && edata->context != NULL &&
		(strncmp(edata->context, "mapping of ", strlen("mapping of ")) == 0 ||
		 strncmp(edata->context, "condition of ", strlen("condition of ")) == 0);
}

/*
 * See guard.h.  What fails because of the track itself is of these classes;
 * messages of all others are about values (invalid input, a violated
 * constraint) or the user's own words, and both may quote a row.
 */
char *
ecapi_guard_message(const ErrorData *edata)
{
	const char *message = edata->message ? edata->message : "";
	int			category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);

	if (category == ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_FEATURE_NOT_SUPPORTED) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE) ||
		strncmp(message, "invalid track: ", strlen("invalid track: ")) == 0 ||
		is_about_literal(edata))
		return pstrdup(message);
	return psprintf("its SQL fails (SQL error %s)", unpack_sql_state(edata->sqlerrcode));
}

/* The inside of the subtransaction, when all goes well. */
static void
run_as(void (*body) (void *arg), void *arg, Oid owner)
{
	Oid			user;
	int			security;
	int			nest;

	/* Ends with the subtransaction. */
	XactReadOnly = true;
	nest = NewGUCNestLevel();
	ecapi_guard_settings();
	GetUserIdAndSecContext(&user, &security);
	/* but row security is not waived for us when it is for a foreign key's check */
	SetUserIdAndSecContext(owner,
						   (security & SECURITY_LOCAL_USERID_CHANGE) |
						   SECURITY_RESTRICTED_OPERATION);
	PushActiveSnapshot(GetTransactionSnapshot());

	body(arg);

	PopActiveSnapshot();
	SetUserIdAndSecContext(user, security);
	AtEOXact_GUC(false, nest);
}

/*
 * See guard.h.  Raises, besides what is raised again, an error in parallel
 * mode, and when a transaction has had 2^32 subtransactions.
 */
bool
ecapi_guard_run(void (*body) (void *arg), void *arg, Oid owner,
				EcapiGuardError *error)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;
	ErrorData  *volatile edata = NULL;

	/* What the transaction did so far shall be seen, as by any next command. */
	CommandCounterIncrement();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);

	PG_TRY();
	{
		run_as(body, arg, owner);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = resources;

	if (edata == NULL)
		return true;
	if (ecapi_guard_must_raise(edata->sqlerrcode))
		ReThrowError(edata);

	strlcpy(error->sqlstate, unpack_sql_state(edata->sqlerrcode),
			sizeof(error->sqlstate));
	error->object = object_of_error(edata);
	error->message = ecapi_guard_message(edata);
	FreeErrorData(edata);
	return false;
}
