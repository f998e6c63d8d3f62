/*
 * suggest_rules.c
 *	  suggest.def as arrays.
 *
 * Each array reads the file once, for the lines of its kind.  Everything is constant.
 */
#include "postgres.h"

#include "tracking/suggest_rules.h"

/* Words of suggest.def: places, */
#define OWN ECAPI_PLACE_OWN
#define PERSON ECAPI_PLACE_PERSON
#define ORDER ECAPI_PLACE_ORDER
#define BILLING ECAPI_PLACE_BILLING
#define SHIPPING ECAPI_PLACE_SHIPPING
#define CURRENCY ECAPI_PLACE_CURRENCY
#define MARKET ECAPI_PLACE_MARKET
#define PLAN ECAPI_PLACE_PLAN
#define SOURCE ECAPI_PLACE_SOURCE
#define MEDIUM ECAPI_PLACE_MEDIUM
#define CAMPAIGN ECAPI_PLACE_CAMPAIGN

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
	"creation_time", "create_date", "create_time", "occurred_at", "event_time"
#define ORDER_NUMBER_NAMES \
	"order_no", "order_number", "increment_id", "order_reference", "order_ref", \
	"order_code", "number", "display_id"
#define CURRENCY_NAMES \
	"currency_code", "currency", "order_currency_code", "order_currency", "curr", \
	"iso_currency"
#define REFUNDED_NAMES \
	"refunded_amount", "refund_amount", "amount_refunded", "total_refunded", \
	"refund_total", "refunded", "refunded_total"
#define TOTAL_NAMES \
	"total", "grand_total", "order_total", "total_amount", "total_gross_amount", \
	"total_price", "amount_total", "order_amount", "total_paid", "amount_paid", \
	"paid_amount", "amount", "price", "value", "revenue", "order_value", "cart_total", \
	"sale_price", "unit_amount"
#define EMAIL_NAMES \
	"email", "email_address", "customer_email", "e_mail", "contact_email", \
	"billing_email", "buyer_email", "user_email", "mail", "payer_email", "donor_email", \
	"primary_email", "customer_email_address", "email_from", "email_sha256"

/* Lines of suggest.def. */
#define NAMES(...) ((const char *const[]) {__VA_ARGS__, NULL})
#define SUGGEST(path, class, events, places, table, ...) \
	{path, ECAPI_SUGGEST_##class, events, places, table, NAMES(__VA_ARGS__)},
#define SUGGEST_PERSON(...) NAMES(__VA_ARGS__),
#define SUGGEST_OTHER_PERSON(...) NAMES(__VA_ARGS__),
#define SUGGEST_EMPLOYEE(...) __VA_ARGS__, NULL
#define SUGGEST_PERSON_TABLE(...) __VA_ARGS__, NULL
#define SUGGEST_REFERENCE(from, place, ...) {from, place, NAMES(__VA_ARGS__)},
#define SUGGEST_ADDRESS(path, names, inside) {path, names, inside},
#define SUGGEST_ADDRESS_PREFIX(shipping, prefix) {shipping, prefix},
#define SUGGEST_STATUS(...) __VA_ARGS__, NULL
#define SUGGEST_DONE(events, word) {events, word},

const EcapiSuggestRule ecapi_suggest_rules[] = {
#define SUGGEST_WANTS_RULES
#include "tracking/suggest.def"
#undef SUGGEST_WANTS_RULES
};

const char *const *const ecapi_suggest_persons[ECAPI_SUGGEST_NPERSONS] = {
#define SUGGEST_WANTS_PERSONS
#include "tracking/suggest.def"
#undef SUGGEST_WANTS_PERSONS
};

const char *const ecapi_suggest_employees[] = {
#define SUGGEST_WANTS_EMPLOYEES
#include "tracking/suggest.def"
#undef SUGGEST_WANTS_EMPLOYEES
};

const char *const ecapi_suggest_person_tables[] = {
#define SUGGEST_WANTS_PERSON_TABLES
#include "tracking/suggest.def"
#undef SUGGEST_WANTS_PERSON_TABLES
};

const EcapiSuggestReference ecapi_suggest_references[] = {
#define SUGGEST_WANTS_REFERENCES
#include "tracking/suggest.def"
#undef SUGGEST_WANTS_REFERENCES
};

const EcapiSuggestPart ecapi_suggest_parts[] = {
#define SUGGEST_WANTS_PARTS
#include "tracking/suggest.def"
#undef SUGGEST_WANTS_PARTS
};

const char *const ecapi_suggest_statuses[] = {
#define SUGGEST_WANTS_STATUSES
#include "tracking/suggest.def"
#undef SUGGEST_WANTS_STATUSES
};

const EcapiSuggestDone ecapi_suggest_done[] = {
#define SUGGEST_WANTS_DONE
#include "tracking/suggest.def"
#undef SUGGEST_WANTS_DONE
};

const EcapiSuggestPrefix ecapi_suggest_prefixes[] = {
#define SUGGEST_WANTS_PREFIXES
#include "tracking/suggest.def"
#undef SUGGEST_WANTS_PREFIXES
};

const char *const ecapi_suggest_emails[] = {EMAIL_NAMES, NULL};

const int	ecapi_suggest_nrules = lengthof(ecapi_suggest_rules);
const int	ecapi_suggest_nreferences = lengthof(ecapi_suggest_references);
const int	ecapi_suggest_ndone = lengthof(ecapi_suggest_done);
const int	ecapi_suggest_nparts = lengthof(ecapi_suggest_parts);
const int	ecapi_suggest_nprefixes = lengthof(ecapi_suggest_prefixes);

StaticAssertDecl(lengthof(ecapi_suggest_parts) <= ECAPI_SUGGEST_MAX_PARTS,
				 "an address has more parts than ECAPI_SUGGEST_MAX_PARTS");
