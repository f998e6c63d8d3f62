/*
 * json_text.h
 *	  JSON text that anybody may have written, as a tree.
 */
#ifndef ECAPI_JSON_TEXT_H
#define ECAPI_JSON_TEXT_H

#include "postgres.h"

#include "base/tree.h"

/*
 * The tree of a JSON text (len bytes, server encoding), in the arena; a number
 * stays text, of equal keys the last counts, in the place of the first.  Left
 * out, and counted in *losses (set to zero here), are
 *	- a text with half a surrogate pair, a NUL or a character that the server's
 *	  encoding lacks (a value becomes null, a key goes with its value);
 *	- what is nested deeper than max_depth arrays and objects (at most
 *	  ECAPI_MAX_DEPTH);
 *	- a value that, with those before it, would take more than budget bytes.
 * NULL when the text is no JSON, or when the arena failed.  Raises "out of
 * memory" and a cancellation.  Leaks into the current memory context.
 */
extern EcapiValue *ecapi_json_text(EcapiArena *arena, const char *json, size_t len,
								   int max_depth, size_t budget, EcapiLosses *losses);

#endif							/* ECAPI_JSON_TEXT_H */
