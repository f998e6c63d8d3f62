/*
 * program_compile.c
 *	  A track, compiled for one relation.
 *
 * What could never give a valid event is refused here, so at the declaration.
 *
 * Ownership: all of a program is in its context, but for plans, which the server
 * keeps and the set of its sources lets go.
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/relcache.h"

#include "capture/program_compile.h"
#include "compat.h"
#include "rowsql/expression.h"
#include "rowsql/fits.h"
#include "rowsql/names.h"

static AttrNumber
find_column(Relation relation, const char *name, const char *what)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	AttrNumber	number = ecapi_names_column(descriptor, name);
	const char *closest;

	if (number != InvalidAttrNumber)
	{
		ecapi_names_check_stored(RelationGetRelid(relation), number);
		return number;
	}
	closest = ecapi_names_closest(descriptor, name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("invalid track: table \"%s\" has no column \"%s\" for \"%s\"",
					RelationGetRelationName(relation), name, what),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) : 0));
}

static EcapiProgramColumn
make_column(EcapiProgram *program, Relation relation, AttrNumber number)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), number - 1);
	EcapiProgramColumn column = {0};

	column.number = number;
	column.type = ecapi_datum_type(attribute->atttypid, attribute->atttypmod,
								   program->context);
	return column;
}

static void
compile_changes(EcapiProgram *program, Relation relation)
{
	const EcapiTrack *track = program->track;
	bool		superuser = superuser_arg(program->role);

	program->nchanges = track->nchanges;
	program->changes = palloc(sizeof(EcapiProgramColumn) * (track->nchanges + 1));
	for (int i = 0; i < track->nchanges; i++)
	{
		bool		needs_confining;

		program->changes[i] =
			make_column(program, relation,
						find_column(relation, track->changes[i], "on_change"));
		program->changes[i].equality =
			ecapi_equality(TupleDescAttr(RelationGetDescr(relation),
										 program->changes[i].number - 1),
						   superuser, program->context, &needs_confining);
		if (needs_confining || program->changes[i].type->needs_confining)
			program->confines_fires = program->confines_fill = true;
	}
}

/* The columns of the primary key, unless the track names some. */
static void
compile_key(EcapiProgram *program, Relation relation)
{
	const EcapiTrack *track = program->track;
	Oid			primary = InvalidOid;
	int			n = track->nkeys;
	Relation	index = NULL;

	if (n == 0)
	{
		primary = ecapi_primary_key(relation);
		if (OidIsValid(primary))
		{
			index = index_open(primary, AccessShareLock);
			n = index->rd_index->indnkeyatts;
		}
	}
	if (n == 0 && !ecapi_program_maps(program, "id"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("invalid track: table \"%s\" has no primary key",
						RelationGetRelationName(relation)),
				 errhint("Add a primary key, or map \"id\" to what tells its rows apart for ever.")));

	program->keys = palloc(sizeof(EcapiProgramColumn) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		AttrNumber	number = index ? index->rd_index->indkey.values[i] :
			find_column(relation, track->keys[i], "key");

		program->keys[i] = make_column(program, relation, number);
		if (program->keys[i].type->needs_confining)
			program->confines_fill = true;
	}
	program->nkeys = n;
	if (index)
		index_close(index, AccessShareLock);
}

/* A name as a part of an id: see ecapi_datum_key(). */
static char *
id_part(const char *name)
{
	EcapiDatumType *type = ecapi_datum_type(TEXTOID, -1, CurrentMemoryContext);

	return ecapi_datum_key(type, CStringGetTextDatum(name));
}

char *
ecapi_track_table(Oid relation)
{
	char	   *schema = get_namespace_name(get_rel_namespace(relation));
	char	   *name = id_part(get_rel_name(relation));

	if (strcmp(schema, "public") == 0)
		return name;
	return psprintf("%s.%s", id_part(schema), name);
}

