/*
 * select.c
 *	  Which events a destination takes.
 *
 * The cheap tests come first and decide for most events: with two hundred
 * destinations of two hundred shops each event is tested two hundred times, and all
 * but one end at a bit or at the comparison of two short texts.
 *
 * Invariants
 *	(1) Every reason is a constant: events are counted by it, and it can hold
 *		nothing of an event.
 *	(2) Whether a person is in a sample depends on the person and the share alone:
 *		not on the destination, the event, the time or the order.  So the persons
 *		of a smaller sample are among those of a larger one.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "consent/policy.h"
#include "destination/sample.h"
#include "destination/select.h"
#include "event/amended.h"
#include "event/refund.h"

const char *
ecapi_select_routed(const EcapiOptions *options, int type, const char *route)
{
	if (type < 0 || type >= ECAPI_EVENT_TYPES ||
		(options->event_types & (UINT64CONST(1) << type)) == 0)
		return "event_type";
	if (options->route && (route == NULL || strcmp(options->route, route) != 0))
		return "route";
	return NULL;
}

const char *
ecapi_select_route_of(const EcapiValue *event)
{
	const EcapiValue *route = ecapi_value_get(ecapi_value_get(event, "ext"), "route");

	return route && route->type == ECAPI_STRING ? route->text : NULL;
}

static bool
names_other_data_set(const EcapiOptions *options, const EcapiValue *event)
{
	const EcapiValue *own;

	if (options->data_set_id == NULL)
		return false;
	own = ecapi_value_get(event, "data_set_id");
	return ecapi_value_is_text(own) &&
		strcmp(own->text, options->data_set_id) != 0;
}

/*
 * Why the event's time is none that the destination takes, or NULL: the receiver would
 * answer with an error, or drop the event unseen; here it is counted instead.  An event
 * without a time was never valid and is not tested.
 */
static const char *
out_of_window(const EcapiOptions *options, const EcapiValue *event, int64_t now)
{
	const EcapiFormat *format = options->format;
	int			max_age_s = options->max_age_s;
	const EcapiValue *at;
	double		age_s;

	if (max_age_s <= 0 && format->future_s <= 0)
		return NULL;
	at = ecapi_value_get(event, "timestamp");
	if (at == NULL || at->type != ECAPI_NUMBER)
		return NULL;
	if (max_age_s > 0 && format->age_limit != NULL)
	{
		int			limit_s = format->age_limit(options, event);

		if (limit_s < max_age_s)
			max_age_s = limit_s;
	}
	age_s = (double) now - strtod(at->text, NULL);
	if (max_age_s > 0 && age_s > max_age_s)
		return ECAPI_REASON_EXPIRED;
	return format->future_s > 0 && age_s < -format->future_s ? "in the future" : NULL;
}

/* Whether a refund is for a destination; see EcapiFormat for what only the address says. */
static bool
is_refunded_there(const EcapiOptions *options, EcapiAddressee self, const EcapiValue *event)
{
	return ecapi_refund_is_for(event, self.server, self.name) &&
		(!options->format->addressed_refunds || ecapi_refund_is_addressed(event));
}

/* Why an amendment is not for a destination, whatever became of its original there. */
static const char *
is_not_amended_there(const EcapiOptions *options, const EcapiValue *event, int64_t now)
{
	const EcapiFormat *format = options->format;
	const EcapiValue *original = ecapi_amend_original(event);
	int			limit_s = format->amend_limit != NULL ? format->amend_limit(options)
		: format->amend_s;
	const EcapiValue *at;

	if (original == NULL)
		return NULL;
	if (format->amend == ECAPI_AMEND_NONE || limit_s < 0)
		return ECAPI_REASON_NOT_AMENDABLE;
	at = ecapi_value_get(original, "timestamp");
	return limit_s > 0 && at != NULL && at->type == ECAPI_NUMBER &&
		(double) now - strtod(at->text, NULL) > limit_s ? ECAPI_REASON_ORIGINAL_OLD : NULL;
}

const char *
ecapi_select_early(const EcapiOptions *options, EcapiAddressee self,
				   const EcapiValue *event, int type, int64_t now)
{
	const char *reason;

	reason = ecapi_select_routed(options, type, options->route == NULL ? NULL :
								 ecapi_select_route_of(event));
	if (reason)
		return reason;
	if (names_other_data_set(options, event))
		return "data_set_id";
	reason = out_of_window(options, event, now);
	if (reason)
		return reason;
	if (type == ECAPI_EVENT_refund && !is_refunded_there(options, self, event))
		return "not delivered";
	return is_not_amended_there(options, event, now);
}

const char *
ecapi_select_late(const EcapiOptions *options, const EcapiValue *event,
				  const char *default_country, const char **restriction)
{
	const char *reason = ecapi_consent_refuses(options->consent, event);
	EcapiConsentDecision decision;

	*restriction = NULL;
	if (reason)
		return reason;
	decision = ecapi_consent_by_string(&options->terms, event);
	if (decision.outcome == ECAPI_CONSENT_REFUSED)
		return ecapi_consent_reason(decision.section, decision.rule);
	if (options->sample > 0 && options->sample < 1 &&
		ecapi_sample_share(event, default_country) >= options->sample)
		return "sample";
	*restriction = ecapi_consent_restriction(&options->terms, &decision, event);
	return NULL;
}

bool
ecapi_select_counts(const EcapiOptions *options)
{
	return options->mode != ECAPI_MODE_TEST ||
		(options->format->test_counts && options->test_url == NULL);
}

/*
 * The request may be on its way until its time is over, so that much earlier a repeat is
 * too late.
 */
const char *
ecapi_select_repeat(const EcapiOptions *options, const EcapiValue *event, int64_t sent_at,
					int64_t now)
{
	const EcapiFormat *format = options->format;
	int			window_s = format->dedupe_s;

	if (sent_at == 0 || window_s <= 0 || options->allow_late_repeat ||
		!ecapi_select_counts(options))
		return NULL;
	if (format->dedupe_limit != NULL)
		window_s = format->dedupe_limit(options, event);
	if (window_s <= 0)
		return ECAPI_REASON_DEDUPE_WINDOW;
	return now - sent_at + options->timeout_ms / 1000 < window_s ? NULL
		: ECAPI_REASON_DEDUPE_WINDOW;
}

/* A refused patch is the event's own fault; an event never leaves unfiltered. */
EcapiDecision
ecapi_select_failing(const EcapiOptions *options, EcapiFailing failing)
{
	switch (options->enrich_on_error)
	{
		case ECAPI_ENRICH_SKIP:
			return failing == ECAPI_FAILING_FILTER ? ECAPI_DECISION_FILTERED
				: ECAPI_DECISION_SEND;
		case ECAPI_ENRICH_DEAD:
			return ECAPI_DECISION_UNFIT;
		case ECAPI_ENRICH_HOLD:
			break;
	}
	return failing == ECAPI_FAILING_PATCH ? ECAPI_DECISION_UNFIT : ECAPI_DECISION_HELD;
}
