/*
 * test_carries.c
 *	  What a format says that it carries is what changes its requests, and nothing else is.
 *
 *	  test_carries [FORMAT]
 *
 * For each row of the registry, under each of its lists of options in variants[]: an event
 * with every field of the standard, as of each type and source, without some of its
 * fields, and with little but one field.  Each field of each of them is removed, and given
 * another value.
 *
 *	 1. A field that the format does not carry changes neither whether an event is in
 *		the body nor the body.
 *	 2. One that it carries changes either for at least one of the events.
 *
 *	 3. An identifier that is alone in an event, and changes its body, makes the person
 *		known (EcapiIdentified), and nothing else does.
 *
 * Where carries_by is given, both hold under each list of options by itself.  A new format
 * whose events need options adds a line to variants[]; one that takes events only in a
 * shape that none has yet, a line to shapes[], or a member to the event.
 *
 * data_set_id is the destination's address and looked at for neither.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include "destination/carried.h"
#include "destination/formats.h"
#include "destination/options.h"
#include "event/codes.h"
#include "event/digest.h"
#include "unit.h"

#define NOW		INT64_C(1790000600)

/*
 * Options of a format, besides the fallbacks of its table: "name=value", blanks between.
 * "targets" gives each event type a target of its own, the value with two digits behind;
 * "data_set_id" and "mode=test" are those of all.  A format without a line has one without
 * options.
 */
static const struct
{
	const char *format;
	const char *options;
}			variants[] = {
	{"meta", "data_set_id=123"},
	{"pinterest", "data_set_id=123 app_os=ios"},
	{"reddit", "data_set_id=123 app_os=ios"},
	{"reddit", "data_set_id=123 app_os=android"},
	{"microsoft", "data_set_id=123"},
	{"microsoft", "data_set_id=123 app_os=ios"},
	{"linkedin", "targets=10"},
	{"linkedin", "targets=10 app_os=android"},
	{"linkedin", "targets=10 send_names=yes external_id=clear"},
	{"linkedin", "targets=10 send_names=yes app_os=android"},
	{"google", "account_id=1 targets=70 click_id_kind=gclid"},
	{"google", "account_id=1 targets=70 account_type=FLOODLIGHT_CONFIG click_id_kind=dclid"},
	{"google", "account_id=1 account_type=GOOGLE_ANALYTICS_PROPERTY product_destination_id=G-1 click_id_kind=gclid"},
	{"tiktok", "data_set_id=123 app_os=ios event_source_ids=app=1,offline=2,crm=3 app_id=4"},
	{"snap", "data_set_id=123 app_id=4"},
	{"ga4", "measurement_id=G-1A2B3C"},
	{"ga4", "firebase_app_id=1:2:android:3 user_id=clear"},
	{"openai", "data_set_id=123"},
	{"pubsub", "project_id=shop topic=events"},
	{"pubsub", "project_id=shop topic=events ordering_key=person"},
	{"kafka", "bootstrap_servers=k:9093 topic=events"},
	{"kafka", "bootstrap_servers=k:9093 topic=events message_key=person"},
	{"amazon", "account_id=1 client_id=2"},
	{"amazon", "account_id=1 client_id=2 region=eu app_os=ios"}
};

/*
 * An event with every field, and whatever formats look for in ext.  Each value is good for
 * every platform that takes the field.
 */
