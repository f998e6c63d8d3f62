/*
 * names.c
 *	  Identifiers in a source, and hints for names that are not there.
 *
 * Names are split here and not by the server's parser because a path may go
 * over a column whose name is a reserved word ("user.email"), and because
 * "user" alone is, to the parser, the current user.
 *
 * Nothing is kept; what is returned is palloc'd or points into its argument.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/identifier.h"
#include "compat.h"
#include "event/closest.h"
#include "rowsql/names.h"

/* "->schema.table" at *at, moved behind it and the dot that must follow. */
static bool
next_table(const char **at, EcapiPathStep *step)
{
	if ((*at)[0] != '-' || (*at)[1] != '>')
		return false;
	*at = ecapi_identifier_skip_space(*at + 2);
	step->schema = ecapi_identifier_read(at, true);
	*at = ecapi_identifier_skip_space(*at);
	if (step->schema == NULL || **at != '.')
		return false;
	*at = ecapi_identifier_skip_space(*at + 1);
	step->table = ecapi_identifier_read(at, true);
	*at = ecapi_identifier_skip_space(*at);
	return step->table != NULL && **at == '.';
}

int
ecapi_names_split(const char *text, EcapiPathStep steps[ECAPI_MAX_NAMES])
{
	const char *at = ecapi_identifier_skip_space(text);
	int			n = 0;

	memset(steps, 0, sizeof(EcapiPathStep) * ECAPI_MAX_NAMES);
	for (;;)
	{
		if (n == ECAPI_MAX_NAMES ||
			(steps[n].column = ecapi_identifier_read(&at, true)) == NULL)
			return 0;
		at = ecapi_identifier_skip_space(at);
		if (*at == '-' && !next_table(&at, &steps[n]))
			return 0;
		n++;
		if (*at == '\0')
			return n;
		if (*at != '.')
			return 0;
		at = ecapi_identifier_skip_space(at + 1);
	}
}

AttrNumber
ecapi_names_column(TupleDesc descriptor, const char *name)
{
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (!column->attisdropped && strcmp(NameStr(column->attname), name) == 0)
			return column->attnum;
	}
	return InvalidAttrNumber;
}

/* For ecapi_closest(): dropped columns have names that are close to nothing. */
static const char *
nth_column(int i, void *arg)
{
	TupleDesc	descriptor = arg;

	return i < descriptor->natts ? NameStr(TupleDescAttr(descriptor, i)->attname) : NULL;
}

const char *
ecapi_names_closest(TupleDesc descriptor, const char *name)
{
	const char *closest = ecapi_closest(name, strlen(name), nth_column, descriptor);

	/* unless the name itself is like a dropped column's */
	if (closest && ecapi_names_column(descriptor, closest) == InvalidAttrNumber)
		return NULL;
	return closest;
}

void
ecapi_names_no_column(const char *table, TupleDesc descriptor, const char *name)
{
	const char *closest = ecapi_names_closest(descriptor, name);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of table %s does not exist", name, table),
			 closest ? errhint("Perhaps you meant the column \"%s\".", closest) : 0));
}

void
ecapi_names_check_stored(Oid relid, AttrNumber attnum)
{
	/* from the catalog: a copied descriptor no longer says it */
	if (get_attgenerated(relid, attnum) == ATTRIBUTE_GENERATED_VIRTUAL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" is a virtual generated column", get_attname(relid, attnum, false)),
				 errdetail("It is computed where it is read, and has no value in a trigger."),
				 errhint("Make it STORED, or write its expression.")));
}

char *
ecapi_names_relation(Oid relid)
{
	char	   *name = get_rel_name(relid);
	char	   *schema = get_namespace_name(get_rel_namespace(relid));

	if (name == NULL || schema == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	return quote_qualified_identifier(schema, name);
}
