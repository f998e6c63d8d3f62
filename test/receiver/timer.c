/*
 * timer.c
 *	  Let a connection sleep without holding up the others.
 *
 * One thread and one list of sleepers, soonest first.  The mutex covers the
 * list; a connection is suspended before it is listed, so the thread can never
 * resume one that is still running.  The list is walked to insert: tests have
 * a few sleepers, not thousands.
 */
#include "timer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

typedef struct Sleeper
{
	struct Sleeper *next;
	struct MHD_Connection *connection;
	struct timespec due;		/* CLOCK_MONOTONIC */
} Sleeper;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static Sleeper *sleepers;

static bool
is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static void *
run(void *arg)
{
	(void) arg;
	pthread_mutex_lock(&lock);
	for (;;)
	{
		struct timespec now;
		Sleeper    *first = sleepers;

		if (first == NULL)
		{
			pthread_cond_wait(&changed, &lock);
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (is_before(&now, &first->due))
		{
			pthread_cond_timedwait(&changed, &lock, &first->due);
			continue;
		}
		sleepers = first->next;
		MHD_resume_connection(first->connection);
		free(first);
	}
	return NULL;
}

bool
rcv_timer_start(void)
{
	pthread_condattr_t attributes;
	pthread_t	thread;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attributes);
	return pthread_create(&thread, NULL, run, NULL) == 0;
}

bool
rcv_timer_sleep(struct MHD_Connection *connection, uint64_t ms)
{
	Sleeper    *sleeper = malloc(sizeof(Sleeper));
	Sleeper   **at;

	if (sleeper == NULL)
		return false;
	sleeper->connection = connection;
	clock_gettime(CLOCK_MONOTONIC, &sleeper->due);
	sleeper->due.tv_sec += ms / 1000;
	sleeper->due.tv_nsec += ms % 1000 * 1000000;
	if (sleeper->due.tv_nsec >= 1000000000)
	{
		sleeper->due.tv_sec++;
		sleeper->due.tv_nsec -= 1000000000;
	}
	MHD_suspend_connection(connection);

	pthread_mutex_lock(&lock);
	for (at = &sleepers; *at != NULL && !is_before(&sleeper->due, &(*at)->due);)
		at = &(*at)->next;
	sleeper->next = *at;
	*at = sleeper;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	return true;
}