static const char full[] =
"{'data_set_id':'123','id':'order-41','timestamp':1790000000,'event_type':'purchase',"
"'custom_event':'quiz_finished',"
"'user_data':{'customer_identifier':'customer-71',"
"'uids':[{'id':'uid-81','source':'example.com','atype':1,'ext':{'a':'b1'}}],"
"'customer_segments':['segment1'],'email_address':['ann@example.com'],"
"'phone_numbers':['+14155550101'],'utcoffset':60,"
"'address':[{'first_name':'Ann','last_name':'Smith','street':'1 Main Street',"
"'city':'Springfield','state':'CA','country_code':'US','postal_code':'94105',"
"'address_type':1,'ext':{'a':'b1'}}],"
"'gpp_string':'DBACMM~CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA~BVQqAAAAAgA.QA','gpp_sid':[7],'mmt_only':false,'click_id':'click-91',"
"'impression_id':'impression-91','event_ip_address':'203.0.113.7',"
"'event_user_agent':'Mozilla/5.1','ifa':'f1a2b3c4-0000-4000-8000-00000000abc1',"
"'landing_ip_address':'203.0.113.17','landing_user_agent':'Mozilla/5.2','age_range':2,"
"'gender':'f',"
"'ext':{'tier':'gold1','consent':{'ad_user_data':true,'ad_personalization':true},"
"'click_ids':{'gclid':'gclid-1','gbraid':'gbraid-1','wbraid':'wbraid-1','dclid':'dclid-1',"
"'fbc':'fb.1.1789999000000.AbC1','fbp':'fb.1.1789999000000.1234561','ttclid':'ttclid-1',"
"'ttp':'ttp-1','msclkid':'msclkid-1','epik':'epik-1','sccid':'sccid-1','scid':'scid-1',"
"'li_fat_id':'5f1a2b3c-0000-4000-8000-00000000abc1','rdt_cid':'rdt-1',"
"'rdt_uuid':'1789999000.5f1a2b3c-0000-4000-8000-00000000abc1','twclid':'twclid-1',"
"'oppref':'oppref-1','obref':'obref-1',"
"'ga_client_id':'123456789.1789999001','ga_session_id':'1789999001',"
"'oppref':'oppref-1','obref':'obref-1',"
"'ga_app_instance_id':'0123456789abcdef0123456789abcde1'}}},"
"'value':129.5,'currency_code':'EUR','source':'website',"
"'properties':{'transaction_id':'order-51','items':["
"{'id':'sku-1','name':'Shoe 1','price':60.5,'discount':2.5,'quantity':2,'brand':'Brand 1',"
"'affiliation':'shop1','category':'Shoes 1','cattax':1,'item_coupon':'COUPON1',"
"'item_list_id':'list-1','item_list_name':'List 1','item_variant':'red1',"
"'item_location_id':'location-1','ext':{'a':'b1'}},"
"{'id':'sku-2','name':'Sock 1','price':8.5,'discount':1.5,'quantity':1,'brand':'Brand 2',"
"'affiliation':'shop2','category':'Shoes 1','cattax':2,'item_coupon':'COUPON2',"
"'item_list_id':'list-2','item_list_name':'List 2','item_variant':'blue1',"
"'item_location_id':'location-2','ext':{'a':'b2'}}],"
"'page_url':'https://shop.example/thanks1','ad_source':'source1',"
"'referrer':'https://search.example/1','coupon':['WELCOME1'],'shipping':4.5,'tax':20.5,"
"'payment_type':['card1'],'shipping_tier':'fast1','virtual_currency_name':'gem1',"
"'virtual_item_name':'sword1','lead_source':'fair1','lead_status':'open1',"
"'lead_reason':'reason1','ad_platform':'platform1','ad_format':'banner1',"
"'ad_unit_name':'unit1','login_method':'method1','group_id':'group-1','character_level':11,"
"'character':'hero1','post_score':91,'achievement_id':'achievement-1',"
"'search_term':'running shoes 1','creative_name':'creative1','creative_slot':'slot1',"
"'promotion_id':'promotion-1','promotion_name':'promotion1','availability':1,'body_style':1,"
"'condition_of_vehicle':1,'arrival_date':'2026-10-01','departure_date':'2026-10-11',"
"'destination_airport':'FRA','destination_ids':'destination-1','drivetrain':1,"
"'exterior_color':'black1','fuel_type':1,'lease_end_date':'2027-10-01',"
"'lease_start_date':'2026-11-01','listing_type':1,'make':'make1','model':'model1',"
"'transmission':1,'vin':'1HGCM82633A004351','ext':{'plan_id':'plan-1','season':'autumn1',"
"'content_type':'product_group','predicted_ltv':240.5}},"
"'ext':{'predicted_ltv':250.5,'lead':{'lead_id':'lead-1'},'messaging_channel':'whatsapp',"
"'page_load_id':'9a1b2c3d-0000-4000-8000-00000000abc1','app_data':{"
"'advertiser_tracking_enabled':true,'application_tracking_enabled':true,'extinfo':"
"['i2','com.example.app','1.1','1.1','18.1','phone','en_US','PST','carrier','390','844','3',"
"'6','64','32','America/Los_Angeles']},'season':'autumn1'}}";

