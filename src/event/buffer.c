/*
 * buffer.c
 *	  A growing byte buffer with a maximum, and JSON written into it.
 *
 * Invariants: len < size once anything was written, and data[len] is NUL;
 * len <= max always; a buffer that is full stays full until truncated; failed
 * only beside full.
 *
 * The JSON writer walks a tree with a pointer to the parent kept on a small
 * stack of its own, so its depth is bounded whatever the tree is: deeper than
 * MAX_DEPTH it sets full.  Bytes that need no escape are copied in runs; the
 * test is one table look-up a byte.
 */
#include "event/buffer.h"

#include <string.h>

#include "event/plain.h"

/* Events are at most 32 deep (validate.c); wrappers add a few. */
#define MAX_DEPTH	64

#define FIRST_SIZE	1024

void
ecapi_buffer_init(EcapiBuffer *buffer, size_t max,
				  void *(*resize) (void *owner, void *old, size_t size),
				  void *owner)
{
	buffer->data = NULL;
	buffer->len = 0;
	buffer->size = 0;
	/* Lengths are added and doubled: keep far from where that overflows. */
	buffer->max = max < SIZE_MAX / 8 ? max : SIZE_MAX / 8;
	buffer->full = buffer->failed = false;
	buffer->resize = resize;
	buffer->owner = owner;
}

/*
 * Start an empty buffer over memory of the caller's, size bytes (at least
 * one), which it never leaves: at most size - 1 bytes of text fit.
 */
void
ecapi_buffer_over(EcapiBuffer *buffer, char *memory, size_t size)
{
	buffer->data = memory;
	buffer->data[0] = '\0';
	buffer->len = 0;
	buffer->size = size;
	buffer->max = size - 1;
	buffer->full = buffer->failed = false;
	buffer->resize = NULL;
	buffer->owner = NULL;
}

/* Make room for more bytes and the NUL; the slow half of reserve(). */
static bool
grow(EcapiBuffer *buffer, size_t more)
{
	size_t		wanted;
	size_t		size;
	char	   *data;

	if (more > buffer->max - buffer->len)
		return false;
	wanted = buffer->len + more + 1;
	if (wanted <= buffer->size)
		return true;
	if (buffer->resize == NULL)
		return false;

	size = buffer->size > 0 ? buffer->size : FIRST_SIZE;
	while (size < wanted)
		size *= 2;
	if (size > buffer->max + 1)
		size = buffer->max + 1;
	data = buffer->resize(buffer->owner, buffer->data, size);
	if (data == NULL)
	{
		buffer->failed = true;
		return false;
	}
	buffer->data = data;
	buffer->size = size;
	return true;
}

/* Where to write more bytes, or NULL with the buffer full. */
static inline char *
reserve(EcapiBuffer *buffer, size_t more)
{
	if (buffer->full)
		return NULL;
	if (more >= buffer->size - buffer->len || more > buffer->max - buffer->len)
	{
		if (!grow(buffer, more))
		{
			buffer->full = true;
			return NULL;
		}
	}
	return buffer->data + buffer->len;
}

void
ecapi_buffer_add(EcapiBuffer *buffer, const char *bytes, size_t len)
{
	char	   *at = reserve(buffer, len);

	if (at)
	{
		if (len > 0)
			memcpy(at, bytes, len);
		at[len] = '\0';
		buffer->len += len;
	}
}

void
ecapi_buffer_str(EcapiBuffer *buffer, const char *text)
{
	ecapi_buffer_add(buffer, text, strlen(text));
}

void
ecapi_buffer_char(EcapiBuffer *buffer, char c)
{
	char	   *at = reserve(buffer, 1);

	if (at)
	{
		at[0] = c;
		at[1] = '\0';
		buffer->len++;
	}
}

void
ecapi_buffer_fail(EcapiBuffer *buffer)
{
	buffer->full = buffer->failed = true;
}

