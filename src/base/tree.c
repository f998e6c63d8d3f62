/*
 * tree.c
 *	  jsonb as a tree of values, and back.
 *
 * This is where the server's memory and JSON meet the pure code.  Memory is a
 * context's, asked for in a way that returns NULL instead of raising, as the
 * pure code expects; the jsonb is walked with the server's iterator, which
 * allocates in the current context.
 *
 * Texts stay in the server encoding.  Every such encoding keeps ASCII bytes
 * for ASCII characters, so JSON's syntax and the standard's names mean the
 * same in all of them; what is read from the outbox is UTF-8 again.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/number.h"
#include "base/tree.h"

static void *
grab(void *owner, size_t size)
{
	if (!AllocSizeIsValid(size))
		return NULL;
	return MemoryContextAllocExtended((MemoryContext) owner, size, MCXT_ALLOC_NO_OOM);
}

static void *
grab_or_stop(void *owner, size_t size)
{
	CHECK_FOR_INTERRUPTS();
	return grab(owner, size);
}

/*
 * There is no repalloc() that returns NULL before PostgreSQL 16.  An error
 * passing through the buffer's code does no harm: it holds nothing.
 */
static void *
resize(void *owner, void *old, size_t size)
{
	if (old == NULL)
		return grab(owner, size);
	return AllocSizeIsValid(size) ? repalloc(old, size) : NULL;
}

void
ecapi_tree_arena(EcapiArena *arena, MemoryContext context)
{
	ecapi_arena_init(arena, grab, context);
}

void
ecapi_tree_stoppable_arena(EcapiArena *arena, MemoryContext context)
{
	ecapi_arena_init(arena, grab_or_stop, context);
}

void
ecapi_tree_buffer(EcapiBuffer *buffer, size_t max, MemoryContext context)
{
	ecapi_buffer_init(buffer, max, resize, context);
}

void
ecapi_tree_out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("An event could not be read or written.")));
}

EcapiValue *
ecapi_tree_parse(EcapiArena *arena, const char *text, size_t len,
				 char *error, size_t error_size)
{
	EcapiValue *value = ecapi_json_parse(arena, text, len, error, error_size);

	if (value == NULL && arena->failed)
		ecapi_tree_out_of_memory();
	return value;
}

/* Only SQL_ASCII lets anything in; what is sent later must be UTF-8. */
bool
ecapi_tree_is_text(const char *text, int len)
{
	return GetDatabaseEncoding() != PG_SQL_ASCII || pg_verify_mbstr(PG_UTF8, text, len, true);
}

void
ecapi_tree_check_text(const char *text, int len)
{
	if (!ecapi_tree_is_text(text, len))
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("invalid event: text is not UTF-8"),
				 errhint("In a database of encoding SQL_ASCII, events must be given in UTF-8.")));
}

/* Whether a text is to be left out.  Where nothing may be, that is an error. */
static bool
is_lost(const JsonbValue *text, EcapiLosses *losses)
{
	if (ecapi_tree_is_text(text->val.string.val, text->val.string.len))
		return false;
	if (losses == NULL)
		ecapi_tree_check_text(text->val.string.val, text->val.string.len);
	else
		losses->text++;
	return true;
}

static EcapiValue *
scalar_value(EcapiArena *arena, const JsonbValue *scalar, EcapiLosses *losses)
{
	char	   *digits;

	switch (scalar->type)
	{
		case jbvBool:
			return ecapi_value_bool(arena, scalar->val.boolean);
		case jbvNumeric:
			digits = ecapi_number_text(scalar->val.numeric);
			return ecapi_value_text(arena, ECAPI_NUMBER, digits, strlen(digits));
		case jbvString:
			if (is_lost(scalar, losses))
				return ecapi_value_new(arena, ECAPI_NULL);
			return ecapi_value_text(arena, ECAPI_STRING, scalar->val.string.val,
									scalar->val.string.len);
		default:
			return ecapi_value_new(arena, ECAPI_NULL);
	}
}

/* Pass over the rest of an array or object that has just begun. */
static void
skip_nested(JsonbIterator **it)
{
	JsonbIteratorToken token;
	JsonbValue	item;
	int			open = 1;

	while (open > 0)
	{
		CHECK_FOR_INTERRUPTS();
		token = JsonbIteratorNext(it, &item, false);
		if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
			open++;
		else if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
			open--;
	}
}

/* The tree; losses NULL: nothing may be left out. */
static EcapiValue *
read_jsonb(EcapiArena *arena, Jsonb *jsonb, int max_depth, EcapiLosses *losses)
{
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	item;
	EcapiValue **open = palloc(sizeof(EcapiValue *) * (max_depth + 1));
	EcapiValue *root = NULL;
	EcapiValue *child;
	char	   *key = NULL;
	uint32		keylen = 0;
	bool		key_lost = false;
	int			depth = 0;

	while ((token = JsonbIteratorNext(&it, &item, false)) != WJB_DONE)
	{
		bool		nested = token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT;

		CHECK_FOR_INTERRUPTS();
		switch (token)
		{
			case WJB_KEY:
				key_lost = is_lost(&item, losses);
				keylen = item.val.string.len;
				key = ecapi_arena_copy(arena, item.val.string.val, keylen);
				if (key == NULL)
					return NULL;
				continue;
			case WJB_END_ARRAY:
			case WJB_END_OBJECT:
				depth--;
				continue;
			case WJB_BEGIN_ARRAY:
				/* A scalar alone is stored as an array of one. */
				if (item.val.array.rawScalar)
				{
					JsonbIteratorNext(&it, &item, false);
					return scalar_value(arena, &item, losses);
				}
				break;
			default:
				break;
		}
		if (nested && depth == max_depth)
		{
			if (losses == NULL)
				return NULL;
			losses->deep++;
			skip_nested(&it);
			continue;
		}
		if (nested)
			child = ecapi_value_new(arena, token == WJB_BEGIN_ARRAY ? ECAPI_ARRAY : ECAPI_OBJECT);
		else
			child = scalar_value(arena, &item, losses);
		if (child == NULL)
			return NULL;

		if (depth == 0)
			root = child;
		else if (open[depth - 1]->type != ECAPI_OBJECT)
			ecapi_value_append(open[depth - 1], child);
		else if (!key_lost)
		{
			child->key = key;
			child->keylen = keylen;
			ecapi_value_append(open[depth - 1], child);
		}
		if (nested)
			open[depth++] = child;
	}
	return root;
}

