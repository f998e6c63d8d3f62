/*
 * tree.h
 *	  jsonb as a tree of values, and back.
 */
#ifndef ECAPI_TREE_H
#define ECAPI_TREE_H

#include "postgres.h"
#include "utils/jsonb.h"

#include "event/buffer.h"
#include "event/value.h"

/*
 * jsonb of small numbers is up to this many times as large as its text, so a
 * larger one need not be looked at.
 */
#define ECAPI_JSONB_BLOAT	8

/* An arena, and a buffer, whose memory is a memory context. */
extern void ecapi_tree_arena(EcapiArena *arena, MemoryContext context);
extern void ecapi_tree_buffer(EcapiBuffer *buffer, size_t max, MemoryContext context);

/*
 * A tree that holds the same, in the arena; nothing of it points into jsonb.
 * max_depth counts levels of arrays and objects.  NULL when it is deeper, or
 * when the arena failed (arena->failed).  Raises an error for text that is
 * not UTF-8, which only a database without an encoding can hold.
 */
extern EcapiValue *ecapi_tree_from_jsonb(EcapiArena *arena, Jsonb *jsonb, int max_depth);

/*
 * The jsonb of a tree, palloc'd.  Texts are taken to be in the server encoding
 * (convert before, where they are not); a key that stands twice keeps its last
 * value.  Raises an error for a text or number beyond what jsonb can hold, and
 * for out of memory.
 */
extern Jsonb *ecapi_tree_to_jsonb(const EcapiValue *value);

/*
 * Raise an error unless text (len bytes, server encoding) can become UTF-8:
 * only a database without an encoding can hold what cannot.
 */
extern void ecapi_tree_check_text(const char *text, int len);

#endif							/* ECAPI_TREE_H */
