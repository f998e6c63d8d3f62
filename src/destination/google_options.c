/*
 * google_options.c
 *	  The options of the format "google", and what of them is wrong together.
 *
 * For Google Ads (and Campaign Manager and Display & Video 360) an event is a conversion
 * because of where it goes: each event type has a conversion action of its own, whose id
 * is its target in event_types.  For Analytics all events go to one stream, and a target
 * is another name of an event.
 *
 * Everything that a whole request would be refused for is found here, when the server is
 * created, as far as options alone say it.
 *
 * Constant tables and pure functions; no locks, no memory.
 */
#include "postgres.h"

#include "destination/analytics.h"
#include "destination/google.h"
#include "destination/options.h"
#include "destination/syntax.h"
#include "event/ascii.h"

/* Ids of accounts and conversion actions are 64-bit numbers. */
#define ID_DIGITS	20

/* A measurement id has about 12 characters, a stream's id 20 digits. */
#define PRODUCT_ID_MAX	64

/* Each of a problem's texts has that many bytes. */
#define PROBLEM_SIZE	sizeof(((EcapiFormatProblem *) NULL)->message)

static const char *const account_types[] = {
	"GOOGLE_ADS", "GOOGLE_ANALYTICS_PROPERTY", "FLOODLIGHT_CONFIG", "DATA_PARTNER",
	"DISPLAY_VIDEO_ADVERTISER", "DISPLAY_VIDEO_PARTNER", "GOOGLE_AD_MANAGER_AUDIENCE_LINK",
	NULL
};

static const char *const click_id_kinds[] = {
	"gclid", "gbraid", "wbraid", "dclid", NULL
};

/* ---- single values ---- */

static bool
is_id(const char *value)
{
	size_t		len = strlen(value);

	return len > 0 && len <= ID_DIGITS && ecapi_all_digits(value, len);
}

static bool
is_product_id(const char *value)
{
	size_t		len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if (!ecapi_is_letter(value[i]) && !ecapi_is_digit(value[i]) && value[i] != '-')
			return false;
	return len > 0 && len <= PRODUCT_ID_MAX;
}

static const char *
check_product_id(const char *value)
{
	return is_product_id(value) ? NULL :
		"A measurement id looks like G-A1B2C3, the id of a stream has digits alone.";
}

static const char *
check_merchant_id(const char *value)
{
	return is_id(value) ? NULL : "A Merchant Center id has digits alone.";
}

static const char *
check_feed_language(const char *value)
{
	return strlen(value) == 2 && ecapi_is_letter(value[0]) && ecapi_is_letter(value[1]) ?
		NULL : "A language has two letters (ISO 639-1).";
}

const EcapiOwnOption ecapi_google_own[ECAPI_GOOGLE_OPTIONS] = {
	[ECAPI_GOOGLE_ACCOUNT_ID] = {"account_id", .required = true,
		.what = "It is the id of the account that events are for, in digits: the customer id of "
		"Google Ads without hyphens, or the id of an Analytics property."},
	[ECAPI_GOOGLE_ACCOUNT_TYPE] = {"account_type", .fallback = "GOOGLE_ADS",
		.words = account_types, .what = "It is the kind of account_id."},
	[ECAPI_GOOGLE_LOGIN_ID] = {"login_account_id",
		.what = "It is the id of the account by which the credential has access to account_id, such "
		"as a manager account."},
	[ECAPI_GOOGLE_LOGIN_TYPE] = {"login_account_type", .words = account_types,
		.what = "It is the kind of login_account_id; account_type, unless given."},
	[ECAPI_GOOGLE_LINKED_ID] = {"linked_account_id",
		.what = "It is the id of the account that links a data partner to account_id."},
	[ECAPI_GOOGLE_LINKED_TYPE] = {"linked_account_type", .words = account_types,
		.what = "It is the kind of linked_account_id; account_type, unless given."},
	[ECAPI_GOOGLE_PRODUCT_ID] = {"product_destination_id", .check = check_product_id,
		.what = "It is the measurement id, or the id of the stream, that Analytics takes events by."},
	[ECAPI_GOOGLE_CLICK_ID_KIND] = {"click_id_kind", .words = click_id_kinds,
		.what = "It is the kind of user_data.click_id; unless given, that is not sent, since it does "
		"not show whose id it is."},
	[ECAPI_GOOGLE_MERCHANT_ID] = {"merchant_id", .check = check_merchant_id,
		.what = "It is the Merchant Center account that items are from."},
	[ECAPI_GOOGLE_FEED_LABEL] = {"merchant_feed_label",
		.what = "It is the label of the Merchant Center feed that items are from."},
	[ECAPI_GOOGLE_FEED_LANGUAGE] = {"merchant_feed_language", .check = check_feed_language,
		.what = "It is the language of the Merchant Center feed that items are from."},
	[ECAPI_GOOGLE_TOKEN_URL] = {"token_url", .check = ecapi_syntax_url,
		.fallback = "https://oauth2.googleapis.com/token",
		.what = "It is where access tokens are asked for."},
	[ECAPI_GOOGLE_CLIENT_ID] = {"client_id", .check = ecapi_syntax_token,
		.what = "It is the OAuth client that the refresh token was given to."},
	[ECAPI_GOOGLE_CLIENT_SECRET] = {"client_secret", .secret = true,
		.check = ecapi_syntax_token, .what = "It is the secret of the OAuth client."},
	[ECAPI_GOOGLE_REFRESH_TOKEN] = {"refresh_token", .secret = true,
		.check = ecapi_syntax_token,
		.what = "It is a refresh token for the scope datamanager, where no service account is used."},
	[ECAPI_GOOGLE_SERVICE_ACCOUNT] = {"service_account", .secret = true, .lines = true,
		.what = "It is the key file of a service account that has access to the account."}
};

