/*
 * intake.c
 *	  An answer while it comes in: what is kept of it, and where it ends.
 *
 * Pure: no I/O; the clock is read for one kind of Retry-After only.  Memory
 * is malloc's, owned by the intake, and used again for the next answer.
 */
#include "delivery/intake.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* An answer's words are for people and error lists; 64 kB is plenty. */
#define BODY_KEEP		(64 * 1024)

/* Beyond this the receiver is not answering but flooding. */
#define BODY_READ		(1024 * 1024)

/* All header lines of one exchange.  Real ones stay below 8 kB. */
#define HEADERS_READ	(64 * 1024)

/* As ECAPI_RETRY_AFTER_MAX_MS: more is not waited for anyway. */
#define RETRY_AFTER_MAX_S	3600

void
ecapi_intake_clear(EcapiIntake *intake)
{
	char	   *body = intake->body;
	size_t		size = intake->body_size;

	memset(intake, 0, sizeof(*intake));
	intake->body = body;
	intake->body_size = size;
	if (body)
		body[0] = '\0';
	intake->retry_after_ms = -1;
}

void
ecapi_intake_shrink(EcapiIntake *intake, size_t keep)
{
	if (intake->body_size <= keep)
		return;
	free(intake->body);
	intake->body = NULL;
	intake->body_size = 0;
	intake->body_len = 0;
}

/*
 * Keep the first part of the body; go on reading a while behind it, so that
 * the connection can be used again; then give up.
 */
bool
ecapi_intake_body(EcapiIntake *intake, const char *bytes, size_t len)
{
	size_t		keep;

	intake->body_read += len;
	if (intake->body_read > BODY_READ)
	{
		intake->body_flood = true;
		return false;
	}

	keep = BODY_KEEP - intake->body_len;
	if (keep > len)
		keep = len;
	if (intake->body_len + keep + 1 > intake->body_size)
	{
		size_t		size = intake->body_size > 0 ? intake->body_size : 1024;
		char	   *body;

		while (size < intake->body_len + keep + 1)
			size *= 2;
		body = realloc(intake->body, size);
		if (body == NULL)
		{
			intake->no_memory = true;
			return false;
		}
		intake->body = body;
		intake->body_size = size;
	}
	memcpy(intake->body + intake->body_len, bytes, keep);
	intake->body_len += keep;
	intake->body[intake->body_len] = '\0';
	return true;
}

bool
ecapi_intake_wire(EcapiIntake *intake, int64_t bytes)
{
	if (bytes > BODY_READ)
		intake->body_flood = true;
	return !intake->body_flood;
}

/*
 * If the line (without its end) is the named header, return its value, blanks
 * stripped; else NULL.
 */
static const char *
header_value(const char *line, size_t len, const char *name, size_t *value_len)
{
	size_t		name_len = strlen(name);
	const char *end = line + len;

	if (len <= name_len || line[name_len] != ':' ||
		strncasecmp(line, name, name_len) != 0)
		return NULL;
	line += name_len + 1;
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*value_len = end - line;
	return line;
}

/*
 * Retry-After, RFC 9110 section 10.2.3: seconds, or an HTTP date.  Returns
 * milliseconds from now, or -1 when it is neither.  The date is read against
 * our own clock, which may differ from the receiver's; the result is bounded,
 * so the worst is a wait that is somewhat off.
 */
static int64_t
read_retry_after(const char *value, size_t len,
				 time_t (*read_date) (const char *text))
{
	char		text[64];
	time_t		date;
	int64_t		seconds = 0;
	size_t		i;

	if (len == 0 || len >= sizeof(text))
		return -1;
	memcpy(text, value, len);
	text[len] = '\0';

	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
	{
		seconds = seconds * 10 + (text[i] - '0');
		if (seconds > RETRY_AFTER_MAX_S)
			seconds = RETRY_AFTER_MAX_S;
	}
	if (i < len)
	{
		/* every form of date begins with a day's name; parsers take far more */
		if (i > 0 || text[0] == '\0' || strchr("MTWFS", text[0]) == NULL)
			return -1;
		date = read_date(text);
		if (date == (time_t) -1)
			return -1;
		seconds = (int64_t) date - (int64_t) time(NULL);
		if (seconds < 0)
			seconds = 0;
		if (seconds > RETRY_AFTER_MAX_S)
			seconds = RETRY_AFTER_MAX_S;
	}
	return seconds * 1000;
}

/* The receiver's name for the request; dropped unless it is plain ASCII. */
static void
read_request_id(EcapiIntake *intake, const char *value, size_t len)
{
	size_t		i;

	if (len == 0 || len >= sizeof(intake->request_id))
		return;
	for (i = 0; i < len; i++)
	{
		if (value[i] < 0x21 || value[i] > 0x7e)
			return;
	}
	memcpy(intake->request_id, value, len);
	intake->request_id[len] = '\0';
}

bool
ecapi_intake_header(EcapiIntake *intake, const char *line, size_t len,
					time_t (*read_date) (const char *text))
{
	const char *value;
	size_t		value_len;

	intake->headers_read += len;
	if (intake->headers_read > HEADERS_READ)
	{
		intake->header_flood = true;
		return false;
	}

	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;

	/* a status line: what an interim answer (1xx) said does not count */
	if (len > 5 && strncmp(line, "HTTP/", 5) == 0)
	{
		intake->retry_after_ms = -1;
		intake->request_id[0] = '\0';
	}
	else if ((value = header_value(line, len, "retry-after", &value_len)))
		intake->retry_after_ms = read_retry_after(value, value_len, read_date);
	else if ((value = header_value(line, len, "x-request-id", &value_len)) ||
			 (value = header_value(line, len, "request-id", &value_len)))
		read_request_id(intake, value, value_len);
	return true;
}
