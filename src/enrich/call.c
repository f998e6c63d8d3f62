/*
 * call.c
 *	  One enrichment, called with one page: what it answers.
 *
 * SELECT seq, patch FROM schema.function($1), with the page as a constant of a
 * plan made for this call.  So a STABLE function in SQL is inlined, its joins are
 * planned with the tables they read, and for as many events as there are; and a
 * plan never outlives what it was made from, be it a function, an index or a
 * role.  Planning costs as much as a few dozen events.
 *
 * The statement names the function, and names move.  After the analysis it is
 * checked that what it found is the function that was resolved: else, by a rename
 * at the right moment, one function would run with the rights of another.
 *
 * The answer is taken row by row as it is made.  At most one patch for each event
 * is kept, and max_bytes of all; so a million rows for one event cost the time that
 * the limit gives them, and no memory.
 *
 * Ownership: patches live in the arena; all else goes with the run.  When the
 * call fails, the arena keeps what was put there until it goes itself.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/tupdesc.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "base/statement.h"
#include "base/tree.h"
#include "enrich/call.h"
#include "enrich/columns.h"
#include "event/validate.h"
#include "settings.h"

/* Where an event stands in the page, by its seq. */
typedef struct Place
{
	int64		seq;
	int			index;
} Place;

typedef struct Call
{
	const EcapiEnrichment *enrichment;
	const EcapiEnrichedEvent *events;
	int			nevents;
	EcapiPatch *patches;
	EcapiArena *arena;
	size_t		max_bytes;

	Place	   *places;			/* sorted */
	size_t		bytes;			/* of patches so far */
	MemoryContext row;			/* of one row */
	int			sqlerrcode;		/* of wrong */
	const char *wrong;			/* why the function as a whole fails; NULL: it does not */
} Call;

typedef struct PatchReceiver
{
	DestReceiver pub;
	Call	   *call;
} PatchReceiver;

static int
compare_places(const void *a, const void *b)
{
	int64		seq_a = ((const Place *) a)->seq;
	int64		seq_b = ((const Place *) b)->seq;

	return seq_a < seq_b ? -1 : seq_a > seq_b;
}

static void
sort_places(Call *call)
{
	call->places = palloc(sizeof(Place) * call->nevents);
	for (int i = 0; i < call->nevents; i++)
		call->places[i] = (Place) {call->events[i].seq, i};
	qsort(call->places, call->nevents, sizeof(Place), compare_places);
}

/* The function fails; reading ends. */
static bool
fail(Call *call, int sqlerrcode, const char *wrong)
{
	call->sqlerrcode = sqlerrcode;
	call->wrong = wrong;
	return false;
}

/* Texts of a tree that SQL made, from the server encoding to UTF-8, in the arena. */
static bool
make_utf8(EcapiArena *arena, const char **text, uint32 *len)
{
	char	   *converted = pg_server_to_any(*text, *len, PG_UTF8);

	if (converted == *text)
		return true;
	*len = strlen(converted);
	*text = ecapi_arena_copy(arena, converted, *len);
	return *text != NULL;
}

static bool
make_tree_utf8(EcapiArena *arena, EcapiValue *value)
{
	if (value->key != NULL && !make_utf8(arena, &value->key, &value->keylen))
		return false;
	if (value->type == ECAPI_STRING && !make_utf8(arena, &value->text, &value->len))
		return false;
	for (EcapiValue *child = value->first; child; child = child->next)
		if (!make_tree_utf8(arena, child))
			return false;
	return true;
}

/* Take a patch that is not NULL. */
static bool
take_patch(Call *call, EcapiPatch *patch, Datum datum)
{
	Size		size = toast_raw_datum_size(datum);
	Jsonb	   *jsonb;
	EcapiValue *tree;

	if (patch->given)
	{
		patch->patch = NULL;
		patch->problem = "there are several patches for it";
		return true;
	}
	patch->given = true;
	if (size > (Size) ecapi_max_event_size * 1024 * ECAPI_JSONB_BLOAT)
	{
		patch->problem = "the patch is larger than an event may be";
		return true;
	}
	call->bytes += size;
	if (call->bytes > call->max_bytes)
		return fail(call, ERRCODE_PROGRAM_LIMIT_EXCEEDED, "its patches for a page are too large");

	jsonb = DatumGetJsonbP(datum);
	if (!JB_ROOT_IS_OBJECT(jsonb))
	{
		patch->problem = "the patch is not a JSON object";
		return true;
	}
	tree = ecapi_tree_from_jsonb(call->arena, jsonb, ECAPI_MAX_DEPTH);
	if (tree != NULL && GetDatabaseEncoding() != PG_UTF8 &&
		!make_tree_utf8(call->arena, tree))
		tree = NULL;
	if (call->arena->failed)
		return fail(call, ERRCODE_OUT_OF_MEMORY, "there is no memory for its patches");
	if (tree == NULL)
		patch->problem = "the patch is nested too deeply";
	patch->patch = tree;
	return true;
}

