/*
 * percent.h
 *	  Percent-encoding, as forms and URLs have it (RFC 3986, section 2.1).
 *
 * Pure C: no server header, no I/O; memory only the buffer's.
 */
#ifndef ECAPI_PERCENT_H
#define ECAPI_PERCENT_H

#include "event/buffer.h"

/* What encoding makes of len bytes at most, without a NUL. */
#define ECAPI_PERCENT_MAX(len)	(3 * (len))

/* Append a text; everything but letters, digits, "-", ".", "_" and "~" is encoded. */
extern void ecapi_percent_encode(EcapiBuffer *buffer, const char *text);

#endif							/* ECAPI_PERCENT_H */
