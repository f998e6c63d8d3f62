/*
 * repeats.c
 *	  What came before: repeats as a platform would recognise them.
 *
 * A table of keys, of all platforms, each with a hash of its bytes and the time of its
 * first copy, under one lock.  A key that cannot be kept for lack of memory is new each
 * time.
 */
#include "repeats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"

#define BUCKETS			65536	/* a test sends a million events */

typedef struct Seen
{
	struct Seen *next;
	const struct RcvPlatform *platform;
	int64_t		first;			/* epoch seconds */
	uint64_t	bytes;			/* hash of them */
	size_t		keylen;
	char		key[];
} Seen;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Seen *table[BUCKETS];

/* FNV-1a */
static uint64_t
hash_of(const char *text, size_t len)
{
	uint64_t	hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char) text[i]) * UINT64_C(1099511628211);
	return hash;
}

static Seen *
find(Seen *seen, const struct RcvPlatform *platform, const char *key, size_t keylen)
{
	while (seen != NULL && (seen->platform != platform || seen->keylen != keylen ||
							memcmp(seen->key, key, keylen) != 0))
		seen = seen->next;
	return seen;
}

static void
add(Seen **bucket, const RcvCall *call, const char *key, size_t keylen, uint64_t bytes)
{
	Seen	   *seen = malloc(sizeof(Seen) + keylen);

	if (seen == NULL)
		return;
	*seen = (Seen) {
		.next = *bucket, .platform = call->platform, .first = call->now,
		.bytes = bytes, .keylen = keylen
	};
	memcpy(seen->key, key, keylen);
	*bucket = seen;
}

void
rcv_repeats_note(const RcvCall *call, const char *key, size_t keylen,
				 const char *bytes, size_t len, int64_t window_s)
{
	Seen	  **bucket = &table[hash_of(key, keylen) % BUCKETS];
	uint64_t	hash = hash_of(bytes, len);
	RcvTally	tally = RCV_REPEATS;
	Seen	   *seen;

	pthread_mutex_lock(&lock);
	seen = find(*bucket, call->platform, key, keylen);
	if (seen == NULL)
		add(bucket, call, key, keylen, hash);
	else
	{
		if (call->now - seen->first > window_s)
		{
			seen->first = call->now;
			tally = RCV_DOUBLES;
		}
		else if (seen->bytes != hash)
			tally = RCV_CONFLICTS;
		rcv_platform_count(call->platform, tally, 1);
	}
	pthread_mutex_unlock(&lock);
}

void
rcv_repeats_note_event(const RcvCall *call, const RcvRecord *record, int64_t window_s)
{
	const RcvNode *parts[] = {
		record->naming->data_set_id, record->naming->event_type, record->naming->id
	};
	RcvLines	key = {0};

	if (record->naming->id == NULL)
		return;
	for (int i = 0; i < 3; i++)
	{
		if (parts[i] != NULL)
			rcv_lines_add(&key, parts[i]->text, parts[i]->len);
		rcv_lines_add(&key, "", 1);
	}
	if (!key.failed)
		rcv_repeats_note(call, key.text, key.len, record->event->raw,
						 record->event->rawlen, window_s);
	rcv_lines_free(&key);
}

void
rcv_repeats_reset(void)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < BUCKETS; i++)
		while (table[i] != NULL)
		{
			Seen	   *next = table[i]->next;

			free(table[i]);
			table[i] = next;
		}
	pthread_mutex_unlock(&lock);
}
