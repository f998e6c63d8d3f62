/*
 * json_text.c
 *	  JSON text that anybody may have written, as a tree.
 *
 * Type json, and the setting ecapi.context, take escapes that stand for no
 * character: half a surrogate pair, \u0000, what the server's encoding lacks.
 * jsonb does not, and the server's parser stops at the first of them.  A
 * browser that cuts a title in the middle of an emoji must not cost an order
 * its event, so the text is prepared for that parser:
 *
 *	  1. A text with such an escape becomes null, which says nothing, and as a
 *		 key a name by which the reader knows that its member is to be left out.
 *	  2. What is nested too deeply becomes null, so that the parser's recursion
 *		 is bounded, too.
 *	  3. All else stays byte for byte; whether it is JSON is left to the parser.
 *
 * That takes one pass over the bytes.  An author of the key that stands for a
 * lost one loses that member, and nothing else.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "event/json_scan.h"
#include "event/members.h"
#include "event/validate.h"
#include "rowsql/json_text.h"

/*
 * A lost key: as it stands in the text, and as it is read.  It is no longer than the
 * shortest key that can be lost, one byte in quotes (see max_prepared).
 */
#define LOST_KEY		"\"\177\""
#define LOST_KEY_READ	"\177"

/* What a value takes beside its text and key; see budget. */
#define VALUE_COST		8

/* ------------------------------------------------------------------------
 * Preparing the text
 * ------------------------------------------------------------------------
 */

typedef struct TextScan
{
	const char *json;
	size_t		len;
	size_t		at;
	char	   *to;				/* max_prepared(len) bytes */
	size_t		written;
	int			depth;
	int			max_depth;
	Oid			conversion;		/* from UTF-8; looked up on demand */
	bool		looked_up;
	EcapiLosses *losses;
} TextScan;

/*
 * Bytes that a text of len takes once it is prepared, with its NUL.  What is replaced
 * by null has two bytes or more ("[]", or a quote and what follows), so it becomes
 * twice as long at most; only an array or object that the end of the text cuts off
 * may have one.  A key becomes no longer.
 */
static size_t
max_prepared(size_t len)
{
	return len * 2 + 2 + 1;
}

static void
put(TextScan *scan, const char *bytes, size_t len)
{
	memcpy(scan->to + scan->written, bytes, len);
	scan->written += len;
}

/* Whether the server's encoding can hold a character. */
static bool
has_character(TextScan *scan, pg_wchar c)
{
	unsigned char utf8[8];
	unsigned char server[64];
	int			len;

	if (c == 0)
		return false;
	if (c < 0x80 || GetDatabaseEncoding() == PG_UTF8)
		return true;
	if (!scan->looked_up)
		scan->conversion = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
	scan->looked_up = true;
	if (!OidIsValid(scan->conversion))
		return false;
	unicode_to_utf8(c, utf8);
	len = pg_utf_mblen(utf8);
	return pg_do_encoding_conversion_buf(scan->conversion, PG_UTF8, GetDatabaseEncoding(),
										 utf8, len, server, sizeof(server), true) == len;
}

/* Behind an escape that begins there; *bad if it stands for no character of ours. */
static size_t
skip_escape(TextScan *scan, size_t at, bool *bad)
{
	const char *text = scan->json + at;
	size_t		len = scan->len - at;
	int			unit = ecapi_json_escaped_unit(text, len);
	int			low;

	if (unit < 0)
		return at + 2;
	if (unit < 0xD800 || unit > 0xDFFF)
	{
		if (!has_character(scan, unit))
			*bad = true;
		return at + 6;
	}
	low = unit < 0xDC00 ? ecapi_json_escaped_unit(text + 6, len - 6) : -1;
	if (low < 0xDC00 || low > 0xDFFF)
	{
		*bad = true;
		return at + 6;
	}
	if (!has_character(scan, surrogate_pair_to_codepoint(unit, low)))
		*bad = true;
	return at + 12;
}

