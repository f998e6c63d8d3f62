/*
 * normalize.h
 *	  A text in the one form that is compared, or hashed.
 *
 * Pure C above ICU: no server header, no I/O.
 */
#ifndef ECAPI_NORMALIZE_H
#define ECAPI_NORMALIZE_H

#include "event/buffer.h"
#include "event/fields.h"
#include "event/normalized.h"

/*
 * Bring text (UTF-8, len bytes) into the form that rule asks for.  country is
 * the alpha-2 code of where it belongs, in lower case, or NULL when that is
 * not known; only phone numbers, postal codes and states use it.  out is emptied
 * first, and left empty unless the result says that it holds something.
 * A buffer that fills up makes the text invalid.
 */
extern EcapiNormalized ecapi_normalize(EcapiRule rule, const char *text, size_t len,
									   const char *country, EcapiBuffer *out);

/* Whether two countries can give different results under a rule. */
extern bool ecapi_rule_needs_country(EcapiRule rule);

#endif							/* ECAPI_NORMALIZE_H */
