/*
 * Want of memory is told, and never taken for a fault of a text: a parse gets ever
 * more bytes until it has enough, and once the system gives no more address space.
 * What comes out is the right tree, the right error, or "out of memory", and json-c,
 * which does not bear it, never sees an allocation fail.
 *
 * malloc and its kin are defined here and stand before the C library's, for json-c,
 * too.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event/digest.h"
#include "event/json.h"
#include "event/person.h"
#include "unit.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void __libc_free(void *piece);

static size_t limit = SIZE_MAX; /* of what is in use */
static size_t in_use = 0;
static long refusals = 0;

/* Each piece has its size in front of it, in as much room as keeps it aligned. */
#define FRONT	16

static void *
keep(char *memory, size_t front, size_t size)
{
	if (memory == NULL)
		return NULL;
	memcpy(memory + front - FRONT, &size, sizeof(size));
	memcpy(memory + front - sizeof(front), &front, sizeof(front));
	in_use += size;
	return memory + front;
}

static size_t
size_of(const void *piece)
{
	size_t		size;

	memcpy(&size, (const char *) piece - FRONT, sizeof(size));
	return size;
}

static bool
refused(size_t size)
{
	if (size <= limit && in_use <= limit - size)
		return false;
	refusals++;
	return true;
}

void *
malloc(size_t size)
{
	return refused(size) ? NULL : keep(__libc_malloc(size + FRONT), FRONT, size);
}

void *
calloc(size_t n, size_t size)
{
	return refused(n * size) ? NULL : keep(__libc_calloc(1, n * size + FRONT), FRONT, n * size);
}

/* OpenSSL asks for aligned memory, from some version on. */
int
posix_memalign(void **piece, size_t alignment, size_t size)
{
	size_t		front = alignment < FRONT ? FRONT : alignment;

	*piece = refused(size) ? NULL : keep(__libc_memalign(front, size + front), front, size);
	return *piece == NULL ? ENOMEM : 0;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	void	   *piece;

	return posix_memalign(&piece, alignment, size) == 0 ? piece : NULL;
}

void
free(void *piece)
{
	size_t		front;

	if (piece == NULL)
		return;
	in_use -= size_of(piece);
	memcpy(&front, (char *) piece - sizeof(front), sizeof(front));
	__libc_free((char *) piece - front);
}

/* As the C library does it where it moves: both are there for a moment. */
void *
realloc(void *old, size_t size)
{
	void	   *piece = malloc(size);

	if (piece != NULL && old != NULL)
	{
		memcpy(piece, old, size_of(old) < size ? size_of(old) : size);
		free(old);
	}
	return piece;
}

/* Memory of trees and buffers here: none of malloc's, so that only json-c's fails. */
static char heap[8 * 1024 * 1024];
static size_t heap_used = 0;

static void *
grab(void *owner, size_t size)
{
	char	   *piece = heap + heap_used;

	(void) owner;
	size = (size + 15) / 16 * 16;
	if (size > sizeof(heap) - heap_used)
		return NULL;
	heap_used += size;
	return piece;
}

/* The text of a tree; "" when there is none. */
static const char *
text_of(const EcapiValue *value)
{
	static char memory[256 * 1024];
	EcapiBuffer buffer;

	ecapi_buffer_over(&buffer, memory, sizeof(memory));
	if (value != NULL)
		ecapi_json_value(&buffer, value);
	return buffer.data;
}

static const char *const texts[] = {
	"null",
	"{\"a\":[1.50,\"x\",-0.25,-7,12345678901234567890],\"b\":{\"c\":null,\"d\":true,\"e\":false}}",
	"{\"text\":\"\\u00e4\\ud83d\\ude00\\n\\\"\\u0041\",\"\\u20ac\":\"\xc3\xa4\",\"n\":1e5,\"m\":-0}",
	"{\"a\":1,\"b\":2,\"a\":[],\"b\":{}}",	/* equal keys: the last one counts */
	"[[[[{\"k\":[{\"k\":[{}]}]}]]]]",
	"{\"a\":1",						/* no JSON, whatever memory there is */
	"[1,]",
	"\"\\q\"",
	"[\"one\" \"two\"]",
	"{\"a\":tru}"
};

/* A document of many members, so that tables and arrays of json-c grow. */
static const char *
large_text(void)
{
	static char text[32 * 1024];
	size_t		len = 0;

	text[len++] = '{';
	for (int i = 0; i < 300; i++)
		len += (size_t) sprintf(text + len, "\"key%d\":[%d.5,\"%060d\",null,{\"x\":%d}],", i, i, i, i);
	text[len - 1] = '}';
	text[len] = '\0';
	return text;
}

