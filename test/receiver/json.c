/*
 * json.c
 *	  A strict reader of JSON text into a tree.
 *
 * Recursive descent over one buffer, bounded by a depth.  A string without
 * escapes is not copied: its node points into the buffer.  One with escapes is
 * unescaped into the arena, where it never grows.  Invalid UTF-8, lone
 * surrogates, control characters and U+0000 in strings are errors: no receiver
 * could store them.
 *
 * Single-threaded per arena; no global state.
 */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH	64			/* an event is 5 deep; ext may add a few */
#define CHUNK_SIZE	(256 * 1024)

struct RcvChunk
{
	RcvChunk   *next;
	max_align_t data[];
};

typedef struct Reader
{
	RcvArena   *arena;
	const char *at;
	const char *end;
	const char *error;			/* set once, by the first fault */
} Reader;

static RcvNode *read_value(Reader *r, int depth);

void *
rcv_arena_alloc(RcvArena *arena, size_t size)
{
	void	   *result;

	size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (size > arena->left)
	{
		size_t		room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
		RcvChunk   *chunk = malloc(sizeof(RcvChunk) + room);

		if (chunk == NULL)
			return NULL;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
		arena->at = (char *) chunk->data;
		arena->left = room;
	}
	result = arena->at;
	arena->at += size;
	arena->left -= size;
	return result;
}

void
rcv_arena_free(RcvArena *arena)
{
	while (arena->chunks != NULL)
	{
		RcvChunk   *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	arena->at = NULL;
	arena->left = 0;
}

static void *
fail(Reader *r, const char *error)
{
	if (r->error == NULL)
		r->error = error;
	return NULL;
}

static void
skip_space(Reader *r)
{
	while (r->at < r->end &&
		   (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
		r->at++;
}

static int
peek(Reader *r)
{
	return r->at < r->end ? (unsigned char) *r->at : -1;
}

static RcvNode *
new_node(Reader *r, RcvJsonType type)
{
	RcvNode    *node = rcv_arena_alloc(r->arena, sizeof(RcvNode));

	if (node == NULL)
		return fail(r, "out of memory");
	memset(node, 0, sizeof(RcvNode));
	node->type = type;
	node->raw = r->at;
	return node;
}

/* Bytes of the valid UTF-8 sequence at s (RFC 3629), or 0. */
static int
utf8_length(const unsigned char *s, const unsigned char *end)
{
	int			n;
	unsigned char low = 0x80;
	unsigned char high = 0xBF;

	if (s[0] < 0xC2)
		return 0;
	if (s[0] < 0xE0)
		n = 2;
	else if (s[0] < 0xF0)
	{
		n = 3;
		if (s[0] == 0xE0)
			low = 0xA0;			/* else overlong */
		if (s[0] == 0xED)
			high = 0x9F;		/* else a surrogate */
	}
	else if (s[0] < 0xF5)
	{
		n = 4;
		if (s[0] == 0xF0)
			low = 0x90;
		if (s[0] == 0xF4)
			high = 0x8F;		/* else beyond U+10FFFF */
	}
	else
		return 0;
	if (end - s < n || s[1] < low || s[1] > high)
		return 0;
	for (int i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xBF)
			return 0;
	return n;
}

/* Four hex digits at s, or -1. */
static int
hex4(const char *s, const char *end)
{
	int			value = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		char		c = s[i];

		value <<= 4;
		if (c >= '0' && c <= '9')
			value |= c - '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			value |= (c | 32) - 'a' + 10;
		else
			return -1;
	}
	return value;
}

/* Read \uXXXX (and its low half) at s, append UTF-8; returns bytes read or 0. */
static int
unescape_unicode(const char *s, const char *end, char **out)
{
	int			code = hex4(s, end);
	int			used = 4;
	char	   *o = *out;

	if (code <= 0)
		return 0;
	if (code >= 0xD800 && code <= 0xDFFF)
	{
		int			second;

		if (code >= 0xDC00 || end - s < 10 || s[4] != '\\' || s[5] != 'u')
			return 0;
		second = hex4(s + 6, end);
		if (second < 0xDC00 || second > 0xDFFF)
			return 0;
		code = 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00);
		used = 10;
	}
	if (code < 0x80)
		*o++ = code;
	else if (code < 0x800)
	{
		*o++ = 0xC0 | (code >> 6);
		*o++ = 0x80 | (code & 0x3F);
	}
	else if (code < 0x10000)
	{
		*o++ = 0xE0 | (code >> 12);
		*o++ = 0x80 | ((code >> 6) & 0x3F);
		*o++ = 0x80 | (code & 0x3F);
	}
	else
	{
		*o++ = 0xF0 | (code >> 18);
		*o++ = 0x80 | ((code >> 12) & 0x3F);
		*o++ = 0x80 | ((code >> 6) & 0x3F);
		*o++ = 0x80 | (code & 0x3F);
	}
	*out = o;
	return used;
}

/* Unescape [s, end), which scan_string() found well formed but for escapes. */
static bool
unescape(Reader *r, const char *s, const char *end, const char **text, size_t *len)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	char	   *out = rcv_arena_alloc(r->arena, end - s);
	char	   *o = out;

	if (out == NULL)
		return fail(r, "out of memory") != NULL;
	while (s < end)
	{
		const char *hit;
		int			used;

		if (*s != '\\')
		{
			*o++ = *s++;
			continue;
		}
		s++;
		if (*s == 'u')
		{
			used = unescape_unicode(s + 1, end, &o);
			if (used == 0)
				return fail(r, "invalid \\u escape") != NULL;
			s += 1 + used;
			continue;
		}
		hit = memchr(from, *s, sizeof(from) - 1);
		if (hit == NULL)
			return fail(r, "invalid escape") != NULL;
		*o++ = to[hit - from];
		s++;
	}
	*text = out;
	*len = o - out;
	return true;
}

