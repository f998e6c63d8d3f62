/*
 * failure.c
 *	  What kept a request from its answer, in our own words.
 *
 * Remote failures keep three parts apart: what we were doing, what went wrong,
 * what the library said.  No text made here holds a header, a body, or a URL;
 * what the library says may name the host, never more of the URL.
 *
 * Pure functions; no memory, no locks.
 */
#include "delivery/failure.h"

#include <stdio.h>

/*
 * The rule for an answer that is too much for us: a header or body that is longer than
 * anybody would read, or a body that does not decompress, comes after a status, and it
 * would come again with each further try.  The status is the receiver's word on
 * the events, so it decides, a 2xx as well as any other, and truncated
 * tells a format that also reads the body that there was more.  A body that
 * was cut or came too late is another matter: that may end well next time,
 * the receiver may have fallen over before it stored anything, and a repeated
 * event is merged by its id while a missing one is lost.
 */
EcapiTransport
ecapi_failure_transport(EcapiFailure failure, int status, bool sent)
{
	switch (failure)
	{
		case ECAPI_FAIL_NONE:
			return ECAPI_TRANSPORT_OK;
		case ECAPI_FAIL_HEADERS:
		case ECAPI_FAIL_FLOOD:
		case ECAPI_FAIL_ENCODING:
			if (status >= 200)
				return ECAPI_TRANSPORT_OK;
			break;
		case ECAPI_FAIL_CLEAR:	/* trying again cannot help */
		case ECAPI_FAIL_CA_FILE:
		case ECAPI_FAIL_CERTIFICATE:
			return ECAPI_TRANSPORT_UNTRUSTED;
		case ECAPI_FAIL_MEMORY: /* ours: it says nothing about what was sent */
		case ECAPI_FAIL_DESCRIPTORS:
			return ECAPI_TRANSPORT_REFUSED;
		default:
			break;
	}
	return sent ? ECAPI_TRANSPORT_BROKEN : ECAPI_TRANSPORT_REFUSED;
}

/* What we were doing. */
static const char *
doing(EcapiFailure failure, EcapiTransport transport)
{
	switch (failure)
	{
		case ECAPI_FAIL_HEADERS:
		case ECAPI_FAIL_FLOOD:
		case ECAPI_FAIL_ENCODING:
		case ECAPI_FAIL_RECEIVE:
			return "could not read the answer";
		case ECAPI_FAIL_SEND:
			return "could not send the request";
		case ECAPI_FAIL_NAME:
			return "could not look up the host name";
		case ECAPI_FAIL_CA_FILE:
		case ECAPI_FAIL_CERTIFICATE:
			return "could not verify the receiver";
		case ECAPI_FAIL_LATE:
			return transport == ECAPI_TRANSPORT_REFUSED ?
				"could not connect in time" : "no whole answer in time";
		case ECAPI_FAIL_MEMORY:
			return "could not finish the request";
		default:
			return transport == ECAPI_TRANSPORT_BROKEN ?
				"could not finish the request" : "could not connect";
	}
}

/* What went wrong, where we know it better than the library; else NULL. */
static const char *
wrong(EcapiFailure failure)
{
	switch (failure)
	{
		case ECAPI_FAIL_CLEAR:
			return "plain http goes to loopback addresses only";
		case ECAPI_FAIL_DESCRIPTORS:
			return "too many open files";
		case ECAPI_FAIL_MEMORY:
			return "out of memory";
		case ECAPI_FAIL_HEADERS:
			return "its header is too long";
		case ECAPI_FAIL_FLOOD:
			return "it is too long";
		case ECAPI_FAIL_CA_FILE:
			/* the library's words hold the path */
			return "the file of trusted certificates is missing, not readable or holds none";
		default:
			return NULL;
	}
}

void
ecapi_failure_describe(EcapiFailure failure, EcapiTransport transport,
					   const char *words, char *error, size_t size)
{
	const char *what = wrong(failure);
	unsigned char *at;

	if (what == NULL)
		what = words;
	snprintf(error, size, "%s: %.200s", doing(failure, transport), what);

	/* a certificate's name may be among the words: keep to plain ASCII */
	for (at = (unsigned char *) error; *at != '\0'; at++)
	{
		if (*at < 0x20 || *at > 0x7e)
			*at = '?';
	}
}
