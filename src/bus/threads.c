/*
 * threads.c
 *	  Threads that a producer's library starts: their signals, and their end.
 *
 * A thread has the signal mask of the one that started it.  All signals are blocked while a
 * library may start one, so that none of them ever runs a handler of the server.
 *
 * A library's threads are waited for at the end, and one of them may be looking up a name that
 * nobody answers.  So a thread of ours waits, and the caller goes on.
 *
 * The count of those is the only state; it is atomic.  No locks.
 */
#include "bus/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct Ending
{
	void		(*end) (void *handle);
	void	   *handle;
} Ending;

static atomic_int ending;

void
ecapi_threads_block(sigset_t *saved)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

void
ecapi_threads_restore(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

static void *
run(void *arg)
{
	Ending		mine = *(Ending *) arg;

	free(arg);
	(mine.end) (mine.handle);
	atomic_fetch_sub(&ending, 1);
	return NULL;
}

void
ecapi_threads_end(void (*end) (void *handle), void *handle)
{
	Ending	   *mine = malloc(sizeof(Ending));
	pthread_attr_t attributes;
	pthread_t	thread;

	if (mine == NULL)
	{
		(end) (handle);
		return;
	}
	*mine = (Ending) {end, handle};
	atomic_fetch_add(&ending, 1);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, run, mine) != 0)
		(void) run(mine);
	pthread_attr_destroy(&attributes);
}

int
ecapi_threads_ending(void)
{
	return atomic_load(&ending);
}
