/*
 * score_table.c
 *	  The table of scores, which is the caller's, and the enrichment that attaches them.
 *
 * A table that is there already is only written when it has exactly the columns of one
 * that was made here: a name that was mistaken must not cost a shop its customers.
 *
 * Rows are deleted and inserted, not truncated: TRUNCATE would make the worker, whose
 * enrichment reads the table, wait for the end of the fit.
 *
 * The enrichment finds an event's customer in clear or by digest, whichever the table
 * has; so it is made once and stays as its owner may have changed it.
 *
 * Locks: ShareRowExclusiveLock on the table, from before its rows are deleted to the end
 * of the transaction.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

#include "base/statement.h"
#include "predict/control.h"
#include "predict/score_table.h"

#define PATCH	"_patch"

/* The columns, as CREATE TABLE has them and as a table that is there must have them. */
#define COLUMNS \
	"customer text, expected_purchases double precision, purchase_likelihood double precision," \
	" churn_probability double precision, predicted_lifetime_value double precision," \
	" currency text, scored_at timestamp with time zone, model text"

static void
run(const char *sql, int expected)
{
	int			code = SPI_execute(sql, false, 0);

	if (code != expected)
		elog(ERROR, "could not write scores: %s", SPI_result_code_string(code));
}

/* ---- its name ---- */

EcapiScoreTable
ecapi_score_table_name(const char *name)
{
	EcapiScoreTable table = {0};
	RangeVar   *range = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name)));

	if (range->catalogname != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of the scores has a database in it"),
				 errhint("Give a schema and a name, such as 'shop.customer_scores'.")));
	if (strlen(range->relname) + strlen(PATCH) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("the name of the scores is too long"),
				 errdetail("The enrichment has the same name with " PATCH " behind it, and names have at most %d bytes.",
						   NAMEDATALEN - 1)));
	table.schema = range->schemaname != NULL ? range->schemaname
		: get_namespace_name(RangeVarGetCreationNamespace(range));
	table.name = range->relname;
	table.quoted = quote_qualified_identifier(table.schema, table.name);
	return table;
}

/* ---- the enrichment, whether it is there ---- */

/* $1 schema, $2 name: whether the caller owns it. */
static EcapiStatement look_at_patch = {
	"SELECT pg_catalog.pg_has_role(p.proowner, 'USAGE')"
	" FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
	" WHERE n.nspname = $1 AND p.proname = $2 AND p.pronargs = 1"
	" AND p.proargtypes[0] = 'ecapi.event[]'::pg_catalog.regtype",
	2, {NAMEOID, NAMEOID}, NULL
};

static char *
patch_name(const EcapiScoreTable *table)
{
	return psprintf("%s%s", table->name, PATCH);
}

/*
 * Whether the enrichment is there.  One of somebody else is refused, for the caller is told
 * to attach it, and then it sees the caller's events.
 */
static bool
has_patch(const EcapiScoreTable *table)
{
	if (ecapi_query(&look_at_patch, ecapi_arg_name(table->schema),
					ecapi_arg_name(patch_name(table))) == 0)
		return false;
	if (!ecapi_column_bool(0, 1))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of function %s", patch_name(table)),
				 errdetail("It has the name of the enrichment that attaches the scores.")));
	return true;
}

/* ---- whether it may be written ---- */

/* $1 schema, $2 name: kind, whether the caller owns it, its columns. */
static EcapiStatement look = {
	"SELECT c.relkind = 'r' AND NOT c.relispartition, pg_catalog.pg_has_role(c.relowner, 'USAGE'),"
	" (SELECT pg_catalog.string_agg(pg_catalog.format('%s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)"
	" FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)"
	" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	" WHERE n.nspname = $1 AND c.relname = $2",
	2, {NAMEOID, NAMEOID}, NULL
};

static EcapiStatement may_create = {
	"SELECT pg_catalog.has_schema_privilege(n.oid, 'CREATE') FROM pg_catalog.pg_namespace n WHERE n.nspname = $1",
	1, {NAMEOID}, NULL
};

static void
look_at_schema(const EcapiScoreTable *table)
{
	if (ecapi_query(&may_create, ecapi_arg_name(table->schema)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" does not exist", table->schema)));
	if (!ecapi_column_bool(0, 1))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for schema %s", table->schema),
				 errdetail("The table of scores and its enrichment are created there.")));
}

void
ecapi_score_table_look(EcapiScoreTable *table)
{
	char	   *columns;

	/* looked at again when it is made: a fit takes long */
	(void) has_patch(table);
	table->exists = ecapi_query(&look, ecapi_arg_name(table->schema),
								ecapi_arg_name(table->name)) > 0;
	if (!table->exists)
	{
		look_at_schema(table);
		return;
	}
	if (!ecapi_column_bool(0, 2))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", table->name)));
	columns = ecapi_column_text(0, 3);
	if (!ecapi_column_bool(0, 1) || columns == NULL || strcmp(columns, COLUMNS) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is not a table of scores", table->quoted),
				 errdetail("All rows of a table of scores are replaced. It has these columns: " COLUMNS "."),
				 errhint("Name a table that does not exist; it is created.")));
}