const char *
ecapi_google_option(const EcapiOptions *options, EcapiGoogleOption option)
{
	return options->own[option] ? options->own[option] : ecapi_google_own[option].fallback;
}

EcapiGoogleProduct
ecapi_google_product(const EcapiOptions *options)
{
	const char *type = ecapi_google_option(options, ECAPI_GOOGLE_ACCOUNT_TYPE);

	if (strcmp(type, "GOOGLE_ANALYTICS_PROPERTY") == 0)
		return ECAPI_GOOGLE_ANALYTICS;
	if (strcmp(type, "FLOODLIGHT_CONFIG") == 0)
		return ECAPI_GOOGLE_FLOODLIGHT;
	return ECAPI_GOOGLE_ADS;
}

int
ecapi_google_targets(const EcapiOptions *options, const char *targets[ECAPI_GOOGLE_TARGETS])
{
	int			n = 0;

	if (ecapi_google_product(options) == ECAPI_GOOGLE_ANALYTICS)
	{
		targets[0] = ecapi_google_option(options, ECAPI_GOOGLE_PRODUCT_ID);
		return targets[0] ? 1 : 0;
	}
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *target = options->targets[type];
		int			i = 0;

		if (target == NULL)
			continue;
		while (i < n && i < ECAPI_GOOGLE_TARGETS && strcmp(targets[i], target) != 0)
			i++;
		if (i == n || i == ECAPI_GOOGLE_TARGETS)
		{
			if (n < ECAPI_GOOGLE_TARGETS)
				targets[n] = target;
			n++;
		}
	}
	return n;
}

/* ---- all of them ---- */

/* A constant sentence of a problem. */
static void
say(char *to, const char *sentence)
{
	snprintf(to, PROBLEM_SIZE, "%s", sentence);
}

/* Where there are digits in what is no id: the id that is probably meant. */
static void
hint_digits(const char *name, const char *value, EcapiFormatProblem *problem)
{
	char		digits[ID_DIGITS + 1];
	size_t		n = 0;

	for (; *value != '\0'; value++)
	{
		if (ecapi_is_digit(*value) && n < ID_DIGITS)
			digits[n++] = *value;
		else if (*value != '-' && *value != ' ')
			return;
	}
	digits[n] = '\0';
	if (n > 0)
		snprintf(problem->hint, sizeof(problem->hint), "Write %s as '%s'.", name, digits);
}