/*
 * Other events, made of that one: of a type (NULL: purchase) and a source (NULL: website),
 * without some fields, by path, blanks between.  An object's path stands for all in it.
 */
static const struct
{
	const char *type;
	const char *source;
	const char *without;
}			shapes[] = {
	{NULL, NULL, "properties.transaction_id"},
	{NULL, NULL, "user_data.ext"},
	{NULL, NULL, "user_data.ext user_data.click_id"},
	{NULL, NULL, "user_data.event_ip_address user_data.event_user_agent"},
	{NULL, NULL, "properties.items"},
	{NULL, NULL, "user_data.email_address user_data.phone_numbers user_data.ifa"},
	{NULL, NULL, "user_data.customer_identifier user_data.uids"},
	{NULL, NULL, "user_data.gpp_string user_data.gpp_sid"},
	{NULL, NULL, "user_data.gpp_sid"},
	{NULL, NULL, "value currency_code"},
	{NULL, NULL, "ext properties.ext"},
	{NULL, NULL, "source"},
	/* some platforms take only a number of parameters */
	{NULL, NULL, "properties.creative_name properties.creative_slot properties.promotion_id "
	"properties.promotion_name properties.group_id properties.character "
	"properties.character_level properties.post_score"},
	{NULL, NULL, "ext"},
	{NULL, "app", "properties.transaction_id user_data.event_ip_address"},
	{NULL, "physical_store", "user_data.event_ip_address user_data.event_user_agent properties.page_url"},
	{"custom", NULL, "value currency_code properties.items"},
	{"generate_lead", NULL, "value currency_code properties.items properties.transaction_id"}
};

/* What an event has beside one field that is looked at, with and without user_data.ext. */
static const char *const little[] = {
	"id", "timestamp", "event_type", "value", "currency_code", "source", "user_data.email_address",
	"user_data.event_user_agent", "user_data.event_ip_address", "properties.page_url", NULL
};

/* ---- fields of trees ---- */

typedef enum Change
{
	REMOVED,
	OTHER
} Change;

/* Which fields a change is about. */
typedef struct Changing
{
	EcapiArena *arena;
	EcapiFieldSet fields;
	Change		change;
} Changing;

static EcapiValue *
text_value(EcapiArena *arena, const char *text)
{
	return ecapi_value_text(arena, ECAPI_STRING, text, strlen(text));
}

/* The last digit or letter of a text is another, so that its form stays. */
static EcapiValue *
other_text(EcapiArena *arena, const EcapiValue *value)
{
	char	   *text = ecapi_arena_copy(arena, value->text, value->len);
	char	   *last = text + value->len - 1;

	if (*last >= '0' && *last <= '9')
		*last = *last == '9' ? '0' : (char) (*last + 1);
	else
		*last = *last == 'x' ? 'y' : 'x';
	return ecapi_value_text(arena, ECAPI_STRING, text, value->len);
}

static EcapiValue *
other_number(EcapiArena *arena, const EcapiValue *value)
{
	char		text[64];

	snprintf(text, sizeof(text), "%.10g", atof(value->text) + 1);
	return ecapi_value_text(arena, ECAPI_NUMBER, text, strlen(text));
}

