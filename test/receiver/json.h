/*
 * json.h
 *	  A strict reader of JSON text into a tree.
 *
 * The receiver reads JSON by its own code, so that a slip of a library that
 * the sender also uses (a lenient number, a repeated member silently merged)
 * cannot hide.  Nodes live in an arena and point into the text they were read
 * from: the text must outlive them.
 */
#ifndef RCV_JSON_H
#define RCV_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum RcvJsonType
{
	RCV_NULL,
	RCV_BOOL,
	RCV_NUMBER,
	RCV_STRING,
	RCV_ARRAY,
	RCV_OBJECT
} RcvJsonType;

typedef struct RcvNode RcvNode;

struct RcvNode
{
	RcvJsonType type;
	uint32_t	keylen;			/* bytes of key */
	const char *key;			/* unescaped member name; NULL outside an object */
	const char *text;			/* STRING unescaped, NUMBER and BOOL as written */
	size_t		len;			/* bytes of text; no terminator */
	const char *raw;			/* the value as received, from first to last byte */
	size_t		rawlen;
	RcvNode    *first;			/* children of ARRAY and OBJECT, in order */
	RcvNode    *next;			/* next sibling */
};

typedef struct RcvChunk RcvChunk;

/* Zero it before first use; rcv_arena_free() leaves it ready for reuse. */
typedef struct RcvArena
{
	RcvChunk   *chunks;
	char	   *at;
	size_t		left;
} RcvArena;

/* max-aligned memory that lives until rcv_arena_free(); NULL when out of memory */
extern void *rcv_arena_alloc(RcvArena *arena, size_t size);
extern void rcv_arena_free(RcvArena *arena);

/*
 * Read one JSON text (RFC 8259: UTF-8, nothing before or after it but white
 * space, at most 64 levels deep).  NULL when it is not one; *error is then a
 * fixed English text.
 */
extern RcvNode *rcv_json_parse(RcvArena *arena, const char *text, size_t len,
							   const char **error);

/* The first member of that name, or NULL (also when the node is no object). */
extern const RcvNode *rcv_json_get(const RcvNode *object, const char *key);

/* Is the text of the node this one? */
extern bool rcv_text_is(const RcvNode *node, const char *text);

#endif							/* RCV_JSON_H */
