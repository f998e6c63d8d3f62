/*
 * fuzz_validate.c
 *	  Validation: what it lets through is clean, and stays as it is.
 *
 * The input is the JSON text of an event.  A clean event is written, read
 * again and validated again: no violation, and the same bytes.  Violations are
 * counted, printable and valid UTF-8 whatever names the event has, and hold no
 * more than the type's name of what the event says.  With little memory the
 * event is refused and the arena says why.
 */
#include "fuzz.h"

#include <unicode/utf8.h>

#include "event/json.h"
#include "event/validate.h"

/* A clock that stands still: 2026-09-21. */
#define NOW		INT64_C(1790000000)

static void
check_printable(const char *text)
{
	size_t		len;

	if (text == NULL)
		return;
	len = strlen(text);
	must(len < 4096, "a message has an end");
	for (size_t i = 0; i < len;)
	{
		UChar32		c;

		U8_NEXT(text, i, len, c);
		must(c >= ' ' && c != 0x7F, "a message is printable UTF-8");
	}
}

static void
check_violations(const EcapiViolations *violations)
{
	int			errors = 0;
	int			n = violations->errors + violations->left_out;

	must(violations->n == (n < ECAPI_MAX_VIOLATIONS ? n : ECAPI_MAX_VIOLATIONS),
		 "as many violations are kept as there is room for");
	for (int i = 0; i < violations->n; i++)
	{
		const EcapiViolation *violation = &violations->list[i];

		errors += violation->error;
		must(violation->path && violation->message && violation->message[0] != '\0',
			 "a violation has a path and a message");
		check_printable(violation->path);
		check_printable(violation->message);
		check_printable(violation->hint);
		must(strlen(ecapi_violation_sqlstate(violation->code)) == 5, "and a code");
		must(ecapi_violation_name(violation->code)[0] != '\0', "and a name");
	}
	must(errors == violations->errors || errors == ECAPI_MAX_VIOLATIONS,
		 "errors push others out");
}

/* Has the tree what a clean event must not have? */
static void
check_clean(const EcapiValue *value, int depth)
{
	must(depth <= ECAPI_MAX_DEPTH, "a clean event is not too deep");
	for (const EcapiValue *child = value->first; child; child = child->next)
	{
		if (value->type == ECAPI_OBJECT)
		{
			must(child->key != NULL, "a member has a name");
			if (strcmp(child->key, "ext") == 0)
				continue;
		}
		must(child->type != ECAPI_NULL, "a clean event has no null");
		if (child->type == ECAPI_ARRAY || child->type == ECAPI_OBJECT)
			must(child->first != NULL, "nor an empty array or object");
		else if (child->type != ECAPI_BOOL)
			must(child->len > 0, "nor an empty text");
		check_clean(child, depth + 1);
	}
}

/* Read text, validate it; NULL when it is refused. */
static EcapiValue *
validate(EcapiArena *arena, const char *text, size_t len, bool complete,
		 EcapiViolations *violations)
{
	char		error[200];
	EcapiValue *event = ecapi_json_parse(arena, text, len, error, sizeof(error));
	EcapiValue *clean;
	EcapiBuffer before;
	EcapiBuffer after;

	violations->n = 0;
	if (event == NULL)
		return NULL;
	before = fuzz_written(event);
	clean = ecapi_validate(arena, event, NOW, complete, violations);
	after = fuzz_written(event);
	must(fuzz_same(&before, &after), "what was given is not changed");
	free(before.data);
	free(after.data);
	check_violations(violations);
	must((clean == NULL) == (violations->errors > 0), "errors, and nothing else, refuse");
	return clean;
}

static void
check_again(const EcapiValue *clean, bool complete)
{
	EcapiArena	arena;
	EcapiViolations violations;
	EcapiValue *again;
	EcapiBuffer once = fuzz_written(clean);
	EcapiBuffer twice;
	RcvArena	received = {0};

	must(fuzz_received(&received, once.data, once.len) != NULL, "a clean event is JSON");
	ecapi_arena_init(&arena, fuzz_grab, NULL);
	again = validate(&arena, once.data, once.len, complete, &violations);
	for (int i = 0; i < violations.n; i++)
		fprintf(stderr, "%s: %s\n", violations.list[i].path, violations.list[i].message);
	must(again != NULL && violations.n == 0, "a clean event has no violation");
	twice = fuzz_written(again);
	if (!fuzz_same(&once, &twice))
		fprintf(stderr, "%s\n%s\n", once.data, twice.data);
	must(fuzz_same(&once, &twice), "a clean event stays as it is");
	rcv_arena_free(&received);
	free(once.data);
	free(twice.data);
}

static void
validate_with_little_memory(const char *text, size_t len, int pieces)
{
	EcapiArena	arena;
	EcapiArena	little;
	EcapiViolations violations;
	EcapiValue *event;
	char		error[200];

	ecapi_arena_init(&arena, fuzz_grab, NULL);
	ecapi_arena_init(&little, fuzz_grab, &pieces);
	event = ecapi_json_parse(&arena, text, len, error, sizeof(error));
	if (event && ecapi_validate(&little, event, NOW, false, &violations))
		must(!little.failed, "nothing comes of a failed arena");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *) data;
	EcapiArena	arena;
	EcapiViolations violations;
	EcapiValue *open;
	EcapiValue *complete;

	ecapi_arena_init(&arena, fuzz_grab, NULL);
	open = validate(&arena, text, size, false, &violations);
	if (open)
	{
		check_clean(open, 1);
		check_again(open, false);
	}
	complete = validate(&arena, text, size, true, &violations);
	if (complete)
	{
		EcapiBuffer one = fuzz_written(complete);
		EcapiBuffer other;

		must(open != NULL, "what is complete is good enough without");
		other = fuzz_written(open);
		must(fuzz_same(&one, &other), "and the same");
		must(ecapi_value_get(complete, "data_set_id") != NULL, "and has its data set");
		check_again(complete, true);
		free(one.data);
		free(other.data);
	}
	validate_with_little_memory(text, size, (int) (size % 3));
	fuzz_free();
	return 0;
}