/* Another value wherever there is one, of what is no field. */
static EcapiValue *
other_tree(EcapiArena *arena, const EcapiValue *value)
{
	EcapiValue *other;

	switch (value->type)
	{
		case ECAPI_STRING:
			return other_text(arena, value);
		case ECAPI_NUMBER:
			return other_number(arena, value);
		case ECAPI_BOOL:
			return ecapi_value_bool(arena, !value->truth);
		case ECAPI_NULL:
			break;
		case ECAPI_ARRAY:
		case ECAPI_OBJECT:
			other = ecapi_value_new(arena, value->type);
			for (const EcapiValue *child = value->first; child; child = child->next)
			{
				EcapiValue *one = other_tree(arena, child);

				one->key = child->key;
				one->keylen = child->keylen;
				ecapi_value_append(other, one);
			}
			return other;
	}
	return ecapi_value_new(arena, ECAPI_NULL);
}

/* Another good value of a field. */
static EcapiValue *
other_value(EcapiArena *arena, const EcapiField *field, const EcapiValue *value)
{
	int			number;

	if (field->check == ECAPI_CHECK_EVENT_TYPE)
		return text_value(arena, strcmp(value->text, "sign_up") == 0 ? "purchase" : "sign_up");
	if (field->check == ECAPI_CHECK_CURRENCY)
		return text_value(arena, "USD");
	if (field->check == ECAPI_CHECK_COUNTRY)
		return text_value(arena, "CA");
	if (field->rule == ECAPI_RULE_IDENTIFIER && strcmp(field->name, "gender") == 0)
		return text_value(arena, "m");
	if (field->type == ECAPI_FT_ENUM && value->type == ECAPI_STRING)
	{
		number = ecapi_enumeration_lookup(field->values, value->text, value->len);
		return text_value(arena, field->values->names[number % ecapi_enumeration_count(field->values)]);
	}
	return other_tree(arena, value);
}

/* A copy of an object, or an array of them, with the change. */
static EcapiValue *
changed(const Changing *changing, EcapiObject object, const EcapiValue *value)
{
	EcapiValue *copy = ecapi_value_new(changing->arena, value->type);

	for (const EcapiValue *child = value->first; child; child = child->next)
	{
		const EcapiField *field = value->type == ECAPI_ARRAY ? NULL :
			ecapi_field_lookup(object, child->key, child->keylen);
		EcapiValue *one;

		if (value->type == ECAPI_ARRAY)
			one = changed(changing, object, child);
		else if (field->child != ECAPI_OBJ_NONE)
			one = changed(changing, field->child, child);
		else if (!ecapi_field_set_has(&changing->fields, ecapi_field_number(field)))
			one = ecapi_value_copy(changing->arena, child);
		else if (changing->change == REMOVED)
			continue;
		else
			one = other_value(changing->arena, field, child);
		if ((one->type == ECAPI_OBJECT || one->type == ECAPI_ARRAY) && one->first == NULL)
			continue;
		one->key = child->key;
		one->keylen = child->keylen;
		ecapi_value_append(copy, one);
	}
	return copy;
}

static EcapiValue *
with_change(EcapiArena *arena, const EcapiValue *event, EcapiFieldSet fields, Change change)
{
	Changing	changing = {arena, fields, change};

	return changed(&changing, ECAPI_OBJ_EVENT, event);
}

/* The fields of a list of paths with blanks between. */
static EcapiFieldSet
fields_of(const char *list)
{
	EcapiFieldSet set = {{0}};
	char		path[100];
	const char *paths[] = {path, NULL};
	int			len;

	for (; sscanf(list, " %99s%n", path, &len) == 1; list += len)
	{
		EcapiFieldSet one = ecapi_field_set_named(paths);

		ecapi_field_set_join(&set, &one);
	}
	return set;
}

static EcapiFieldSet
single(int number)
{
	EcapiFieldSet set = {{0}};

	ecapi_field_set_add(&set, number);
	return set;
}

/* ---- events ---- */

#define EVENTS	(ECAPI_EVENT_TYPES + 9 + (int) lengthof(shapes) + 2 * ECAPI_FIELDS)

typedef struct Event
{
	EcapiValue *tree;
	char		name[120];		/* for what is printed */
	int			only;			/* number of the one field that is looked at; -1: all */
} Event;

