/*
 * program.c
 *	  A track compiled for one relation: which rows are events, and which.
 *
 * When does a row fire?
 *	  neither condition nor on_change	it is new
 *	  condition				edge: it holds, and did not hold before (a new row
 *							had no before).  One that mentions old says itself
 *							which change it means, and is taken as it stands
 *	  on_change				a listed column became another value, not null, and
 *							the condition, if there is one, holds
 * As history a row fires if the condition holds.
 *
 * What is its event?  Three layers, each under the one before: the mapped
 * fields, the fragment of "*", the setting ecapi.context.  A mapped value that
 * is null leaves its field to the layers below.  Then what is still missing:
 * the id (table:key:event_type, with the changed values of on_change) and the
 * time.  The layers below the mapping set no id and no data_set_id unless the
 * mapping says "*" for it, and ecapi.context never an id, as two rows of a
 * transaction would share it (fragment.c).
 *
 * "Became another value" means what SQL means by it (equality.c).  Values that
 * differ have different forms in an id, so two events of a row never have one id
 * for different values.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/relcache.h"

#include "capture/fragment.h"
#include "capture/program.h"
#include "event/closest.h"
#include "rowsql/datum.h"
#include "rowsql/equality.h"
#include "rowsql/expression.h"

/* A source of an entry of the mapping. */
typedef struct Source
{
	const EcapiMapped *mapped;
	EcapiExpression *expression;	/* NULL: the entry's constant */
	EcapiDatumType *type;
	EcapiDatumForm form;
	AttrNumber	column;			/* of the new row, if it is no more than that */
} Source;

typedef struct Column
{
	AttrNumber	number;
	EcapiDatumType *type;
	EcapiEquality *equality;	/* of a column of on_change; NULL: by its key */
} Column;

struct EcapiProgram
{
	MemoryContext context;
	const EcapiTrack *track;
	Oid			role;
	const char *table;			/* as it begins an id */
	EcapiExpressions *expressions;
	EcapiExpression *condition; /* NULL: none */
	bool		states_change;	/* the condition mentions old */
	int			nkeys;
	Column	   *keys;
	int			nchanges;
	Column	   *changes;
	int			nsources;
	Source	   *sources;
	Source	   *fragment;		/* the source of "*"; NULL: none */
	bool		guards_fires;
	bool		guards_fill;
	const char *place;
};

/* ------------------------------------------------------------------------
 * Compiling
 * ------------------------------------------------------------------------
 */

/* Names of columns for ecapi_closest(). */
static const char *
column_nth(int i, void *arg)
{
	TupleDesc	descriptor = arg;

	if (i >= descriptor->natts)
		return NULL;
	return TupleDescAttr(descriptor, i)->attisdropped ? "" :
		NameStr(TupleDescAttr(descriptor, i)->attname);
}

static AttrNumber
find_column(Relation relation, const char *name, const char *what)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	const char *closest;

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute->attnum;
	}
	closest = ecapi_closest(name, strlen(name), column_nth, descriptor);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("invalid track: table \"%s\" has no column \"%s\" for \"%s\"",
					RelationGetRelationName(relation), name, what),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) : 0));
}

