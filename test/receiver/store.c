/*
 * store.c
 *	  What was received: merged, counted, and written to files.
 *
 * One mutex covers everything here.  The lines of a request are put together
 * and written by one write() while it is held, so a file never holds half a
 * request but where the disk is full (which ends the program: a test must not
 * go on with a record of what it lost).
 *
 * Merging: an open-addressing table from the pair (data_set_id, id) to the
 * hash of the bytes seen last.  It lives in memory and starts empty; to
 * count over a restart of the receiver, merge the lines of the file.
 */
#include "store.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"

typedef struct Entry
{
	char	   *key;			/* data_set_id, NUL, id; NULL: free */
	size_t		keylen;
	uint64_t	hash;			/* of the key */
	uint64_t	content;
} Entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static RcvStoreOptions options;
static int	out_file = -1;
static int	events_file = -1;
static int	requests_file = -1;
static int	bodies_file = -1;
static RcvLines out_lines;		/* emptied after each request */
static RcvLines event_lines;

static Entry *table;
static size_t table_size;		/* a power of two, or 0 */
static size_t table_used;

static struct
{
	uint64_t	requests;
	uint64_t	records;
	uint64_t	distinct;
	uint64_t	repeats;
	uint64_t	conflicts;		/* not among the repeats */
	uint64_t	rejected;
	char		last_reason[256];
}			stats;

static void
die(const char *what)
{
	perror(what);
	_exit(2);
}