static Event events[EVENTS];
static int	nevents;

static Event *
add_event(EcapiValue *tree)
{
	Event	   *event = &events[nevents++];

	event->tree = tree;
	event->only = -1;
	return event;
}

static void
set_text(EcapiArena *arena, EcapiValue *event, const char *key, const char *text)
{
	if (text != NULL)
		ecapi_value_set(arena, event, key, strlen(key), text_value(arena, text));
}

/* The event with these fields and the one of a number, which alone is looked at. */
static void
add_little(EcapiArena *arena, const EcapiValue *event, EcapiFieldSet fields, int number)
{
	Event	   *one;

	ecapi_field_set_add(&fields, number);
	one = add_event(with_change(arena, event,
								ecapi_field_set_without(ecapi_field_set_named(NULL), &fields),
								REMOVED));
	one->only = number;
	snprintf(one->name, sizeof(one->name), "with little but %s",
			 ecapi_field_path(ecapi_field_numbered(number)));
}

static void
make_events(EcapiArena *arena)
{
	const EcapiValue *event = unit_json(arena, full);
	const EcapiEnumeration *sources = ecapi_field_lookup(ECAPI_OBJ_EVENT, "source", 6)->values;
	EcapiFieldSet without_ids = ecapi_field_set_named(little);
	EcapiFieldSet with_ids = without_ids;

	ecapi_field_set_add(&with_ids, ecapi_field_number(ecapi_field_named("user_data.ext", 13)));
	for (int i = 0; i < ECAPI_EVENT_TYPES; i++)
	{
		Event	   *one = add_event(ecapi_value_copy(arena, event));

		set_text(arena, one->tree, "event_type", ecapi_event_type_name(i));
		snprintf(one->name, sizeof(one->name), "%s", ecapi_event_type_name(i));
	}
	for (int i = 0; i < ecapi_enumeration_count(sources); i++)
	{
		Event	   *one = add_event(ecapi_value_copy(arena, event));

		set_text(arena, one->tree, "source", sources->names[i]);
		snprintf(one->name, sizeof(one->name), "purchase of %s", sources->names[i]);
	}
	for (size_t i = 0; i < lengthof(shapes); i++)
	{
		Event	   *one = add_event(with_change(arena, event, fields_of(shapes[i].without), REMOVED));

		set_text(arena, one->tree, "event_type", shapes[i].type);
		set_text(arena, one->tree, "source", shapes[i].source);
		snprintf(one->name, sizeof(one->name), "without %s", shapes[i].without);
	}
	for (int i = 0; i < ECAPI_FIELDS; i++)
	{
		if (ecapi_field_numbered(i)->child != ECAPI_OBJ_NONE)
			continue;
		add_little(arena, event, without_ids, i);
		add_little(arena, event, with_ids, i);
	}
}

/* ---- requests ---- */

static EcapiOptions options;
static EcapiDigestCache *digests;

/* Texts of the present list of options. */
static char kept_texts[20000];
static size_t kept;

/* A copy of a value, with a number of two digits behind it unless that is negative. */
static char *
keep(const char *value, int number)
{
	char	   *copy = kept_texts + kept;
	size_t		room = sizeof(kept_texts) - kept;
	int			len = number < 0 ? snprintf(copy, room, "%s", value) :
		snprintf(copy, room, "%s%02d", value, number);

	if (len < 0 || (size_t) len >= room)
	{
		fprintf(stderr, "# too many options\n");
		exit(2);
	}
	kept += (size_t) len + 1;
	return copy;
}

static void
set_option(const EcapiFormat *format, const char *name, const char *value)
{
	char	   *copy = keep(value, -1);

	if (strcmp(name, "data_set_id") == 0)
		options.data_set_id = copy;
	else if (strcmp(name, "mode") == 0)
		options.mode = ECAPI_MODE_TEST;
	else if (strcmp(name, "targets") == 0)
	{
		for (int i = 0; i < ECAPI_EVENT_TYPES; i++)
			options.targets[i] = keep(value, i);
	}
	else
	{
		int			i = 0;

		while (i < format->nown && strcmp(format->own[i].name, name) != 0)
			i++;
		if (i < format->nown)
			options.own[i] = copy;
		else
			check(false, name);
	}
}

