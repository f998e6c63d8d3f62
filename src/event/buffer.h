/*
 * buffer.h
 *	  A growing byte buffer with a maximum, and JSON written into it.
 *
 * A buffer never grows past max: a write that would sets full, writes
 * nothing, and so does every later one, so a caller may check once at the
 * end.  Memory that could not be had sets full, too, and failed beside it: then
 * what did not fit may be as small as it likes, and nothing is said about it.
 * A caller that blames a text for its size asks for failed first.  resize(owner,
 * old, size) works like realloc; the caller owns data.
 *
 * Pure C: no server header, no I/O.
 */
#ifndef ECAPI_BUFFER_H
#define ECAPI_BUFFER_H

#include "event/probed.h"
#include "event/value.h"

typedef struct EcapiBuffer
{
	char	   *data;			/* NUL-terminated once anything was written */
	size_t		len;
	size_t		size;			/* allocated */
	size_t		max;
	bool		full;			/* something was not written */
	bool		failed;			/* for want of memory, not of room */
	void	   *(*resize) (void *owner, void *old, size_t size);
	void	   *owner;
} EcapiBuffer;

/*
 * Start an empty buffer of at most max bytes.  resize gives its memory (see
 * above); nothing is taken before the first write.
 */
extern void ecapi_buffer_init(EcapiBuffer *buffer, size_t max,
							  void *(*resize) (void *owner, void *old, size_t size),
							  void *owner);

/*
 * A buffer over memory of the caller's (size bytes, at least one), which it
 * never leaves: at most size - 1 bytes of text fit.
 */
extern void ecapi_buffer_over(EcapiBuffer *buffer, char *memory, size_t size);

extern void ecapi_buffer_add(EcapiBuffer *buffer, const char *bytes, size_t len);
extern void ecapi_buffer_str(EcapiBuffer *buffer, const char *text);
extern void ecapi_buffer_char(EcapiBuffer *buffer, char c);

/* There is no memory for what should be written: as if the buffer had asked itself. */
extern void ecapi_buffer_fail(EcapiBuffer *buffer);

/* Forget what was written after len, and the flags with it. */
extern void ecapi_buffer_truncate(EcapiBuffer *buffer, size_t len);

/* A JSON string, quoted and escaped; a whole value, without white space. */
extern void ecapi_json_string(EcapiBuffer *buffer, const char *text, size_t len);
extern ECAPI_PROBED void ecapi_json_value(EcapiBuffer *buffer, const EcapiValue *value);

#endif							/* ECAPI_BUFFER_H */
