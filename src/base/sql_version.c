/*
 * sql_version.c
 *	  Of which version the SQL of this database is, and the library.
 *
 * They differ after an upgrade: the server is restarted with a newer library, and each
 * database keeps its SQL until ALTER EXTENSION ecapi UPDATE.  A library knows all SQL
 * that came before it, none that came later.  Beside later SQL, which is there when a
 * package was taken back, it keeps events (they go below the SQL into an outbox whose
 * columns ring.c checks) and does nothing else: ecapi_sql_check_known().
 *
 * The version of the SQL is extversion of pg_extension, read once in a process.  A change
 * of that catalog invalidates nothing in other processes, but each step defines a function
 * (test/house.sh checks it), and that does.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/sql_version.h"

/* Longer ones are not ours; what is cut off a version of somebody's own is no number. */
#define VERSION_SIZE 32

static char sql_version[VERSION_SIZE];	/* empty: not installed */
static bool sql_version_valid = false;
static uint64 changes = 0;		/* heard of so far */
static bool watched = false;

static void
forget_version(Datum arg, int cacheid, uint32 hashvalue)
{
	sql_version_valid = false;
	changes++;
}

const char *
ecapi_library_version(void)
{
	return ECAPI_VERSION;
}

static void
read_version(void)
{
	Relation	extensions = table_open(ExtensionRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	sql_version[0] = '\0';
	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("ecapi"));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		version = heap_getattr(tuple, Anum_pg_extension_extversion,
										   RelationGetDescr(extensions), &isnull);

		if (!isnull)
			text_to_cstring_buffer(DatumGetTextPP(version), sql_version, sizeof(sql_version));
	}
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
}

const char *
ecapi_sql_version(void)
{
	if (!sql_version_valid)
	{
		uint64		before;

		if (!watched)
		{
			CacheRegisterSyscacheCallback(PROCOID, forget_version, (Datum) 0);
			watched = true;
		}
		before = changes;
		read_version();
		sql_version_valid = before == changes;
	}
	return sql_version[0] != '\0' ? sql_version : NULL;
}

/* Part by part, as numbers; a part that is missing is 0. */
int
ecapi_version_compare(const char *left, const char *right)
{
	while (*left != '\0' || *right != '\0')
	{
		char	   *left_end;
		char	   *right_end;
		unsigned long l = strtoul(left, &left_end, 10);
		unsigned long r = strtoul(right, &right_end, 10);

		if (l != r)
			return l < r ? -1 : 1;
		left = *left_end == '.' ? left_end + 1 : "";
		right = *right_end == '.' ? right_end + 1 : "";
	}
	return 0;
}

bool
ecapi_sql_has(const char *version)
{
	const char *installed = ecapi_sql_version();

	return installed != NULL && ecapi_version_compare(installed, version) >= 0;
}

const char *
ecapi_version_problem(const char **what_to_do, bool *is_error)
{
	const char *sql = ecapi_sql_version();
	int			order = sql == NULL ? 0 : ecapi_version_compare(sql, ECAPI_VERSION);

	*what_to_do = NULL;
	*is_error = order > 0;
	if (order == 0)
		return NULL;
	if (order < 0)
	{
		*what_to_do = "ALTER EXTENSION ecapi UPDATE;";
		return psprintf("the SQL of this database is of version %s, and the library of %s: all works as in %s until it is updated",
						sql, ECAPI_VERSION, sql);
	}
	*what_to_do = psprintf("Install the library of version %s or later, then restart the server.", sql);
	return psprintf("the SQL of this database is of version %s, and the library in memory of %s, which is older",
					sql, ECAPI_VERSION);
}

void
ecapi_sql_check_known(void)
{
	const char *sql = ecapi_sql_version();
	const char *what;
	const char *what_to_do;
	bool		is_error;

	if (sql == NULL || ecapi_version_compare(sql, ECAPI_VERSION) <= 0)
		return;
	what = ecapi_version_problem(&what_to_do, &is_error);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s", what),
			 errhint("%s", what_to_do)));
}