static void
set_options(const EcapiFormat *format, const char *list)
{
	char		name[100];
	char		value[200];
	int			len;

	memset(&options, 0, sizeof(options));
	kept = 0;
	options.format = format;
	options.batch_size = 1;
	options.dedupe_key = format->dedupe_key;
	for (int i = 0; i < format->nown; i++)
		options.own[i] = (char *) format->own[i].fallback;
	for (; sscanf(list, " %99[^=]=%199s%n", name, value, &len) == 2; list += len)
		set_option(format, name, value);
}

/* A request with one event, or why there is none. */
typedef struct Request
{
	EcapiShaped shaped;
	EcapiIdentified person;
	uint64_t	key;
	EcapiBuffer body;
} Request;

static void
shape(const EcapiFormat *format, const EcapiValue *event, Request *request)
{
	EcapiShape	shape = {.format = format, .options = &options, .digests = digests, .now = NOW};
	EcapiArena	arena;
	UnitPiece  *before = unit_pieces;
	const char *reason = NULL;

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_truncate(&request->body, 0);
	request->key = 0;
	if (format->key && !format->key(&options, event, &request->key))
		check(false, "a key");
	shape.key = request->key;
	format->open(&shape, &request->body);
	request->shaped = format->add(&shape, &arena, event, &request->body, &reason);
	request->person = shape.identified;
	shape.events++;
	format->close(&shape, &request->body);
	if (request->shaped != ECAPI_SHAPED)
		ecapi_buffer_truncate(&request->body, 0);
	while (unit_pieces != before)
	{
		UnitPiece  *next = unit_pieces->next;

		free(unit_pieces);
		unit_pieces = next;
	}
}

static bool
same_request(const Request *a, const Request *b)
{
	return a->shaped == b->shaped && a->key == b->key && a->body.len == b->body.len &&
		memcmp(a->body.data ? a->body.data : "", b->body.data ? b->body.data : "", a->body.len) == 0;
}

/* ---- what changes requests ---- */

/* Events of the present list of options, and what was seen of them. */
typedef struct Seen
{
	int			shaped;
	int			last;			/* result for the last that was not */
	EcapiFieldSet changes;
	const char *by[ECAPI_FIELDS];	/* the first event in which a field did */
} Seen;

static void
look_at_field(const EcapiFormat *format, const Event *event, int number, const Request *plain,
			  Seen *seen)
{
	static Request request = {.body = {.max = 0}};
	static bool made;
	UnitPiece  *before = unit_pieces;
	EcapiArena	arena;

	if (!made)
		ecapi_buffer_init(&request.body, 1024 * 1024, unit_resize, NULL);
	made = true;
	for (Change change = REMOVED; change <= OTHER; change++)
	{
		ecapi_arena_init(&arena, unit_grab, NULL);
		shape(format, with_change(&arena, event->tree, single(number), change), &request);
		if (same_request(&request, plain))
			continue;
		ecapi_field_set_add(&seen->changes, number);
		seen->by[number] = event->name;
	}
	while (unit_pieces != before)
	{
		UnitPiece  *next = unit_pieces->next;

		free(unit_pieces);
		unit_pieces = next;
	}
}

static void
look(const EcapiFormat *format, Seen *seen)
{
	static Request plain;
	static bool made;

	if (!made)
		ecapi_buffer_init(&plain.body, 1024 * 1024, unit_resize, NULL);
	made = true;
	memset(seen, 0, sizeof(*seen));
	for (int i = 0; i < nevents; i++)
	{
		shape(format, events[i].tree, &plain);
		if (plain.shaped == ECAPI_SHAPED)
			seen->shaped++;
		for (int number = 1; number < ECAPI_FIELDS; number++)
		{
			if (ecapi_field_numbered(number)->child == ECAPI_OBJ_NONE &&
				(events[i].only < 0 || events[i].only == number) &&
				!ecapi_field_set_has(&seen->changes, number))
				look_at_field(format, &events[i], number, &plain, seen);
		}
	}
}

