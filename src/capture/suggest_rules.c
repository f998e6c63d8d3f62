/*
 * suggest_rules.c
 *	  suggest.def as arrays.
 *
 * Each array reads the file once, with the macros of the other lines empty.
 * Everything is constant.
 */
#include "postgres.h"

#include "capture/suggest_internal.h"

/* Words of suggest.def: places, */
#define OWN ECAPI_PLACE_OWN
#define PERSON ECAPI_PLACE_PERSON
#define ORDER ECAPI_PLACE_ORDER
#define BILLING ECAPI_PLACE_BILLING
#define SHIPPING ECAPI_PLACE_SHIPPING
#define CURRENCY ECAPI_PLACE_CURRENCY

/* types of events, */
#define BIT(type) ECAPI_SUGGEST_EVENT(type)
#define ALL ECAPI_ALL_EVENT_TYPES
#define LEADS (BIT(generate_lead) | BIT(working_lead) | BIT(qualify_lead) | \
			   BIT(close_convert_lead) | BIT(disqualify_lead) | BIT(close_unconvert_lead))
/* What happens to a row that is there already. */
#define LATER (BIT(refund) | (LEADS & ~BIT(generate_lead)))
#define CHECKOUT (BIT(purchase) | BIT(refund) | BIT(donate) | BIT(subscribe) | \
				  BIT(start_trial) | BIT(begin_checkout) | BIT(add_payment_info) | \
				  BIT(add_shipping_info) | BIT(custom))
#define VALUED (CHECKOUT | LEADS | BIT(add_to_cart) | BIT(add_to_wishlist) | \
				BIT(viewed_cart) | BIT(viewed_item) | BIT(remove_from_cart) | \
				BIT(customize_product) | BIT(schedule))

/* and lists of names. */
#define CREATED_NAMES \
	"created_at", "date_created_gmt", "date_created", "created", "created_on", \
	"inserted_at", "submitted_at", "timestamp", "created_date", "creation_date", \
	"creation_time", "occurred_at", "event_time"
#define ORDER_NUMBER_NAMES \
	"order_no", "order_number", "increment_id", "order_reference", "order_ref", \
	"order_code", "number"

#define NAMES(...) ((const char *const[]) {__VA_ARGS__, NULL})
#define SUGGEST_REFERENCE(place, ...)
#define SUGGEST(path, class, events, places, table, ...)
#define SUGGEST_ADDRESS(path, ...)
#define SUGGEST_ADDRESS_PREFIX(shipping, prefix)

#undef SUGGEST
#define SUGGEST(path, class, events, places, table, ...) \
	{path, ECAPI_SUGGEST_##class, events, places, table, NAMES(__VA_ARGS__)},
const EcapiSuggestRule ecapi_suggest_rules[] = {
#include "capture/suggest.def"
};
#undef SUGGEST
#define SUGGEST(path, class, events, places, table, ...)

#undef SUGGEST_REFERENCE
#define SUGGEST_REFERENCE(place, ...) {place, NAMES(__VA_ARGS__)},
const EcapiSuggestReference ecapi_suggest_references[] = {
#include "capture/suggest.def"
};
#undef SUGGEST_REFERENCE
#define SUGGEST_REFERENCE(place, ...)

#undef SUGGEST_ADDRESS
#define SUGGEST_ADDRESS(path, ...) {path, NAMES(__VA_ARGS__)},
const EcapiSuggestPart ecapi_suggest_parts[] = {
#include "capture/suggest.def"
};
#undef SUGGEST_ADDRESS
#define SUGGEST_ADDRESS(path, ...)

#undef SUGGEST_ADDRESS_PREFIX
#define SUGGEST_ADDRESS_PREFIX(shipping, prefix) {shipping, prefix},
const EcapiSuggestPrefix ecapi_suggest_prefixes[] = {
#include "capture/suggest.def"
};

const int	ecapi_suggest_nrules = lengthof(ecapi_suggest_rules);
const int	ecapi_suggest_nreferences = lengthof(ecapi_suggest_references);
const int	ecapi_suggest_nparts = lengthof(ecapi_suggest_parts);
const int	ecapi_suggest_nprefixes = lengthof(ecapi_suggest_prefixes);

StaticAssertDecl(lengthof(ecapi_suggest_parts) <= ECAPI_SUGGEST_MAX_PARTS,
				 "an address has more parts than ECAPI_SUGGEST_MAX_PARTS");