EcapiValue *
ecapi_tree_from_jsonb(EcapiArena *arena, Jsonb *jsonb, int max_depth)
{
	return read_jsonb(arena, jsonb, max_depth, NULL);
}

EcapiValue *
ecapi_tree_from_any_jsonb(EcapiArena *arena, Jsonb *jsonb, int max_depth, EcapiLosses *losses)
{
	return read_jsonb(arena, jsonb, max_depth, losses);
}

static void
write_scalar(EcapiBuffer *buffer, const JsonbValue *scalar)
{
	char	   *digits;

	switch (scalar->type)
	{
		case jbvBool:
			ecapi_buffer_str(buffer, scalar->val.boolean ? "true" : "false");
			break;
		case jbvNumeric:
			digits = ecapi_number_text(scalar->val.numeric);
			ecapi_buffer_str(buffer, digits);
			pfree(digits);
			break;
		case jbvString:
			ecapi_json_string(buffer, scalar->val.string.val, scalar->val.string.len);
			break;
		default:
			ecapi_buffer_str(buffer, "null");
			break;
	}
}

void
ecapi_tree_write_jsonb(EcapiBuffer *buffer, Jsonb *jsonb)
{
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	item;
	bool		raw = false;
	bool		follows = false;	/* a value stands before, on the same level */

	while ((token = JsonbIteratorNext(&it, &item, false)) != WJB_DONE && !buffer->full)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
		{
			if (!raw)
				ecapi_buffer_char(buffer, token == WJB_END_ARRAY ? ']' : '}');
			follows = true;
			continue;
		}
		if (follows && token != WJB_VALUE)
			ecapi_buffer_char(buffer, ',');
		follows = false;
		switch (token)
		{
			case WJB_KEY:
				ecapi_json_string(buffer, item.val.string.val, item.val.string.len);
				ecapi_buffer_char(buffer, ':');
				break;
			case WJB_BEGIN_ARRAY:
				/* a scalar alone is stored as an array of one */
				raw = item.val.array.rawScalar;
				if (!raw)
					ecapi_buffer_char(buffer, '[');
				break;
			case WJB_BEGIN_OBJECT:
				ecapi_buffer_char(buffer, '{');
				break;
			default:			/* WJB_ELEM, WJB_VALUE */
				write_scalar(buffer, &item);
				follows = true;
				break;
		}
	}
}

/* A scalar as jsonb has it; texts are shared. */
static JsonbValue
jsonb_scalar(const EcapiValue *value)
{
	JsonbValue	scalar;

	switch (value->type)
	{
		case ECAPI_BOOL:
			scalar.type = jbvBool;
			scalar.val.boolean = value->truth;
			break;
		case ECAPI_NUMBER:
			scalar.type = jbvNumeric;
			scalar.val.numeric =
				DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(value->text),
													ObjectIdGetDatum(InvalidOid),
													Int32GetDatum(-1)));
			break;
		case ECAPI_STRING:
			scalar.type = jbvString;
			scalar.val.string.val = unconstify(char *, value->text);
			scalar.val.string.len = value->len;
			break;
		default:
			scalar.type = jbvNull;
			break;
	}
	return scalar;
}

static bool
is_container(const EcapiValue *value)
{
	return value->type == ECAPI_ARRAY || value->type == ECAPI_OBJECT;
}

/* Push a value and all below it; returns what was built when it was the last. */
static JsonbValue *
push_value(JsonbParseState **state, JsonbIteratorToken token, const EcapiValue *value)
{
	bool		object = value->type == ECAPI_OBJECT;
	JsonbValue	item;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (!is_container(value))
	{
		item = jsonb_scalar(value);
		return pushJsonbValue(state, token, &item);
	}
	pushJsonbValue(state, object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (const EcapiValue *child = value->first; child != NULL; child = child->next)
	{
		if (object)
		{
			item.type = jbvString;
			item.val.string.val = unconstify(char *, child->key);
			item.val.string.len = child->keylen;
			pushJsonbValue(state, WJB_KEY, &item);
		}
		push_value(state, object ? WJB_VALUE : WJB_ELEM, child);
	}
	return pushJsonbValue(state, object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

Jsonb *
ecapi_tree_to_jsonb(const EcapiValue *value)
{
	JsonbParseState *state = NULL;
	JsonbValue	item;

	if (is_container(value))
		return JsonbValueToJsonb(push_value(&state, WJB_ELEM, value));
	item = jsonb_scalar(value);
	return JsonbValueToJsonb(&item);
}