/* An account's id, and that its type does not stand alone. */
static bool
check_account(const EcapiOptions *options, EcapiGoogleOption id, EcapiGoogleOption type,
			  EcapiFormatProblem *problem)
{
	const char *value = ecapi_google_option(options, id);
	const char *name = ecapi_google_own[id].name;

	if (value == NULL && options->own[type] && ecapi_google_own[type].fallback == NULL)
	{
		snprintf(problem->message, sizeof(problem->message), "%s needs %s",
				 ecapi_google_own[type].name, name);
		return false;
	}
	if (value == NULL || is_id(value))
		return true;
	snprintf(problem->message, sizeof(problem->message), "%s is no account id", name);
	say(problem->detail, "An account id has digits alone, without hyphens and blanks.");
	hint_digits(name, value, problem);
	return false;
}

/*
 * A link between accounts is a data partner's; Google refuses others
 * (LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT).
 */
static bool
check_link(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	const char *login_type = options->own[ECAPI_GOOGLE_LOGIN_TYPE];

	if (options->own[ECAPI_GOOGLE_LINKED_ID] == NULL ||
		(login_type && strcmp(login_type, "DATA_PARTNER") == 0))
		return true;
	say(problem->message, "linked_account_id needs a data partner's login");
	say(problem->hint, "Set login_account_id, and login_account_type to 'DATA_PARTNER', or "
		"leave linked_account_id out.");
	return false;
}

static bool
check_stream(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	if (options->own[ECAPI_GOOGLE_PRODUCT_ID] == NULL)
	{
		say(problem->message, "an Analytics property needs product_destination_id");
		say(problem->hint, "Set it to the stream's measurement id, such as 'G-A1B2C3'.");
		return false;
	}
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *name = options->targets[type];
		const char *wrong = name ? ecapi_analytics_name_wrong(name, strlen(name)) : NULL;

		if (wrong == NULL)
			continue;
		snprintf(problem->message, sizeof(problem->message),
				 "event_types names \"%s\" by what is no name of an event: %s",
				 ecapi_event_type_name(type), wrong);
		say(problem->detail, "A name has at most 40 letters, digits and underscores, begins with "
			"a letter, and is none that Analytics collects by itself.");
		return false;
	}
	return true;
}

/* Each event type of the list has a target of the right form. */
static bool
check_targets(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	bool		ads = strcmp(ecapi_google_option(options, ECAPI_GOOGLE_ACCOUNT_TYPE), "GOOGLE_ADS") == 0;
	const char *targets[ECAPI_GOOGLE_TARGETS];
	int			n;

	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *target = options->targets[type];

		if ((options->event_types >> type & 1) == 0)
			continue;
		if (target && (ads ? is_id(target) : is_product_id(target)))
			continue;
		snprintf(problem->message, sizeof(problem->message),
				 target ? "event_types gives \"%s\" a target that is no id of a conversion action" :
				 "event_types gives \"%s\" no target", ecapi_event_type_name(type));
		say(problem->detail, "Events become conversions by the conversion action that each event "
			"type goes to.");
		say(problem->hint, "List the event types to send, each with the id of its conversion "
			"action: event_types 'purchase=7001, sign_up=7002'.");
		return false;
	}
	n = ecapi_google_targets(options, targets);
	if (n > ECAPI_GOOGLE_TARGETS)
	{
		snprintf(problem->message, sizeof(problem->message),
				 "event_types has %d targets, and a request goes to at most %d", n,
				 ECAPI_GOOGLE_TARGETS);
		say(problem->hint, "Create another server for some of the event types.");
		return false;
	}
	if (options->own[ECAPI_GOOGLE_PRODUCT_ID])
	{
		say(problem->message, "product_destination_id is for Analytics");
		say(problem->hint, "Name the conversion actions in event_types, or set account_type to "
			"'GOOGLE_ANALYTICS_PROPERTY'.");
		return false;
	}
	return true;
}

bool
ecapi_google_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	if (!check_account(options, ECAPI_GOOGLE_ACCOUNT_ID, ECAPI_GOOGLE_ACCOUNT_TYPE, problem) ||
		!check_account(options, ECAPI_GOOGLE_LOGIN_ID, ECAPI_GOOGLE_LOGIN_TYPE, problem) ||
		!check_account(options, ECAPI_GOOGLE_LINKED_ID, ECAPI_GOOGLE_LINKED_TYPE, problem) ||
		!check_link(options, problem))
		return false;
	return ecapi_google_product(options) == ECAPI_GOOGLE_ANALYTICS ?
		check_stream(options, problem) : check_targets(options, problem);
}
