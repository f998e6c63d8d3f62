/*
 * tree.h
 *	  jsonb as a tree of values, and back.
 */
#ifndef ECAPI_TREE_H
#define ECAPI_TREE_H

#include "postgres.h"
#include "utils/jsonb.h"

#include "event/buffer.h"
#include "event/json.h"
#include "event/probed.h"
#include "event/value.h"

/*
 * jsonb of small numbers is up to this many times as large as its text, so a
 * larger one need not be looked at.
 */
#define ECAPI_JSONB_BLOAT	8

/* An arena, and a buffer, whose memory is a memory context. */
extern ECAPI_PROBED void ecapi_tree_arena(EcapiArena *arena, MemoryContext context);

/*
 * An arena that looks for a cancellation each time it takes more memory, and
 * raises it: all that works on a document through it can be stopped.  Not for
 * ecapi_json_parse(), which holds objects of its library meanwhile.
 */
extern void ecapi_tree_stoppable_arena(EcapiArena *arena, MemoryContext context);
extern ECAPI_PROBED void ecapi_tree_buffer(EcapiBuffer *buffer, size_t max, MemoryContext context);

/* What was left out of a document, how often. */
typedef struct EcapiLosses
{
	uint32		deep;			/* nested too deeply */
	uint32		text;			/* text that no receiver can read */
	uint32		large;			/* too much */
} EcapiLosses;

/*
 * A tree that holds the same, in the arena; nothing of it points into jsonb.  A
 * number that would be long for nothing has an exponent (see number.h).
 * max_depth counts levels of arrays and objects.  NULL when it is deeper, or
 * when the arena failed (arena->failed).  Raises an error for text that is
 * not UTF-8, which only a database without an encoding can hold.
 */
extern ECAPI_PROBED EcapiValue *ecapi_tree_from_jsonb(EcapiArena *arena, Jsonb *jsonb, int max_depth);

/*
 * The same for a document that anybody may have written: what is deeper, and
 * text that is not UTF-8, is left out and added to *losses.  NULL only when the
 * arena failed, or when nothing is left.
 */
extern EcapiValue *ecapi_tree_from_any_jsonb(EcapiArena *arena, Jsonb *jsonb,
											 int max_depth, EcapiLosses *losses);

/*
 * Write jsonb as JSON text that jsonb's input function reads as the same, but
 * for zeros at the end of numbers that would be long for nothing (see number.h).
 * The buffer says whether it is full.  Raises a cancellation.
 */
extern void ecapi_tree_write_jsonb(EcapiBuffer *buffer, Jsonb *jsonb);

/*
 * The jsonb of a tree, palloc'd.  Texts are taken to be in the server encoding
 * (convert before, where they are not); a key that stands twice keeps its last
 * value.  Raises an error for a text or number beyond what jsonb can hold, and
 * for out of memory.
 */
extern ECAPI_PROBED Jsonb *ecapi_tree_to_jsonb(const EcapiValue *value);

/*
 * Whether text (len bytes, server encoding) can become UTF-8.  False only in a database
 * without an encoding.
 */
extern bool ecapi_tree_is_text(const char *text, int len);

/*
 * ecapi_json_parse(), of a text that is read in a backend or in a turn of the worker
 * that may end anywhere: raises out of memory, so NULL always means that the text is
 * none, and error says why.
 */
extern EcapiValue *ecapi_tree_parse(EcapiArena *arena, const char *text, size_t len,
									char *error, size_t error_size);

/* ERROR, ERRCODE_OUT_OF_MEMORY. */
extern _Noreturn void ecapi_tree_out_of_memory(void);

/*
 * Raise an error unless text (len bytes, server encoding) can become UTF-8:
 * only a database without an encoding can hold what cannot.
 */
extern void ecapi_tree_check_text(const char *text, int len);

#endif							/* ECAPI_TREE_H */
