/*
 * test_paths.c
 *	  Paths of fields: what is read, and what is said to what is not.
 */
#include "destination/paths.h"

#include "unit.h"

static EcapiPathProblem problem;

static bool
read_path(const char *text)
{
	EcapiPath	path;

	memset(&problem, 0, sizeof(problem));
	return ecapi_path_read(text, strlen(text), &path, &problem);
}

static EcapiPaths *
set_of(const char *list)
{
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	return ecapi_paths_read(&arena, list, &problem);
}

static const EcapiField *
field_at(const char *path)
{
	return ecapi_field_named(path, strlen(path));
}

static void
test_read(void)
{
	const EcapiField *field;
	EcapiPath	path;
	bool		all = true;
	char		text[300];
	int			i;

	for (i = 0; (field = ecapi_field_numbered(i)) != NULL; i++)
	{
		const char *name = ecapi_field_path(field);

		all &= ecapi_path_read(name, strlen(name), &path, &problem) &&
			path.field == field && path.rest == NULL;
	}
	check(all && i == ECAPI_FIELDS, "every field's path is one");
	check(ecapi_path_read("user_data.ext.foo.bar", 21, &path, &problem) &&
		  path.field == field_at("user_data.ext") && path.restlen == 7 &&
		  memcmp(path.rest, "foo.bar", 7) == 0, "a member below ext");

	check(!read_path("user_data.emial_address"), "a slip");
	check_text(problem.detail, "There is no field \"user_data.emial_address\".", "is told");
	check_text(problem.hint, "Perhaps you meant \"user_data.email_address\".", "with what was meant");
	check(!read_path("email_address"), "a name alone is no path");
	check_text(problem.hint, "Perhaps you meant \"user_data.email_address\".", "and its path is told");
	check(!read_path("item.price"), "nor is a short name");
	check_text(problem.hint, "Perhaps you meant \"properties.items.price\".", "and its path is told, too");
	check(!read_path("propertes.items.price"), "a slip in front");
	check_text(problem.hint, "Perhaps you meant \"properties\".", "is told where it is");
	check(!read_path("margin"), "a name of nothing");
	check_text(problem.hint, "A field that is not of the standard lies below an \"ext\".", "has its place told");
	check(!read_path("user_data.email_address.domain"), "nothing is below a text");
	check_text(problem.hint, "Perhaps you meant \"user_data.email_address\".", "which is told");
	check(!read_path("properties.items[0].price"), "an index");
	check_text(problem.detail, "A path has no indices; it means the field of every element.", "is none of a path");
	check(!read_path("ext."), "an empty step");
	check(!read_path("ext.a..b"), "in the middle");
	check(!read_path("user_data."), "at the end");
	check(!read_path(""), "no path at all");
	check(!read_path("ext.a\x01" "b"), "a control character");
	memset(text, 'a', sizeof(text));
	memcpy(text, "ext.", 4);
	text[ECAPI_PATH_MAX] = '\0';
	check(read_path(text), "a path of 255 bytes");
	text[ECAPI_PATH_MAX] = 'a';
	text[ECAPI_PATH_MAX + 1] = '\0';
	check(!read_path(text), "not of 256");
}

static void
test_sets(void)
{
	EcapiPaths *set = set_of("user_data.email_address,\n properties.items.price ,ext.a");
	char		many[1000] = "value";
	int			i;

	check(set && ecapi_paths_whole(set, field_at("user_data.email_address")) &&
		  ecapi_paths_whole(set, field_at("properties.items.price")), "fields that are named");
	check(set && ecapi_paths_part(set, field_at("user_data")) &&
		  ecapi_paths_part(set, field_at("properties")) &&
		  ecapi_paths_part(set, field_at("properties.items")) &&
		  ecapi_paths_part(set, field_at("ext")) &&
		  !ecapi_paths_whole(set, field_at("ext")), "what holds them");
	check(set && !ecapi_paths_part(set, field_at("user_data.address")), "and nothing else");
	check(set_of("") == NULL && set_of("value,") == NULL && set_of(",value") == NULL &&
		  set_of("value,,id") == NULL, "no entry of a list is empty");
	for (i = 1; i < ECAPI_PATHS_MAX; i++)
		strcat(many, ",id");
	check(set_of(many) != NULL, "200 paths");
	strcat(many, ",id");
	check(set_of(many) == NULL, "not 201");

	check(ecapi_paths_forbidden(set_of("user_data, properties, ext, value, currency_code")) == NULL,
		  "much may be taken away");
	check(ecapi_paths_forbidden(set_of("data_set_id")) && ecapi_paths_forbidden(set_of("id")) &&
		  ecapi_paths_forbidden(set_of("timestamp")) &&
		  ecapi_paths_forbidden(set_of("event_type")) &&
		  ecapi_paths_forbidden(set_of("custom_event")) &&
		  ecapi_paths_forbidden(set_of("value, timestamp")), "not what the standard requires");
	check_text(ecapi_paths_forbidden(set_of("currency_code")),
			   "The standard requires \"currency_code\" where \"value\" is.", "nor a value's currency");
	check(ecapi_paths_forbidden(set_of("user_data.mmt_only")) != NULL, "nor a limit of use");
}

static void
test_match(void)
{
	const char *rest = NULL;

	check(ecapi_path_match("a.b", "a", 1, &rest) == ECAPI_PATH_INSIDE && strcmp(rest, "b") == 0,
		  "inside");
	check(ecapi_path_match("a.b", "a.b", 3, &rest) == ECAPI_PATH_REACHED, "a key with a point");
	check(ecapi_path_match("a", "a.b", 3, &rest) == ECAPI_PATH_REACHED, "below what is named");
	check(ecapi_path_match("a", "a", 1, &rest) == ECAPI_PATH_REACHED, "the same");
	check(ecapi_path_match("ab", "a", 1, &rest) == ECAPI_PATH_APART &&
		  ecapi_path_match("a", "ab", 2, &rest) == ECAPI_PATH_APART &&
		  ecapi_path_match("a.b", "a.c", 3, &rest) == ECAPI_PATH_APART &&
		  ecapi_path_match("a", "", 0, &rest) == ECAPI_PATH_APART, "apart");
}

int
main(void)
{
	test_read();
	test_sets();
	test_match();
	unit_free();
	return unit_done();
}
