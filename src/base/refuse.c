/*
 * refuse.c
 *	  Errors of our event triggers, without the frames of our event triggers.
 *
 * Event triggers are in plpgsql, for one in C whose library is gone would block
 * everybody's DDL.  An error that is raised below them, or by RAISE, has a CONTEXT
 * that shows our function and our query to somebody who typed ALTER TABLE.  So what
 * they refuse is raised in C, after our frames were taken off the stack of error
 * contexts.  What the user's own function or DO block adds to the context stays.
 *
 * A frame is known by its text, which for a frame of plpgsql holds the function's
 * name with its schema (each of ours pins its search_path to pg_catalog), and for
 * a frame of SPI our query, whose functions have their schema, too.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/refuse.h"

PG_FUNCTION_INFO_V1(ecapi_refuse);

#define OURS	"ecapi_internal."

/* Whether a frame is about a function of ours.  Raises what its callback raises. */
static bool
is_ours(const ErrorContextCallback *frame)
{
	ErrorContextCallback *stack = error_context_stack;
	ErrorContextCallback alone = {NULL, frame->callback, frame->arg};
	char	   *text;
	bool		result;

	error_context_stack = &alone;
	text = GetErrorContextStack();
	error_context_stack = stack;
	result = text != NULL && strstr(text, OURS) != NULL;
	if (text != NULL)
		pfree(text);
	return result;
}

ErrorContextCallback *
ecapi_frames_hide(void)
{
	ErrorContextCallback *stack = error_context_stack;

	while (error_context_stack != NULL && is_ours(error_context_stack))
		error_context_stack = error_context_stack->previous;
	return stack;
}

void
ecapi_frames_restore(ErrorContextCallback *stack)
{
	error_context_stack = stack;
}

int
ecapi_sqlstate(const char *text)
{
	return MAKE_SQLSTATE(text[0], text[1], text[2], text[3], text[4]);
}

/*
 * ecapi_internal.refuse(sqlstate text, message text, hint text): raise an error,
 * or a warning when the SQLSTATE is of class 01, as RAISE does.
 */
Datum
ecapi_refuse(PG_FUNCTION_ARGS)
{
	const char *sqlstate = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *message = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *hint = text_to_cstring(PG_GETARG_TEXT_PP(2));
	ErrorContextCallback *stack = ecapi_frames_hide();

	ereport(strncmp(sqlstate, "01", 2) == 0 ? WARNING : ERROR,
			(errcode(ecapi_sqlstate(sqlstate)),
			 errmsg_internal("%s", message), errhint("%s", hint)));
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}
