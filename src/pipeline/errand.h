/*
 * errand.h
 *	  A request that carries no events: a token is fetched, a receipt is asked about.
 */
#ifndef ECAPI_ERRAND_H
#define ECAPI_ERRAND_H

#include "postgres.h"

#include "delivery/request.h"
#include "pipeline/errands.h"
#include "pipeline/forward.h"

/*
 * Memory for a request, until the errand has ended or was cancelled.  It is not on its
 * way before: begin, then start, or cancel.
 */
extern MemoryContext ecapi_errand_begin(EcapiErrand *errand, EcapiDestination *destination,
										void (*take) (EcapiCookie *cookie, EcapiAnswer *answer));

/*
 * Start the request; errand->outgoing has what is secret in it.  False, with the reason in
 * error, when it could not be started: then the errand has ended.
 */
extern bool ecapi_errand_start(EcapiErrand *errand, EcapiRequest *request,
							   char *error, size_t error_size);

/*
 * An errand has its answer: it has ended.  Secrets are taken out of the answer, whose
 * body is then a copy in the context of the turn.
 */
extern void ecapi_errand_end(EcapiErrand *errand, EcapiAnswer *answer);

/* End it without an answer, begun or on its way. */
extern void ecapi_errand_cancel(EcapiErrand *errand);

#endif							/* ECAPI_ERRAND_H */
