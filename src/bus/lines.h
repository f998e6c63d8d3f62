/*
 * lines.h
 *	  The messages of a body, one after the other.
 *
 * Pure C: no server header, no I/O; memory only the caller's.
 */
#ifndef ECAPI_LINES_H
#define ECAPI_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* Headers that a message has at most. */
#define ECAPI_LINE_HEADERS	4

/* A piece of text that is not NUL-terminated. */
typedef struct EcapiPiece
{
	const char *text;			/* NULL: there is none */
	size_t		len;
} EcapiPiece;

typedef struct EcapiLine
{
	EcapiPiece	topic;
	EcapiPiece	key;
	int			nheaders;
	EcapiPiece	names[ECAPI_LINE_HEADERS];
	EcapiPiece	values[ECAPI_LINE_HEADERS];
	EcapiPiece	value;			/* as it stands in the body */
} EcapiLine;

/* Where the reader of a body is. */
typedef struct EcapiLines
{
	const char *at;
	const char *end;
	char	   *scratch;		/* of as many bytes as the body: texts without their escapes */
} EcapiLines;

/*
 * The next message of a body, whose texts are in the body or in scratch and last as long as
 * both.  1: there is one; 0: there is none any more; -1: this is no body of messages.
 */
extern int	ecapi_lines_next(EcapiLines *lines, EcapiLine *line);

/* How many messages a body has at most: its lines. */
extern int	ecapi_lines_count(const char *body, size_t len);

#endif							/* ECAPI_LINES_H */
