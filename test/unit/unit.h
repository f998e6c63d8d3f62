/*
 * unit.h
 *	  Tests of the pure code, as TAP lines on standard output.
 *
 * A program calls check() as often as it likes and returns unit_done().  A
 * failed check names its file and line on standard error.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/buffer.h"
#include "event/value.h"

static int	unit_count = 0;
static int	unit_failed = 0;

static inline bool
unit_check(bool good, const char *what, const char *file, int line)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++unit_count, what);
	if (!good)
	{
		fprintf(stderr, "# failed at %s line %d: %s\n", file, line, what);
		unit_failed++;
	}
	return good;
}

#define check(good, what) unit_check(good, what, __FILE__, __LINE__)

static inline bool
unit_check_text(const char *got, const char *wanted, const char *what,
				const char *file, int line)
{
	bool		good = got && wanted ? strcmp(got, wanted) == 0 : got == wanted;

	unit_check(good, what, file, line);
	if (!good)
		fprintf(stderr, "# got    %s\n# wanted %s\n", got ? got : "(none)",
				wanted ? wanted : "(none)");
	return good;
}

#define check_text(got, wanted, what) unit_check_text(got, wanted, what, __FILE__, __LINE__)

static inline int
unit_done(void)
{
	printf("1..%d\n", unit_count);
	return unit_failed > 0;
}

/* Memory of arenas and buffers: a list of pieces, freed together. */
typedef struct UnitPiece
{
	struct UnitPiece *next;
	max_align_t bytes[];
} UnitPiece;

static UnitPiece *unit_pieces = NULL;

static inline void *
unit_grab(void *owner, size_t size)
{
	UnitPiece  *piece = malloc(sizeof(UnitPiece) + size);

	(void) owner;
	if (piece == NULL)
		return NULL;
	piece->next = unit_pieces;
	unit_pieces = piece;
	return piece->bytes;
}

static inline void
unit_free(void)
{
	while (unit_pieces)
	{
		UnitPiece  *next = unit_pieces->next;

		free(unit_pieces);
		unit_pieces = next;
	}
}

static inline void *
unit_resize(void *owner, void *old, size_t size)
{
	(void) owner;
	return realloc(old, size);
}

/*
 * A tree from JSON text, for tests: of well-formed text, "'" for quotes, with
 * escapes by \u00XX alone.  A failure ends the program.
 */
extern EcapiValue *unit_json(EcapiArena *arena, const char *text);

#endif							/* UNIT_H */
