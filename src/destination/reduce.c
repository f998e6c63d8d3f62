/*
 * reduce.c
 *	  What of an event leaves for a destination: its value, its fields, and how
 *	  exactly.
 *
 * The steps, in this order, each a tree from the tree before it:
 *
 *	 1. value		value_field, then value_transform, then value_factor, then
 *					value_digits; with value_transform, other amounts go (prune.c)
 *	 2. mmt_only	forced, by the option or because the event may be sent in the restricted
 *					mode alone
 *	 3. anonymize	anonymize.c; and ext.original, by all of these options
 *	 4. fields		what is named stays, or: redact, what is named goes (prune.c);
 *					what needs a country that does not leave is normalized (by_country.c)
 *
 * Fields go last, so that a value can be taken from a field that does not leave,
 * and nothing can be put back that was taken away, but what limits the use of the event.
 *
 * Invariants
 *	(1) A redacted field is in no result, whatever the event holds; see prune.c.  For a
 *		platform's format this is not so of user_data.mmt_only, gpp_string, gpp_sid and
 *		ext.consent: see take_back_limits().
 *		What an event says of another one in ext.original holds to the options, too.
 *	(2) With value_field, value_transform or value_factor the event's own value never
 *		leaves: where there is nothing to send in its place, the event does not go.
 *		A cap's is sent where it is below.  A value is rounded once, at the end.
 *	(3) An arena that failed gives no result at all: half of the steps is not less.
 *	(4) What is given is not changed.  A destination without these options pays
 *		nothing, one with them for the lists that change; see map.c.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "destination/anonymize.h"
#include "destination/decimal.h"
#include "destination/map.h"
#include "destination/paths.h"
#include "destination/reduce.h"
#include "destination/by_country.h"
#include "event/amended.h"
#include "event/codes.h"
#include "event/event_type.h"
#include "event/scan.h"
#include "event/stored.h"

static bool
changes_value(const EcapiOptions *options)
{
	return options->value_field || options->value_factor.digits > 0 ||
		options->value_digits != 0 || options->transform.kind != ECAPI_TRANSFORM_NONE;
}

bool
ecapi_reduces(const EcapiOptions *options)
{
	return changes_value(options) || options->mmt_only || options->anonymize != 0 ||
		options->fields || options->redact;
}

static bool
is_number(const EcapiValue *value)
{
	EcapiNumber number;

	return value && value->type == ECAPI_NUMBER &&
		ecapi_scan_number(value->text, value->len, &number);
}

/*
 * The value with the decimals that it may have.  Where its currency has no minor
 * unit (metals, units of account) it stays as it is.
 */
static const char *
round_value(const EcapiOptions *options, EcapiArena *arena, const EcapiValue *event,
			const char *text, size_t *len)
{
	const EcapiValue *currency = ecapi_value_get(event, "currency_code");
	int			decimals = options->value_digits - 1;

	if (options->value_digits == ECAPI_DIGITS_OF_CURRENCY &&
		(currency == NULL || currency->type != ECAPI_STRING ||
		 ecapi_currency_lookup(currency->text, currency->len, &decimals) == NULL ||
		 decimals < 0))
		return text;
	return ecapi_decimal_round(arena, text, *len, decimals, len);
}

const EcapiValue *
ecapi_reduce_source(const EcapiOptions *options, const EcapiValue *event, const char **reason)
{
	const EcapiValue *own = ecapi_value_get(event, "value");
	const EcapiValue *source;

	*reason = NULL;
	if (own && own->type == ECAPI_NULL)
		own = NULL;
	if (options->value_field == NULL)
		return own;
	/* a value without a currency would make the event one to be thrown away */
	if (own == NULL && ecapi_value_get(event, "currency_code") == NULL)
		return NULL;
	source = ecapi_path_find(options->value_field, event);
	if (is_number(source))
		return source;
	*reason = own ? "no value_field" : NULL;
	return NULL;
}

/*
 * A number (len bytes) transformed.  Nobody knows of a refund which order it is of, and
 * what that one left as; two refunds of a capped order could take back more than was said.
 */
