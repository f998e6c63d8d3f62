/*
 * google_rules.c
 *	  What Google's Data Manager API allows in a request of events: the tables.
 *
 * From the protos of google.ads.datamanager.v1 in their JSON form (lowerCamelCase,
 * enumerations as words, a 64-bit integer as a number or a string) and from the
 * release notes for members newer than those.  Closed throughout, as a reader of
 * protos is.  Stricter than the platform where a slip of the sender would hide:
 * encoding is HEX, null is no value, and a currency stands beside a value.
 */
#include "google_rules.h"

#include <ctype.h>
#include <string.h>

#include "codes.h"
#include "shapes.h"

static const char *const account_types[] = {
	"GOOGLE_ADS", "DISPLAY_VIDEO_PARTNER", "DISPLAY_VIDEO_ADVERTISER", "DATA_PARTNER",
	"GOOGLE_ANALYTICS_PROPERTY", "GOOGLE_AD_MANAGER_AUDIENCE_LINK", "FLOODLIGHT_CONFIG",
	NULL
};
static const char *const event_sources[] = {
	"WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER", NULL
};
static const char *const consents[] = {
	"CONSENT_GRANTED", "CONSENT_DENIED", "CONSENT_STATUS_UNSPECIFIED", NULL
};
static const char *const customer_types[] = {"NEW", "RETURNING", "REENGAGED", NULL};
static const char *const value_buckets[] = {"LOW", "MEDIUM", "HIGH", NULL};
static const char *const encodings[] = {"HEX", NULL};

/* SHA-256 in hex of either case */
static const char *
shape_digest(const RcvNode *node)
{
	char		lower[64];
	RcvNode		copy = *node;

	if (node->len != 64)
		return "is not 64 hex digits";
	for (int i = 0; i < 64; i++)
		lower[i] = tolower((unsigned char) node->text[i]);
	copy.text = lower;
	return rcv_shape_hash(&copy);
}

/* ISO 3166-1 alpha-2 in upper case */
static const char *
shape_region(const RcvNode *node)
{
	char		lower[2];

	for (size_t i = 0; i < node->len && i < 2; i++)
		lower[i] = isupper((unsigned char) node->text[i]) ? node->text[i] + 32 : '?';
	return node->len == 2 && rcv_is_country(lower, 2) ? NULL :
		"is not an upper-case ISO 3166-1 alpha-2 code";
}

static const char *
shape_digits(const RcvNode *node)
{
	for (size_t i = 0; i < node->len; i++)
		if (!isdigit((unsigned char) node->text[i]))
			return "is not digits only";
	return node->len > 0 ? NULL : "is empty";
}

#define CLEAR(name) RCV_MEMBER(name, RCV_OF_TEXT, .shape = rcv_shape_clear)
#define OPAQUE(name) RCV_MEMBER(name, RCV_OF_TEXT, .shape = rcv_shape_opaque)
#define DIGEST(name) \
	RCV_MEMBER(name, RCV_OF_TEXT, .shape = shape_digest, .code = "INVALID_HEX_ENCODING")
#define INSTANT(name, needed) \
	RCV_MEMBER(name, RCV_OF_TEXT, .required = needed, .shape = rcv_shape_instant, \
			   .code = "EVENT_TIME_INVALID")
#define OBJECT(name, table) RCV_MEMBER(name, RCV_OF_OBJECT, .rules = &table)
#define OBJECTS(name, table) RCV_MEMBER(name, RCV_OF_OBJECT, RCV_LIST, .rules = &table)

/* --- destinations */

static const RcvMember account_members[] = {
	RCV_MEMBER("accountType", RCV_OF_WORD, .required = true, .words = account_types),
	RCV_MEMBER("accountId", RCV_OF_TEXT, .required = true, .shape = shape_digits,
			   .code = "INVALID_DESTINATION"),
	RCV_NO_MORE
};
static const RcvRules account = {.members = account_members};

static const RcvMember destination_members[] = {
	OPAQUE("reference"),
	RCV_MEMBER("operatingAccount", RCV_OF_OBJECT, .required = true, .rules = &account),
	OBJECT("loginAccount", account), OBJECT("linkedAccount", account),
	RCV_MEMBER("productDestinationId", RCV_OF_TEXT, .required = true,
			   .shape = rcv_shape_opaque, .code = "INVALID_DESTINATION"),
	RCV_NO_MORE
};

/* A conversion action of Google Ads is a number. */
static bool
destination_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *destination)
{
	const RcvNode *type = rcv_json_get(rcv_json_get(destination, "operatingAccount"),
									   "accountType");

	return !rcv_text_is(type, "GOOGLE_ADS") ||
		shape_digits(rcv_json_get(destination, "productDestinationId")) == NULL ||
		rcv_found_member(finding, place, "productDestinationId", RCV_FAULT_SHAPE,
						 "is not a conversion action", "INVALID_CONVERSION_ACTION_ID");
}

static const RcvRules destination = {
	.members = destination_members, .also = destination_also
};

/* --- the person */

