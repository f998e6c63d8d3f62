/*
 * fuzz.h
 *	  What the harnesses share: memory, and what must be so.
 *
 * A harness is a function that libFuzzer calls with bytes of its choosing.  It
 * says with must() what holds for every input; a run ends at the first one for
 * which it does not, and at the first finding of AddressSanitizer or UBSan.
 *
 * Memory of trees comes piece by piece from malloc, so that a read behind any
 * chunk is seen, and is freed by fuzz_free() at the end of each call.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/buffer.h"
#include "event/value.h"

/* The receiver's own reader of JSON, which shares no code with ours. */
#include "../receiver/json.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
fuzz_must(bool good, const char *what, const char *file, int line)
{
	if (!good)
	{
		fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
		abort();
	}
}

#define must(good, what) fuzz_must(good, what, __FILE__, __LINE__)

typedef struct FuzzPiece
{
	struct FuzzPiece *next;
	max_align_t bytes[];
} FuzzPiece;

static FuzzPiece *fuzz_pieces = NULL;

/* owner: NULL, or an int that counts down the pieces that are still given. */
static inline void *
fuzz_grab(void *owner, size_t size)
{
	int		   *left = owner;
	FuzzPiece  *piece;

	if (left && (*left)-- <= 0)
		return NULL;
	piece = malloc(sizeof(FuzzPiece) + size);
	if (piece == NULL)
		abort();
	piece->next = fuzz_pieces;
	fuzz_pieces = piece;
	return piece->bytes;
}

static inline void
fuzz_free(void)
{
	while (fuzz_pieces)
	{
		FuzzPiece  *next = fuzz_pieces->next;

		free(fuzz_pieces);
		fuzz_pieces = next;
	}
}

static inline void *
fuzz_resize(void *owner, void *old, size_t size)
{
	(void) owner;
	return realloc(old, size);
}

/* A value as JSON text, in a buffer that the caller frees. */
static inline EcapiBuffer
fuzz_written(const EcapiValue *value)
{
	EcapiBuffer text;

	ecapi_buffer_init(&text, 64 * 1024 * 1024, fuzz_resize, NULL);
	ecapi_json_value(&text, value);
	must(!text.full, "a tree of 32 levels can be written");
	must(text.data[text.len] == '\0' && strlen(text.data) == text.len,
		 "what is written holds no NUL but the one behind it");
	return text;
}

static inline bool
fuzz_same(const EcapiBuffer *one, const EcapiBuffer *other)
{
	return one->len == other->len && memcmp(one->data, other->data, one->len) == 0;
}

/* Is it JSON to the receiver?  The tree lives in its arena. */
static inline RcvNode *
fuzz_received(RcvArena *arena, const char *text, size_t len)
{
	const char *error = NULL;
	RcvNode    *node = rcv_json_parse(arena, text, len, &error);

	if (node == NULL)
		fprintf(stderr, "the receiver says: %s\n", error);
	return node;
}

#endif							/* FUZZ_H */
