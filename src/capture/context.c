/*
 * context.c
 *	  The setting ecapi.context: what the application knows of this transaction.
 *
 * A web application has what no row has: the visitor's address, user agent,
 * click ids.  It sets them, as a fragment of an event, in the transaction that
 * places the order:
 *
 *	  SET LOCAL ecapi.context = '{"user_data": {"event_ip_address": "..."}}';
 *
 * Connections are shared.  With a plain SET, or set_config(..., false), the
 * value outlives its transaction and meets the next visitor's order on the
 * same connection.  So each value carries the number of the transaction that
 * assigned it (the local transaction id, which a backend does not use twice
 * before it has run four thousand million of them), and counts in no other.
 * A value that a role, a database or a file brings is of no transaction.
 *
 * JSON is read by the server's own parser, with numbers kept as text, into a
 * tree that is made once for a transaction.  That parser reports errors by
 * value, so a check of the setting raises none.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "capture/context.h"
#include "tree.h"
#include "event/validate.h"

/* What a value of the setting carries. */
typedef struct Extra
{
	LocalTransactionId assigned_in; /* invalid: in none */
} Extra;

static const char *current = NULL;	/* the setting */
static LocalTransactionId assigned_in = InvalidLocalTransactionId;

/* Its tree, made on demand in the transaction's memory. */
static const EcapiValue *tree = NULL;
static const char *tree_of = NULL;	/* the value that tree was made of */
static LocalTransactionId tree_in = InvalidLocalTransactionId;

typedef struct Reader
{
	EcapiArena	arena;
	EcapiValue *open[ECAPI_MAX_DEPTH];
	int			depth;
	char	   *key;			/* of the member that comes next */
	EcapiValue *root;
	bool		failed;			/* too deep, or no memory */
} Reader;

static void
add_value(Reader *reader, EcapiValue *value)
{
	if (value == NULL)
		reader->failed = true;
	if (reader->failed)
		return;
	if (reader->depth == 0)
		reader->root = value;
	else if (reader->open[reader->depth - 1]->type == ECAPI_ARRAY)
		ecapi_value_append(reader->open[reader->depth - 1], value);
	else if (!ecapi_value_set(&reader->arena, reader->open[reader->depth - 1],
							  reader->key, strlen(reader->key), value))
		reader->failed = true;
}

static void
open_value(Reader *reader, EcapiType type)
{
	EcapiValue *value = ecapi_value_new(&reader->arena, type);

	if (reader->depth == ECAPI_MAX_DEPTH)
		reader->failed = true;
	add_value(reader, value);
	if (!reader->failed)
		reader->open[reader->depth] = value;
	reader->depth++;
}

static void
object_start(void *state)
{
	open_value(state, ECAPI_OBJECT);
}

static void
array_start(void *state)
{
	open_value(state, ECAPI_ARRAY);
}

static void
value_end(void *state)
{
	((Reader *) state)->depth--;
}

static void
field_start(void *state, char *name, bool isnull)
{
	((Reader *) state)->key = name;
}

static void
scalar(void *state, char *token, JsonTokenType type)
{
	Reader	   *reader = state;
	EcapiArena *arena = &reader->arena;

	switch (type)
	{
		case JSON_TOKEN_STRING:
			add_value(reader, ecapi_value_text(arena, ECAPI_STRING, token, strlen(token)));
			break;
		case JSON_TOKEN_NUMBER:
			add_value(reader, ecapi_value_text(arena, ECAPI_NUMBER, token, strlen(token)));
			break;
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			add_value(reader, ecapi_value_bool(arena, type == JSON_TOKEN_TRUE));
			break;
		default:
			add_value(reader, ecapi_value_new(arena, ECAPI_NULL));
			break;
	}
}

/* See context.h. */
EcapiValue *
ecapi_context_parse(const char *json, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	Reader		reader = {0};
	JsonSemAction actions = {0};
	JsonLexContext *lexer;
	JsonParseErrorType result;

	actions.semstate = &reader;
	actions.object_start = object_start;
	actions.object_end = value_end;
	actions.array_start = array_start;
	actions.array_end = value_end;
	actions.object_field_start = field_start;
	actions.scalar = scalar;
	ecapi_tree_arena(&reader.arena, context);

	lexer = makeJsonLexContextCstringLen(unconstify(char *, json), strlen(json),
										 GetDatabaseEncoding(), true);
	result = pg_parse_json(lexer, &actions);
	MemoryContextSwitchTo(caller);
	return result == JSON_SUCCESS && !reader.failed && !reader.arena.failed ?
		reader.root : NULL;
}

/* See context.h. */
const EcapiValue *
ecapi_context(void)
{
	if (current == NULL || current[0] == '\0' ||
		assigned_in == InvalidLocalTransactionId || assigned_in != MyProc->lxid)
		return NULL;
	if (tree_in != assigned_in || tree_of != current)
	{
		tree = ecapi_context_parse(current, TopTransactionContext);
		tree_of = current;
		tree_in = assigned_in;
	}
	return tree;
}

/* The usual message would show the value, and so write it to the log. */
static bool
refuse(const char *detail)
{
	GUC_check_errmsg("invalid value for parameter \"%s\"", "ecapi.context");
	GUC_check_errdetail("%s", detail);
	GUC_check_errhint("Give a fragment of an event, such as {\"user_data\": {\"event_user_agent\": \"...\"}}.");
	return false;
}

/* A JSON object that sets neither id nor event type, or nothing. */
bool
ecapi_context_check(char **value, void **extra, GucSource source)
{
	MemoryContext context;
	const EcapiValue *object;
	bool		is_object;
	bool		sets_id;
	Extra	   *mine;

	if (strlen(*value) > ECAPI_MAX_CONTEXT)
		return refuse("The value is larger than 64 kB.");
	if ((*value)[0] != '\0')
	{
		context = AllocSetContextCreate(CurrentMemoryContext, "ecapi context",
										ALLOCSET_DEFAULT_SIZES);
		object = ecapi_context_parse(*value, context);
		is_object = object != NULL && object->type == ECAPI_OBJECT;
		sets_id = is_object && (ecapi_value_get(object, "id") != NULL ||
								ecapi_value_get(object, "event_type") != NULL);
		MemoryContextDelete(context);
		if (!is_object)
			return refuse("The value is not a JSON object.");
		if (sets_id)
			return refuse("Neither \"id\" nor \"event_type\" can be set for all events of a transaction.");
	}

	mine = malloc(sizeof(Extra));
	if (mine == NULL)
		return false;
	mine->assigned_in = source >= PGC_S_SESSION && IsTransactionState() && MyProc ?
		MyProc->lxid : InvalidLocalTransactionId;
	*extra = mine;
	return true;
}

void
ecapi_context_assign(const char *value, void *extra)
{
	current = value;
	assigned_in = extra ? ((Extra *) extra)->assigned_in : InvalidLocalTransactionId;
	tree_of = NULL;
}
