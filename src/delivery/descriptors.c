/*
 * descriptors.c
 *	  Sockets that are open, reported to what counts descriptors.
 *
 * libcurl opens and closes its sockets through callbacks, but not quite all:
 * 7.88 closes a socket that never came to be connected (an attempt that was
 * cancelled, timed out, or lost against another address) without the callback.
 * Left at that, each would stay counted for ever, until no socket may be
 * opened any more.  So each is remembered with what identifies it, and a sweep
 * finds those whose number is free, or stands for something else by now.
 *
 * Invariant: as many descriptors are acquired and not released as the list is
 * long.  Nothing here raises an error; one list belongs to one thread.
 */
#include "delivery/descriptors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void
ecapi_descriptors_init(EcapiDescriptors *descriptors,
					   bool (*acquire) (void), void (*release) (void))
{
	memset(descriptors, 0, sizeof(*descriptors));
	descriptors->acquire = acquire;
	descriptors->release = release;
}

static void
forget(EcapiDescriptors *descriptors, int i)
{
	descriptors->list[i] = descriptors->list[--descriptors->length];
	if (descriptors->release)
		descriptors->release();
}

static int
find(const EcapiDescriptors *descriptors, int fd)
{
	int			i;

	for (i = 0; i < descriptors->length; i++)
	{
		if (descriptors->list[i].fd == fd)
			return i;
	}
	return -1;
}

static bool
make_room(EcapiDescriptors *descriptors)
{
	int			size = descriptors->size > 0 ? 2 * descriptors->size : 32;
	EcapiDescriptor *list;

	if (descriptors->length < descriptors->size)
		return true;
	list = realloc(descriptors->list, size * sizeof(EcapiDescriptor));
	if (list == NULL)
		return false;
	descriptors->list = list;
	descriptors->size = size;
	return true;
}

int
ecapi_descriptors_open(EcapiDescriptors *descriptors, int family, int type,
					   int protocol, bool *refused)
{
	struct stat st;
	int			fd;
	int			old;

	if (!make_room(descriptors))
		return -1;
	if (descriptors->acquire && !descriptors->acquire())
	{
		*refused = true;
		return -1;
	}
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0 || fstat(fd, &st) != 0)
	{
		if (fd >= 0)
			close(fd);
		if (descriptors->release)
			descriptors->release();
		return -1;
	}

	/* the number of one that was closed without the callback */
	old = find(descriptors, fd);
	if (old >= 0)
		forget(descriptors, old);
	descriptors->list[descriptors->length].fd = fd;
	descriptors->list[descriptors->length].device = st.st_dev;
	descriptors->list[descriptors->length].inode = st.st_ino;
	descriptors->length++;
	return fd;
}

int
ecapi_descriptors_close(EcapiDescriptors *descriptors, int fd)
{
	int			i = find(descriptors, fd);
	int			rc = close(fd);

	if (i >= 0)
		forget(descriptors, i);
	return rc;
}

void
ecapi_descriptors_sweep(EcapiDescriptors *descriptors)
{
	int			i;

	/* from the end: forgetting moves the last into the gap */
	for (i = descriptors->length - 1; i >= 0; i--)
	{
		EcapiDescriptor *at = &descriptors->list[i];
		struct stat st;

		if (fstat(at->fd, &st) != 0 ||
			st.st_dev != at->device || st.st_ino != at->inode)
			forget(descriptors, i);
	}
}

void
ecapi_descriptors_free(EcapiDescriptors *descriptors)
{
	while (descriptors->length > 0)
		forget(descriptors, descriptors->length - 1);
	free(descriptors->list);
	descriptors->list = NULL;
	descriptors->size = 0;
}
