/*
 * gppapi.c
 *	  ecapi.gpp(), ecapi.gpp_problem(): what a consent string says; and
 *	  ecapi_internal.consent_of(): what it says to a destination.
 *
 * The first two are functions of their argument alone, so that they may stand in an index or
 * run in parallel over a table.  No message holds a part of the string: it is a person's.
 */
#include "postgres.h"

#include "fmgr.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/argument.h"
#include "base/tree.h"
#include "consent/gpp_json.h"
#include "consent/policy.h"
#include "destination/options.h"
#include "pipeline/server.h"

PG_FUNCTION_INFO_V1(ecapi_gpp);
PG_FUNCTION_INFO_V1(ecapi_gpp_problem);
PG_FUNCTION_INFO_V1(ecapi_consent_of);

/*
 * Bytes of JSON: a set that names every vendor there is takes 400 kB, and no string of
 * anybody's has more than a few thousand.
 */
#define JSON_MAX	(4 * 1024 * 1024)

/* ecapi.gpp(consent text) RETURNS jsonb.  Raises an error for what is no GPP string. */
Datum
ecapi_gpp(PG_FUNCTION_ARGS)
{
	text	   *string = PG_GETARG_TEXT_PP(0);
	EcapiGpp	gpp;
	EcapiBuffer json;
	const char *problem = ecapi_gpp_split(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string), &gpp);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("not a consent string: %s", problem),
				 errhint("A GPP string looks like DBABLA~BVQqAAAAAgA. ecapi.gpp_problem() returns what is wrong instead of raising it.")));
	ecapi_tree_buffer(&json, JSON_MAX, CurrentMemoryContext);
	ecapi_gpp_json(&json, &gpp);
	if (json.failed)
		ecapi_tree_out_of_memory();
	if (json.full)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the consent string names too many vendors to be listed")));
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

/*
 * ecapi.gpp_problem(consent text) RETURNS text: what is wrong with a string or the first of
 * its sections that is broken; NULL: nothing.
 */
Datum
ecapi_gpp_problem(PG_FUNCTION_ARGS)
{
	text	   *string = PG_GETARG_TEXT_PP(0);
	EcapiGpp	gpp;
	const char *problem = ecapi_gpp_split(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string), &gpp);

	if (problem != NULL)
		PG_RETURN_TEXT_P(cstring_to_text(problem));
	for (int i = 0; i < gpp.nsections; i++)
	{
		problem = ecapi_gpp_section_problem(&gpp.sections[i]);
		if (problem != NULL)
			PG_RETURN_TEXT_P(cstring_to_text(psprintf("section %s: %s",
													  ecapi_gpp_section_name(gpp.sections[i].id),
													  problem)));
	}
	PG_RETURN_NULL();
}

/*
 * ecapi_internal.consent_of(destination name, event json) RETURNS text: what the event's
 * consent string says to the destination by the options that it has now, in words.  NULL: it
 * has no string, or the destination is gone, does not ask, or cannot be read.
 */
Datum
ecapi_consent_of(PG_FUNCTION_ARGS)
{
	const ForeignServer *server = GetForeignServerByName(NameStr(*PG_GETARG_NAME(0)), true);
	EcapiConsentDecision decision;
	const EcapiOptions *options;
	const EcapiValue *event;
	EcapiArena	arena;
	const char *json;
	size_t		len;
	char		words[ECAPI_CONSENT_WORDS];
	char		error[512];

	if (server == NULL)
		PG_RETURN_NULL();
	options = ecapi_options_of(server, error, sizeof(error));
	if (options == NULL || options->terms.gpp == ECAPI_GPP_IGNORED)
		PG_RETURN_NULL();
	json = ecapi_argument_utf8(fcinfo, 1, &len);
	ecapi_tree_arena(&arena, CurrentMemoryContext);
	event = ecapi_tree_parse(&arena, json, len, error, sizeof(error));
	if (event == NULL || !ecapi_value_is_text(ecapi_value_get(ecapi_value_get(event, "user_data"),
															  "gpp_string")))
		PG_RETURN_NULL();
	decision = ecapi_consent_by_string(&options->terms, event);
	ecapi_consent_words(&decision, words, sizeof(words));
	PG_RETURN_TEXT_P(cstring_to_text(words));
}
