/*
 * producers.h
 *	  Requests that go by the producer of a library (delivery/producer.h) instead of HTTP.
 */
#ifndef ECAPI_PRODUCERS_H
#define ECAPI_PRODUCERS_H

#include "postgres.h"

#include "delivery/request.h"
#include "pipeline/batch.h"
#include "pipeline/forward.h"

/*
 * Start the request of a batch, whose format names a producer; its cookie is the batch.  False,
 * with a reason in error, when it could not be; *at_fault: no other try helps before somebody
 * does something, such as installing the library.
 */
extern bool ecapi_producers_start(EcapiBatch *batch, const EcapiRequest *request, char *error,
								  size_t error_size, bool *at_fault);

/* No answer is wanted any more for the request of a batch; without effect when there is none. */
extern void ecapi_producers_cancel(EcapiBatch *batch);

/* Take one finished request; false when there is none. */
extern bool ecapi_producers_answer(EcapiAnswer *answer);

/* Close the producers of a destination that is gone, once they have answered. */
extern void ecapi_producers_forget(const EcapiDestination *destination);

#endif							/* ECAPI_PRODUCERS_H */