/* Read a string whose opening quote is at r->at. */
static bool
read_string(Reader *r, const char **text, size_t *len)
{
	const char *start = ++r->at;
	bool		escaped = false;

	for (;;)
	{
		unsigned char c;

		if (r->at >= r->end)
			return fail(r, "unterminated string") != NULL;
		c = *r->at;
		if (c == '"')
			break;
		if (c < 0x20)
			return fail(r, "control character in a string") != NULL;
		if (c >= 0x80)
		{
			int			n = utf8_length((const unsigned char *) r->at,
										(const unsigned char *) r->end);

			if (n == 0)
				return fail(r, "invalid UTF-8") != NULL;
			r->at += n;
			continue;
		}
		if (c == '\\')
		{
			escaped = true;
			r->at++;			/* the next byte cannot end the string */
			if (r->at >= r->end || (unsigned char) *r->at < 0x20 ||
				(unsigned char) *r->at >= 0x80)
				return fail(r, "invalid escape") != NULL;
		}
		r->at++;
	}
	*text = start;
	*len = r->at - start;
	r->at++;
	return !escaped || unescape(r, start, r->at - 1, text, len);
}

static int
skip_digits(Reader *r)
{
	const char *start = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return r->at - start;
}

static RcvNode *
read_number(Reader *r)
{
	RcvNode    *node = new_node(r, RCV_NUMBER);
	int			digits;
	bool		zero;

	if (node == NULL)
		return NULL;
	if (peek(r) == '-')
		r->at++;
	zero = peek(r) == '0';
	digits = skip_digits(r);
	if (digits == 0 || (zero && digits > 1))
		return fail(r, "invalid number");
	if (peek(r) == '.')
	{
		r->at++;
		if (skip_digits(r) == 0)
			return fail(r, "invalid number");
	}
	if (peek(r) == 'e' || peek(r) == 'E')
	{
		r->at++;
		if (peek(r) == '+' || peek(r) == '-')
			r->at++;
		if (skip_digits(r) == 0)
			return fail(r, "invalid number");
	}
	node->text = node->raw;
	node->len = r->at - node->raw;
	return node;
}

static RcvNode *
read_word(Reader *r, const char *word, RcvJsonType type)
{
	size_t		len = strlen(word);
	RcvNode    *node = new_node(r, type);

	if (node == NULL)
		return NULL;
	if ((size_t) (r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return fail(r, "invalid word");
	node->text = r->at;
	node->len = len;
	r->at += len;
	return node;
}

/* Read [...] or {...}; r->at is at the bracket. */
static RcvNode *
read_children(Reader *r, RcvJsonType type, int depth)
{
	char		close = type == RCV_OBJECT ? '}' : ']';
	RcvNode    *node = new_node(r, type);
	RcvNode   **tail;

	if (node == NULL)
		return NULL;
	if (depth >= MAX_DEPTH)
		return fail(r, "nested too deeply");
	tail = &node->first;
	r->at++;
	skip_space(r);
	if (peek(r) == close)
	{
		r->at++;
		return node;
	}
	for (;;)
	{
		const char *key = NULL;
		size_t		keylen = 0;
		RcvNode    *child;

		skip_space(r);
		if (type == RCV_OBJECT)
		{
			if (peek(r) != '"')
				return fail(r, "member name expected");
			if (!read_string(r, &key, &keylen))
				return NULL;
			skip_space(r);
			if (peek(r) != ':')
				return fail(r, "colon expected");
			r->at++;
		}
		child = read_value(r, depth + 1);
		if (child == NULL)
			return NULL;
		child->key = key;
		child->keylen = keylen;
		*tail = child;
		tail = &child->next;
		skip_space(r);
		if (peek(r) == close)
		{
			r->at++;
			return node;
		}
		if (peek(r) != ',')
			return fail(r, "comma or closing bracket expected");
		r->at++;
	}
}

static RcvNode *
read_value(Reader *r, int depth)
{
	RcvNode    *node;

	skip_space(r);
	switch (peek(r))
	{
		case '{':
			node = read_children(r, RCV_OBJECT, depth);
			break;
		case '[':
			node = read_children(r, RCV_ARRAY, depth);
			break;
		case '"':
			node = new_node(r, RCV_STRING);
			if (node != NULL && !read_string(r, &node->text, &node->len))
				node = NULL;
			break;
		case 't':
			node = read_word(r, "true", RCV_BOOL);
			break;
		case 'f':
			node = read_word(r, "false", RCV_BOOL);
			break;
		case 'n':
			node = read_word(r, "null", RCV_NULL);
			break;
		case -1:
			return fail(r, "value expected");
		default:
			node = read_number(r);
	}
	if (node != NULL)
		node->rawlen = r->at - node->raw;
	return node;
}

RcvNode *
rcv_json_parse(RcvArena *arena, const char *text, size_t len, const char **error)
{
	Reader		r = {.arena = arena, .at = text, .end = text + len};
	RcvNode    *node = read_value(&r, 0);

	if (node != NULL)
	{
		skip_space(&r);
		if (r.at != r.end)
			node = fail(&r, "text after the value");
	}
	*error = r.error;
	return node;
}

const RcvNode *
rcv_json_get(const RcvNode *object, const char *key)
{
	size_t		len = strlen(key);

	if (object->type != RCV_OBJECT)
		return NULL;
	for (const RcvNode *child = object->first; child != NULL; child = child->next)
		if (child->keylen == len && memcmp(child->key, key, len) == 0)
			return child;
	return NULL;
}

bool
rcv_text_is(const RcvNode *node, const char *text)
{
	return node->len == strlen(text) && memcmp(node->text, text, node->len) == 0;
}