static void
judge(const char *name, EcapiFieldSet carried, const Seen *seen)
{
	EcapiFieldSet missing = ecapi_field_set_without(seen->changes, &carried);
	EcapiFieldSet idle = ecapi_field_set_without(carried, &seen->changes);
	char		what[600];
	bool		good = true;

	for (int i = 1; (i = ecapi_field_set_next(&missing, i)) >= 0; i++)
	{
		fprintf(stderr, "# %s: %s is not carried, but changes a body (%s)\n", name,
				ecapi_field_path(ecapi_field_numbered(i)), seen->by[i] ? seen->by[i] : "");
		good = false;
	}
	for (int i = 1; (i = ecapi_field_set_next(&idle, i)) >= 0; i++)
	{
		fprintf(stderr, "# %s: %s is carried, but changes no body\n", name,
				ecapi_field_path(ecapi_field_numbered(i)));
		good = false;
	}
	snprintf(what, sizeof(what), "%s: what it carries is what changes its bodies", name);
	check(good, what);
}

/* ---- identifiers ---- */

/* user_data of one that is not known, and identifiers that it may have. */
static const char nobody[] =
"'event_ip_address':'203.0.113.7','event_user_agent':'Mozilla/5.1','gender':'f',"
"'address':[{'first_name':'Ann','city':'Springfield','state':'CA','country_code':'US','postal_code':'94105'}]";

static const char *const identifiers[] = {
	"'email_address':['ann@example.com']", "'phone_numbers':['+14155550101']",
	"'customer_identifier':'customer-71'", "'uids':[{'id':'uid-81'}]", "'click_id':'click-91'",
	"'ifa':'f1a2b3c4-0000-4000-8000-00000000abc1'", "'ext':{'click_ids':{'gclid':'gclid-1'}}",
	"'ext':{'click_ids':{'gbraid':'gbraid-1'}}", "'ext':{'click_ids':{'wbraid':'wbraid-1'}}",
	"'ext':{'click_ids':{'dclid':'dclid-1'}}", "'ext':{'click_ids':{'fbc':'fb.1.1789999000000.AbC1'}}",
	"'ext':{'click_ids':{'fbclid':'AbC1'}}", "'ext':{'click_ids':{'fbp':'fb.1.1789999000000.1234561'}}",
	"'ext':{'click_ids':{'ttclid':'ttclid-1'}}", "'ext':{'click_ids':{'ttp':'ttp-1'}}",
	"'ext':{'click_ids':{'msclkid':'msclkid-1'}}", "'ext':{'click_ids':{'epik':'epik-1'}}",
	"'ext':{'click_ids':{'sccid':'sccid-1'}}", "'ext':{'click_ids':{'scid':'scid-1'}}",
	"'ext':{'click_ids':{'li_fat_id':'5f1a2b3c-0000-4000-8000-00000000abc1'}}",
	"'ext':{'click_ids':{'rdt_cid':'rdt-1'}}",
	"'ext':{'click_ids':{'rdt_uuid':'1789999000.5f1a2b3c-0000-4000-8000-00000000abc1'}}",
	"'ext':{'click_ids':{'oppref':'oppref-1'}}", "'ext':{'click_ids':{'obref':'obref-1'}}",
	"'ext':{'click_ids':{'ga_client_id':'123456789.1789999001'}}",
	"'ext':{'click_ids':{'ga_app_instance_id':'0123456789abcdef0123456789abcde1'}}",
	/* Meta's; and members that identify nobody */
	"'ext':{'lead_id':'123456789012345'}",
	"'age_range':2", "'email_address':['nobody']"
};