static const char *
transform(const EcapiOptions *options, EcapiArena *arena, const EcapiValue *event,
		  const char *text, size_t *len, const char **reason)
{
	const EcapiValue *currency = ecapi_value_get(event, "currency_code");
	int			type = ecapi_stored_type(event);

	if (type == ECAPI_EVENT_refund)
	{
		*reason = "refund of a transformed value";
		return NULL;
	}
	return ecapi_transform_apply(options->transform, options->measured, arena, type,
								 currency && currency->type == ECAPI_STRING ? currency->text : NULL,
								 text, *len, len, reason);
}

/*
 * The number that is sent as value, or NULL: none, with *reason set when the
 * event must not go without it.
 */
static const EcapiValue *
value_to_send(const EcapiOptions *options, EcapiArena *arena, const EcapiValue *event,
			 const char **reason)
{
	const EcapiValue *source = ecapi_reduce_source(options, event, reason);
	const char *text;
	size_t		len;

	if (source == NULL || (options->value_factor.digits == 0 && options->value_digits == 0 &&
						   options->transform.kind == ECAPI_TRANSFORM_NONE))
		return source;
	text = is_number(source) ? source->text : NULL;
	len = source->len;
	if (text && options->transform.kind != ECAPI_TRANSFORM_NONE)
		text = transform(options, arena, event, text, &len, reason);
	if (text && options->value_factor.digits > 0)
		text = ecapi_decimal_scale(arena, text, len, options->value_factor, &len);
	if (text && options->value_digits != 0)
		text = round_value(options, arena, event, text, &len);
	if (text == NULL)
	{
		if (*reason == NULL && !arena->failed)
			*reason = "value out of range";
		return NULL;
	}
	return ecapi_value_text(arena, ECAPI_NUMBER, text, len);
}

static const EcapiValue *
reduce_value(const EcapiOptions *options, EcapiArena *arena, const EcapiValue *event,
			 const char **reason)
{
	const EcapiValue *value = value_to_send(options, arena, event, reason);

	if (*reason || arena->failed)
		return event;
	if (value)
		event = ecapi_value_with(arena, event, "value", value);
	return options->amounts ? ecapi_paths_redact(options->amounts, arena, event) : event;
}

static const EcapiValue *
force_mmt_only(EcapiArena *arena, const EcapiValue *event)
{
	const EcapiValue *user_data = ecapi_value_get(event, "user_data");
	const EcapiValue *before = ecapi_value_get(user_data, "mmt_only");
	const EcapiValue *truth;

	if (before && before->type == ECAPI_BOOL && before->truth)
		return event;
	if (user_data == NULL || user_data->type != ECAPI_OBJECT)
		user_data = ecapi_value_new(arena, ECAPI_OBJECT);
	truth = ecapi_value_bool(arena, true);
	if (user_data == NULL || truth == NULL)
		return event;
	return ecapi_value_with(arena, event, "user_data",
							ecapi_value_with(arena, user_data, "mmt_only", truth));
}

/* An object with a member as another object has it; object NULL, or none: a new one. */
static const EcapiValue *
take_back(EcapiArena *arena, const EcapiValue *object, const EcapiValue *from, const char *name)
{
	const EcapiValue *member = ecapi_value_get(from, name);
	const EcapiValue *left = ecapi_value_get(object, name);

	if (member == NULL || (left != NULL && ecapi_value_equal(left, member)))
		return object;
	if (object == NULL || object->type != ECAPI_OBJECT)
		object = ecapi_value_new(arena, ECAPI_OBJECT);
	return object ? ecapi_value_with(arena, object, name, member) : NULL;
}

/*
 * What limits the use of an event, as the event had it.  A platform is told in words of its
 * own what the person allowed, which its format makes of these members: without them a denial
 * would vanish, and the event go as one of a person who was never asked.
 */