/* What takes json-c the most memory for a byte: two thousand of a kind. */
static const char *
many_of(const char *open, const char *one, const char *close)
{
	static char text[64 * 1024];
	size_t		len = (size_t) sprintf(text, "%s", open);

	for (int i = 0; i < 2000; i++)
	{
		if (i > 0)
			text[len++] = ',';
		len += (size_t) snprintf(text + len, 32, one, i);
	}
	sprintf(text + len, "%s", close);
	return text;
}

/* One text, with ever more memory. */
static void
test_text(const char *text)
{
	size_t		len = strlen(text);
	char		right_error[200] = "";
	char		right[64 * 1024];
	EcapiArena	arena;
	EcapiValue *value;
	bool		is_json;
	bool		told = true;
	long		failures = 0;
	char		what[200];

	heap_used = 0;
	ecapi_arena_init(&arena, grab, NULL);
	value = ecapi_json_parse(&arena, text, len, right_error, sizeof(right_error));
	is_json = value != NULL;
	snprintf(right, sizeof(right), "%s", text_of(value));
	for (size_t more = 0;; more += 1 + more / 64)
	{
		char		error[200] = "";
		bool		ran_out;

		heap_used = 0;
		ecapi_arena_init(&arena, grab, NULL);
		refusals = 0;
		limit = in_use + more;
		value = ecapi_json_parse(&arena, text, len, error, sizeof(error));
		limit = SIZE_MAX;
		ran_out = value == NULL && arena.failed;
		if (ran_out)
		{
			failures++;
			told &= refusals == 1 && strcmp(error, "out of memory") == 0;
		}
		else
			told &= refusals == 0 && (value != NULL) == is_json &&
				strcmp(text_of(value), right) == 0 && (is_json || strcmp(error, right_error) == 0);
		if (!told)
			printf("# %zu bytes for \"%.40s\": %s%s\n", more, text, error, text_of(value));
		if (!ran_out || !told)
			break;
	}
	snprintf(what, sizeof(what), "\"%.30s\": with ever more memory", text);
	check(told, what);
	check((failures > 0) == is_json, is_json ? "and too little was told" : "and none is asked for what is no JSON");
}

/* Memory of malloc's, of which the owner takes more than it gives, as contexts do. */
static void *blocks[64];
static int	nblocks = 0;

static void *
grab_block(void *owner, size_t size)
{
	void	   *block = nblocks < 64 ? malloc(size + 64 * 1024) : NULL;

	(void) owner;
	if (block != NULL)
		blocks[nblocks++] = block;
	return block;
}

/*
 * Several texts at once, with ever more memory: those that are done are right, nothing
 * is said of the next, and memory is refused once, before json-c sees it.
 */
static void
test_together(void *(*grabber) (void *owner, size_t size), const char *what)
{
	enum { N = sizeof(texts) / sizeof(texts[0]) };
	EcapiJsonText together[3 * N];
	char		right[N][2000];
	char		right_error[N][128];
	bool		told = true;
	long		failures = 0;
	EcapiArena	arena;
	int			done;

	for (int i = 0; i < N; i++)
	{
		heap_used = 0;
		ecapi_arena_init(&arena, grab, NULL);
		right_error[i][0] = '\0';
		snprintf(right[i], sizeof(right[i]), "%s",
				 text_of(ecapi_json_parse(&arena, texts[i], strlen(texts[i]), right_error[i],
										  sizeof(right_error[i]))));
	}
	for (size_t more = 0; told; more += 1 + more / 64)
	{
		heap_used = 0;
		ecapi_arena_init(&arena, grabber, NULL);
		for (int i = 0; i < 3 * N; i++)
			together[i] = (EcapiJsonText) {texts[i % N], strlen(texts[i % N]), NULL, ""};
		refusals = 0;
		limit = in_use + more;
		done = ecapi_json_parse_texts(&arena, together, 3 * N);
		limit = SIZE_MAX;
		for (int i = 0; i < done; i++)
			told &= strcmp(text_of(together[i].value), right[i % N]) == 0 &&
				(together[i].value != NULL || strcmp(together[i].error, right_error[i % N]) == 0);
		while (nblocks > 0)
			free(blocks[--nblocks]);
		if (done == 3 * N)
			break;
		failures++;
		told &= arena.failed && refusals == 1 && strcmp(together[done].error, "out of memory") == 0;
		if (!told)
			printf("# %zu bytes: %d done, %ld refusals\n", more, done, (long) refusals);
	}
	check(told, what);
	check(failures > 0, "and too little was told");
}

/* A text is no larger than a buffer may be, but memory ends: that is another thing. */
static void *
resize_to(void *owner, void *old, size_t size)
{
	return size <= *(size_t *) owner ? realloc(old, size) : NULL;
}

