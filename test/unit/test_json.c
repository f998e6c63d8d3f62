/*
 * test_json.c
 *	  Trees, buffers and the JSON writer.
 */
#include "unit.h"

static void
written(const char *in, const char *wanted)
{
	EcapiArena	arena;
	EcapiBuffer buffer;

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_init(&buffer, 1 << 20, unit_resize, NULL);
	ecapi_json_value(&buffer, unit_json(&arena, in));
	check_text(buffer.data, wanted, wanted);
	free(buffer.data);
	unit_free();
}

static void
test_limits(void)
{
	EcapiArena	arena;
	EcapiBuffer buffer;
	EcapiValue *root;
	EcapiValue *inner;
	char		memory[8];
	bool		right = true;

	ecapi_buffer_over(&buffer, memory, sizeof(memory));
	ecapi_buffer_str(&buffer, "1234567");
	check(!buffer.full && buffer.len == 7, "a buffer fills to the last byte");
	ecapi_buffer_char(&buffer, '8');
	check(buffer.full && buffer.len == 7, "and no further");
	ecapi_buffer_str(&buffer, "");
	check(buffer.full, "full stays full");
	ecapi_buffer_truncate(&buffer, 3);
	check(!buffer.full, "until truncated");
	check_text(buffer.data, "123", "truncated");
	ecapi_json_string(&buffer, "ab", 2);
	check_text(buffer.data, "123\"ab\"", "a string that just fits");

	/* Every maximum: never past it, and what is written is a beginning. */
	for (size_t max = 0; max < 64; max++)
	{
		ecapi_buffer_init(&buffer, max, unit_resize, NULL);
		for (int i = 0; i < 20; i++)
			ecapi_json_string(&buffer, "a\nb", 3);
		right &= buffer.len <= max && buffer.full;
		free(buffer.data);
	}
	check(right, "a maximum holds");

	ecapi_arena_init(&arena, unit_grab, NULL);
	root = inner = ecapi_value_new(&arena, ECAPI_ARRAY);
	for (int i = 0; i < 100; i++)
	{
		EcapiValue *child = ecapi_value_new(&arena, ECAPI_ARRAY);

		ecapi_value_append(inner, child);
		inner = child;
	}
	ecapi_buffer_init(&buffer, 1 << 20, unit_resize, NULL);
	ecapi_json_value(&buffer, root);
	check(buffer.full, "a hundred levels are too deep");
	free(buffer.data);
	unit_free();
}

static void
test_members(void)
{
	EcapiArena	arena;
	EcapiValue *object;

	ecapi_arena_init(&arena, unit_grab, NULL);
	object = unit_json(&arena, "{'a':1,'b':2}");
	ecapi_value_set(&arena, object, "b", 1, ecapi_value_bool(&arena, true));
	ecapi_value_set(&arena, object, "c", 1, ecapi_value_bool(&arena, false));
	ecapi_value_set(&arena, object, "a", 1, ecapi_value_new(&arena, ECAPI_NULL));
	check(object->len == 3 && ecapi_value_get(object, "a")->type == ECAPI_NULL &&
		  ecapi_value_get(object, "b")->truth && !ecapi_value_get(object, "c")->truth &&
		  object->last == ecapi_value_get(object, "c"), "members are set and replaced");
	check(ecapi_value_get(object, "d") == NULL, "and not found");
	unit_free();
}

/* A copy says the same, and what is done to it leaves the original alone. */
static void
test_copy(void)
{
	static const char text[] = "{'a':{'b':[1,'x',{}]},'c':null,'d':true}";
	EcapiArena	arena;
	EcapiBuffer one;
	EcapiBuffer other;
	EcapiValue *object;
	EcapiValue *copy;

	ecapi_arena_init(&arena, unit_grab, NULL);
	object = unit_json(&arena, text);
	copy = ecapi_value_copy(&arena, object);
	ecapi_value_set(&arena, ecapi_value_get(copy, "a"), "b", 1, ecapi_value_bool(&arena, true));
	ecapi_value_set(&arena, copy, "e", 1, ecapi_value_copy(&arena, ecapi_value_get(object, "d")));

	ecapi_buffer_init(&one, 1 << 10, unit_resize, NULL);
	ecapi_buffer_init(&other, 1 << 10, unit_resize, NULL);
	ecapi_json_value(&one, object);
	ecapi_json_value(&other, copy);
	check_text(one.data, "{\"a\":{\"b\":[1,\"x\",{}]},\"c\":null,\"d\":true}", "the original stays");
	check_text(other.data, "{\"a\":{\"b\":true},\"c\":null,\"d\":true,\"e\":true}", "the copy changes");
	free(one.data);
	free(other.data);
	unit_free();
}

int
main(void)
{
	written("{}", "{}");
	written("[]", "[]");
	written("{'a':[1,2.50,-3e5,[],{}],'b':{'c':null,'d':true,'e':false}}",
			"{\"a\":[1,2.50,-3e5,[],{}],\"b\":{\"c\":null,\"d\":true,\"e\":false}}");
	written("'\\u0001\\u0009\\u000a\\u0022\\u005c\\u001f/\xc3\xa9'",
			"\"\\u0001\\t\\n\\\"\\\\\\u001f/\xc3\xa9\"");
	written("[[['a']],{'k':[{'l':1},{'m':''}]}]",
			"[[[\"a\"]],{\"k\":[{\"l\":1},{\"m\":\"\"}]}]");
	test_limits();
	test_members();
	test_copy();
	return unit_done();
}