/* A request with an event whose person has that, besides what nobody has. */
static void
shape_person(const EcapiFormat *format, EcapiArena *arena, const char *identifier,
			 Request *request)
{
	char		json[2000];

	snprintf(json, sizeof(json), "{'data_set_id':'123','id':'order-41','timestamp':1790000000,'event_type':'purchase',"
			 "'source':'website','value':1,'currency_code':'EUR','properties':{'page_url':'https://shop.example/'},"
			 "'user_data':{%s%s%s}}", nobody, identifier[0] ? "," : "", identifier);
	shape(format, unit_json(arena, json), request);
}

/* Whether a member says something of a person, but not who it is, to a receiver of all fields. */
static bool
is_content(const EcapiFormat *format, const char *member)
{
	return format->carries == NULL &&
		(strstr(member, "age_range") != NULL || strstr(member, "lead_id") != NULL);
}

/* Under the present options. */
static void
test_persons(const EcapiFormat *format, const char *name)
{
	static Request plain;
	static Request request;
	static bool made;
	bool		good = true;
	char		what[600];
	EcapiArena	arena;

	if (!made)
	{
		ecapi_buffer_init(&plain.body, 1024 * 1024, unit_resize, NULL);
		ecapi_buffer_init(&request.body, 1024 * 1024, unit_resize, NULL);
	}
	made = true;
	ecapi_arena_init(&arena, unit_grab, NULL);
	shape_person(format, &arena, "", &plain);
	good = plain.person == ECAPI_IDENTIFIED_NOT;
	for (size_t i = 0; i < lengthof(identifiers); i++)
	{
		shape_person(format, &arena, identifiers[i], &request);
		if (request.shaped != ECAPI_SHAPED ||
			(request.person == ECAPI_IDENTIFIED) ==
			(!same_request(&request, &plain) && !is_content(format, identifiers[i])))
			continue;
		fprintf(stderr, "# %s: %s\n", name, identifiers[i]);
		good = false;
	}
	snprintf(what, sizeof(what), "%s: a person is known by an identifier in the body, and by nothing else",
			 name);
	check(good, what);
}

/* One list of options; what it changes is added to all. */
static void
test_variant(const EcapiFormat *format, const char *list, Seen *all)
{
	char		name[500];
	Seen		seen;

	set_options(format, list);
	snprintf(name, sizeof(name), "%s %s", format->name, list);
	look(format, &seen);
	if (!check(seen.shaped > 0, name))
		fprintf(stderr, "# no event is shaped: give the options that it needs in variants[]\n");
	test_persons(format, name);
	if (format->carries_by != NULL)
		judge(name, ecapi_carried(format, &options), &seen);
	for (int i = 0; i < ECAPI_FIELDS; i++)
		if (all->by[i] == NULL)
			all->by[i] = seen.by[i];
	ecapi_field_set_join(&all->changes, &seen.changes);
}

static void
test_format(const EcapiFormat *format)
{
	Seen		all = {0};
	bool		any = false;
	char		what[300];
	bool		good = true;

	for (const char *const *path = format->carries; path && *path; path++)
	{
		if (ecapi_field_named(*path, strlen(*path)) != NULL)
			continue;
		fprintf(stderr, "# %s carries \"%s\", which is no field\n", format->name, *path);
		good = false;
	}
	snprintf(what, sizeof(what), "%s: what it carries are fields", format->name);
	check(good, what);
	for (size_t i = 0; i < lengthof(variants); i++)
	{
		if (strcmp(variants[i].format, format->name) != 0)
			continue;
		test_variant(format, variants[i].options, &all);
		any = true;
	}
	if (!any)
		test_variant(format, "", &all);
	judge(format->name, ecapi_field_set_named(format->carries), &all);
}

int
main(int argc, char **argv)
{
	const EcapiFormat *format;
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	digests = ecapi_digest_cache_create(&arena, 4096);
	make_events(&arena);
	for (int i = 0; (format = ecapi_format_nth(i)) != NULL; i++)
		if (argc < 2 || strcmp(argv[1], format->name) == 0)
			test_format(format);
	return unit_done();
}
