/*
 * format.c
 *	  What formats say of their options.
 *
 * No locks, no state, no memory.
 */
#include "destination/format.h"

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
