/*
 * echo.h
 *	  What a receiver repeats of a request's secrets is taken out of its answer.
 */
#ifndef ECAPI_ECHO_H
#define ECAPI_ECHO_H

#include <stddef.h>

/* What stands for a secret. */
#define ECAPI_REDACTED	"***"

/* The secret of a header line: what stands behind its name, without "Bearer". */
extern const char *ecapi_echo_secret_of(const char *line);

/*
 * Take the secrets of a request (its header lines, url with user name, password and
 * the parameters that carry a credential; NULL: none) out of a text, in place.
 * Returns its length afterwards, at most len; it is terminated there, so text has
 * len + 1 bytes.
 */
extern size_t ecapi_echo_redact(char *text, size_t len, const char *const *headers,
								int nheaders, const char *url);

#endif							/* ECAPI_ECHO_H */
