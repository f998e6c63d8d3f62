/*
 * transform.c
 *	  The pure transform, alone: what delivery could reach without SQL and I/O.
 *
 *	  transform FILE BATCH
 *
 * FILE holds one event a line, as the outbox stores them.  They are read into
 * memory first; then, under the clock, each is parsed, normalized, hashed and
 * written into a body of BATCH events by the native format, exactly as the
 * worker does it: the same objects are linked.  As in the worker, digests are
 * cached for the events of one body, and an event's tree lives no longer than
 * its body.  A pass over the first events goes before, unmeasured, so that
 * caches and memory are warm.
 *
 * Prints "RATE BYTES": events a second, and bytes of all bodies.  Exits with 1
 * and a line on standard error when an event does not go through.
 */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "destination/format.h"
#include "destination/json.h"
#include "destination/options.h"
#include "event/digest.h"

#undef printf
#undef fprintf
#undef malloc
#undef realloc
#undef free

#define POOL_SIZE		((size_t) 256 * 1024 * 1024)
#define CACHE_ENTRIES	4096
#define WARM_UP			20000	/* events */

/* Memory for the trees of one body; emptied between bodies. */
typedef struct Pool
{
	char	   *memory;
	size_t		used;
} Pool;

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "transform: %s: %s\n", what, why);
	exit(1);
}

static void *
pool_grab(void *owner, size_t size)
{
	Pool	   *pool = owner;
	void	   *piece = pool->memory + pool->used;

	size = (size + 15) & ~(size_t) 15;
	if (size > POOL_SIZE - pool->used)
		return NULL;
	pool->used += size;
	return piece;
}

static void *
body_resize(void *owner, void *old, size_t size)
{
	return realloc(old, size);
}

static void *
heap_grab(void *owner, size_t size)
{
	return malloc(size);
}

/* The whole file, with a NUL after it. */
static char *
read_all(const char *name, size_t *len)
{
	FILE	   *file = fopen(name, "r");
	char	   *text;
	long		size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0)
		fail(name, "could not be read");
	rewind(file);
	text = malloc((size_t) size + 1);
	if (text == NULL || fread(text, 1, (size_t) size, file) != (size_t) size)
		fail(name, "could not be read");
	fclose(file);
	text[size] = '\0';
	*len = (size_t) size;
	return text;
}

static double
now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec + at.tv_nsec / 1e9;
}

/*
 * Take the events of text to bodies; at most limit events when it is above 0.
 * Returns how many, and adds up the bodies' bytes.
 */
static long
transform(EcapiShape *shape, Pool *pool, EcapiBuffer *body,
		  const char *text, size_t len, long limit, size_t *bytes)
{
	const EcapiFormat *format = shape->options->format;
	const char *line = text;
	EcapiArena	arena;
	long		events = 0;

	while (line < text + len && (limit == 0 || events < limit))
	{
		const char *end = memchr(line, '\n', (size_t) (text + len - line));
		const char *reason = "";
		char		error[256];
		EcapiValue *event;

		if (end == NULL)
			end = text + len;
		if (shape->events == 0)
		{
			pool->used = 0;
			ecapi_arena_init(&arena, pool_grab, pool);
			ecapi_digest_cache_reset(shape->digests);
			ecapi_buffer_truncate(body, 0);
			format->open(shape, body);
		}
		event = ecapi_json_parse(&arena, line, (size_t) (end - line), error, sizeof(error));
		if (event == NULL)
			fail("event", error);
		if (format->add(shape, event, body, &reason) != ECAPI_SHAPED)
			fail("event", reason);
		shape->events++;
		events++;
		line = end + 1;
		if (shape->events == shape->options->batch_size || line >= text + len ||
			events == limit)
		{
			format->close(shape, body);
			if (body->full)
				fail("body", "too large");
			*bytes += body->len;
			shape->events = 0;
		}
	}
	return events;
}

int
main(int argc, char **argv)
{
	EcapiOptions options = {0};
	EcapiShape	shape = {0};
	EcapiArena	cache_arena;
	EcapiBuffer body;
	Pool		pool = {0};
	size_t		len;
	size_t		bytes = 0;
	long		events;
	char	   *text;
	double		began;

	if (argc != 3 || (options.batch_size = atoi(argv[2])) <= 0)
		fail("usage", "transform FILE BATCH");
	text = read_all(argv[1], &len);
	pool.memory = malloc(POOL_SIZE);
	if (pool.memory == NULL)
		fail("memory", "not enough");

	options.format = ecapi_format_lookup("ecapi");
	if (options.format == NULL)
		fail("format", "there is no native format");
	options.data_set_id = "bench";
	options.event_types = ~UINT64CONST(0);
	options.wrapper = ECAPI_WRAP_ARRAY;
	shape.options = &options;
	ecapi_arena_init(&cache_arena, heap_grab, NULL);
	shape.digests = ecapi_digest_cache_create(&cache_arena, CACHE_ENTRIES);
	ecapi_buffer_init(&body, options.format->max_body, body_resize, NULL);

	transform(&shape, &pool, &body, text, len, WARM_UP, &bytes);
	bytes = 0;
	began = now();
	events = transform(&shape, &pool, &body, text, len, 0, &bytes);
	printf("%.0f %zu\n", events / (now() - began), bytes);
	return 0;
}
