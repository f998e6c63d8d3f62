/*
 * test_gpp.c
 *	  GPP strings: what they decode to, what is refused, and what a broken part leaves.
 *
 *	  ECAPI_GPP_VECTORS=FILE test_gpp
 *
 * FILE has a string and what is expected, between tabs, in each line: a JSON object, or the
 * word error.  Without it the strings below are tested alone.  ECAPI_SEED repeats the random
 * ones.
 */
#include "unit.h"

#include <time.h>

#include "consent/gpp_json.h"
#include "consent/tcf.h"
#include "consent/us.h"
#include "event/json.h"

static EcapiArena arena;

/* As JSON text; NULL, with what is wrong, when it or one of its sections is broken. */
static char *
decode(const char *text, const char **problem)
{
	static EcapiGpp gpp;
	EcapiBuffer json;

	*problem = ecapi_gpp_split(text, strlen(text), &gpp);
	for (int i = 0; *problem == NULL && i < gpp.nsections; i++)
		*problem = ecapi_gpp_section_problem(&gpp.sections[i]);
	if (*problem != NULL)
		return NULL;
	ecapi_buffer_init(&json, 8 * 1024 * 1024, unit_resize, NULL);
	ecapi_gpp_json(&json, &gpp);
	return json.data;
}

/* ---- vectors ---- */

static const EcapiValue *
member(const EcapiValue *object, const EcapiValue *like)
{
	return ecapi_value_get(object, like->key);
}

/* Equal but for the order of members; where it differs first is said. */
static bool
same(const EcapiValue *wanted, const EcapiValue *got, const char *path)
{
	const EcapiValue *other = got ? got->first : NULL;

	if (got == NULL || got->type != wanted->type || got->len != wanted->len)
		return fprintf(stderr, "# %s is another\n", path), false;
	if (wanted->type != ECAPI_OBJECT && wanted->type != ECAPI_ARRAY)
		return ecapi_value_equal(wanted, got) || (fprintf(stderr, "# %s is another\n", path), false);
	for (const EcapiValue *one = wanted->first; one; one = one->next)
	{
		if (!same(one, wanted->type == ECAPI_OBJECT ? member(got, one) : other,
				  wanted->type == ECAPI_OBJECT ? one->key : path))
			return false;
		other = other ? other->next : NULL;
	}
	return true;
}

static void
test_vector(char *line)
{
	char	   *expected = strchr(line, '\t');
	const char *problem;
	char	   *json;
	char		what[100];
	char		error[128];
	bool		good;

	*expected++ = '\0';
	json = decode(line, &problem);
	snprintf(what, sizeof(what), "vector %.80s", line);
	ecapi_arena_init(&arena, unit_grab, NULL);
	if (strcmp(expected, "error") == 0)
		good = json == NULL;
	else
		good = json != NULL &&
			same(ecapi_json_parse(&arena, expected, strlen(expected), error, sizeof(error)),
				 ecapi_json_parse(&arena, json, strlen(json), error, sizeof(error)), "it");
	check(good, what);
	if (!good)
		fprintf(stderr, "# %s\n# problem %s\n", json ? json : "(none)", problem ? problem : "none");
	free(json);
	unit_free();
}

static void
test_vectors(const char *name)
{
	FILE	   *file = fopen(name, "r");
	char	   *line = NULL;
	size_t		size = 0;
	int			n = 0;
	ssize_t		len;

	check(file != NULL, "the vectors are there");
	while (file != NULL && (len = getline(&line, &size, file)) > 0)
	{
		if (line[0] == '#' || strchr(line, '\t') == NULL)
			continue;
		line[len - 1] = '\0';
		test_vector(line);
		n++;
	}
	printf("# %d vectors\n", n);
	check(file == NULL || n > 500, "all of them");
	free(line);
	if (file != NULL)
		fclose(file);
}

int
main(void)
{
	if (getenv("ECAPI_GPP_VECTORS"))
		test_vectors(getenv("ECAPI_GPP_VECTORS"));
	return unit_done();
}
