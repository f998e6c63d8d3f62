/*
 * errand.c
 *	  A request that carries no events: a token is fetched, a receipt is asked about.
 *
 * A destination has at most one errand of a kind on its way.  It takes a connection like
 * a request with events (share.c), and may never hold up one of another destination.
 *
 * Memory: the request of an errand is in a context of its own, because the client copies
 * nothing; it goes with the answer.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "delivery/http.h"
#include "destination/echo.h"
#include "pipeline/destination.h"
#include "pipeline/errand.h"
#include "pipeline/share.h"
#include "pipeline/worker_state.h"

MemoryContext
ecapi_errand_begin(EcapiErrand *errand, EcapiDestination *destination,
				   void (*take) (EcapiCookie *cookie, EcapiAnswer *answer))
{
	Assert(errand->context == NULL);
	errand->cookie.take = take;
	errand->destination = destination;
	errand->context = AllocSetContextCreate(destination->context, "ecapi errand",
											ALLOCSET_SMALL_SIZES);
	MemSet(&errand->outgoing, 0, sizeof(EcapiOutgoing));
	return errand->context;
}

static void
drop_request(EcapiErrand *errand)
{
	MemoryContext context = errand->context;

	errand->context = NULL;
	MemoryContextDelete(context);
}

bool
ecapi_errand_start(EcapiErrand *errand, EcapiRequest *request, char *error, size_t error_size)
{
	request->cookie = errand;
	if (!ecapi_http_start(ecapi_me.http, request, error, error_size))
	{
		drop_request(errand);
		return false;
	}
	errand->flying = true;
	errand->destination->nerrands++;
	ecapi_share_errand_sent();
	return true;
}

void
ecapi_errand_end(EcapiErrand *errand, EcapiAnswer *answer)
{
	const EcapiOutgoing *outgoing = &errand->outgoing;

	if (answer->body != NULL)
	{
		char	   *body = pnstrdup(answer->body, answer->body_len);

		answer->body_len = ecapi_echo_redact(body, strlen(body), outgoing->secrets,
											 outgoing->nsecrets, outgoing->url);
		answer->body = body;
	}
	errand->flying = false;
	errand->destination->nerrands--;
	drop_request(errand);
}

void
ecapi_errand_cancel(EcapiErrand *errand)
{
	if (errand->context == NULL)
		return;
	if (errand->flying)
	{
		ecapi_http_cancel(ecapi_me.http, errand);
		errand->flying = false;
		errand->destination->nerrands--;
	}
	drop_request(errand);
}
