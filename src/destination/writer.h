/*
 * writer.h
 *	  Members of JSON objects, one after the other, those without a value left out.
 *
 * Pure C: no server header, no I/O; memory only the buffer's.
 */
#ifndef ECAPI_WRITER_H
#define ECAPI_WRITER_H

#include "event/buffer.h"

/* A place in a body where members or elements are written with commas between them. */
typedef struct EcapiWriter
{
	EcapiBuffer *body;
	bool		any;			/* something stands behind the last bracket */
} EcapiWriter;

/* An object or array that may be left out when nothing came into it. */
typedef struct EcapiOpen
{
	size_t		start;			/* of the body, before its name */
	bool		any;			/* the writer's, before it */
} EcapiOpen;

/* A comma if one is due; then the caller writes the element by itself. */
extern void ecapi_write_comma(EcapiWriter *writer);

/* A member's name with its comma and colon; then the caller writes the value. */
extern void ecapi_write_name(EcapiWriter *writer, const char *name);

/* Open and close; name NULL inside of an array.  empty: it stays with nothing in it. */
extern EcapiOpen ecapi_write_open(EcapiWriter *writer, const char *name, char bracket);
extern bool ecapi_write_close(EcapiWriter *writer, EcapiOpen open, char bracket, bool empty);

/*
 * A member, or with name NULL an element.  Of text and value: none is written when it
 * is NULL, of text when it is empty, too.
 */
extern void ecapi_write_text(EcapiWriter *writer, const char *name, const char *text);
extern void ecapi_write_text_len(EcapiWriter *writer, const char *name, const char *text, size_t len);
extern void ecapi_write_value(EcapiWriter *writer, const char *name, const EcapiValue *value);

/* A JSON number as a text of digits and a point (decimal.h); none where it has none. */
extern void ecapi_write_amount(EcapiWriter *writer, const char *name, const EcapiValue *number);

extern void ecapi_write_integer(EcapiWriter *writer, const char *name, int64_t number);
extern void ecapi_write_bool(EcapiWriter *writer, const char *name, bool truth);

#endif							/* ECAPI_WRITER_H */
