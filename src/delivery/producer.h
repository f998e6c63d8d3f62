/*
 * producer.h
 *	  A producer: messages of many requests on their way at once, by a library of its own.
 *
 * The HTTP client (http.h) serves all destinations.  A platform that speaks no HTTP has a
 * library of its own, loaded when a destination wants it (pipeline/producers.c), which gives
 * this table.  Both take an EcapiRequest, and give an EcapiAnswer for it later.
 *
 * Of a request a producer reads its headers, which are the settings of the connection as
 * "name: value", ca_file, timeout_ms, body and cookie.  It copies what it needs: nothing of a
 * request has to outlive the call.
 *
 * No function raises an error, calls anything of the server, or waits.  A library may have
 * threads; they run no signal handler of this process.
 *
 * Pure C: no server header, no header of a library.
 */
#ifndef ECAPI_PRODUCER_H
#define ECAPI_PRODUCER_H

#include "delivery/request.h"

/* Of one destination with certain settings; the library's. */
typedef struct EcapiProducer EcapiProducer;

typedef struct EcapiProducerTable
{
	const char *version;		/* ECAPI_VERSION, as the library was built */

	/*
	 * A producer by the settings of a request; NULL with a reason in error (no secrets).
	 * memory: bytes of messages that it holds at most.  bell: a descriptor that does not
	 * block, to which 8 bytes, the number 1, are written when an answer may be there.
	 */
	EcapiProducer *(*open) (const EcapiRequest *request, size_t memory, int bell,
							char *error, size_t error_size);

	/* Start a request; false, with a reason in error, when there will be no answer for it. */
	bool		(*start) (EcapiProducer *producer, const EcapiRequest *request,
						  char *error, size_t error_size);

	/*
	 * No answer is wanted any more for the request with that cookie; its messages may go all
	 * the same.  False when there is no such request.
	 */
	bool		(*cancel) (EcapiProducer *producer, void *cookie);

	/*
	 * Take one answer; false when there is none.  Its body belongs to the producer, until
	 * the next call of it.
	 */
	bool		(*answer) (EcapiProducer *producer, EcapiAnswer *answer);

	/* Whether it takes no further request: after its answers it is to be closed. */
	bool		(*is_spent) (const EcapiProducer *producer);

	/* End it, without waiting: what its threads still do, they do by themselves. */
	void		(*close) (EcapiProducer *producer);

	/* How many that were closed have threads yet. */
	int			(*closing) (void);
} EcapiProducerTable;

#endif							/* ECAPI_PRODUCER_H */
