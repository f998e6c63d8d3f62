/*
 * option_values.h
 *	  What the options of a destination say, as a struct.
 *
 * Where no option is given, a member has its default (options.c).
 */
#ifndef ECAPI_OPTION_VALUES_H
#define ECAPI_OPTION_VALUES_H

#include "postgres.h"

#include "consent/policy.h"
#include "consent/terms.h"
#include "destination/anonymize.h"
#include "destination/decimal.h"
#include "destination/format.h"
#include "destination/paths.h"
#include "destination/transform.h"
#include "event/field_set.h"

typedef enum EcapiMode
{
	ECAPI_MODE_LIVE,
	ECAPI_MODE_SHADOW,			/* everything but send */
	ECAPI_MODE_TEST				/* send in the platform's test mode */
} EcapiMode;

/* What becomes of events whose enrichment fails, again and again. */
typedef enum EcapiEnrichOnError
{
	ECAPI_ENRICH_HOLD,			/* the destination waits */
	ECAPI_ENRICH_SKIP,			/* they go without the patch, counted */
	ECAPI_ENRICH_DEAD			/* they go to failed_event, dead */
} EcapiEnrichOnError;

typedef enum EcapiWrapper
{
	ECAPI_WRAP_ARRAY,			/* [e, e] */
	ECAPI_WRAP_KEY				/* {"key": [e, e]} */
} EcapiWrapper;

struct EcapiOptions
{
	const EcapiFormat *format;
	EcapiMode	mode;
	char	   *url;			/* NULL: the format's own */
	char	   *data_set_id;	/* NULL: the event's own */
	uint64		event_types;	/* bit i: event type i of the standard */
	int			batch_size;
	EcapiWrapper wrapper;
	char	   *wrapper_key;	/* of ECAPI_WRAP_KEY */
	int			linger_ms;
	int			max_in_flight;
	int			timeout_ms;
	int			max_age_s;		/* older events are not sent; 0: all are */
	int			retry_for_s;	/* how long a failed event is tried again */
	double		rate_limit;		/* requests a second; 0: no limit */
	EcapiDedupeKey dedupe_key;
	bool		allow_late_repeat;	/* repeats go that the platform may count twice */
	char	   *test_url;		/* where test mode sends, if the format has none */

	/* which events; see select.h */
	char	   *targets[ECAPI_EVENT_TYPES]; /* the platform's name of each type, or NULL */
	char	   *route;			/* NULL: all */
	EcapiConsentRule consent;
	EcapiConsentTerms terms;	/* of consent strings */
	double		sample;			/* share of persons, above 0; 0 or 1: all */
	int			delay_ms;		/* events are held so long */

	/* users' SQL; see enrich/ */
	char	   *enrich;			/* names of functions, as written; NULL: none */
	EcapiEnrichOnError enrich_on_error;
	char	   *filter;			/* a condition, as written; NULL: none */

	/* what of them; see reduce.h */
	char	   *value_field;	/* path of the number that is sent as value; or NULL */
	EcapiTransform transform;	/* of value_transform */
	const EcapiMeasured *measured;	/* what it needs to know; NULL: nothing was measured.
									 * Not from the lists: who loads them sets it */
	EcapiPaths *amounts;		/* what tells the value that a transform hides; NULL: none */
	EcapiDecimal value_factor;	/* digits 0: as it is */
	int			value_digits;	/* decimals of value and 1; 0: as it is; or: */
#define ECAPI_DIGITS_OF_CURRENCY	(-1)	/* as many as its currency has */
	bool		mmt_only;		/* forced */
	uint32		anonymize;		/* EcapiAnonymize */
	EcapiPaths *fields;			/* only these leave; NULL: all */
	EcapiPaths *redact;			/* these do not; NULL: none */

	char	   *ca_file;		/* bare name in the directory of credentials */
	char	   *credential_role;	/* whose directory that is; NULL: that of
									 * superusers, see delivery/token.h */
	/* the format's own, at their places in its table; secrets are for credentials.c */
	char	   *own[ECAPI_OWN_OPTIONS];

	EcapiFieldSet carried;		/* what of events reaches the platform; carried.h */

	/* from the PUBLIC user mapping */
	char	   *access_token;
	char	   *access_token_file;
	char	   *header;			/* "Name: value" */
	char	   *header_file;
	char	   *own_file[ECAPI_OWN_OPTIONS];
};

/* What is wrong with a list of options. */
typedef struct EcapiOptionProblem
{
	int			sqlstate;
	char		message[256];	/* never a secret value */
	char		detail[256];	/* or "" */
	char		hint[512];		/* or "" */
} EcapiOptionProblem;

/*
 * Where a server was created: a dump carries it along, so that a destination
 * that is restored elsewhere is known for a copy.
 */
typedef struct EcapiOrigin
{
	uint64		system_identifier;
	Oid			database;
} EcapiOrigin;

#endif							/* ECAPI_OPTION_VALUES_H */
