/*
 * format.c
 *	  What formats share: complaints about options, paths, the frame of a body, the end of
 *	  an event in it, what they do with events unless the owner says otherwise.
 *
 * No locks, no state, no memory but the arena's and the body's.
 */
#include "destination/format.h"

#include <string.h>

/* Purposes that an ads platform's conversion interface needs: device access, measurement. */
#define DEFAULT_PURPOSES	(1u << 1 | 1u << 7)

static void
say(char *memory, size_t size, const char *text)
{
	EcapiBuffer buffer;

	ecapi_buffer_over(&buffer, memory, size);
	ecapi_buffer_str(&buffer, text);
}

bool
ecapi_format_wrong(EcapiFormatProblem *problem, const char *message, const char *detail,
				   const char *hint)
{
	say(problem->message, sizeof(problem->message), message);
	say(problem->detail, sizeof(problem->detail), detail);
	say(problem->hint, sizeof(problem->hint), hint);
	return false;
}

EcapiShaped
ecapi_format_shaped(EcapiWriter *writer, EcapiOpen open, const char *reason)
{
	if (reason == NULL)
	{
		(void) ecapi_write_close(writer, open, '}', true);
		return ECAPI_SHAPED;
	}
	if (!writer->body->full)
		ecapi_buffer_truncate(writer->body, open.start);
	return ECAPI_UNFIT;
}

void
ecapi_format_open_data(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "{\"data\":[");
}

void
ecapi_format_close_list(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "]}");
}

const char *
ecapi_format_path(EcapiArena *arena, const char *const *parts)
{
	size_t		size = 1;
	EcapiBuffer path;
	char	   *memory;

	for (int i = 0; parts[i] != NULL; i++)
		size += strlen(parts[i]);
	memory = ecapi_arena_alloc(arena, size);
	if (memory == NULL)
		return NULL;
	ecapi_buffer_over(&path, memory, size);
	for (int i = 0; parts[i] != NULL; i++)
		ecapi_buffer_str(&path, parts[i]);
	return memory;
}

void
ecapi_format_terms(const EcapiFormat *format, EcapiConsentTerms *terms)
{
	memset(terms, 0, sizeof(*terms));
	terms->gpp = format->gets_consent ? ECAPI_GPP_IGNORED : ECAPI_GPP_IF_PRESENT;
	terms->uses = format->uses != 0 ? format->uses
		: ECAPI_USE_SALE_OR_SHARE | ECAPI_USE_TARGETED_ADS | ECAPI_USE_MEASUREMENT;
	terms->tcf_purposes = DEFAULT_PURPOSES;
}
