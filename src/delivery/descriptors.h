/*
 * descriptors.h
 *	  Sockets that are open, reported to what counts descriptors.
 *
 * Pure C: no server header, no libcurl header; memory is malloc's.
 */
#ifndef ECAPI_DESCRIPTORS_H
#define ECAPI_DESCRIPTORS_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct EcapiDescriptor
{
	int			fd;
	dev_t		device;			/* which socket it was: numbers are used again */
	ino_t		inode;
} EcapiDescriptor;

typedef struct EcapiDescriptors
{
	EcapiDescriptor *list;
	int			length;
	int			size;
	bool		(*acquire) (void);	/* may be NULL; see http.h */
	void		(*release) (void);
} EcapiDescriptors;

extern void ecapi_descriptors_init(EcapiDescriptors *descriptors,
								   bool (*acquire) (void), void (*release) (void));

/* A new socket, or -1; *refused when there is to be no further descriptor. */
extern int	ecapi_descriptors_open(EcapiDescriptors *descriptors, int family,
								   int type, int protocol, bool *refused);

/* Close it.  Returns as close(2). */
extern int	ecapi_descriptors_close(EcapiDescriptors *descriptors, int fd);

/* Report those that were closed by somebody else. */
extern void ecapi_descriptors_sweep(EcapiDescriptors *descriptors);

/* The end: report all, free the list. */
extern void ecapi_descriptors_free(EcapiDescriptors *descriptors);

#endif							/* ECAPI_DESCRIPTORS_H */
