/*
 * fuzz_json.c
 *	  The reader of JSON and its writer: what one reads, the other wrote.
 *
 * The input is the text.  The judge is the receiver's reader, which is code of
 * its own: what ours takes it must take as well, and the other way round, but
 * for what our limits refuse; and both must have read the same.  What is
 * written must be read again as the same tree and the same bytes.
 */
#include "fuzz.h"

#include "event/json.h"

/* May ours refuse what the receiver takes? */
static bool
is_limit(const char *error)
{
	return strstr(error, "64 bits") || strstr(error, "nesting too deep") ||
		strstr(error, "not finite");
}

static const RcvNode *
last_of_name(const RcvNode *object, const EcapiValue *member)
{
	const RcvNode *found = NULL;

	for (const RcvNode *at = object->first; at; at = at->next)
	{
		if (at->keylen == member->keylen &&
			memcmp(at->key, member->key, member->keylen) == 0)
			found = at;
	}
	return found;
}

/* Numbers that are no integers of 64 bits keep their spelling. */
static bool
same_number(const EcapiValue *value, const RcvNode *node)
{
	if (value->len == node->len && memcmp(value->text, node->text, node->len) == 0)
		return true;
	return node->len == 2 && memcmp(node->text, "-0", 2) == 0 &&
		strcmp(value->text, "0") == 0;
}

static void
compare(const EcapiValue *value, const RcvNode *node)
{
	static const RcvJsonType types[] = {RCV_NULL, RCV_BOOL, RCV_NUMBER, RCV_STRING,
	RCV_ARRAY, RCV_OBJECT};
	const RcvNode *other = node->first;
	uint32_t	children = 0;

	must(types[value->type] == node->type, "both readers see the same type");
	if (value->type == ECAPI_BOOL)
		must(value->truth == (node->text[0] == 't'), "the same truth");
	else if (value->type == ECAPI_NUMBER)
		must(same_number(value, node), "the same number");
	else if (value->type == ECAPI_STRING)
		must(value->len == node->len && memcmp(value->text, node->text, node->len) == 0 &&
			 strlen(value->text) == value->len, "the same text");
	for (const EcapiValue *child = value->first; child; child = child->next)
	{
		/* Of members of one name ours keeps the last. */
		if (value->type == ECAPI_OBJECT)
			other = last_of_name(node, child);
		must(other != NULL, "the same children");
		compare(child, other);
		other = other->next;
		children++;
		must(child->next != NULL || child == value->last, "last is the last");
	}
	if (value->type == ECAPI_ARRAY)
		must(other == NULL, "no child is missing");
	if (value->type == ECAPI_ARRAY || value->type == ECAPI_OBJECT)
		must(children == value->len, "children are counted");
}

/* A buffer with less room is full, and keeps to it. */
static void
write_short(const EcapiValue *value, size_t room)
{
	EcapiBuffer small;

	ecapi_buffer_init(&small, room, fuzz_resize, NULL);
	ecapi_json_value(&small, value);
	must(small.full && small.len <= room, "a body without room is full");
	free(small.data);
}

static void
round_trip(const EcapiValue *value)
{
	EcapiArena	arena;
	RcvArena	received = {0};
	EcapiBuffer once = fuzz_written(value);
	EcapiBuffer twice;
	EcapiValue *again;
	RcvNode    *node;
	char		error[200];

	node = fuzz_received(&received, once.data, once.len);
	must(node != NULL, "what is written is JSON");
	compare(value, node);
	rcv_arena_free(&received);

	ecapi_arena_init(&arena, fuzz_grab, NULL);
	again = ecapi_json_parse(&arena, once.data, once.len, error, sizeof(error));
	must(again != NULL, "what is written is read again");
	twice = fuzz_written(again);
	must(fuzz_same(&once, &twice), "and written again the same");
	write_short(value, once.len - 1);
	write_short(value, once.len / 2);
	free(once.data);
	free(twice.data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	EcapiArena	arena;
	RcvArena	received = {0};
	EcapiValue *value;
	RcvNode    *node;
	const char *wrong = NULL;
	char		error[200] = "";
	int			pieces = (int) (size % 7);

	ecapi_arena_init(&arena, fuzz_grab, NULL);
	value = ecapi_json_parse(&arena, (const char *) data, size, error, sizeof(error));
	node = rcv_json_parse(&received, (const char *) data, size, &wrong);
	if (value)
	{
		if (node == NULL)
			fprintf(stderr, "the receiver says: %s\n", wrong);
		must(node != NULL, "what ours takes is JSON");
		compare(value, node);
		round_trip(value);
	}
	else
	{
		must(strncmp(error, "not valid JSON: ", 16) == 0, "a refusal says so");
		if (node && !is_limit(error))
			fprintf(stderr, "ours says: %s\n", error);
		must(node == NULL || is_limit(error), "what is JSON is taken");
	}

	/* With little memory it is taken or refused, and nothing else happens. */
	ecapi_arena_init(&arena, fuzz_grab, &pieces);
	if (ecapi_json_parse(&arena, (const char *) data, size, error, sizeof(error)))
		must(value != NULL && !arena.failed, "no tree comes of a failed arena");
	rcv_arena_free(&received);
	fuzz_free();
	return 0;
}
