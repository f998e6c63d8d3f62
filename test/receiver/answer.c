/*
 * answer.c
 *	  Put an answer on the wire, well or badly.
 *
 * Short bodies are copied (and gzipped whole); huge ones are made piece by
 * piece in a reader callback, gzipped on the fly when asked, so that gigabytes
 * cost the receiver nothing and may reach the sender as a few kilobytes.  The
 * endless body sleeps between its drips, by the timer.
 *
 * A stream belongs to its response, which frees it when it goes.
 */
#define _GNU_SOURCE
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <zlib.h>

#include "timer.h"

#define BLOCK_SIZE	(64 * 1024)
#define DRIP_MS		100

typedef struct Stream
{
	struct MHD_Connection *connection;
	bool		drip_due;		/* of an endless body */
	uint64_t	left;			/* of a huge body: bytes still to make */
	bool		gzip;
	z_stream	deflater;
	Bytef		block[BLOCK_SIZE];
} Stream;

static const char garbage[] =
	"\xFF\xFE<html>\0{\"received\": [[[ \xC3\x28 \x80 \"id\": }} NaN";

static bool
accepts_gzip(struct MHD_Connection *connection)
{
	const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
													 "Accept-Encoding");

	return accept != NULL && strcasestr(accept, "gzip") != NULL;
}

static bool
start_gzip(z_stream *deflater)
{
	memset(deflater, 0, sizeof(z_stream));
	/* 15 bits of window, plus 16 for the gzip header */
	return deflateInit2(deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
						Z_DEFAULT_STRATEGY) == Z_OK;
}

/* A response of these bytes, gzipped; NULL when that fails. */
static struct MHD_Response *
gzip_response(const void *text, size_t len)
{
	z_stream	deflater;
	struct MHD_Response *response = NULL;
	uLong		bound;
	Bytef	   *packed;

	if (!start_gzip(&deflater))
		return NULL;
	bound = deflateBound(&deflater, len);
	packed = malloc(bound);
	deflater.next_in = (Bytef *) text;
	deflater.avail_in = len;
	deflater.next_out = packed;
	deflater.avail_out = bound;
	if (packed != NULL && deflate(&deflater, Z_FINISH) == Z_STREAM_END)
		response = MHD_create_response_from_buffer(deflater.total_out, packed,
												   MHD_RESPMEM_MUST_COPY);
	deflateEnd(&deflater);
	free(packed);
	return response;
}

static ssize_t
read_endless(void *cls, uint64_t position, char *buffer, size_t size)
{
	Stream	   *stream = cls;

	(void) position;
	if (size == 0)
		return 0;
	if (!stream->drip_due && rcv_timer_sleep(stream->connection, DRIP_MS))
	{
		stream->drip_due = true;
		return 0;				/* suspended: called again after the sleep */
	}
	stream->drip_due = false;
	buffer[0] = ' ';
	return 1;
}

static ssize_t
read_huge(void *cls, uint64_t position, char *buffer, size_t size)
{
	Stream	   *stream = cls;
	size_t		n = stream->left < size ? stream->left : size;

	(void) position;
	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	memset(buffer, ' ', n);
	stream->left -= n;
	return n;
}

static ssize_t
read_huge_gzip(void *cls, uint64_t position, char *buffer, size_t size)
{
	Stream	   *stream = cls;
	z_stream   *deflater = &stream->deflater;

	(void) position;
	deflater->next_out = (Bytef *) buffer;
	deflater->avail_out = size;
	while (deflater->avail_out == size)
	{
		int			result;

		if (deflater->avail_in == 0 && stream->left > 0)
		{
			deflater->next_in = stream->block;
			deflater->avail_in = stream->left < BLOCK_SIZE ? stream->left : BLOCK_SIZE;
			stream->left -= deflater->avail_in;
		}
		result = deflate(deflater, stream->left > 0 ? Z_NO_FLUSH : Z_FINISH);
		if (result == Z_STREAM_END && deflater->avail_out == size)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	return size - deflater->avail_out;
}

static void
free_stream(void *cls)
{
	Stream	   *stream = cls;

	if (stream->gzip)
		deflateEnd(&stream->deflater);
	free(stream);
}

static struct MHD_Response *
stream_response(struct MHD_Connection *connection, const RcvManners *manners, bool gzip)
{
	Stream	   *stream = calloc(1, sizeof(Stream));
	MHD_ContentReaderCallback reader = read_endless;
	uint64_t	size = MHD_SIZE_UNKNOWN;
	struct MHD_Response *response;

	if (stream == NULL)
		return NULL;
	stream->connection = connection;
	if (manners->body == RCV_BODY_HUGE)
	{
		stream->left = manners->huge_bytes;
		memset(stream->block, ' ', BLOCK_SIZE);
		if (gzip && start_gzip(&stream->deflater))
		{
			stream->gzip = true;
			reader = read_huge_gzip;
		}
		else
		{
			reader = read_huge;
			size = manners->huge_bytes;
		}
	}
	response = MHD_create_response_from_callback(size, BLOCK_SIZE, reader, stream,
												 free_stream);
	if (response == NULL)
		free_stream(stream);
	else if (stream->gzip)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	return response;
}

static struct MHD_Response *
plain_response(const RcvManners *manners, bool gzip, const char *text, size_t len)
{
	struct MHD_Response *response;

	if (manners->body == RCV_BODY_GARBAGE)
	{
		text = garbage;
		len = sizeof(garbage) - 1;
	}
	if (manners->body == RCV_BODY_EMPTY)
		len = 0;
	if (gzip && len > 0)
	{
		response = gzip_response(text, len);
		if (response != NULL)
			MHD_add_response_header(response, "Content-Encoding", "gzip");
		return response;
	}
	return MHD_create_response_from_buffer(len, (void *) text, MHD_RESPMEM_MUST_COPY);
}

static void
add_retry_after(struct MHD_Response *response, const RcvManners *manners)
{
	char		text[64];

	if (manners->retry_as_date)
	{
		time_t		when = time(NULL) + manners->retry_after;
		struct tm	utc;

		/* the locale's LC_TIME is C: English names, as HTTP wants */
		gmtime_r(&when, &utc);
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc);
	}
	else
		snprintf(text, sizeof(text), "%lld", (long long) manners->retry_after);
	MHD_add_response_header(response, "Retry-After", text);
}

enum MHD_Result
rcv_answer(struct MHD_Connection *connection, const RcvManners *manners,
		   unsigned int status, const char *text, size_t len)
{
	bool		gzip = manners->gzip && accepts_gzip(connection);
	struct MHD_Response *response;
	enum MHD_Result result;

	if (status == 204 || status == 304)
		len = 0;
	if (manners->body == RCV_BODY_HUGE || manners->body == RCV_BODY_ENDLESS)
		response = stream_response(connection, manners, gzip);
	else
		response = plain_response(manners, gzip, text, len);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type",
							manners->html ? "text/html" : "application/json");
	if (manners->retry_after >= 0 && status >= 300)
		add_retry_after(response, manners);
	if (manners->redirect[0] != '\0' && status == 302)
	{
		char		location[RCV_MAX_TEXT + 1];

		snprintf(location, sizeof(location), "/%s", manners->redirect);
		MHD_add_response_header(response, "Location", location);
	}
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

void
rcv_reset_connection(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	/* dissolving the association is what makes Linux send the reset */
	if (info != NULL)
		(void) connect(info->connect_fd, &nowhere, sizeof(nowhere));
}