static bool
receive_patch(TupleTableSlot *slot, DestReceiver *self)
{
	Call	   *call = ((PatchReceiver *) self)->call;
	MemoryContext old;
	Place		key;
	Place	   *place;
	bool		go_on;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0])
		return fail(call, ERRCODE_NULL_VALUE_NOT_ALLOWED, "it returns a seq that is null");
	key.seq = DatumGetInt64(slot->tts_values[0]);
	place = bsearch(&key, call->places, call->nevents, sizeof(Place), compare_places);
	if (place == NULL)
		return fail(call, ERRCODE_INVALID_PARAMETER_VALUE,
					"it returns a seq that is not in the page");
	if (slot->tts_isnull[1])
		return true;
	old = MemoryContextSwitchTo(call->row);
	go_on = take_patch(call, &call->patches[place->index], slot->tts_values[1]);
	MemoryContextSwitchTo(old);
	MemoryContextReset(call->row);
	return go_on;
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc type)
{
}

static void
receiver_nothing(DestReceiver *self)
{
}

/* Whether that is the statement's function, and its result is as it was. */
static bool
calls_function(SPIPlanPtr plan, Oid function)
{
	List	   *sources = SPI_plan_get_plan_sources(plan);
	CachedPlanSource *source = linitial(sources);
	Query	   *query = linitial_node(Query, source->query_list);
	RangeTblEntry *rte = linitial_node(RangeTblEntry, query->rtable);
	RangeTblFunction *call;

	if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1)
		return false;
	call = linitial_node(RangeTblFunction, rte->functions);
	return IsA(call->funcexpr, FuncExpr) &&
		castNode(FuncExpr, call->funcexpr)->funcid == function &&
		TupleDescAttr(source->resultDesc, 0)->atttypid == INT8OID &&
		TupleDescAttr(source->resultDesc, 1)->atttypid == JSONBOID;
}

/* The statement, or NULL when the function is not what it was. */
static SPIPlanPtr
prepare(Oid function, Oid page_type)
{
	char	   *schema = get_namespace_name(get_func_namespace(function));
	char	   *name = get_func_name(function);
	SPIPlanPtr	plan;

	if (schema == NULL || name == NULL)
		return NULL;
	plan = SPI_prepare_cursor(psprintf("SELECT f.seq, f.patch FROM %s($1) AS f",
									   quote_qualified_identifier(schema, name)),
							  1, &page_type, CURSOR_OPT_CUSTOM_PLAN);
	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not prepare the call of an enrichment: %s",
						SPI_result_code_string(SPI_result))));
	return calls_function(plan, function) ? plan : NULL;
}

/* In a run of users' SQL. */
static void
call_function(void *arg)
{
	Call	   *call = arg;
	PatchReceiver receiver = {
		.pub = {
			.receiveSlot = receive_patch,
			.rStartup = receiver_startup,
			.rShutdown = receiver_nothing,
			.rDestroy = receiver_nothing,
			.mydest = DestNone
		},
		.call = call
	};
	Oid			page_type = get_array_type(ecapi_event_row_type());
	SPIExecuteOptions options = {0};
	SPIPlanPtr	plan;
	Datum		page;
	int			result;

	sort_places(call);
	call->row = AllocSetContextCreate(CurrentMemoryContext, "ecapi patch",
									  ALLOCSET_DEFAULT_SIZES);
	plan = prepare(call->enrichment->function, page_type);
	if (plan == NULL)
	{
		(void) fail(call, ERRCODE_UNDEFINED_FUNCTION, "it was changed meanwhile");
		return;
	}
	page = ecapi_event_rows(call->events, call->nevents,
							ecapi_columns_of(call->enrichment->function) |
							(call->enrichment->sees_identifiers ? 0 : ECAPI_IDENTIFIERS_HASHED));
	options.params = ecapi_params(1, &page_type, &page, NULL);
	options.read_only = true;
	options.dest = &receiver.pub;
	result = SPI_execute_plan_extended(plan, &options);
	if (result < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not call an enrichment: %s", SPI_result_code_string(result))));
}

/* The error's message says which enrichment it is about. */
static void
name_enrichment(const EcapiEnrichment *enrichment, const char *what, EcapiUserError *error)
{
	char		message[sizeof(error->message)];

	strlcpy(message, what, sizeof(message));
	snprintf(error->message, sizeof(error->message), "enrichment \"%s\": %s",
			 enrichment->name, message);
}

bool
ecapi_enrichment_call(const EcapiEnrichment *enrichment,
					  const EcapiEnrichedEvent *events, int nevents,
					  EcapiPatch *patches, EcapiArena *arena,
					  int timeout_ms, size_t max_bytes, EcapiUserError *error)
{
	Call		call = {
		.enrichment = enrichment,
		.events = events,
		.nevents = nevents,
		.patches = patches,
		.arena = arena,
		.max_bytes = max_bytes
	};

	if (!ecapi_user_sql_run(call_function, &call, enrichment->role, timeout_ms,
							enrichment->function, error))
	{
		name_enrichment(enrichment, error->message, error);
		return false;
	}
	if (call.wrong != NULL)
	{
		memset(error, 0, sizeof(EcapiUserError));
		error->sqlerrcode = call.sqlerrcode;
		name_enrichment(enrichment, call.wrong, error);
		return false;
	}
	return true;
}
