/*
 * request.c
 *	  The header lines that every request has.
 *
 * Constant; no locks.
 */
#include "delivery/request.h"

/* The first is the type of a body; what has none has no type. */
const char *
ecapi_request_header_nth(const EcapiRequest *request, int i)
{
	static const char *const lines[] = {"Content-Type: application/json",
	"Accept: application/json", "User-Agent: ecapi/" ECAPI_VERSION, NULL};

	if (request->get)
		return lines[i + 1];
	if (i == 0 && request->form)
		return "Content-Type: application/x-www-form-urlencoded";
	return lines[i];
}
