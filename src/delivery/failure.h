/*
 * failure.h
 *	  What kept a request from its answer, in our own words.
 *
 * Pure C: no server header, no libcurl header.
 */
#ifndef ECAPI_FAILURE_H
#define ECAPI_FAILURE_H

#include "delivery/request.h"

typedef enum EcapiFailure
{
	ECAPI_FAIL_NONE,
	ECAPI_FAIL_CLEAR,			/* plain http to another machine */
	ECAPI_FAIL_DESCRIPTORS,		/* no file descriptor to be had */
	ECAPI_FAIL_MEMORY,
	ECAPI_FAIL_HEADERS,			/* header too long */
	ECAPI_FAIL_FLOOD,			/* body too long */
	ECAPI_FAIL_ENCODING,		/* body does not decompress */
	ECAPI_FAIL_NAME,			/* host name not found */
	ECAPI_FAIL_CA_FILE,
	ECAPI_FAIL_CERTIFICATE,
	ECAPI_FAIL_SEND,
	ECAPI_FAIL_RECEIVE,
	ECAPI_FAIL_LATE,
	ECAPI_FAIL_OTHER
} EcapiFailure;

/*
 * How far the request came, given what failed, the status (0: none) and
 * whether any byte of the request was sent.
 */
extern EcapiTransport ecapi_failure_transport(EcapiFailure failure, int status,
											  bool sent);

/*
 * One line: what we were doing, and what went wrong, in words (the library's,
 * no secrets) unless ours are better.
 */
extern void ecapi_failure_describe(EcapiFailure failure, EcapiTransport transport,
								   const char *words, char *error, size_t size);

#endif							/* ECAPI_FAILURE_H */
