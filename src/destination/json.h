/*
 * json.h
 *	  JSON text from outside, as a tree.
 */
#ifndef ECAPI_JSON_H
#define ECAPI_JSON_H

#include "event/value.h"

/*
 * Parse one JSON text of at most len bytes, strictly, with at most 32 levels
 * of nesting.  The tree lives in the arena.  NULL when it is not JSON, too
 * deep, or memory ran out; error then says which, without quoting the text.
 */
extern EcapiValue *ecapi_json_parse(EcapiArena *arena, const char *text, size_t len,
									char *error, size_t error_size);

#endif							/* ECAPI_JSON_H */