static void
compile_source(EcapiProgram *program, const EcapiMapped *mapped, EcapiProgramSource *source)
{
	const char *message;
	const char *hint;

	memset(source, 0, sizeof(*source));
	source->mapped = mapped;
	source->form = ECAPI_FORM_NATURAL;
	if (mapped->source == NULL)
		return;

	source->expression = ecapi_expressions_add(program->expressions, mapped->source,
											   ECAPI_USE_VALUE, mapped->path);
	source->column = source->expression->column;
	source->type = ecapi_datum_type(source->expression->type, source->expression->typmod,
									program->context);
	if (source->expression->needs_confining || source->type->needs_confining)
		program->confines_fill = true;

	if (mapped->nsteps == 0)
	{
		if (source->type->kind != ECAPI_DATUM_JSON &&
			source->type->kind != ECAPI_DATUM_COMPOSITE)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("invalid track: the source of \"*\" is neither JSON nor a composite"),
					 errhint("\"*\" takes a fragment of an event; map single columns to single fields.")));
	}
	else if (!ecapi_datum_fits(mapped->field, source->type, mapped->source,
							   &source->form, &message, &hint))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("invalid track: \"%s\" cannot be \"%s\": %s", mapped->path,
						mapped->source, message),
				 hint ? errhint("%s", hint) : 0));
}

/*
 * Raise if no event of it could ever be valid.  What the standard requires beside
 * what is mapped can only come from a fragment.
 */
static void
check_complete(const EcapiProgram *program)
{
	if (program->fragment)
		return;
	if (ecapi_program_maps(program, "value") &&
		!ecapi_program_maps(program, "currency_code"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid track: \"value\" is mapped, but not \"currency_code\""),
				 errhint("Map it to a column, or to a constant: \"currency_code\": \"'EUR'\".")));
	if (strcmp(program->track->event_type, "custom") == 0 &&
		!ecapi_program_maps(program, "custom_event"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid track: events of type \"custom\" need \"custom_event\""),
				 errhint("Map it to their name: \"custom_event\": \"'order_packed'\".")));
}

static void
compile_sources(EcapiProgram *program)
{
	const EcapiTrack *track = program->track;

	program->sources = palloc(sizeof(EcapiProgramSource) * (track->nmapped + 1));
	for (int i = 0; i < track->nmapped; i++)
	{
		EcapiProgramSource *source = &program->sources[program->nsources];

		compile_source(program, &track->mapped[i], source);
		/* sorted by length, so "*" comes first: it stands apart */
		if (track->mapped[i].nsteps == 0)
		{
			program->fragment = palloc(sizeof(EcapiProgramSource));
			*program->fragment = *source;
		}
		else
			program->nsources++;
	}
}

static void
compile_condition(EcapiProgram *program)
{
	if (program->track->condition == NULL)
		return;
	program->condition = ecapi_expressions_add(program->expressions,
											   program->track->condition,
											   ECAPI_USE_CONDITION, "condition");
	program->states_change = program->condition->mentions_old;
	if (program->condition->needs_confining)
		program->confines_fires = true;
}

EcapiProgram *
ecapi_program_compile(const EcapiTrack *track, Relation relation, Oid role,
					  bool look, MemoryContext parent)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecapi program",
												  ALLOCSET_SMALL_SIZES);
	EcapiProgram *program;

	MemoryContextSwitchTo(context);
	program = palloc0(sizeof(EcapiProgram));
	program->context = context;
	program->track = track;
	program->role = role;
	program->place = "mapping";
	program->table = track->table ? track->table : ecapi_track_table(RelationGetRelid(relation));
	program->expressions = ecapi_expressions_new(relation, role, look, context);
	/* after an error the context goes with the caller's, and lets the plans go */
	compile_condition(program);
	compile_sources(program);
	compile_changes(program, relation);
	compile_key(program, relation);
	check_complete(program);
	MemoryContextSetParent(context, parent);
	MemoryContextSwitchTo(caller);
	return program;
}

void
ecapi_program_free(EcapiProgram *program)
{
	ecapi_expressions_free(program->expressions);
	MemoryContextDelete(program->context);
}
