/*
 * watch.c
 *	  The list of sockets that the caller is to watch.
 *
 * Each change gives the list another generation number, taken from a counter
 * of the process: two lists never have the same, not even one after the other
 * at the same address, so a caller that keeps something built from a list sees
 * by the number alone that it is stale.  The counter is the only state, and
 * belongs to the one thread that runs clients.
 *
 * Setting and removing are called from inside libcurl, so they never allocate;
 * room is reserved before.
 */
#include "delivery/watch.h"

#include <stdlib.h>
#include <string.h>

static uint64_t last_generation = 0;

void
ecapi_watch_init(EcapiWatch *watch)
{
	memset(watch, 0, sizeof(*watch));
	watch->generation = ++last_generation;
}

void
ecapi_watch_clear(EcapiWatch *watch)
{
	watch->nsockets = 0;
	watch->generation = ++last_generation;
}

void
ecapi_watch_free(EcapiWatch *watch)
{
	free(watch->sockets);
	watch->sockets = NULL;
	watch->nsockets = watch->size = 0;
}

bool
ecapi_watch_reserve(EcapiWatch *watch, int size)
{
	EcapiSocket *sockets;

	if (size <= watch->size)
		return true;
	size *= 2;
	sockets = realloc(watch->sockets, size * sizeof(EcapiSocket));
	if (sockets == NULL)
		return false;
	watch->sockets = sockets;
	watch->size = size;
	return true;
}

static int
find(const EcapiWatch *watch, int fd)
{
	int			i;

	for (i = 0; i < watch->nsockets; i++)
	{
		if (watch->sockets[i].fd == fd)
			break;
	}
	return i;
}

bool
ecapi_watch_set(EcapiWatch *watch, int fd, bool readable, bool writable)
{
	int			i = find(watch, fd);

	if (i == watch->nsockets)
	{
		if (watch->nsockets == watch->size)
			return false;
		watch->nsockets++;
	}
	watch->sockets[i].fd = fd;
	watch->sockets[i].readable = readable;
	watch->sockets[i].writable = writable;
	watch->generation = ++last_generation;
	return true;
}

void
ecapi_watch_remove(EcapiWatch *watch, int fd)
{
	int			i = find(watch, fd);

	if (i == watch->nsockets)
		return;
	watch->sockets[i] = watch->sockets[--watch->nsockets];
	watch->generation = ++last_generation;
}
