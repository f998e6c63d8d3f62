/*
 * misbehave.c
 *	  What the path of a request asks the receiver to do wrong.
 *
 * The path is the whole program: nothing about misbehaviour is kept but how
 * often each path was asked for.  Those counts are a list under one mutex;
 * a test uses a handful of paths.
 *
 * Chance is an input: the n-th request of a path draws from (seed, n) alone,
 * so a run is repeated by repeating its seed.
 */
#include "misbehave.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct PathCount
{
	struct PathCount *next;
	uint64_t	count;
	char		path[];
} PathCount;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static PathCount *counts;

static uint64_t
count_request(const char *path)
{
	PathCount  *entry;
	uint64_t	n = 1;			/* also when out of memory */

	pthread_mutex_lock(&lock);
	for (entry = counts; entry != NULL; entry = entry->next)
		if (strcmp(entry->path, path) == 0)
			break;
	if (entry == NULL)
	{
		entry = malloc(sizeof(PathCount) + strlen(path) + 1);
		if (entry != NULL)
		{
			entry->next = counts;
			entry->count = 0;
			strcpy(entry->path, path);
			counts = entry;
		}
	}
	if (entry != NULL)
		n = ++entry->count;
	pthread_mutex_unlock(&lock);
	return n;
}

void
rcv_manners_reset(void)
{
	pthread_mutex_lock(&lock);
	while (counts != NULL)
	{
		PathCount  *next = counts->next;

		free(counts);
		counts = next;
	}
	pthread_mutex_unlock(&lock);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

bool
rcv_percent_decode(const char *from, const char *to, char *into, unsigned int size)
{
	unsigned int len = 0;

	while (from < to)
	{
		char		c = *from++;

		if (c == '%' && to - from >= 2 && hex_digit(from[0]) >= 0 &&
			hex_digit(from[1]) >= 0)
		{
			c = hex_digit(from[0]) * 16 + hex_digit(from[1]);
			from += 2;
		}
		if (len + 1 >= size)
			return false;
		into[len++] = c;
	}
	into[len] = '\0';
	return true;
}

bool
rcv_path_value(const char *path, const char *name, char *value, unsigned int size)
{
	size_t		len = strlen(name);
	bool		found = false;

	while (*path != '\0')
	{
		const char *end = path + strcspn(path, "/&");

		if ((size_t) (end - path) > len && path[len] == '=' &&
			memcmp(path, name, len) == 0)
			found = rcv_percent_decode(path + len + 1, end, value, size);
		path = *end == '\0' ? end : end + 1;
	}
	return found;
}

/* splitmix64, for the draws of "random" */
static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

/* A segment without a value; false when it is none that we know. */
static bool
take_flag(RcvManners *m, const char *name)
{
	if (strcmp(name, "strict") == 0)
		m->strict = true;
	else if (strcmp(name, "gzip") == 0)
		m->gzip = true;
	else if (strcmp(name, "echo") == 0)
		m->echo = true;
	else if (strcmp(name, "reset") == 0)
		m->cut = RCV_CUT_RESET;
	else if (strcmp(name, "garbage") == 0)
		m->body = RCV_BODY_GARBAGE;
	else if (strcmp(name, "empty") == 0)
		m->body = RCV_BODY_EMPTY;
	else if (strcmp(name, "endless") == 0)
		m->body = RCV_BODY_ENDLESS;
	else
		return false;
	return true;
}

static bool
take_text(RcvManners *m, const char *name, const char *value)
{
	if (strcmp(name, "reject-if") == 0)
		strcpy(m->reject_if, value);
	else if (strcmp(name, "fail-if") == 0)
		strcpy(m->fail_if, value);
	else if (strcmp(name, "redirect") == 0)
		strcpy(m->redirect, value);
	else if (strcmp(name, "cut") == 0 && strcmp(value, "before") == 0)
		m->cut = RCV_CUT_BEFORE;
	else if (strcmp(name, "cut") == 0 && strcmp(value, "after") == 0)
		m->cut = RCV_CUT_AFTER;
	else
		return false;
	return true;
}

static void
take_number(RcvManners *m, const char *name, uint64_t n)
{
	if (strcmp(name, "max-bytes") == 0)
		m->max_bytes = n;
	else if (strcmp(name, "first") == 0)
		m->first = n;
	else if (strcmp(name, "every") == 0)
		m->every = n;
	else if (strcmp(name, "random") == 0)
	{
		m->random = true;
		m->percent = n;
	}
	else if (strcmp(name, "seed") == 0)
		m->seed = n;
	else if (strcmp(name, "status") == 0 && n >= 200 && n <= 599)
		m->status = n;
	else if (strcmp(name, "retry-after") == 0 || strcmp(name, "retry-after-date") == 0)
	{
		m->retry_after = n;
		m->retry_as_date = name[strlen("retry-after")] == '-';
	}
	else if (strcmp(name, "delay") == 0)
		m->delay_ms = n;
	else if (strcmp(name, "pace") == 0)
		m->pace_ms = n;
	else if (strcmp(name, "mixed") == 0)
		m->mixed_ms = n;
	else if (strcmp(name, "huge") == 0)
	{
		m->body = RCV_BODY_HUGE;
		m->huge_bytes = n;
	}
}

static void
take_segment(RcvManners *m, const char *from, const char *to)
{
	const char *equals = memchr(from, '=', to - from);
	char		name[RCV_MAX_TEXT];
	char		value[RCV_MAX_TEXT];
	char	   *end;
	uint64_t	n;

	if (!rcv_percent_decode(from, equals != NULL ? equals : to, name, sizeof(name)))
		return;
	if (equals == NULL)
	{
		take_flag(m, name);
		return;
	}
	if (!rcv_percent_decode(equals + 1, to, value, sizeof(value)) ||
		value[0] == '\0' || take_text(m, name, value))
		return;
	n = strtoull(value, &end, 10);
	if (*end == '\0' && value[0] != '-')
		take_number(m, name, n);
}

static bool
gates_open(const RcvManners *m, uint64_t n)
{
	if (m->first > 0 && n > m->first)
		return false;
	if (m->every > 0 && n % m->every != 0)
		return false;
	if (m->random && mix(mix(m->seed) + n) % 100 >= m->percent)
		return false;
	return true;
}

/* Draw one fault; the draw is another than that of the gate. */
static void
take_mixed(RcvManners *m, uint64_t n)
{
	switch (mix(mix(m->seed + 1) + n) % 12)
	{
		case 0:
			m->retry_after = 1;
			break;
		case 1:
			m->retry_after = 1;
			m->retry_as_date = true;
			break;
		case 2:
			m->status = 500;
			break;
		case 3:
			m->status = 503;
			m->body = RCV_BODY_GARBAGE;
			break;
		case 4:
			m->cut = RCV_CUT_BEFORE;
			break;
		case 5:
			m->cut = RCV_CUT_AFTER;
			break;
		case 6:
			m->cut = RCV_CUT_RESET;
			break;
		case 7:
			m->body = RCV_BODY_GARBAGE;
			break;
		case 8:
			m->body = RCV_BODY_HUGE;
			m->huge_bytes = 8 * 1024 * 1024;
			break;
		case 9:
			m->body = RCV_BODY_ENDLESS;
			break;
		case 10:
			m->delay_ms = m->mixed_ms;
			break;
		case 11:
			m->delay_ms = m->mixed_ms / 4;
			break;
	}
}

void
rcv_manners_of(const char *path, RcvManners *manners)
{
	uint64_t	n = count_request(path);

	memset(manners, 0, sizeof(RcvManners));
	manners->max_bytes = UINT64_MAX;
	manners->retry_after = -1;

	while (*path != '\0')
	{
		const char *end = path + strcspn(path, "/&");

		take_segment(manners, path, end);
		path = *end == '\0' ? end : end + 1;
	}
	manners->open = gates_open(manners, n);
	if (!manners->open)
	{
		manners->status = 0;
		manners->retry_after = -1;
		manners->redirect[0] = '\0';
		manners->delay_ms = 0;
		manners->cut = RCV_CUT_NONE;
		manners->body = RCV_BODY_JSON;
	}
	else if (manners->mixed_ms > 0)
		take_mixed(manners, n);
	manners->delay_ms += manners->pace_ms;
	if (manners->redirect[0] != '\0')
		manners->status = 302;
	else if (manners->retry_after >= 0 && manners->status == 0)
		manners->status = 429;
}