static Column
make_column(EcapiProgram *program, Relation relation, AttrNumber number)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), number - 1);
	Column		column = {0};

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
	program->changes = palloc(sizeof(Column) * (track->nchanges + 1));
	for (int i = 0; i < track->nchanges; i++)
	{
		bool		needs_guard;

		program->changes[i] =
			make_column(program, relation,
						find_column(relation, track->changes[i], "on_change"));
		program->changes[i].equality =
			ecapi_equality(TupleDescAttr(RelationGetDescr(relation),
										 program->changes[i].number - 1),
						   superuser, program->context, &needs_guard);
		if (needs_guard || ecapi_datum_needs_guard(program->changes[i].type))
			program->guards_fires = program->guards_fill = true;
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
		primary = RelationGetPrimaryKeyIndex(relation);
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

	program->keys = palloc(sizeof(Column) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		AttrNumber	number = index ? index->rd_index->indkey.values[i] :
			find_column(relation, track->keys[i], "key");

		program->keys[i] = make_column(program, relation, number);
		if (ecapi_datum_needs_guard(program->keys[i].type))
			program->guards_fill = true;
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
compile_source(EcapiProgram *program, const EcapiMapped *mapped, Source *source)
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
	source->column = ecapi_expression_column(source->expression);
	source->type = ecapi_datum_type(ecapi_expression_type(source->expression),
									ecapi_expression_typmod(source->expression),
									program->context);
	if (ecapi_expression_needs_guard(source->expression) ||
		ecapi_datum_needs_guard(source->type))
		program->guards_fill = true;

	if (mapped->nsteps == 0)
	{
		EcapiDatumKind kind = ecapi_datum_kind(source->type);

		if (kind != ECAPI_DATUM_JSON && kind != ECAPI_DATUM_COMPOSITE)
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
 * Would no event of it ever be valid?  What the standard requires beside what
 * is mapped can only come from a fragment.
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

	program->sources = palloc(sizeof(Source) * (track->nmapped + 1));
	for (int i = 0; i < track->nmapped; i++)
	{
		Source	   *source = &program->sources[program->nsources];

		compile_source(program, &track->mapped[i], source);
		/* sorted by length, so "*" comes first: it stands apart */
		if (track->mapped[i].nsteps == 0)
		{
			program->fragment = palloc(sizeof(Source));
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
	program->states_change = ecapi_expression_mentions_old(program->condition);
	if (ecapi_expression_needs_guard(program->condition))
		program->guards_fires = true;
}

bool
ecapi_program_looks_back(const EcapiProgram *program)
{
	return program->states_change;
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
	PG_TRY();
	{
		compile_condition(program);
		compile_sources(program);
		compile_changes(program, relation);
		compile_key(program, relation);
		check_complete(program);
	}
	PG_CATCH();
	{
		/* plans live outside of the context, which goes with caller's */
		ecapi_expressions_free(program->expressions);
		PG_RE_THROW();
	}
	PG_END_TRY();

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

bool
ecapi_program_stale(const EcapiProgram *program)
{
	return ecapi_expressions_stale(program->expressions);
}

bool
ecapi_program_depends(const EcapiProgram *program, Oid relid)
{
	return ecapi_expressions_depend(program->expressions, relid);
}

const EcapiTrack *
ecapi_program_track(const EcapiProgram *program)
{
	return program->track;
}

bool
ecapi_program_maps(const EcapiProgram *program, const char *member)
{
	for (int i = 0; i < program->nsources; i++)
		if (program->sources[i].mapped->nsteps == 1 &&
			strcmp(program->sources[i].mapped->path, member) == 0)
			return true;
	return false;
}

bool
ecapi_program_has_fragment(const EcapiProgram *program)
{
	return program->fragment != NULL;
}

bool
ecapi_program_names_zone(const EcapiProgram *program)
{
	for (int i = 0; i < program->nsources; i++)
	{
		const EcapiMapped *mapped = program->sources[i].mapped;

		if (strcmp(mapped->path, "timestamp") == 0 && mapped->source != NULL)
			return strcasestr(mapped->source, "AT TIME ZONE") != NULL;
	}
	return false;
}

bool
ecapi_program_guards_fires(const EcapiProgram *program)
{
	return program->guards_fires;
}

bool
ecapi_program_guards_fill(const EcapiProgram *program)
{
	return program->guards_fill;
}

const char *
ecapi_program_place(const EcapiProgram *program)
{
	return program->place;
}

/* ------------------------------------------------------------------------
 * Running
 * ------------------------------------------------------------------------
 */

void
ecapi_program_start(EcapiProgram *program)
{
	ecapi_expressions_start(program->expressions);
}

void
ecapi_program_stop(EcapiProgram *program)
{
	ecapi_expressions_stop(program->expressions);
}

/* Did a column become another value, and not null? */
static bool
has_changed(const Column *column, TupleTableSlot *new, TupleTableSlot *old)
{
	bool		new_null;
	bool		old_null;
	Datum		new_value = slot_getattr(new, column->number, &new_null);
	Datum		old_value = slot_getattr(old, column->number, &old_null);

	if (new_null || old_null)
		return !new_null;
	if (strcmp(ecapi_datum_key(column->type, new_value),
			   ecapi_datum_key(column->type, old_value)) == 0)
		return false;
	return column->equality == NULL ||
		!ecapi_equality_holds(column->equality, new_value, old_value);
}

static bool
any_changed(EcapiProgram *program, TupleTableSlot *new, TupleTableSlot *old)
{
	program->place = "on_change";
	for (int i = 0; i < program->nchanges; i++)
		if (has_changed(&program->changes[i], new, old))
			return true;
	return false;
}

static bool
condition_holds(EcapiProgram *program, TupleTableSlot *new, TupleTableSlot *old)
{
	program->place = "condition";
	ecapi_expressions_row(program->expressions, new, old);
	return ecapi_expression_holds(program->condition);
}

bool
ecapi_program_fires(EcapiProgram *program, TupleTableSlot *new, TupleTableSlot *old,
					bool history)
{
	if (!history)
	{
		if (program->nchanges > 0)
		{
			if (old == NULL || !any_changed(program, new, old))
				return false;
		}
		else if (program->condition == NULL)
			return old == NULL;
	}
	if (program->condition == NULL)
		return true;
	if (!condition_holds(program, new, old))
		return false;
	if (history || old == NULL || program->nchanges > 0 || program->states_change)
		return true;
	return !condition_holds(program, old, NULL);
}

/* The object at the steps of a path but the last, made where it is missing. */
static EcapiValue *
parent_object(EcapiDraft *draft, const EcapiMapped *mapped)
{
	EcapiValue *object = draft->given;

	for (int i = 0; i < mapped->nsteps - 1; i++)
	{
		EcapiValue *member = ecapi_value_get(object, mapped->steps[i]);

		if (member == NULL || member->type != ECAPI_OBJECT)
		{
			member = ecapi_value_new(&draft->arena, ECAPI_OBJECT);
			if (member == NULL ||
				!ecapi_value_set(&draft->arena, object, mapped->steps[i],
								 strlen(mapped->steps[i]), member))
				ecapi_draft_out_of_memory();
		}
		object = member;
	}
	return object;
}

/*
 * A value is too much for an event: one of many fields is left out for it, but
 * no amount and no id.
 */
static void
refuse_value(EcapiDraft *draft, const EcapiMapped *mapped)
{
	static const char message[] = "too large, or nested too deeply";

	if (mapped->nsteps != 1 || mapped->field->type == ECAPI_FT_OBJECT ||
		mapped->field->type == ECAPI_FT_EXT)
		ecapi_draft_lose(draft, mapped->path, mapped->field, ECAPI_VIOLATION_SIZE, message);
	else
		ecapi_draft_fail(draft, mapped->path, ECAPI_VIOLATION_SIZE, message,
						 "An event has at most 32 levels, and the bytes of \"ecapi.max_event_size\".");
}

/*
 * The value of a source for the row that was announced; NULL when it is null,
 * or, with a violation, when it is too much for an event.  What of it cannot be
 * used is left out, with a violation.
 */
static EcapiValue *
source_value(EcapiProgram *program, EcapiDraft *draft, const Source *source,
			 TupleTableSlot *new)
{
	const EcapiMapped *mapped = source->mapped;
	EcapiValue *value;
	EcapiLosses losses;
	Datum		datum;
	bool		isnull;

	if (source->expression == NULL)
		return ecapi_value_copy(&draft->arena, mapped->constant);

	program->place = mapped->path;
	if (source->column != InvalidAttrNumber)
		datum = slot_getattr(new, source->column, &isnull);
	else
		datum = ecapi_expression_value(source->expression, &isnull);
	if (isnull)
		return NULL;
	value = ecapi_datum_value(&draft->arena, source->type, datum, source->form,
							  ECAPI_MAX_DEPTH - 1 - mapped->nsteps, &losses);
	if (value == NULL)
	{
		if (draft->arena.failed)
			ecapi_draft_out_of_memory();
		refuse_value(draft, mapped);
	}
	if (losses.deep > 0)
		ecapi_draft_lose(draft, mapped->path, mapped->field, ECAPI_VIOLATION_DEPTH,
						 "nested too deeply");
	if (losses.text > 0)
		ecapi_draft_lose(draft, mapped->path, mapped->field, ECAPI_VIOLATION_TEXT,
						 "text that cannot be read");
	return value;
}

static void
set_source(EcapiProgram *program, EcapiDraft *draft, const Source *source,
		   TupleTableSlot *new)
{
	const EcapiMapped *mapped = source->mapped;
	const char *step = mapped->steps[mapped->nsteps - 1];
	EcapiValue *value = source_value(program, draft, source, new);

	if (value &&
		!ecapi_value_set(&draft->arena, parent_object(draft, mapped), step, strlen(step),
						 value))
		ecapi_draft_out_of_memory();
}

/* The i-th column that names an event. */
static const Column *
id_column(const EcapiProgram *program, int i)
{
	return i < program->nkeys ? &program->keys[i] : &program->changes[i - program->nkeys];
}

int
ecapi_program_id_columns(const EcapiProgram *program, AttrNumber *columns)
{
	int			n = Min(program->nkeys + program->nchanges, ECAPI_ID_COLUMNS);

	if (ecapi_program_maps(program, "id"))
		return 0;
	for (int i = 0; i < n; i++)
		columns[i] = id_column(program, i)->number;
	return n;
}

/* table:key:event_type[:changed value...] */
char *
ecapi_program_id(const EcapiProgram *program, const Datum *values, const bool *nulls)
{
	StringInfoData id;

	initStringInfo(&id);
	appendStringInfoString(&id, program->table);
	for (int i = 0; i < program->nkeys + program->nchanges; i++)
	{
		if (i < program->nkeys && nulls[i])
			return NULL;
		if (i == program->nkeys)
			appendStringInfo(&id, ":%s", program->track->event_type);
		/* one of several changes may be null: its place stays empty */
		appendStringInfoChar(&id, ':');
		if (!nulls[i])
			appendStringInfoString(&id, ecapi_datum_key(id_column(program, i)->type, values[i]));
	}
	if (program->nchanges == 0)
		appendStringInfo(&id, ":%s", program->track->event_type);
	return id.data;
}

static void
set_id(EcapiProgram *program, EcapiDraft *draft, TupleTableSlot *new)
{
	int			n = program->nkeys + program->nchanges;
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(n, 1));
	const char *id;

	program->place = "id";
	if (ecapi_program_maps(program, "id"))
	{
		ecapi_draft_fail(draft, "id", ECAPI_VIOLATION_MISSING, "the mapped id is null",
						 "An event needs an id that never changes.");
		return;
	}
	for (int i = 0; i < n; i++)
		values[i] = slot_getattr(new, id_column(program, i)->number, &nulls[i]);
	id = ecapi_program_id(program, values, nulls);
	if (id == NULL)
		ecapi_draft_fail(draft, "id", ECAPI_VIOLATION_MISSING, "a key column is null",
						 "An event needs an id that never changes.");
	else
		ecapi_draft_set(draft, "id", ecapi_value_text(&draft->arena, ECAPI_STRING, id,
													  strlen(id)));
}

/*
 * The value of "*" as a fragment.  What is no JSON document that can be read
 * says nothing, as ecapi.context does.
 */
static void
merge_fragment(EcapiProgram *program, EcapiDraft *draft, TupleTableSlot *new)
{
	EcapiFragment fragment = {.name = program->fragment->mapped->path};

	fragment.takes = program->track->takes;
	fragment.tree = source_value(program, draft, program->fragment, new);
	if (fragment.tree != NULL)
		ecapi_fragment_merge(draft, &fragment);
}

static void
merge_context(const EcapiProgram *program, EcapiDraft *draft, const EcapiValue *context)
{
	EcapiFragment fragment = {.name = "ecapi.context", .shared = true};

	fragment.takes = program->track->takes & ~ECAPI_TAKES_ID;
	fragment.tree = unconstify(EcapiValue *, context);
	ecapi_fragment_merge(draft, &fragment);
}

static void
set_seconds(EcapiDraft *draft, int64 seconds)
{
	char		text[MAXINT8LEN + 1];
	int			len = pg_lltoa(seconds, text);

	ecapi_draft_set(draft, "timestamp",
					ecapi_value_text(&draft->arena, ECAPI_NUMBER, text, len));
}

void
ecapi_program_fill(EcapiProgram *program, EcapiDraft *draft, TupleTableSlot *new,
				   TupleTableSlot *old, const EcapiValue *context, int64 captured_at,
				   bool mapped_only)
{
	draft->lenient = true;
	draft->given = ecapi_value_new(&draft->arena, ECAPI_OBJECT);
	if (draft->given == NULL)
		ecapi_draft_out_of_memory();
	ecapi_expressions_row(program->expressions, new, old);

	ecapi_draft_set(draft, "event_type",
					ecapi_value_text(&draft->arena, ECAPI_STRING,
									 program->track->event_type,
									 strlen(program->track->event_type)));
	for (int i = 0; i < program->nsources; i++)
		set_source(program, draft, &program->sources[i], new);
	if (!mapped_only && program->fragment)
		merge_fragment(program, draft, new);
	if (!mapped_only && context)
		merge_context(program, draft, context);
	if (ecapi_draft_lacks(draft, "id"))
		set_id(program, draft, new);
	if (captured_at != 0 && ecapi_draft_lacks(draft, "timestamp"))
		set_seconds(draft, captured_at);
}
