/*
 * program.c
 *	  A track compiled for one relation: which rows are events, and which.
 *
 * When a row fires:
 *	  neither condition nor on_change	it is new
 *	  condition				edge: it holds, and did not hold before (a new row
 *							had no before).  One that mentions old says itself
 *							which change it means, and is taken as it stands
 *	  on_change				a listed column became another value, not null, and
 *							the condition, if there is one, holds
 * As history a row fires if the condition holds.
 *
 * Its event is three layers, each under the one before: the mapped
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

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "capture/fragment.h"
#include "capture/program.h"
#include "rowsql/expression.h"

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

/* Whether a column became another value, and not null. */
static bool
has_changed(const EcapiProgramColumn *column, TupleTableSlot *new, TupleTableSlot *old)
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
source_value(EcapiProgram *program, EcapiDraft *draft, const EcapiProgramSource *source,
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
set_source(EcapiProgram *program, EcapiDraft *draft, const EcapiProgramSource *source,
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
static const EcapiProgramColumn *
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
	bool		priced;

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
	priced = !ecapi_draft_lacks(draft, "value");
	if (!mapped_only && program->fragment)
		merge_fragment(program, draft, new);
	if (!mapped_only && context)
		merge_context(program, draft, context);
	if (!priced)
		ecapi_fragment_check_value(draft);
	if (ecapi_draft_lacks(draft, "id"))
		set_id(program, draft, new);
	if (captured_at != 0 && ecapi_draft_lacks(draft, "timestamp"))
		set_seconds(draft, captured_at);
}