static const RcvMember address_members[] = {
	DIGEST("givenName"), DIGEST("familyName"), DIGEST("addressLine"),
	RCV_MEMBER("regionCode", RCV_OF_TEXT, .shape = shape_region,
			   .code = "INVALID_COUNTRY_CODE"),
	RCV_MEMBER("postalCode", RCV_OF_TEXT, .shape = rcv_shape_clear,
			   .code = "INVALID_POSTAL_CODE"),
	RCV_MEMBER("city", RCV_OF_TEXT, .shape = rcv_shape_place),
	RCV_MEMBER("administrativeArea", RCV_OF_TEXT, .shape = rcv_shape_place),
	RCV_NO_MORE
};
static const RcvRules address = {.members = address_members};

static const RcvMember identifier_members[] = {
	DIGEST("emailAddress"), DIGEST("phoneNumber"), OBJECT("address", address),
	RCV_NO_MORE
};

/* one of, and only one */
static bool
identifier_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *identifier)
{
	if (identifier->first == NULL)
		return rcv_found(finding, place, RCV_FAULT_MISSING, "holds no identifier", NULL);
	return identifier->first->next == NULL ||
		rcv_found(finding, place, RCV_FAULT_TYPE, "holds more than one of a one-of", NULL);
}

static const RcvRules identifier = {
	.members = identifier_members, .also = identifier_also
};

static const RcvMember user_data_members[] = {
	RCV_MEMBER("userIdentifiers", RCV_OF_OBJECT, RCV_LIST, .required = true,
			   .rules = &identifier, .max = 10, .code = "TOO_MANY_USER_IDENTIFIERS"),
	RCV_NO_MORE
};
static const RcvRules user_data = {.members = user_data_members};

static const RcvMember device_members[] = {
	CLEAR("userAgent"),
	RCV_MEMBER("ipAddress", RCV_OF_TEXT, .shape = rcv_shape_ip),
	CLEAR("category"), CLEAR("languageCode"),
	RCV_MEMBER("screenHeight", RCV_OF_INTEGER), RCV_MEMBER("screenWidth", RCV_OF_INTEGER),
	CLEAR("operatingSystem"), CLEAR("operatingSystemVersion"), CLEAR("model"),
	CLEAR("brand"), CLEAR("browser"), CLEAR("browserVersion"),
	RCV_NO_MORE
};
static const RcvRules device = {.members = device_members};

static const RcvMember ad_members[] = {
	CLEAR("gclid"), CLEAR("gbraid"), CLEAR("wbraid"), CLEAR("dclid"), CLEAR("matchId"),
	CLEAR("impressionId"), CLEAR("mobileDeviceId"), CLEAR("sessionAttributes"),
	OBJECT("landingPageDeviceInfo", device),
	RCV_MEMBER("encryptedUserIds", RCV_OF_ANYTHING, RCV_LIST),
	RCV_NO_MORE
};
static const RcvRules ad_identifiers = {.members = ad_members};

static const RcvMember consent_members[] = {
	RCV_MEMBER("adUserData", RCV_OF_WORD, .words = consents),
	RCV_MEMBER("adPersonalization", RCV_OF_WORD, .words = consents),
	RCV_NO_MORE
};
static const RcvRules consent = {.members = consent_members};

/* --- what was bought, and parameters */

