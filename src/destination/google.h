/*
 * google.h
 *	  What the files of the format "google" share; of no interest to others.
 *
 * format_google.c has the row and what stands around events, google_options.c the options,
 * google_event.c and google_user.c an event, google_answer.c and google_status.c what answers
 * mean.
 */
#ifndef ECAPI_GOOGLE_H
#define ECAPI_GOOGLE_H

#include "destination/format.h"
#include "destination/writer.h"

/* ---- google_options.c ---- */

/* The places of own options in their table. */
typedef enum EcapiGoogleOption
{
	ECAPI_GOOGLE_ACCOUNT_ID,
	ECAPI_GOOGLE_ACCOUNT_TYPE,
	ECAPI_GOOGLE_LOGIN_ID,
	ECAPI_GOOGLE_LOGIN_TYPE,
	ECAPI_GOOGLE_LINKED_ID,
	ECAPI_GOOGLE_LINKED_TYPE,
	ECAPI_GOOGLE_PRODUCT_ID,
	ECAPI_GOOGLE_CLICK_ID_KIND,
	ECAPI_GOOGLE_MERCHANT_ID,
	ECAPI_GOOGLE_FEED_LABEL,
	ECAPI_GOOGLE_FEED_LANGUAGE,
	ECAPI_GOOGLE_TOKEN_URL,
	ECAPI_GOOGLE_CLIENT_ID,
	ECAPI_GOOGLE_CLIENT_SECRET,
	ECAPI_GOOGLE_REFRESH_TOKEN,
	ECAPI_GOOGLE_SERVICE_ACCOUNT
} EcapiGoogleOption;

#define ECAPI_GOOGLE_OPTIONS	(ECAPI_GOOGLE_SERVICE_ACCOUNT + 1)

extern const EcapiOwnOption ecapi_google_own[ECAPI_GOOGLE_OPTIONS];

/* The value of an own option, else its fallback, else NULL. */
extern const char *ecapi_google_option(const EcapiOptions *options, EcapiGoogleOption option);

/* The products whose events differ. */
typedef enum EcapiGoogleProduct
{
	ECAPI_GOOGLE_ADS,			/* and what is like it: a target for each event type */
	ECAPI_GOOGLE_FLOODLIGHT,	/* the same, with ids of clicks and impressions of its own */
	ECAPI_GOOGLE_ANALYTICS		/* one target; events have names */
} EcapiGoogleProduct;

extern EcapiGoogleProduct ecapi_google_product(const EcapiOptions *options);

/* Destinations of a request at most (Data Manager API, page "Limits"). */
#define ECAPI_GOOGLE_TARGETS	10

/*
 * The distinct ids that events go to, in the order of event types, of which at most
 * ECAPI_GOOGLE_TARGETS are written to targets.  Returns how many there are.
 */
extern int	ecapi_google_targets(const EcapiOptions *options,
								 const char *targets[ECAPI_GOOGLE_TARGETS]);

/* check, of EcapiFormat. */
extern bool ecapi_google_check(const EcapiOptions *options, EcapiFormatProblem *problem);

/* ---- google_event.c ---- */

/* Bytes of a request that destinations and the like may take behind the events. */
#define ECAPI_GOOGLE_TAIL	8192

/* add, of EcapiFormat; it leaves ECAPI_GOOGLE_TAIL bytes of the body free. */
extern EcapiShaped ecapi_google_add(EcapiShape *shape, EcapiArena *arena,
									const EcapiValue *event, EcapiBuffer *body,
									const char **reason);

/* How an event's destination is named in it, right before the first reference. */
#define ECAPI_GOOGLE_REFERENCES "\"destinationReferences\":[\""

/* ---- google_user.c ---- */

/* What is written of a person, and whether it can be found by it. */
typedef struct EcapiGoogleUser
{
	EcapiShape *shape;
	EcapiWriter *writer;
	const EcapiValue *user_data;	/* NULL: the event has none */
	EcapiGoogleProduct product;
	bool		identified;		/* something that identifies it was written */
} EcapiGoogleUser;

/* The members userData and adIdentifiers, eventDeviceInfo and consent of an event. */
extern void ecapi_google_write_identifiers(EcapiGoogleUser *user);
extern void ecapi_google_write_ad_identifiers(EcapiGoogleUser *user);
extern void ecapi_google_write_device(EcapiGoogleUser *user);
extern void ecapi_google_write_consent(EcapiGoogleUser *user);

/* The members clientId, appInstanceId and userId of an event for Analytics. */
extern void ecapi_google_write_client(EcapiGoogleUser *user, bool app);

/* ---- google_answer.c ---- */

extern void ecapi_google_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
							   EcapiJudgement *judgement);

/* The same of an answer that refuses a request or a question; by its status it was judged. */
extern void ecapi_google_refused(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
								 EcapiJudgement *judgement);

/*
 * What an error of any of Google's interfaces says, google.rpc.Status as JSON; in the
 * arena, or NULL.
 */
typedef struct EcapiGoogleError
{
	const EcapiValue *details;	/* the list */
	const char *reason;			/* the first in it that says more than the status */
} EcapiGoogleError;

/*
 * Read it in an answer that was judged by its HTTP status: its words, and what its own status
 * says beyond that.  True: the request is at fault (INVALID_ARGUMENT and the like), and
 * said may tell what of it.
 */
extern bool ecapi_google_error(const EcapiAnswer *answer, EcapiArena *arena,
							   EcapiJudgement *judgement, EcapiGoogleError *said);

/* A text of capitals, digits and underscores, such as a reason; else NULL. */
extern const char *ecapi_google_word(const EcapiValue *value);

/* A list by either name: that of the JSON mapping, or of the messages themselves. */
extern const EcapiValue *ecapi_google_list(const EcapiValue *object, const char *name,
										   const char *other);

/* Whether len bytes are a request's id as judge.h has receipts. */
extern bool ecapi_google_is_receipt(const char *text, size_t len);

/* ---- google_status.c ---- */

extern const EcapiLater ecapi_google_later;

/* Where requests go, unless the option url says it. */
#define ECAPI_GOOGLE_URL	"https://datamanager.googleapis.com"

#endif							/* ECAPI_GOOGLE_H */
