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

#include "tree.h"

static void *
grab(void *owner, size_t size)
{
	if (!AllocSizeIsValid(size))
		return NULL;
	return MemoryContextAllocExtended((MemoryContext) owner, size, MCXT_ALLOC_NO_OOM);
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
ecapi_tree_buffer(EcapiBuffer *buffer, size_t max, MemoryContext context)
{
	ecapi_buffer_init(buffer, max, resize, context);
}

/* Only SQL_ASCII lets anything in; what is sent later must be UTF-8. */
void
ecapi_tree_check_text(const char *text, int len)
{
	if (GetDatabaseEncoding() == PG_SQL_ASCII &&
		!pg_verify_mbstr(PG_UTF8, text, len, true))
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("invalid event: text is not UTF-8"),
				 errhint("In a database of encoding SQL_ASCII, events must be given in UTF-8.")));
}

static EcapiValue *
scalar_value(EcapiArena *arena, const JsonbValue *scalar)
{
	char	   *digits;

	switch (scalar->type)
	{
		case jbvBool:
			return ecapi_value_bool(arena, scalar->val.boolean);
		case jbvNumeric:
			digits = DatumGetCString(DirectFunctionCall1(numeric_out,
														 NumericGetDatum(scalar->val.numeric)));
			return ecapi_value_text(arena, ECAPI_NUMBER, digits, strlen(digits));
		case jbvString:
			ecapi_tree_check_text(scalar->val.string.val, scalar->val.string.len);
			return ecapi_value_text(arena, ECAPI_STRING, scalar->val.string.val,
									scalar->val.string.len);
		default:
			return ecapi_value_new(arena, ECAPI_NULL);
	}
}

/* See tree.h. */
EcapiValue *
ecapi_tree_from_jsonb(EcapiArena *arena, Jsonb *jsonb, int max_depth)
{
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	item;
	EcapiValue **open = palloc(sizeof(EcapiValue *) * (max_depth + 1));
	EcapiValue *root = NULL;
	EcapiValue *child;
	char	   *key = NULL;
	uint32		keylen = 0;
	int			depth = 0;

	while ((token = JsonbIteratorNext(&it, &item, false)) != WJB_DONE)
	{
		switch (token)
		{
			case WJB_KEY:
				ecapi_tree_check_text(item.val.string.val, item.val.string.len);
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
					return scalar_value(arena, &item);
				}
				child = ecapi_value_new(arena, ECAPI_ARRAY);
				break;
			case WJB_BEGIN_OBJECT:
				child = ecapi_value_new(arena, ECAPI_OBJECT);
				break;
			default:			/* WJB_ELEM, WJB_VALUE */
				child = scalar_value(arena, &item);
				break;
		}
		if (child == NULL)
			return NULL;

		if (depth == 0)
			root = child;
		else
		{
			if (open[depth - 1]->type == ECAPI_OBJECT)
			{
				child->key = key;
				child->keylen = keylen;
			}
			ecapi_value_append(open[depth - 1], child);
		}
		if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
		{
			if (depth == max_depth)
				return NULL;
			open[depth++] = child;
		}
	}
	return root;
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

/* See tree.h. */
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