static int
open_file(const char *name)
{
	return open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

bool
rcv_store_open(const RcvStoreOptions *given, const char **failed)
{
	options = *given;
	if (options.out != NULL && (out_file = open_file(options.out)) < 0)
		*failed = options.out;
	else if (options.events != NULL && (events_file = open_file(options.events)) < 0)
		*failed = options.events;
	else if (options.requests != NULL &&
			 (requests_file = open_file(options.requests)) < 0)
		*failed = options.requests;
	else if (options.bodies != NULL && (bodies_file = open_file(options.bodies)) < 0)
		*failed = options.bodies;
	else
		return true;
	return false;
}

static void
write_lines(int file, RcvLines *lines)
{
	const char *at = lines->text;
	size_t		left = lines->len;

	if (lines->failed)
		die("lines");
	while (file >= 0 && left > 0)
	{
		ssize_t		n = write(file, at, left);

		if (n < 0)
			die("write");
		at += n;
		left -= n;
	}
	lines->len = 0;
}

/* FNV-1a over eight bytes at a time, then a final mix. */
static uint64_t
hash_bytes(const char *text, size_t len)
{
	uint64_t	hash = UINT64_C(0xCBF29CE484222325) ^ len;
	uint64_t	word;

	for (; len >= 8; text += 8, len -= 8)
	{
		memcpy(&word, text, 8);
		hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, text, len);
	hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
	return hash ^ (hash >> 29);
}

static void
grow_table(void)
{
	size_t		size = table_size > 0 ? table_size * 2 : 4096;
	Entry	   *bigger = calloc(size, sizeof(Entry));

	if (bigger == NULL)
		die("merge table");
	for (size_t i = 0; i < table_size; i++)
	{
		if (table[i].key != NULL)
		{
			size_t		s = table[i].hash & (size - 1);

			while (bigger[s].key != NULL)
				s = (s + 1) & (size - 1);
			bigger[s] = table[i];
		}
	}
	free(table);
	table = bigger;
	table_size = size;
}

/* Enter the pair; says what it is to what came before. */
static const char *
merge(const RcvNode *data_set_id, const RcvNode *id, uint64_t content)
{
	size_t		keylen = data_set_id->len + 1 + id->len;
	char	   *key = malloc(keylen);
	uint64_t	hash;
	size_t		s;

	if (key == NULL)
		die("merge table");
	memcpy(key, data_set_id->text, data_set_id->len);
	key[data_set_id->len] = '\0';
	memcpy(key + data_set_id->len + 1, id->text, id->len);
	hash = hash_bytes(key, keylen);

	if (2 * (table_used + 1) > table_size)
		grow_table();
	for (s = hash & (table_size - 1); table[s].key != NULL; s = (s + 1) & (table_size - 1))
	{
		bool		same;

		if (table[s].hash != hash || table[s].keylen != keylen ||
			memcmp(table[s].key, key, keylen) != 0)
			continue;
		free(key);
		same = table[s].content == content;
		table[s].content = content;
		return same ? "repeat" : "conflict";
	}
	table[s] = (Entry) {key, keylen, hash, content};
	table_used++;
	return "new";
}

static const RcvNode *
get_typed(const RcvNode *event, const char *name, RcvJsonType type)
{
	const RcvNode *node = rcv_json_get(event, name);

	return node != NULL && node->type == type ? node : NULL;
}

static void
add_value(const RcvNode *node)
{
	rcv_lines_value(&out_lines, node != NULL ? node->text : NULL,
					node != NULL ? node->len : 0, '\t');
}

/* The members of the standard that an event is filed under. */
static RcvNaming
naming_of(const RcvNode *event)
{
	return (RcvNaming) {
		.data_set_id = get_typed(event, "data_set_id", RCV_STRING),
		.id = get_typed(event, "id", RCV_STRING),
		.event_type = get_typed(event, "event_type", RCV_STRING),
		.value = get_typed(event, "value", RCV_NUMBER),
		.currency_code = get_typed(event, "currency_code", RCV_STRING),
	};
}

static void
add_verdict(const RcvRecord *record)
{
	const char *reason = record->reason != NULL ? record->reason : record->late;

	if (reason != NULL)
	{
		rcv_lines_printf(&out_lines, "%s",
						 reason == record->reason ? "rejected:" : "late:");
		rcv_lines_value(&out_lines, reason, strlen(reason), '\t');
	}
	else if (options.unchecked)
		rcv_lines_add(&out_lines, "unchecked\t", 10);
	else
		rcv_lines_add(&out_lines, "ok\t", 3);
}

static void
add_out_line(const RcvRecord *record, const RcvNaming *naming,
			 const char *merged, uint64_t content, int64_t time_us,
			 const char *path, uint64_t serial, uint64_t index)
{
	rcv_lines_printf(&out_lines, "%lld\t", (long long) time_us);
	add_value(naming->data_set_id);
	add_value(naming->id);
	add_value(naming->event_type);
	add_value(naming->value);
	add_value(naming->currency_code);
	add_verdict(record);
	rcv_lines_value(&out_lines, path, strlen(path), '\t');
	rcv_lines_printf(&out_lines, "%llu\t%llu\t%s\t%016llx\n",
					 (unsigned long long) serial, (unsigned long long) index,
					 merged, (unsigned long long) content);
}

/* A line break can only stand between tokens: inside a string it is escaped. */
static void
add_event_line(const RcvNode *event)
{
	size_t		start = event_lines.len;

	rcv_lines_add(&event_lines, event->raw, event->rawlen);
	if (!event_lines.failed)
		for (size_t i = start; i < event_lines.len; i++)
			if (event_lines.text[i] == '\n' || event_lines.text[i] == '\r')
				event_lines.text[i] = ' ';
	rcv_lines_add(&event_lines, "\n", 1);
}

static void
store_record(const RcvRecord *record, int64_t time_us, const char *path,
			 uint64_t serial, uint64_t index)
{
	RcvNaming	naming = record->naming != NULL ? *record->naming :
		naming_of(record->event);
	uint64_t	content = hash_bytes(record->event->raw, record->event->rawlen);
	const char *merged = "new";

	if (naming.data_set_id != NULL && naming.id != NULL)
		merged = merge(naming.data_set_id, naming.id, content);
	stats.records++;
	if (merged[0] == 'n')
		stats.distinct++;
	else if (merged[0] == 'r')
		stats.repeats++;
	else
		stats.conflicts++;
	if (record->reason != NULL)
	{
		stats.rejected++;
		snprintf(stats.last_reason, sizeof(stats.last_reason), "%s", record->reason);
	}
	if (out_file >= 0)
		add_out_line(record, &naming, merged, content, time_us, path, serial, index);
	if (events_file >= 0)
		add_event_line(record->event);
}

void
rcv_store_records(const RcvRecord *records, uint64_t count, int64_t time_us,
				  const char *path, uint64_t serial)
{
	pthread_mutex_lock(&lock);
	for (uint64_t i = 0; i < count; i++)
		store_record(&records[i], time_us, path, serial, i);
	write_lines(events_file, &event_lines);
	write_lines(out_file, &out_lines);
	pthread_mutex_unlock(&lock);
}

void
rcv_store_count(uint64_t count)
{
	pthread_mutex_lock(&lock);
	stats.records += count;
	pthread_mutex_unlock(&lock);
}

void
rcv_store_request(const RcvRequestLine *line)
{
	RcvLines	lines = {0};

	pthread_mutex_lock(&lock);
	stats.requests++;
	if (requests_file >= 0)
	{
		rcv_lines_printf(&lines, "%lld\t%llu\t%llu\t%s\t%s\t",
						 (long long) line->time_us, (unsigned long long) line->serial,
						 (unsigned long long) line->connection, line->scheme,
						 line->version);
		rcv_lines_value(&lines, line->method, strlen(line->method), '\t');
		rcv_lines_value(&lines, line->path, strlen(line->path), '\t');
		rcv_lines_printf(&lines, "%u\t%llu\t%llu\t%s\t", line->status,
						 (unsigned long long) line->events,
						 (unsigned long long) line->bytes, line->authorization);
		rcv_lines_value(&lines, line->header_names, strlen(line->header_names), '\n');
		write_lines(requests_file, &lines);
		rcv_lines_free(&lines);
	}
	pthread_mutex_unlock(&lock);
}

void
rcv_store_body(const RcvBodyLine *line)
{
	RcvLines	lines = {0};

	if (bodies_file < 0)
		return;
	rcv_lines_printf(&lines, "%lld\t%llu\t%s\t", (long long) line->time_us,
					 (unsigned long long) line->serial, line->platform);
	rcv_lines_value(&lines, line->path, strlen(line->path), '\t');
	rcv_lines_value(&lines, line->query, strlen(line->query), '\t');
	rcv_lines_printf(&lines, "%u\t", line->status);
	rcv_lines_value(&lines, line->headers, strlen(line->headers), '\t');
	rcv_lines_value(&lines, line->body, line->body != NULL ? line->len : 0, '\t');
	rcv_lines_value(&lines, line->answer, line->answer_len, '\t');
	rcv_lines_value(&lines, line->reason,
					line->reason != NULL ? strlen(line->reason) : 0, '\n');
	pthread_mutex_lock(&lock);
	write_lines(bodies_file, &lines);
	pthread_mutex_unlock(&lock);
	rcv_lines_free(&lines);
}

void
rcv_store_reason(const char *reason)
{
	pthread_mutex_lock(&lock);
	snprintf(stats.last_reason, sizeof(stats.last_reason), "%s", reason);
	pthread_mutex_unlock(&lock);
}

bool
rcv_store_stats(char *text, size_t size)
{
	int			len;

	/* a reason is printable ASCII; a path in it may hold a quote */
	pthread_mutex_lock(&lock);
	for (char *c = stats.last_reason; *c != '\0'; c++)
		if (*c == '"' || *c == '\\')
			*c = '?';
	len = snprintf(text, size,
				   "{\"requests\":%llu,\"records\":%llu,\"distinct\":%llu,"
				   "\"repeats\":%llu,\"conflicts\":%llu,\"rejected\":%llu,"
				   "\"last_reason\":\"%s\"}\n",
				   (unsigned long long) stats.requests,
				   (unsigned long long) stats.records,
				   (unsigned long long) stats.distinct,
				   (unsigned long long) stats.repeats,
				   (unsigned long long) stats.conflicts,
				   (unsigned long long) stats.rejected, stats.last_reason);
	pthread_mutex_unlock(&lock);
	return len > 0 && (size_t) len < size;
}

static void
empty_file(int file)
{
	if (file >= 0 && ftruncate(file, 0) != 0)
		die("truncate");
}

void
rcv_store_reset(void)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < table_size; i++)
		free(table[i].key);
	free(table);
	table = NULL;
	table_size = 0;
	table_used = 0;
	memset(&stats, 0, sizeof(stats));
	empty_file(out_file);
	empty_file(events_file);
	empty_file(requests_file);
	empty_file(bodies_file);
	pthread_mutex_unlock(&lock);
}

void
rcv_store_close(void)
{
	pthread_mutex_lock(&lock);
}