/* ---- writing ---- */

void
ecapi_score_table_begin(const EcapiScoreTable *table)
{
	static const char *const words[][2] = {
		{"customer", "as ecapi.customer() names it, in clear or as digest"},
		{"expected_purchases", "orders that are expected within the horizon"},
		{"purchase_likelihood", "probability of at least one order within the horizon"},
		{"churn_probability", "probability that the customer will not order again, ever"},
		{"predicted_lifetime_value", "value that is expected within the horizon"},
		{"currency", "of the value"},
		{"scored_at", "when it was predicted"},
		{"model", "what predicted it"}
	};

	if (!table->exists)
	{
		run(psprintf("CREATE TABLE %s (" COLUMNS ", PRIMARY KEY (customer))", table->quoted),
			SPI_OK_UTILITY);
		run(psprintf("COMMENT ON TABLE %s IS 'scores of customers, replaced by ecapi.fit()'",
					 table->quoted), SPI_OK_UTILITY);
		for (int i = 0; i < lengthof(words); i++)
			run(psprintf("COMMENT ON COLUMN %s.%s IS '%s'", table->quoted, words[i][0], words[i][1]),
				SPI_OK_UTILITY);
	}
	run(psprintf("LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE", table->quoted), SPI_OK_UTILITY);
	run(psprintf("DELETE FROM ONLY %s", table->quoted), SPI_OK_DELETE);
}

static Datum
floats(const EcapiScore *scores, int n, size_t member)
{
	Datum	   *elements = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(*(const double *) ((const char *) &scores[i] + member));
	return ecapi_arg_array(elements, n, FLOAT8OID).value;
}

void
ecapi_score_table_write(const EcapiScoreTable *table, const EcapiScore *scores, int n,
						const char *currency)
{
	Oid			types[] = {TEXTARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID,
	FLOAT8ARRAYOID, TEXTARRAYOID, TEXTOID};
	Datum		values[lengthof(types)];
	Datum	   *customers = palloc(sizeof(Datum) * n);
	Datum	   *models = palloc(sizeof(Datum) * n);
	int			code;

	for (int i = 0; i < n; i++)
	{
		customers[i] = CStringGetTextDatum(scores[i].customer);
		models[i] = CStringGetTextDatum(scores[i].model);
	}
	values[0] = ecapi_arg_array(customers, n, TEXTOID).value;
	values[1] = floats(scores, n, offsetof(EcapiScore, purchases));
	values[2] = floats(scores, n, offsetof(EcapiScore, likelihood));
	values[3] = floats(scores, n, offsetof(EcapiScore, churn));
	values[4] = floats(scores, n, offsetof(EcapiScore, value));
	values[5] = ecapi_arg_array(models, n, TEXTOID).value;
	values[6] = CStringGetTextDatum(currency);
	code = ecapi_execute_text(psprintf(
		"INSERT INTO %s (customer, expected_purchases, purchase_likelihood, churn_probability,"
		" predicted_lifetime_value, currency, scored_at, model)"
		" SELECT s.customer, s.purchases, s.likelihood, s.churn, s.value, $7, now(), s.model"
		" FROM unnest($1, $2, $3, $4, $5, $6) s (customer, purchases, likelihood, churn, value, model)",
		table->quoted), lengthof(types), types, values, NULL, false, 0);
	if (code != SPI_OK_INSERT)
		elog(ERROR, "could not write scores: %s", SPI_result_code_string(code));
	ecapi_control_check(false);
}

/* ---- the enrichment ---- */

char *
ecapi_score_table_patch(const EcapiScoreTable *table)
{
	char	   *quoted = quote_qualified_identifier(table->schema, patch_name(table));

	if (has_patch(table))
		return quoted;
	run(psprintf("CREATE FUNCTION %s(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE\n"
				 "BEGIN ATOMIC\n"
				 " SELECT e.seq, jsonb_build_object('ext', jsonb_build_object("
				 "'predicted_lifetime_value', round(s.predicted_lifetime_value::numeric, 2),"
				 " 'churn_probability', round(s.churn_probability::numeric, 4),"
				 " 'purchase_likelihood', round(s.purchase_likelihood::numeric, 4))"
				 " || CASE WHEN e.currency_code = s.currency THEN jsonb_build_object("
				 "'predicted_ltv', round(s.predicted_lifetime_value::numeric, 2)) ELSE '{}' END)\n"
				 " FROM unnest(page) e JOIN %s s ON s.customer = ANY (ARRAY["
				 "ecapi.customer(e.user_data), ecapi.customer(e.user_data, true)]);\n"
				 "END", quoted, table->quoted), SPI_OK_UTILITY);
	run(psprintf("COMMENT ON FUNCTION %s(ecapi.event[]) IS %s", quoted,
				 quote_literal_cstr(psprintf("attaches scores of %s to events, as an enrichment",
											 table->quoted))), SPI_OK_UTILITY);
	return quoted;
}