/* Behind the text whose quote stands there; the end where it has none. */
static size_t
skip_string(TextScan *scan, size_t at, bool *bad)
{
	for (at++; at < scan->len && scan->json[at] != '"';)
	{
		if (scan->json[at] == '\\')
			at = skip_escape(scan, at, bad);
		else
			at++;
	}
	return at < scan->len ? at + 1 : scan->len;
}

/* Whether the text that ends before that place is a key. */
static bool
is_key(const TextScan *scan, size_t at)
{
	while (at < scan->len && (scan->json[at] == ' ' || scan->json[at] == '\t' ||
							  scan->json[at] == '\n' || scan->json[at] == '\r'))
		at++;
	return at < scan->len && scan->json[at] == ':';
}

static void
take_string(TextScan *scan)
{
	bool		bad = false;
	size_t		end = skip_string(scan, scan->at, &bad);

	if (!bad && ecapi_tree_is_text(scan->json + scan->at, (int) (end - scan->at)))
		put(scan, scan->json + scan->at, end - scan->at);
	else
	{
		scan->losses->text++;
		if (is_key(scan, end))
			put(scan, LOST_KEY, strlen(LOST_KEY));
		else
			put(scan, "null", 4);
	}
	scan->at = end;
}

/* Pass over an array or object that begins here and is too deep. */
static void
skip_nested(TextScan *scan)
{
	int			open = 0;
	bool		bad;

	do
	{
		char		c = scan->json[scan->at];

		CHECK_FOR_INTERRUPTS();
		if (c == '"')
		{
			scan->at = skip_string(scan, scan->at, &bad);
			continue;
		}
		if (c == '[' || c == '{')
			open++;
		else if (c == ']' || c == '}')
			open--;
		scan->at++;
	} while (open > 0 && scan->at < scan->len);
	scan->losses->deep++;
	put(scan, "null", 4);
}

static void
prepare(TextScan *scan)
{
	while (scan->at < scan->len)
	{
		char		c = scan->json[scan->at];

		CHECK_FOR_INTERRUPTS();
		if (c == '"')
		{
			take_string(scan);
			continue;
		}
		if (c == '[' || c == '{')
		{
			if (scan->depth == scan->max_depth)
			{
				skip_nested(scan);
				continue;
			}
			scan->depth++;
		}
		else if ((c == ']' || c == '}') && scan->depth > 0)
			scan->depth--;
		scan->to[scan->written++] = c;
		scan->at++;
	}
	scan->to[scan->written] = '\0';
}

/* ------------------------------------------------------------------------
 * Reading it
 * ------------------------------------------------------------------------
 */

typedef struct Reader
{
	EcapiArena *arena;
	EcapiValue *open[ECAPI_MAX_DEPTH];
	int			depth;
	char	   *key;			/* of the member that comes next */
	EcapiValue *root;
	size_t		left;			/* of the budget */
	EcapiLosses *losses;
	bool		failed;			/* no memory */
} Reader;

/* Make a value a member of the object; what may not stay has no parent. */
static void
add_member(Reader *reader, EcapiValue *object, EcapiValue *value)
{
	size_t		keylen = strlen(reader->key);

	if (strcmp(reader->key, LOST_KEY_READ) == 0)
		return;
	if (keylen > reader->left)
	{
		reader->losses->large++;
		return;
	}
	reader->left -= keylen;
	value->key = ecapi_arena_copy(reader->arena, reader->key, keylen);
	value->keylen = (uint32) keylen;
	if (value->key == NULL)
		reader->failed = true;
	else
		ecapi_value_append(object, value);
}

static void
add_value(Reader *reader, EcapiValue *value)
{
	EcapiValue *parent = reader->depth > 0 ? reader->open[reader->depth - 1] : NULL;

	if (value == NULL)
		reader->failed = true;
	if (reader->failed)
		return;
	if (parent == NULL)
		reader->root = value;
	else if (parent->type == ECAPI_OBJECT)
		add_member(reader, parent, value);
	else
		ecapi_value_append(parent, value);
}