static const EcapiValue *
take_back_limits(EcapiArena *arena, const EcapiValue *left, const EcapiValue *event)
{
	static const char *const limits[] = {"mmt_only", "gpp_string", "gpp_sid"};
	const EcapiValue *from = ecapi_value_get(event, "user_data");
	const EcapiValue *before = ecapi_value_get(left, "user_data");
	const EcapiValue *user = before;
	const EcapiValue *ext = ecapi_value_get(before, "ext");
	const EcapiValue *whole = take_back(arena, ext, ecapi_value_get(from, "ext"), "consent");

	for (size_t i = 0; i < lengthof(limits); i++)
		user = take_back(arena, user, from, limits[i]);
	if (whole != ext)
	{
		if (user == NULL || user->type != ECAPI_OBJECT)
			user = ecapi_value_new(arena, ECAPI_OBJECT);
		user = user && whole ? ecapi_value_with(arena, user, "ext", whole) : NULL;
	}
	return user == before || user == NULL ? left : ecapi_value_with(arena, left, "user_data", user);
}

static const EcapiValue *
reduce_fields(const EcapiOptions *options, EcapiArena *arena, const EcapiValue *event)
{
	bool		country = options->fields ? options->fields->country : !options->redact->country;
	const EcapiValue *left;

	if (!country)
		event = ecapi_normalize_by_country(arena, options->format->name, event);
	if (options->fields)
		return ecapi_paths_keep(options->fields, arena, event);
	left = ecapi_paths_redact(options->redact, arena, event);
	/* who gets the string itself gets what the owner gives; all others are told what it says */
	return options->format->gets_consent ? left : take_back_limits(arena, left, event);
}

/* Whether properties.transaction_id leaves. */
static bool
transaction_leaves(const EcapiOptions *options)
{
	static const char path[] = "properties.transaction_id";
	const EcapiPaths *paths = options->fields ? options->fields : options->redact;
	bool		named = paths &&
		(ecapi_paths_whole(paths, ecapi_field_named("properties", strlen("properties"))) ||
		 ecapi_paths_whole(paths, ecapi_field_named(path, strlen(path))));

	return paths == NULL || named == (options->fields != NULL);
}

const EcapiValue *
ecapi_reduce_original(const EcapiOptions *options, EcapiArena *arena, const EcapiValue *original)
{
	if (original->type != ECAPI_OBJECT)
		return original;
	if (options->anonymize)
		original = ecapi_anonymize(options->anonymize, arena, original);
	return transaction_leaves(options) ? original
		: ecapi_value_with(arena, original, "transaction_id", NULL);
}

/* The event with ext.original as it may leave. */
static const EcapiValue *
reduce_original_of(const EcapiOptions *options, EcapiArena *arena, const EcapiValue *event)
{
	const EcapiValue *ext = ecapi_value_get(event, "ext");
	const EcapiValue *original = ecapi_value_get(ext, ECAPI_ORIGINAL);
	const EcapiValue *reduced;

	if (original == NULL)
		return event;
	reduced = ecapi_reduce_original(options, arena, original);
	return reduced == original ? event
		: ecapi_value_with(arena, event, "ext", ecapi_value_with(arena, ext, ECAPI_ORIGINAL, reduced));
}

const char *
ecapi_reduce_lacks(const EcapiOptions *options)
{
	return ecapi_transform_is_measured(options->transform) && options->measured == NULL
		? "value_transform has no measurement: call ecapi.measure_values()" : NULL;
}

const EcapiValue *
ecapi_reduce(const EcapiOptions *options, bool restricted, EcapiArena *arena,
			 const EcapiValue *event, const char **reason)
{
	*reason = NULL;
	if (event->type != ECAPI_OBJECT || (!restricted && !ecapi_reduces(options)))
		return event;
	if (changes_value(options))
		event = reduce_value(options, arena, event, reason);
	if (*reason)
		return NULL;
	if (options->mmt_only || restricted)
		event = force_mmt_only(arena, event);
	if (options->anonymize)
		event = ecapi_anonymize(options->anonymize, arena, event);
	event = reduce_original_of(options, arena, event);
	if (options->fields || options->redact)
		event = reduce_fields(options, arena, event);
	return arena->failed ? NULL : event;
}
