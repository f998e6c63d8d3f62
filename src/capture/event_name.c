/*
 * event_name.c
 *	  ecapi.event_id(): the id that a track gives to the event of a row.
 *
 * To cancel or trace an order is to name its event.  The form of the id is that of
 * program.c, which makes it here, too: the table's name as the track knows it, the
 * key, the event type, and the changed values of on_change, each encoded by
 * ecapi_datum_key().
 *
 * A value is taken for one of its column's type: what has another type goes through
 * the text of both, so 42, 42::bigint and '42' name the same row, whatever its column
 * is.
 *
 * It may stand in a superuser's track (row_sql_superuser.c), so as a superuser it runs
 * no code of a user: a table of another role's may have a key whose type asks a
 * domain.  What has to be looked up of a track is done as that track's role.
 *
 * No right on the table is needed: an id holds nothing that its parts do not.
 * AccessShareLock on the table, until the end of the transaction.
 */
#include "postgres.h"

#include "access/table.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "capture/find.h"
#include "capture/program.h"
#include "rowsql/superuser_read.h"

PG_FUNCTION_INFO_V1(ecapi_name_event);

/* The values of a call. */
typedef struct Given
{
	int			n;
	Datum	   *values;
	Oid		   *types;
	bool	   *nulls;
} Given;

static Datum
as_column(Form_pg_attribute attribute, Datum value, Oid type)
{
	int32		typmod = attribute->atttypmod;
	Oid			wanted = getBaseTypeAndTypmod(attribute->atttypid, &typmod);
	Oid			output;
	Oid			input;
	Oid			parameter;
	bool		varlena;

	if (type == wanted && typmod < 0)
		return value;
	/* the column's type may be another role's, and a superuser's track may ask */
	if (superuser() && !ecapi_superuser_may_input(wanted))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a value of type %s cannot be read with a superuser's rights",
						format_type_be(wanted)),
				 errhint("Give it as that type, or as a role that is no superuser.")));
	getTypeOutputInfo(type, &output, &varlena);
	getTypeInputInfo(wanted, &input, &parameter);
	return OidInputFunctionCall(input, OidOutputFunctionCall(output, value), parameter, typmod);
}

/* The id by one of the tracks; NULL: it takes other values, or has ids of its own. */
static char *
name_event(Relation relation, const EcapiProgram *program, const Given *given, bool *is_null)
{
	AttrNumber	columns[ECAPI_ID_COLUMNS];
	Datum		values[ECAPI_ID_COLUMNS];
	int			n = ecapi_program_id_columns(program, columns);
	char	   *id;

	/* where the list is full there may be more columns than it has */
	if (n == 0 || n == ECAPI_ID_COLUMNS || n != given->n)
		return NULL;
	for (int i = 0; i < n; i++)
		if (!given->nulls[i])
			values[i] = as_column(TupleDescAttr(RelationGetDescr(relation), columns[i] - 1),
								  given->values[i], given->types[i]);
	id = ecapi_program_id(program, values, given->nulls);
	*is_null = id == NULL;
	return id;
}

/* Names of the columns whose values are asked for; NULL when the mapping has an id. */
static char *
columns_of(Relation relation, const EcapiProgram *program)
{
	AttrNumber	columns[ECAPI_ID_COLUMNS];
	int			n = ecapi_program_id_columns(program, columns);
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < n; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
						 NameStr(TupleDescAttr(RelationGetDescr(relation),
											   columns[i] - 1)->attname));
	return n == 0 ? NULL : names.data;
}

static void
refuse(Relation relation, const char *event_type, const EcapiFoundTrack *first)
{
	char	   *columns = columns_of(relation, first->compiled->program);

	if (columns == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("events \"%s\" of table \"%s\" have ids of their own", event_type,
						RelationGetRelationName(relation)),
				 errdetail("The mapping of track \"%s\" has an \"id\".", first->trigger->tgname)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("these are not the values that name an event \"%s\" of table \"%s\"",
					event_type, RelationGetRelationName(relation)),
			 errhint("Give those of: %s.", columns)));
}

/*
 * ecapi.event_id(relation regclass, event_type text, VARIADIC key "any"): the id of the
 * event that a track makes of the row with that key, with the changed values of
 * on_change behind the key.  NULL when an argument, or a value of the key, is null.
 * Raises an error, whose hint says what to give, when no track of the table takes that many
 * values, and what the input of a column's type raises.
 */
Datum
ecapi_name_event(PG_FUNCTION_ARGS)
{
	Relation	relation;
	const char *event_type;
	Given		given;
	List	   *found;
	ListCell   *cell;
	char	   *id = NULL;
	bool		is_null = false;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	event_type = text_to_cstring(PG_GETARG_TEXT_PP(1));
	given.n = extract_variadic_args(fcinfo, 2, true, &given.values, &given.types,
									&given.nulls);
	if (given.n < 0)
		PG_RETURN_NULL();
	relation = table_open(PG_GETARG_OID(0), AccessShareLock);
	found = ecapi_find_tracks_for(relation, event_type);
	foreach(cell, found)
	{
		const EcapiFoundTrack *track = lfirst(cell);

		id = name_event(relation, track->compiled->program, &given, &is_null);
		if (id != NULL || is_null)
			break;
	}
	if (id == NULL && !is_null)
		refuse(relation, event_type, linitial(found));
	table_close(relation, NoLock);
	if (id == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(id));
}
