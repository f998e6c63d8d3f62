/*
 * json.h
 *	  JSON text from outside, as a tree.
 */
#ifndef ECAPI_JSON_H
#define ECAPI_JSON_H

#include "event/value.h"

/*
 * Parse one JSON text of at most len bytes, strictly, with at most 32 levels
 * of nesting.  The tree lives in the arena.  NULL when it is not JSON or too
 * deep; error then says which, without quoting the text.  NULL, too, when memory
 * ran out, of the arena or of json-c, which says nothing about the text: then
 * arena->failed.  Of a call that returns NULL the flag is about that call alone; else
 * it stays as it was.
 */
extern EcapiValue *ecapi_json_parse(EcapiArena *arena, const char *text, size_t len,
									char *error, size_t error_size);

/* Texts that memory is asked for at once, at most. */
#define ECAPI_JSON_TEXTS	16

/* One of several texts; value and error as above. */
typedef struct EcapiJsonText
{
	const char *text;
	size_t		len;
	EcapiValue *value;
	char		error[128];
} EcapiJsonText;

/*
 * The same for texts in turn, with less work for each: memory is asked for once for
 * several of them.  Returns how many are done; fewer than n when memory ran out, then
 * arena->failed and nothing is known of the next one.
 */
extern int	ecapi_json_parse_texts(EcapiArena *arena, EcapiJsonText *texts, int n);

#endif							/* ECAPI_JSON_H */
