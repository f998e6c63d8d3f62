/*
 * request.c
 *	  The header lines that every request has.
 *
 * A line that a request has itself stands for ours of that name: sent twice, a receiver
 * may take either.
 *
 * Constant; no locks.
 */
#include "delivery/request.h"

#include <string.h>
#include <strings.h>

static bool
has_own(const EcapiRequest *request, const char *line)
{
	size_t		name = strcspn(line, ":") + 1;

	for (int i = 0; i < request->nheaders; i++)
		if (strncasecmp(request->headers[i], line, name) == 0)
			return true;
	return false;
}

/* The type of a body; what has none has no type. */
static const char *
type_of(const EcapiRequest *request)
{
	if (request->get)
		return NULL;
	return request->form ? "Content-Type: application/x-www-form-urlencoded"
		: "Content-Type: application/json";
}

const char *
ecapi_request_header_nth(const EcapiRequest *request, int i)
{
	const char *const lines[] = {type_of(request), "Accept: application/json",
	"User-Agent: " ECAPI_USER_AGENT};

	for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++)
		if (lines[k] != NULL && !has_own(request, lines[k]) && i-- == 0)
			return lines[k];
	return NULL;
}