/* Forget what was written after len, and the flags with it. */
void
ecapi_buffer_truncate(EcapiBuffer *buffer, size_t len)
{
	if (len < buffer->len)
		buffer->len = len;
	if (buffer->size > 0)
		buffer->data[buffer->len] = '\0';
	buffer->full = buffer->failed = false;
}

/*
 * How a byte that is not plain (plain.h) stands in a JSON string: 'u' as \u00XX,
 * else behind a backslash as that letter (RFC 8259, section 7).
 */
static const char escape[128] = {
	'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',
	'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
	['"'] = '"',
	['\\'] = '\\',
};

static void
add_escaped(EcapiBuffer *buffer, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	char		text[6] = {'\\', escape[c], '0', '0', digits[c >> 4], digits[c & 15]};

	ecapi_buffer_add(buffer, text, escape[c] == 'u' ? 6 : 2);
}

/* A JSON string, quoted and escaped.  text is UTF-8 and may hold any byte. */
void
ecapi_json_string(EcapiBuffer *buffer, const char *text, size_t len)
{
	size_t		plain = ecapi_plain_run(text, len, false);
	char	   *at;

	/* Nearly every string: nothing to escape, one reservation. */
	if (plain == len)
	{
		at = len > SIZE_MAX - 2 ? NULL : reserve(buffer, len + 2);
		if (at)
		{
			at[0] = '"';
			if (len > 0)
				memcpy(at + 1, text, len);
			at[len + 1] = '"';
			at[len + 2] = '\0';
			buffer->len += len + 2;
		}
		return;
	}

	ecapi_buffer_char(buffer, '"');
	for (size_t from = 0; from < len && !buffer->full; from = plain)
	{
		plain = from + ecapi_plain_run(text + from, len - from, false);
		ecapi_buffer_add(buffer, text + from, plain - from);
		if (plain < len)
			add_escaped(buffer, (unsigned char) text[plain++]);
	}
	ecapi_buffer_char(buffer, '"');
}

static void
write_scalar(EcapiBuffer *buffer, const EcapiValue *value)
{
	switch (value->type)
	{
		case ECAPI_BOOL:
			if (value->truth)
				ecapi_buffer_add(buffer, "true", 4);
			else
				ecapi_buffer_add(buffer, "false", 5);
			break;
		case ECAPI_NUMBER:
			ecapi_buffer_add(buffer, value->text, value->len);
			break;
		case ECAPI_STRING:
			ecapi_json_string(buffer, value->text, value->len);
			break;
		default:
			ecapi_buffer_add(buffer, "null", 4);
			break;
	}
}

/* A whole value, without white space.  Sets full when it is too deep. */
void
ecapi_json_value(EcapiBuffer *buffer, const EcapiValue *value)
{
	const EcapiValue *parents[MAX_DEPTH];
	int			depth = 0;

	for (;;)
	{
		bool		nested = value->type == ECAPI_ARRAY || value->type == ECAPI_OBJECT;

		/* The outermost value may have a key or siblings; neither is its own. */
		if (depth > 0 && parents[depth - 1]->type == ECAPI_OBJECT)
		{
			ecapi_json_string(buffer, value->key, value->keylen);
			ecapi_buffer_char(buffer, ':');
		}

		if (!nested)
			write_scalar(buffer, value);
		else if (value->first == NULL)
			ecapi_buffer_add(buffer, value->type == ECAPI_ARRAY ? "[]" : "{}", 2);
		else
		{
			if (depth == MAX_DEPTH)
				buffer->full = true;
			ecapi_buffer_char(buffer, value->type == ECAPI_ARRAY ? '[' : '{');
			if (buffer->full)
				return;
			parents[depth++] = value;
			value = value->first;
			continue;
		}

		/* Close what ends here, then go on with the next sibling. */
		while (depth > 0 && value->next == NULL)
		{
			value = parents[--depth];
			ecapi_buffer_char(buffer, value->type == ECAPI_ARRAY ? ']' : '}');
		}
		if (depth == 0 || buffer->full)
			return;
		ecapi_buffer_char(buffer, ',');
		value = value->next;
	}
}
