/*
 * json.c
 *	  JSON text from outside, as a tree: the one file that knows json-c.
 *
 * json-c parses into objects of its own, counted and malloc'ed; they are
 * copied into the caller's arena and put back before anybody else runs.  An
 * arena that cannot grow returns NULL, and NULL travels up; nothing in this
 * file raises an error, so no json-c object is ever left behind.
 *
 * Memory.  json-c does not bear the want of it: it leaves out a member, cuts a text,
 * answers "null", or follows a NULL pointer.  So all the memory that a text can take is
 * had and given back right before json-c sees the text, by a bound from what the bytes
 * hold (EcapiJsonMeasure); where it is not to be had nothing is parsed.  In a process
 * that does nothing else in between, the allocator then has it.  To ask costs a tenth of
 * the parse, because a large request makes the allocator tidy up; so several texts are
 * measured first and asked for at once, with what their trees take.
 *
 * What is JSON is decided by json_scan.c, which a text passes before json-c sees it: what
 * json-c takes, in its strict mode, too, differs from version to version (0.18 takes
 * "[1,]", and no byte beyond ASCII).  So json-c is not strict here, and reads only what
 * every version of it reads in one way.
 *
 * Numbers keep the spelling they came with.  json-c itself keeps it for
 * doubles (json_object_new_double_s); integers are printed back from 64 bits,
 * which is the same text, and larger ones are refused.
 *
 * One tokener is kept for the life of the process and used again; it belongs
 * to one thread.
 */
#include "event/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "event/json_scan.h"

static EcapiValue *
copy_text(EcapiArena *arena, EcapiType type, const char *text, size_t len)
{
	if (text == NULL)
	{
		arena->failed = true;
		return NULL;
	}
	return ecapi_value_text(arena, type, text, len);
}

static EcapiValue *
copy_int(EcapiArena *arena, struct json_object *number)
{
	char		text[32];
	int64_t		value = json_object_get_int64(number);
	int			len;

	/* json-c clamps, so the largest int64 may stand for a larger number */
	if (value == INT64_MAX)
		len = snprintf(text, sizeof(text), "%llu",
					   (unsigned long long) json_object_get_uint64(number));
	else
		len = snprintf(text, sizeof(text), "%lld", (long long) value);
	return copy_text(arena, ECAPI_NUMBER, text, len);
}

static EcapiValue *
copy_double(EcapiArena *arena, struct json_object *number, const char **wrong)
{
	/* where json_object_new_double_s keeps the spelling */
	const char *text = json_object_get_userdata(number);
	const char *digits;

	if (text == NULL)
		text = json_object_to_json_string(number);
	if (text == NULL)
		return copy_text(arena, ECAPI_NUMBER, NULL, 0);
	digits = text[0] == '-' ? text + 1 : text;
	if (digits[0] < '0' || digits[0] > '9')
	{
		*wrong = "a number is not finite";
		return NULL;
	}
	return copy_text(arena, ECAPI_NUMBER, text, strlen(text));
}

static EcapiValue *copy_value(EcapiArena *arena, struct json_object *from,
							  const char **wrong);

static EcapiValue *
copy_array(EcapiArena *arena, struct json_object *from, const char **wrong)
{
	EcapiValue *array = ecapi_value_new(arena, ECAPI_ARRAY);
	size_t		n = json_object_array_length(from);
	size_t		i;

	for (i = 0; array && i < n; i++)
	{
		EcapiValue *child = copy_value(arena,
									   json_object_array_get_idx(from, i), wrong);

		if (child == NULL)
			return NULL;
		ecapi_value_append(array, child);
	}
	return array;
}

/*
 * json-c has already dropped all but the last of equal keys, so members are
 * appended without another look for them.
 */
