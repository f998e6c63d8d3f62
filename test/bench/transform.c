/*
 * transform.c
 *	  The pure transform, alone: what delivery could reach without SQL and I/O.
 *
 *	  transform FILE BATCH
 *	  transform FILE BATCH stages OTHER
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
 *
 * With "stages" the events are as an application gives them, and validated,
 * too; each body's events go through one stage after the other, and the
 * processor time of each is taken by itself.  The last one, which normalizes, hashes and writes,
 * is run twice for each body, with SHA-256 and without it (the digest is then
 * whatever memory holds), by turns first and second.  Prints "PARSE VALIDATE
 * SHAPE UNHASHED DIGESTS": nanoseconds an event, and digests an event; a line
 * for FILE and one for OTHER, whose bodies are taken by turns.
 *
 * The linker puts functions of ours before libcrypto's (--wrap), so that hashing
 * can be counted and switched off without a change to what is measured.
 */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "destination/formats.h"
#include "destination/options.h"
#include "event/digest.h"
#include "event/json.h"
#include "event/validate.h"

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

/* Is SHA-256 computed?  How often was it, or would it have been? */
static bool hashing = true;
static long digests = 0;

extern int	__real_EVP_DigestInit_ex2(EVP_MD_CTX *context, const EVP_MD *method,
									  const OSSL_PARAM params[]);
extern int	__real_EVP_DigestUpdate(EVP_MD_CTX *context, const void *bytes, size_t len);
extern int	__real_EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *raw,
									  unsigned int *raw_len);
extern int	__wrap_EVP_DigestInit_ex2(EVP_MD_CTX *context, const EVP_MD *method,
									  const OSSL_PARAM params[]);
extern int	__wrap_EVP_DigestUpdate(EVP_MD_CTX *context, const void *bytes, size_t len);
extern int	__wrap_EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *raw,
									  unsigned int *raw_len);

int
__wrap_EVP_DigestInit_ex2(EVP_MD_CTX *context, const EVP_MD *method, const OSSL_PARAM params[])
{
	digests++;
	return hashing ? __real_EVP_DigestInit_ex2(context, method, params) : 1;
}

int
__wrap_EVP_DigestUpdate(EVP_MD_CTX *context, const void *bytes, size_t len)
{
	return hashing ? __real_EVP_DigestUpdate(context, bytes, len) : 1;
}

int
__wrap_EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *raw, unsigned int *raw_len)
{
	if (hashing)
		return __real_EVP_DigestFinal_ex(context, raw, raw_len);
	*raw_len = ECAPI_HEX_LEN / 2;
	return 1;
}

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
clock_seconds(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return at.tv_sec + at.tv_nsec / 1e9;
}

static double
now(void)
{
	return clock_seconds(CLOCK_MONOTONIC);
}

