/*
 * list.h
 *	  Doubly linked lists whose links stand in the members.
 *
 * A member's first field is its EcapiLink, so a pointer to one is a pointer
 * to the other.  A member is in one list at a time.  Nothing is allocated.
 *
 * The server's lib/ilist.h asks for c.h, which takes printf() and its like from the
 * server's library: the client is to work in any program (http.c).
 */
#ifndef ECAPI_LIST_H
#define ECAPI_LIST_H

#include <stddef.h>

typedef struct EcapiLink
{
	struct EcapiLink *prev;
	struct EcapiLink *next;
} EcapiLink;

typedef struct EcapiRing
{
	EcapiLink	head;			/* of an empty list: points to itself */
	int			length;
} EcapiRing;

static inline void
ecapi_ring_init(EcapiRing *ring)
{
	ring->head.prev = ring->head.next = &ring->head;
	ring->length = 0;
}

/* At the end; the member must be in no list. */
static inline void
ecapi_ring_push(EcapiRing *ring, EcapiLink *link)
{
	link->prev = ring->head.prev;
	link->next = &ring->head;
	ring->head.prev->next = link;
	ring->head.prev = link;
	ring->length++;
}

static inline void
ecapi_ring_remove(EcapiRing *ring, EcapiLink *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
	ring->length--;
}

/* NULL when there is none. */
static inline void *
ecapi_ring_first(EcapiRing *ring)
{
	return ring->length > 0 ? ring->head.next : NULL;
}

#endif							/* ECAPI_LIST_H */
