/*
 * sockets.c
 *	  One wait for the process latch, postmaster death and libcurl's sockets.
 *
 * A wait event set cannot forget a socket, so it is built again whenever the
 * client's list has another generation than the set was built from; as
 * generations are never used twice, one number stands for all: another list,
 * another client, or the same descriptor number for another socket.  What
 * makes rebuilding cheap enough is that it costs a few system calls per
 * request, and a request carries many events.
 *
 * Invariants
 *	(1) kept is either NULL or a complete set built from the list of
 *		kept_generation.  It is forgotten before it is freed, and assigned only
 *		when finished, so an error at any point leaves no half-built set.
 *	(2) A descriptor that libcurl closed is never waited for: closing changes
 *		the generation, and no libcurl call lies between looking at the
 *		generation and the wait.
 *	(3) The bell, once there, is in every set, and stays open until the process ends.
 *
 * The bell is an eventfd: one descriptor, which any number of rings leaves readable and one
 * read silences.  Linux has it, and FreeBSD from 13 on; so the library is built on no other.
 *
 * Owned by the process, in TopMemoryContext; it goes with the process.  No
 * locks.
 */
#include "postgres.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "delivery/sockets.h"

/* Sockets reported by one wait; the others are reported by the next. */
#define READY_MAX	64

static WaitEventSet *kept = NULL;
static int	bell = -1;			/* what other threads ring by; -1: nobody asked for it */
static uint64_t kept_generation = 0;

void
ecapi_sockets_forget(void)
{
	WaitEventSet *set = kept;

	kept = NULL;
	if (set)
		FreeWaitEventSet(set);
}

int
ecapi_sockets_bell(void)
{
	if (bell >= 0)
		return bell;
	if (!AcquireExternalFD())
		return -1;
	bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (bell < 0)
		ReleaseExternalFD();
	else
		ecapi_sockets_forget();
	return bell;
}

/* Somebody has rung: it is silent again. */
static void
silence(void)
{
	uint64_t	rung;

	(void) (read(bell, &rung, sizeof(rung)) < 0);
}

/* The set for that list; builds one when the kept one is of another list. */
static WaitEventSet *
current_set(const EcapiSocket *sockets, int nsockets, uint64_t generation)
{
	WaitEventSet *set;

	if (kept && kept_generation == generation)
		return kept;

	ecapi_sockets_forget();
	set = ecapi_wait_event_set(nsockets + 3);
	PG_TRY();
	{
		int			i;

		AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
		AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
		if (bell >= 0)
			AddWaitEventToSet(set, WL_SOCKET_READABLE, bell, NULL, NULL);
		for (i = 0; i < nsockets; i++)
		{
			uint32		events = (sockets[i].readable ? WL_SOCKET_READABLE : 0) |
				(sockets[i].writable ? WL_SOCKET_WRITEABLE : 0);

			if (events != 0)
				AddWaitEventToSet(set, events, sockets[i].fd, NULL, NULL);
		}
	}
	PG_CATCH();
	{
		FreeWaitEventSet(set);
		PG_RE_THROW();
	}
	PG_END_TRY();

	kept = set;
	kept_generation = generation;
	return set;
}

/*
 * The sockets that are ready this moment.  A wait that finds the latch already
 * set does not look at sockets at all, and a busy database sets it again and
 * again; answers must not starve behind that.
 */
static int
ready_now(const EcapiSocket *sockets, int nsockets, EcapiSocket *ready)
{
	struct pollfd polls[READY_MAX];
	int			nready = 0;
	int			from;
	int			i;

	/* by slices, until one has something to report */
	for (from = 0; from < nsockets && nready == 0; from += READY_MAX)
	{
		nfds_t		n = nsockets - from < READY_MAX ? nsockets - from : READY_MAX;
		const EcapiSocket *slice = sockets + from;

		for (i = 0; i < n; i++)
		{
			polls[i].fd = slice[i].fd;
			polls[i].events = (slice[i].readable ? POLLIN : 0) |
				(slice[i].writable ? POLLOUT : 0);
			polls[i].revents = 0;
		}
		if (n > READY_MAX || poll(polls, n, 0) <= 0)
			continue;
		for (i = 0; i < n; i++)
		{
			if (polls[i].revents == 0)
				continue;

			/* an error or hang-up is found by the next read or write */
			ready[nready].fd = slice[i].fd;
			ready[nready].readable = slice[i].readable &&
				(polls[i].revents & ~POLLOUT) != 0;
			ready[nready].writable = slice[i].writable &&
				(polls[i].revents & ~POLLIN) != 0;
			nready++;
		}
	}
	return nready;
}

/* The shorter of two times, where -1 is for ever. */
static long
shorter(long a, long b)
{
	if (a < 0)
		return b;
	if (b < 0)
		return a;
	return Min(a, b);
}

bool
ecapi_sockets_wait(EcapiHttp *http, long timeout_ms)
{
	static uint32 wait_event;
	const EcapiSocket *sockets;
	EcapiSocket ready[READY_MAX];
	WaitEvent	events[READY_MAX];
	WaitEventSet *set;
	uint64_t	generation;
	bool		latched = false;
	int			nsockets;
	int			nevents;
	int			nready = 0;
	int			i;

	/*
	 * A request that was just started wants to go on at once.  Doing that
	 * first saves a wait that would not wait, and a set without its socket.
	 */
	if (ecapi_http_timeout(http) == 0)
		ecapi_http_act(http, NULL, 0);

	nsockets = ecapi_http_sockets(http, &sockets, &generation);
	set = current_set(sockets, nsockets, generation);
	nevents = WaitEventSetWait(set, shorter(timeout_ms, ecapi_http_timeout(http)),
							   events, READY_MAX, ecapi_wait_event(&wait_event, "EcapiDelivery"));

	for (i = 0; i < nevents; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			latched = true;
		if ((events[i].events & WL_SOCKET_MASK) && events[i].fd == bell)
			silence();
		else if (events[i].events & WL_SOCKET_MASK)
		{
			ready[nready].fd = events[i].fd;
			ready[nready].readable = (events[i].events & WL_SOCKET_READABLE) != 0;
			ready[nready].writable = (events[i].events & WL_SOCKET_WRITEABLE) != 0;
			nready++;
		}
	}
	if (latched && nready == 0)
		nready = ready_now(sockets, nsockets, ready);

	ecapi_http_act(http, ready, nready);
	return latched;
}