static double
processor(void)
{
	return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
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
	EcapiJsonText texts[ECAPI_JSON_TEXTS];
	int			n = 0;			/* in texts */
	int			next = 0;		/* of these */
	EcapiArena	arena;
	long		events = 0;

	while (next < n || (line < text + len && (limit == 0 || events < limit)))
	{
		const char *reason = "";

		if (shape->events == 0)
		{
			pool->used = 0;
			ecapi_arena_init(&arena, pool_grab, pool);
			ecapi_digest_cache_reset(shape->digests);
			ecapi_buffer_truncate(body, 0);
			format->open(shape, body);
		}
		if (next == n)
		{
			long		room = shape->options->batch_size - shape->events;

			if (limit > 0 && limit - events < room)
				room = limit - events;
			for (n = next = 0; n < ECAPI_JSON_TEXTS && n < room && line < text + len; n++)
			{
				const char *end = memchr(line, '\n', (size_t) (text + len - line));

				if (end == NULL)
					end = text + len;
				texts[n].text = line;
				texts[n].len = (size_t) (end - line);
				line = end + 1;
			}
			if (ecapi_json_parse_texts(&arena, texts, n) < n)
				fail("event", "out of memory");
		}
		if (texts[next].value == NULL)
			fail("event", texts[next].error);
		if (format->add(shape, NULL, texts[next++].value, body, &reason) != ECAPI_SHAPED)
			fail("event", reason);
		shape->events++;
		events++;
		if (shape->events == shape->options->batch_size ||
			(next == n && (line >= text + len || events == limit)))
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

typedef struct Stages
{
	double		parse;			/* seconds, over all events */
	double		validate;
	double		shape;
	double		unhashed;
	long		events;
	long		digests;		/* computed by shape */
} Stages;

/* Write the body of n clean events; returns the seconds it took. */
static double
shape_body(EcapiShape *shape, EcapiBuffer *body, EcapiValue *const *events, int n)
{
	const EcapiFormat *format = shape->options->format;
	const char *reason = "";
	double		began = processor();

	ecapi_digest_cache_reset(shape->digests);
	ecapi_buffer_truncate(body, 0);
	format->open(shape, body);
	for (shape->events = 0; shape->events < n; shape->events++)
	{
		if (format->add(shape, NULL, events[shape->events], body, &reason) != ECAPI_SHAPED)
			fail("event", reason);
	}
	format->close(shape, body);
	shape->events = 0;
	if (body->full)
		fail("body", "too large");
	return processor() - began;
}

/* Take n events, one a line from line, through all stages; adds up times. */
static void
pass_stages(EcapiShape *shape, Pool *pool, EcapiBuffer *body, EcapiValue **events,
			const char *line, int n, Stages *stages)
{
	EcapiViolations violations;
	EcapiArena	arena;
	char		error[256];
	double		began = processor();
	long		before;
	int			i;

	pool->used = 0;
	ecapi_arena_init(&arena, pool_grab, pool);
	for (i = 0; i < n; i++)
	{
		const char *end = strchr(line, '\n');

		events[i] = ecapi_json_parse(&arena, line, (size_t) (end - line), error, sizeof(error));
		if (events[i] == NULL)
			fail("event", error);
		line = end + 1;
	}
	stages->parse += processor() - began;

	began = processor();
	for (i = 0; i < n; i++)
	{
		events[i] = ecapi_validate(&arena, events[i], time(NULL), false, &violations);
		if (events[i] == NULL || violations.n > 0)
			fail("event", violations.n > 0 ? violations.list[0].message : "no memory");
	}
	stages->validate += processor() - began;

	for (i = 0; i < 2; i++)
	{
		hashing = (i == 0) == ((stages->events / n) % 2 == 0);
		before = digests;
		*(hashing ? &stages->shape : &stages->unhashed) += shape_body(shape, body, events, n);
		if (hashing)
			stages->digests += digests - before;
	}
	hashing = true;
	stages->events += n;
}

/* Where n lines from text end; NULL when there are fewer. */
static const char *
skip_lines(const char *text, int n)
{
	for (; n > 0 && text; n--)
	{
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return text;
}

/*
 * All whole bodies of two texts by turns; of each at most limit events when it
 * is above 0.
 */
static void
measure_stages(EcapiShape *shape, Pool *pool, EcapiBuffer *body,
			   const char *const texts[2], long limit, Stages stages[2])
{
	const char *at[2] = {texts[0], texts[1]};
	int			n = shape->options->batch_size;
	EcapiValue **events = malloc((size_t) n * sizeof(EcapiValue *));
	bool		more = true;

	if (events == NULL)
		fail("memory", "not enough");
	memset(stages, 0, 2 * sizeof(Stages));
	while (more)
	{
		for (int i = 0; i < 2; i++)
		{
			const char *next = skip_lines(at[i], n);

			if (next)
				pass_stages(shape, pool, body, events, at[i], n, &stages[i]);
			at[i] = next;
		}
		more = at[0] && at[1] && (limit == 0 || stages[0].events < limit);
	}
	free(events);
	if (stages[0].events == 0 || stages[1].events == 0)
		fail("events", "fewer than a body");
}

static void
print_stages(const Stages *stages)
{
	double		each = 1e9 / stages->events;

	printf("%.1f %.1f %.1f %.1f %.2f\n", stages->parse * each, stages->validate * each,
		   stages->shape * each, stages->unhashed * each,
		   (double) stages->digests / stages->events);
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

	if ((argc != 3 && argc != 5) || (options.batch_size = atoi(argv[2])) <= 0 ||
		(argc == 5 && strcmp(argv[3], "stages") != 0))
		fail("usage", "transform FILE BATCH [stages OTHER]");
	text = read_all(argv[1], &len);
	pool.memory = malloc(POOL_SIZE);
	if (pool.memory == NULL)
		fail("memory", "not enough");

	options.format = &ecapi_format_native;
	if (options.format == NULL)
		fail("format", "there is no native format");
	options.data_set_id = "bench";
	options.event_types = ~UINT64CONST(0);
	options.wrapper = ECAPI_WRAP_ARRAY;
	shape.options = &options;
	ecapi_arena_init(&cache_arena, heap_grab, NULL);
	shape.digests = ecapi_digest_cache_create(&cache_arena, CACHE_ENTRIES);
	ecapi_buffer_init(&body, options.format->max_body, body_resize, NULL);

	if (argc == 5)
	{
		const char *texts[2] = {text, read_all(argv[4], &len)};
		Stages		stages[2];

		measure_stages(&shape, &pool, &body, texts, WARM_UP, stages);
		measure_stages(&shape, &pool, &body, texts, 0, stages);
		print_stages(&stages[0]);
		print_stages(&stages[1]);
		return 0;
	}
	transform(&shape, &pool, &body, text, len, WARM_UP, &bytes);
	bytes = 0;
	began = now();
	events = transform(&shape, &pool, &body, text, len, 0, &bytes);
	printf("%.0f %zu\n", events / (now() - began), bytes);
	return 0;
}
