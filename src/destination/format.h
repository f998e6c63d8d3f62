/*
 * format.h
 *	  What the delivery code asks of a format: events in, a request body out.
 *
 * A format is one row of functions and limits in the registry.  It sees
 * events as trees and options as a struct, writes into a bounded buffer, and
 * does no I/O and no SQL.  It must not raise errors: what it cannot express
 * it says with its result.
 */
#ifndef ECAPI_FORMAT_H
#define ECAPI_FORMAT_H

#include "delivery/request.h"
#include "event/buffer.h"
#include "event/digest.h"
#include "event/violation.h"
#include "event/value.h"

typedef struct EcapiOptions EcapiOptions;

/* What a format may use while it shapes a body. */
typedef struct EcapiShape
{
	const EcapiOptions *options;
	EcapiDigestCache *digests;	/* shared by the destinations of a page */
	int			events;			/* in the body so far; the caller counts */

	/* alpha-2, lower case: where what has no country belongs; NULL: unknown */
	const char *default_country;

	/* called for each value that is left out, unless NULL; must not raise */
	void		(*left_out) (void *arg, const EcapiField *field,
							 EcapiViolationCode reason);
	void	   *arg;
} EcapiShape;

typedef enum EcapiShaped
{
	ECAPI_SHAPED,				/* the event is in the body */
	ECAPI_FILTERED,				/* not for this destination; body unchanged */
	ECAPI_UNFIT,				/* cannot be expressed; body unchanged */
	ECAPI_LACKING,				/* an option is missing, no fault of the event: reason
								 * says what to set; body unchanged */
	/* no format's answers, but those of body.h */
	ECAPI_BODY_FULL,
	ECAPI_BODY_NO_MEMORY
} EcapiShaped;

typedef struct EcapiFormat
{
	const char *name;
	const char *default_url;	/* NULL: the url option is required */

	/* limits of the platform; an option may lower but not raise them */
	int			max_batch;		/* events in a request */
	size_t		max_body;		/* bytes of a request */

	int			default_batch;
	int			default_linger_ms;
	int			max_age_s;		/* older events are discarded there; 0: none are */

	/* what mode 'test' does: the format marks requests by itself, or needs test_url */
	bool		has_test_mode;
	bool		takes_targets;	/* event_types may name the platform's own */

	/*
	 * open, then add once per event, then close.  add appends one event, with
	 * its separator; when the buffer filled up meanwhile the caller truncates
	 * back and closes without it.  reason (of all but SHAPED) is a short
	 * lower-case text without values.
	 */
	void		(*open) (EcapiShape *shape, EcapiBuffer *body);
	EcapiShaped (*add) (EcapiShape *shape, const EcapiValue *event,
						EcapiBuffer *body, const char **reason);
	void		(*close) (EcapiShape *shape, EcapiBuffer *body);
} EcapiFormat;

/* registry.c; NULL when there is none.  i counts from 0, NULL at the end. */
extern const EcapiFormat *ecapi_format_lookup(const char *name);
extern const EcapiFormat *ecapi_format_nth(int i);

#endif							/* ECAPI_FORMAT_H */