static void
test_buffer(void)
{
	size_t		memory = 4096;
	char		piece[1000] = {0};
	EcapiBuffer buffer;

	memset(piece, 'x', sizeof(piece));
	ecapi_buffer_init(&buffer, 1000 * 1000, resize_to, &memory);
	for (int i = 0; i < 10; i++)
		ecapi_buffer_add(&buffer, piece, sizeof(piece));
	check(buffer.full && buffer.failed && buffer.len == 4000, "without memory a buffer has failed");
	ecapi_buffer_truncate(&buffer, 10);
	check(!buffer.full && !buffer.failed, "until it is truncated");
	buffer.max = 1500;
	for (int i = 0; i < 10; i++)
		ecapi_buffer_add(&buffer, piece, sizeof(piece));
	check(buffer.full && !buffer.failed, "one that is full has not");
	free(buffer.data);

	memory = 0;
	ecapi_buffer_init(&buffer, 1000, resize_to, &memory);
	ecapi_json_string(&buffer, "a", 1);
	check(buffer.full && buffer.failed && buffer.data == NULL, "nor has the first write room");
}

/* In a process of its own: the system gives no more than that. */
static int
in_little_space(const char *text)
{
	size_t		len = strlen(text);
	struct rlimit space = {0, RLIM_INFINITY};
	EcapiArena	arena;
	EcapiValue *value;
	char		error[200] = "";
	char		right[64 * 1024];

	ecapi_arena_init(&arena, grab, NULL);
	value = ecapi_json_parse(&arena, text, len, error, sizeof(error));
	snprintf(right, sizeof(right), "%s", text_of(value));
	heap_used = 0;
	if (setrlimit(RLIMIT_AS, &space) != 0)
		return 3;
	/* take what the allocator holds; what is left over is in pieces */
	for (size_t size = 1 << 20; size >= 16; size /= 2)
		while (__libc_malloc(size) != NULL)
			;
	value = ecapi_json_parse(&arena, text, len, error, sizeof(error));
	if (value != NULL)
		return strcmp(text_of(value), right) == 0 ? 0 : 1;
	return arena.failed && strcmp(error, "out of memory") == 0 ? 0 : 2;
}

static void
test_address_space(void)
{
	const char *text = large_text();
	pid_t		pid;
	int			status = -1;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(in_little_space(text));
	check(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		  WEXITSTATUS(status) == 0, "with all address space used up memory is short, not the text wrong");
}

/* What cannot be hashed for want of memory is not a value without a digest. */
static void
test_digests(void)
{
	static const char *const given[] = {"Ann@example.com", "0711 123456", "\xc3\x84nn\xc3\xa9"};
	static const EcapiRule rules[] = {ECAPI_RULE_EMAIL, ECAPI_RULE_PHONE, ECAPI_RULE_NAME};
	char		hex[ECAPI_HEX_SIZE];
	char		right[ECAPI_HEX_SIZE];
	EcapiPerson person;
	EcapiPersonGiven known;

	/* as the worker does at its start: what OpenSSL sets up then is not asked for again */
	check(ecapi_sha256("", 0, hex), "hashing is set up");
	for (int i = 0; i < 3; i++)
	{
		const char *text = given[i];
		EcapiNormalized got;

		check(ecapi_digest_field(NULL, rules[i], text, strlen(text), "de", right) ==
			  ECAPI_NORMALIZED && strlen(right) == ECAPI_HEX_LEN, "with memory it has one");
		limit = 0;
		got = ecapi_digest_field(NULL, rules[i], text, strlen(text), "de", hex);
		limit = SIZE_MAX;
		/* some versions of OpenSSL need none any more */
		check((got == ECAPI_NORMALIZED_NO_MEMORY && hex[0] == '\0') ||
			  (got == ECAPI_NORMALIZED && strcmp(hex, right) == 0), text);
	}
	limit = 0;
	known = ecapi_person_init(&person, given[0], strlen(given[0]), "de");
	check(known == ECAPI_PERSON_NO_MEMORY || (known == ECAPI_PERSON_KNOWN && !person.failed),
		  "nor is a person without one");
	limit = SIZE_MAX;
	check(ecapi_person_init(&person, given[0], strlen(given[0]), "de") == ECAPI_PERSON_KNOWN &&
		  !person.failed, "which is known with memory");
}

int
main(void)
{
	test_together(grab, "several texts together: with ever more memory");
	test_together(grab_block, "the same, of which trees take more than their share");
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		test_text(texts[i]);
	test_text(large_text());
	test_text(many_of("{", "\"%d\":{}", "}"));
	test_text(many_of("{", "\"%d\":0", "}"));
	test_text(many_of("[", "[]", "]"));
	test_text(many_of("[", "%d", "]"));
	test_text(many_of("[", "\"\"", "]"));
	test_text(many_of("\"", "%d", "\""));
	test_buffer();
	test_digests();
	test_address_space();
	return unit_done();
}
