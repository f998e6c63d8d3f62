/*
 * refuse.h
 *	  Errors of our event triggers, without the frames of our event triggers; and
 *	  SQLSTATEs that come as texts.
 */
#ifndef ECAPI_REFUSE_H
#define ECAPI_REFUSE_H

#include "postgres.h"

/*
 * Take the frames that are functions of ecapi_internal off the top of the stack
 * of error contexts, down to what the user's own command or function added.
 * Returns the stack as it was, which the caller puts back with
 * ecapi_frames_restore() unless it raises an error (the one that catches it puts
 * back its own).
 */
extern ErrorContextCallback *ecapi_frames_hide(void);
extern void ecapi_frames_restore(ErrorContextCallback *stack);

/* An SQLSTATE of five characters as errcode() takes it. */
extern int	ecapi_sqlstate(const char *text);

#endif							/* ECAPI_REFUSE_H */