/* Take the room for a value of that many bytes; false: there is too little. */
static bool
take_room(Reader *reader, size_t len)
{
	if (len + VALUE_COST > reader->left)
	{
		reader->losses->large++;
		return false;
	}
	reader->left -= len + VALUE_COST;
	return true;
}

/*
 * An array or object takes as much as a scalar.  Where there is no room for it, there
 * is none for what is in it either: what is open then is never looked at.
 */
static void
open_value(Reader *reader, EcapiType type)
{
	EcapiValue *value = NULL;

	if (take_room(reader, 0))
	{
		value = ecapi_value_new(reader->arena, type);
		add_value(reader, value);
	}
	/* the text was prepared: it is no deeper than there are places */
	reader->open[reader->depth++] = value;
}

static ECAPI_JSON_ACTION
object_start(void *state)
{
	open_value(state, ECAPI_OBJECT);
	ECAPI_JSON_GO_ON();
}

static ECAPI_JSON_ACTION
array_start(void *state)
{
	open_value(state, ECAPI_ARRAY);
	ECAPI_JSON_GO_ON();
}

static ECAPI_JSON_ACTION
object_end(void *state)
{
	Reader	   *reader = state;
	EcapiValue *object = reader->open[--reader->depth];

	if (!reader->failed && object != NULL && !ecapi_members_unique(reader->arena, object))
		reader->failed = true;
	ECAPI_JSON_GO_ON();
}

static ECAPI_JSON_ACTION
array_end(void *state)
{
	((Reader *) state)->depth--;
	ECAPI_JSON_GO_ON();
}

static ECAPI_JSON_ACTION
field_start(void *state, char *name, bool isnull)
{
	((Reader *) state)->key = name;
	ECAPI_JSON_GO_ON();
}

static ECAPI_JSON_ACTION
scalar(void *state, char *token, JsonTokenType type)
{
	Reader	   *reader = state;
	EcapiArena *arena = reader->arena;
	size_t		len = type == JSON_TOKEN_STRING || type == JSON_TOKEN_NUMBER ? strlen(token) : 0;

	if (!take_room(reader, len))
		ECAPI_JSON_GO_ON();
	switch (type)
	{
		case JSON_TOKEN_STRING:
			add_value(reader, ecapi_value_text(arena, ECAPI_STRING, token, len));
			break;
		case JSON_TOKEN_NUMBER:
			add_value(reader, ecapi_value_text(arena, ECAPI_NUMBER, token, len));
			break;
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			add_value(reader, ecapi_value_bool(arena, type == JSON_TOKEN_TRUE));
			break;
		default:
			add_value(reader, ecapi_value_new(arena, ECAPI_NULL));
			break;
	}
	ECAPI_JSON_GO_ON();
}

EcapiValue *
ecapi_json_text(EcapiArena *arena, const char *json, size_t len, int max_depth,
				size_t budget, EcapiLosses *losses)
{
	TextScan		scan = {.json = json, .len = len, .max_depth = max_depth, .losses = losses};
	Reader		reader = {.arena = arena, .left = budget, .losses = losses};
	JsonSemAction actions = {0};
	JsonParseErrorType result;

	Assert(max_depth <= ECAPI_MAX_DEPTH);
	memset(losses, 0, sizeof(*losses));
	scan.to = palloc(max_prepared(len));
	prepare(&scan);

	actions.semstate = &reader;
	actions.object_start = object_start;
	actions.object_end = object_end;
	actions.array_start = array_start;
	actions.array_end = array_end;
	actions.object_field_start = field_start;
	actions.scalar = scalar;
	result = pg_parse_json(ecapi_json_lexer(scan.to, scan.written, GetDatabaseEncoding()),
						   &actions);
	pfree(scan.to);
	return result == JSON_SUCCESS && !reader.failed && !arena->failed ? reader.root : NULL;
}
