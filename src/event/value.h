/*
 * value.h
 *	  A JSON value in memory: what every stage of the transform reads.
 *
 * An event is a small tree, built once (from jsonb when it is emitted, from
 * the outbox text when it is delivered) and then only read.  All nodes and
 * texts of a tree live in one arena and go with it; nothing is freed singly.
 *
 * Numbers are kept as the text they were written with, so money is never
 * rounded on its way through.  Strings are valid UTF-8, unescaped.  Texts are
 * NUL-terminated, and hold no NUL inside.
 *
 * Pure C: no server header, no I/O.  An allocation that fails sets
 * arena->failed and returns NULL; nothing here jumps or aborts.
 */
#ifndef ECAPI_VALUE_H
#define ECAPI_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum EcapiType
{
	ECAPI_NULL,
	ECAPI_BOOL,
	ECAPI_NUMBER,
	ECAPI_STRING,
	ECAPI_ARRAY,
	ECAPI_OBJECT
} EcapiType;

typedef struct EcapiValue EcapiValue;

struct EcapiValue
{
	EcapiType	type;
	bool		truth;			/* of a BOOL */
	uint32_t	len;			/* bytes of text, or number of children */
	uint32_t	keylen;			/* bytes of key; 0 outside an object */
	const char *key;			/* member name, NULL outside an object */
	const char *text;			/* NUMBER as written, STRING unescaped */
	EcapiValue *first;			/* children of ARRAY and OBJECT, in order */
	EcapiValue *last;
	EcapiValue *next;			/* next sibling */
};

/*
 * Where a tree lives.  grab(owner, size) returns max-aligned memory that
 * stays valid until the owner drops all of it, or NULL.  In the server the
 * owner is a memory context; in tests it is a list of malloc'ed chunks.
 */
typedef struct EcapiArena
{
	void	   *(*grab) (void *owner, size_t size);
	void	   *owner;
	char	   *at;				/* free part of the current chunk */
	size_t		left;
	size_t		grabbed;		/* bytes taken from grab so far */
	bool		failed;			/* a grab returned NULL */
} EcapiArena;

/*
 * Start an empty arena.  grab must give max-aligned memory, or NULL; nothing
 * is taken from it before the first allocation.
 */
extern void ecapi_arena_init(EcapiArena *arena,
							 void *(*grab) (void *owner, size_t size),
							 void *owner);

/*
 * size bytes, max-aligned, not initialized; NULL (and arena->failed) when the
 * owner has no more.
 */
extern void *ecapi_arena_alloc(EcapiArena *arena, size_t size);

/* A NUL-terminated copy of len bytes, or NULL. */
extern char *ecapi_arena_copy(EcapiArena *arena, const char *text, size_t len);

/* Constructors return NULL only when the arena failed. */
extern EcapiValue *ecapi_value_new(EcapiArena *arena, EcapiType type);
extern EcapiValue *ecapi_value_bool(EcapiArena *arena, bool truth);
extern EcapiValue *ecapi_value_text(EcapiArena *arena, EcapiType type,
									const char *text, size_t len);

/*
 * A tree that says the same, outside of any parent: nodes of its own, texts and
 * keys shared with the original.
 */
extern EcapiValue *ecapi_value_copy(EcapiArena *arena, const EcapiValue *value);

/*
 * A node of the caller's own, outside of any parent, with the children, key and
 * text of that one: nothing may be appended to its children.
 */
extern EcapiValue *ecapi_value_node(EcapiArena *arena, const EcapiValue *value);

/* Children.  The child must not belong to another parent. */
extern void ecapi_value_append(EcapiValue *parent, EcapiValue *child);
extern bool ecapi_value_set(EcapiArena *arena, EcapiValue *object,
							const char *key, size_t keylen,
							EcapiValue *member);	/* replaces an equal key */
extern EcapiValue *ecapi_value_get(const EcapiValue *object, const char *key);

/* Whether it is a text with something in it; value may be NULL. */
extern bool ecapi_value_is_text(const EcapiValue *value);

/* Do both hold the same?  Numbers as they are written, members in any order. */
extern bool ecapi_value_equal(const EcapiValue *a, const EcapiValue *b);

#endif							/* ECAPI_VALUE_H */