#define PAIR(table, first) \
	static const RcvMember table##_members[] = { \
		RCV_MEMBER(first, RCV_OF_TEXT, .required = true, .shape = rcv_shape_opaque), \
		RCV_MEMBER("value", RCV_OF_TEXT, .required = true), \
		RCV_NO_MORE \
	}; \
	static const RcvRules table = {.members = table##_members}

PAIR(parameter, "parameterName");
PAIR(user_property, "propertyName");
PAIR(experimental_field, "field");

static const RcvMember variable_members[] = {
	RCV_MEMBER("variable", RCV_OF_TEXT, .required = true, .shape = rcv_shape_opaque),
	RCV_MEMBER("value", RCV_OF_TEXT, .required = true),
	RCV_MEMBER("destinationReferences", RCV_OF_TEXT, RCV_LIST),
	RCV_NO_MORE
};
static const RcvRules variable = {.members = variable_members};

static const RcvMember item_members[] = {
	OPAQUE("merchantProductId"), OPAQUE("itemId"),
	RCV_MEMBER("quantity", RCV_OF_INT64), RCV_MEMBER("unitPrice", RCV_OF_NUMBER),
	RCV_MEMBER("conversionValue", RCV_OF_NUMBER),
	OBJECTS("additionalItemParameters", parameter), OBJECTS("customVariables", variable),
	RCV_NO_MORE
};
static const RcvRules item = {.members = item_members};

static const RcvMember cart_members[] = {
	RCV_MEMBER("merchantId", RCV_OF_TEXT, .shape = shape_digits),
	CLEAR("merchantFeedLabel"), CLEAR("merchantFeedLanguageCode"),
	RCV_MEMBER("transactionDiscount", RCV_OF_NUMBER),
	RCV_MEMBER("couponCodes", RCV_OF_TEXT, RCV_LIST, .shape = rcv_shape_opaque),
	OBJECTS("items", item),
	RCV_NO_MORE
};
static const RcvRules cart = {.members = cart_members};

static const RcvMember properties_members[] = {
	RCV_MEMBER("customerType", RCV_OF_WORD, .words = customer_types),
	RCV_MEMBER("customerValueBucket", RCV_OF_WORD, .words = value_buckets),
	OBJECTS("additionalUserProperties", user_property),
	RCV_NO_MORE
};
static const RcvRules properties = {.members = properties_members};

static const RcvMember location_members[] = {
	OPAQUE("storeId"), CLEAR("city"), CLEAR("subdivisionCode"), CLEAR("subcontinentCode"),
	CLEAR("continentCode"),
	RCV_MEMBER("regionCode", RCV_OF_TEXT, .shape = shape_region,
			   .code = "INVALID_COUNTRY_CODE"),
	RCV_NO_MORE
};
static const RcvRules location = {.members = location_members};

static const RcvMember call_members[] = {INSTANT("startTimestamp", true), RCV_NO_MORE};
static const RcvRules call = {.members = call_members};

/* --- the event and the request */

static const RcvMember event_members[] = {
	INSTANT("eventTimestamp", true), INSTANT("lastUpdatedTimestamp", false),
	OPAQUE("transactionId"), OPAQUE("eventName"),
	RCV_MEMBER("destinationReferences", RCV_OF_TEXT, RCV_LIST),
	OBJECT("userData", user_data), OBJECT("adIdentifiers", ad_identifiers),
	OBJECT("eventDeviceInfo", device), OBJECT("consent", consent),
	RCV_MEMBER("currency", RCV_OF_TEXT, .shape = rcv_shape_currency,
			   .code = "INVALID_CURRENCY_CODE"),
	RCV_MEMBER("conversionValue", RCV_OF_NUMBER),
	RCV_MEMBER("conversionCount", RCV_OF_NUMBER),
	OBJECT("callInfo", call), OBJECT("thirdPartyUserData", user_data),
	RCV_MEMBER("eventSource", RCV_OF_WORD, .words = event_sources),
	OBJECT("cartData", cart), OBJECT("userProperties", properties),
	OPAQUE("clientId"), OPAQUE("appInstanceId"), OPAQUE("userId"),
	OBJECTS("additionalEventParameters", parameter), OBJECTS("customVariables", variable),
	OBJECTS("experimentalFields", experimental_field), OBJECT("eventLocation", location),
	RCV_NO_MORE
};

static bool
event_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *event)
{
	if (rcv_json_get(event, "thirdPartyUserData") != NULL)
		return rcv_found_member(finding, place, "thirdPartyUserData", RCV_FAULT_SHAPE,
								"is for data partners",
								"THIRD_PARTY_USER_DATA_NOT_ALLOWED");
	if (rcv_json_get(event, "conversionValue") != NULL &&
		rcv_json_get(event, "currency") == NULL)
		return rcv_found_member(finding, place, "currency", RCV_FAULT_MISSING,
								"is missing beside conversionValue", NULL);
	if (rcv_json_get(event, "clientId") != NULL &&
		rcv_json_get(event, "appInstanceId") != NULL)
		return rcv_found_member(finding, place, "appInstanceId", RCV_FAULT_SHAPE,
								"stands beside clientId", "INVALID_EVENT");
	return true;
}

const RcvRules rcv_google_event = {.members = event_members, .also = event_also};

static const RcvMember request_members[] = {
	RCV_MEMBER("destinations", RCV_OF_OBJECT, RCV_LIST, .required = true,
			   .rules = &destination, .max = RCV_GOOGLE_MAX_DESTINATIONS,
			   .code = "TOO_MANY_DESTINATIONS"),
	RCV_MEMBER("events", RCV_OF_ANYTHING, RCV_LIST, .required = true,
			   .max = RCV_GOOGLE_MAX_EVENTS, .code = "TOO_MANY_EVENTS"),
	OBJECT("consent", consent),
	RCV_MEMBER("validateOnly", RCV_OF_BOOLEAN),
	RCV_MEMBER("encoding", RCV_OF_WORD, .words = encodings),
	RCV_NO_MORE
};

/* References are unique in a request. */
static bool
request_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *request)
{
	RcvPlace	list = {place, "destinations", 12, 0};
	RcvPlace	element = {&list, NULL, 0, 0};
	const RcvNode *first = rcv_json_get(request, "destinations")->first;

	for (const RcvNode *a = first; a != NULL; a = a->next, element.index++)
	{
		const RcvNode *reference = rcv_json_get(a, "reference");

		for (const RcvNode *b = first; reference != NULL && b != a; b = b->next)
		{
			const RcvNode *other = rcv_json_get(b, "reference");

			if (other != NULL && other->len == reference->len &&
				memcmp(other->text, reference->text, other->len) == 0)
				return rcv_found_member(finding, &element, "reference", RCV_FAULT_SHAPE,
										"is that of another destination",
										"DUPLICATE_DESTINATION_REFERENCE");
		}
	}
	return true;
}

const RcvRules rcv_google_request = {.members = request_members, .also = request_also};