static EcapiValue *
copy_object(EcapiArena *arena, struct json_object *from, const char **wrong)
{
	EcapiValue *object = ecapi_value_new(arena, ECAPI_OBJECT);
	struct json_object_iterator at = json_object_iter_begin(from);
	struct json_object_iterator end = json_object_iter_end(from);

	for (; object && !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
	{
		const char *key = json_object_iter_peek_name(&at);
		size_t		keylen = strlen(key);
		EcapiValue *child = copy_value(arena, json_object_iter_peek_value(&at), wrong);

		if (child == NULL)
			return NULL;
		child->key = ecapi_arena_copy(arena, key, keylen);
		child->keylen = (uint32_t) keylen;
		if (child->key == NULL)
			return NULL;
		ecapi_value_append(object, child);
	}
	return object;
}

/* NULL: out of memory, unless *wrong says otherwise. */
static EcapiValue *
copy_value(EcapiArena *arena, struct json_object *from, const char **wrong)
{
	switch (json_object_get_type(from))
	{
		case json_type_null:
			return ecapi_value_new(arena, ECAPI_NULL);
		case json_type_boolean:
			return ecapi_value_bool(arena, json_object_get_boolean(from));
		case json_type_int:
			return copy_int(arena, from);
		case json_type_double:
			return copy_double(arena, from, wrong);
		case json_type_string:
			return copy_text(arena, ECAPI_STRING, json_object_get_string(from),
							 json_object_get_string_len(from));
		case json_type_array:
			return copy_array(arena, from, wrong);
		case json_type_object:
			return copy_object(arena, from, wrong);
	}
	return NULL;
}

static struct json_tokener *
get_tokener(void)
{
	static struct json_tokener *kept = NULL;

	if (kept == NULL)
		kept = json_tokener_new_ex(ECAPI_JSON_DEPTH);
	else
		json_tokener_reset(kept);
	return kept;
}

/*
 * Run the tokener over the whole text.  A number at the end is complete only
 * when something follows it, hence the NUL at last.
 */
static struct json_object *
tokenize(struct json_tokener *tokener, const char *text, size_t len,
		 const char **wrong)
{
	struct json_object *root;
	enum json_tokener_error code;

	root = json_tokener_parse_ex(tokener, text, (int) len);
	code = json_tokener_get_error(tokener);
	if (code == json_tokener_continue)
	{
		root = json_tokener_parse_ex(tokener, "", 1);
		code = json_tokener_get_error(tokener);
		if (code == json_tokener_continue)
			code = json_tokener_error_parse_eof;
	}
	else if (code == json_tokener_success)
	{
		size_t		end = json_tokener_get_parse_end(tokener);

		while (end < len && strchr(" \t\r\n", text[end]) && text[end] != '\0')
			end++;
		if (end < len)
			code = json_tokener_error_parse_unexpected;
	}

	if (code == json_tokener_success)
		return root;
	json_object_put(root);
	*wrong = json_tokener_error_desc(code);
	return NULL;
}

/*
 * What json-c takes: an object has a table, which doubles before the old one goes, an
 * array a list; a key or a value an object and a copy of its text; the tokener as much
 * as the longest text, twice.
 */
#define CONTAINER_BYTES	1024
#define TOKEN_BYTES		256
#define TEXT_TIMES		4
#define TOKENER_BYTES	4096

/*
 * Memory is asked for at once for texts that need this much together: half a dozen of
 * a kilobyte.  Where it is not there, what is short is too little for a worker anyway.
 */
#define AT_ONCE_BYTES	(128 * 1024)

static size_t
json_bytes(const EcapiJsonMeasure *measure, size_t len)
{
	return TOKENER_BYTES + TEXT_TIMES * len + measure->tokens * TOKEN_BYTES +
		measure->containers * CONTAINER_BYTES;
}

/* Whether that much memory can be had. */
static bool
memory_is_there(size_t bytes)
{
	/* volatile, or the compiler takes both calls away */
	void	   *volatile memory = malloc(bytes);

	if (memory == NULL)
		return false;
	free(memory);
	return true;
}

/*
 * Parse a text for which there is memory.  NULL: *wrong says why, else memory ran out.
 */
static EcapiValue *
parse(EcapiArena *arena, const char *text, size_t len, const char **wrong)
{
	struct json_tokener *tokener = get_tokener();
	struct json_object *root;
	EcapiValue *value;

	if (tokener == NULL)
		return NULL;
	root = tokenize(tokener, text, len, wrong);
	if (*wrong != NULL)
		return NULL;
	/* a root of JSON null is a NULL object, and copied as one */
	value = copy_value(arena, root, wrong);
	json_object_put(root);
	return value;
}

static const char *
measure_text(const char *text, size_t len, EcapiJsonMeasure *measure)
{
	if (len > INT32_MAX - 1)
		return "it is too long";
	return ecapi_json_scan(text, len, measure);
}

/* Report what became of one text; false when memory ran out. */
static bool
report(EcapiArena *arena, const EcapiValue *value, const char *wrong,
	   char *error, size_t error_size)
{
	if (value != NULL)
		return true;
	arena->failed = wrong == NULL;
	if (arena->failed)
		snprintf(error, error_size, "out of memory");
	else
		snprintf(error, error_size, "not valid JSON: %s", wrong);
	return !arena->failed;
}

EcapiValue *
ecapi_json_parse(EcapiArena *arena, const char *text, size_t len,
				 char *error, size_t error_size)
{
	EcapiValue *value = NULL;
	EcapiJsonMeasure measure;
	const char *wrong = measure_text(text, len, &measure);

	if (wrong == NULL && memory_is_there(json_bytes(&measure, len)))
		value = parse(arena, text, len, &wrong);
	(void) report(arena, value, wrong, error, error_size);
	return value;
}

/* Texts that are measured and asked for together, from the first of texts on. */
typedef struct Group
{
	int			n;
	const char *wrong[ECAPI_JSON_TEXTS];
	size_t		bytes[ECAPI_JSON_TEXTS];	/* that json-c can take; 0: it sees none */
	size_t		left;			/* the sum, of those that are not parsed yet */
} Group;

static void
measure_group(const EcapiJsonText *texts, int n, Group *group)
{
	group->left = 0;
	for (group->n = 0; group->n < n && group->n < ECAPI_JSON_TEXTS; group->n++)
	{
		const EcapiJsonText *text = &texts[group->n];
		EcapiJsonMeasure measure;
		const char *wrong = measure_text(text->text, text->len, &measure);
		size_t		bytes = wrong == NULL ? json_bytes(&measure, text->len) : 0;

		if (group->n > 0 && group->left + bytes > AT_ONCE_BYTES)
			break;
		group->wrong[group->n] = wrong;
		group->bytes[group->n] = bytes;
		group->left += bytes;
	}
}

/*
 * Each text of a group has memory of its own, so that it does not matter how the
 * allocator keeps what json-c gave back for the one before.  Once the arena has taken
 * some for trees, nobody knows how much of it is left: it is asked for again.
 */
int
ecapi_json_parse_texts(EcapiArena *arena, EcapiJsonText *texts, int n)
{
	int			done = 0;

	while (done < n)
	{
		Group		group;
		size_t		grabbed = 0;
		bool		there = false;

		measure_group(texts + done, n - done, &group);
		for (int i = 0; i < group.n; i++, done++)
		{
			EcapiJsonText *text = &texts[done];
			const char *wrong = group.wrong[i];

			text->value = NULL;
			if (wrong == NULL && (!there || arena->grabbed != grabbed))
			{
				there = memory_is_there(group.left);
				grabbed = arena->grabbed;
			}
			if (wrong == NULL && there)
				text->value = parse(arena, text->text, text->len, &wrong);
			if (!report(arena, text->value, wrong, text->error, sizeof(text->error)))
				return done;
			group.left -= group.bytes[i];
		}
	}
	return done;
}
