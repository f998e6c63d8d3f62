/*
 * test_field_set.c
 *	  Sets of fields: what an event has, what a list of paths names, walking a set.
 */
#include "event/field_set.h"
#include "unit.h"

/* The paths of a set in the standard's order, blanks between. */
static const char *
paths_of(EcapiFieldSet set)
{
	static char text[8000];
	size_t		len = 0;

	text[0] = '\0';
	for (int i = 0; (i = ecapi_field_set_next(&set, i)) >= 0; i++)
		len += (size_t) snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "",
								 ecapi_field_path(ecapi_field_numbered(i)));
	return text;
}

static void
expect(const char *event, const char *wanted)
{
	EcapiArena	arena;

	ecapi_arena_init(&arena, unit_grab, NULL);
	check_text(paths_of(ecapi_field_set_of(unit_json(&arena, event))), wanted, event);
}

static void
test_events(void)
{
	expect("{}", "");
	expect("{'event_type':'login','value':0,'timestamp':1}", "timestamp event_type value");
	expect("{'id':'','value':null,'properties':{},'ext':{}}", "");
	expect("{'user_data':{'mmt_only':false,'email_address':[],'phone_numbers':['1']}}",
		   "user_data.phone_numbers user_data.mmt_only");
	expect("{'properties':{'items':[{'id':'a'},{'price':1,'ext':{'b':1}}],'tax':1}}",
		   "properties.tax properties.items.id properties.items.price properties.items.ext");
	expect("{'user_data':{'address':{'city':'x'},'uids':[{'id':'y'}]}}",
		   "user_data.uids.id user_data.address.city");
	/* what is no field, or not where it stands, or of another type than it should be */
	expect("{'city':'x','nonsense':1,'user_data':'x','properties':[1,{'vin':'y'}]}", "properties.vin");
	/* addressed to us */
	expect("{'data_set_id':'1','ext':{'route':'de'}}", "");
	expect("{'ext':{'route':'de','refund_for':{}},'user_data':{'ext':{'consent':{'a':1}}}}", "");
	expect("{'ext':{'route':'de','season':1},'user_data':{'ext':{'click_ids':{'a':'b'}}}}",
		   "ext user_data.ext");
	expect("{'properties':{'ext':{'route':'de'}}}", "properties.ext");
}

static void
test_lists(void)
{
	static const char *const some[] = {"value", "user_data.address", "properties.items.price", "nonsense", NULL};
	static const char *const last[] = {"properties.items.ext", NULL};
	EcapiFieldSet all = ecapi_field_set_named(NULL);
	EcapiFieldSet set = ecapi_field_set_named(some);
	int			objects = 0;
	int			n = 0;

	check_text(paths_of(set), "value user_data.address.first_name user_data.address.last_name "
			   "user_data.address.street user_data.address.city user_data.address.state "
			   "user_data.address.country_code user_data.address.postal_code "
			   "user_data.address.address_type user_data.address.ext properties.items.price",
			   "an object's path stands for all that is in it");
	for (int i = 0; i < ECAPI_FIELDS; i++)
	{
		objects += ecapi_field_numbered(i)->child != ECAPI_OBJ_NONE;
		n += ecapi_field_set_has(&all, i);
	}
	check(n == ECAPI_FIELDS - objects && objects == 5, "all fields are all but the objects");
	check_text(paths_of(ecapi_field_set_without(all, &all)), "", "all without all is nothing");
	set = ecapi_field_set_named(last);
	check(ecapi_field_set_next(&set, 0) == ECAPI_FIELDS - 1 &&
		  ecapi_field_set_next(&set, ECAPI_FIELDS - 1) == ECAPI_FIELDS - 1 &&
		  ecapi_field_set_next(&set, ECAPI_FIELDS) < 0, "the last field is found");
	set = ecapi_field_set_named(some);
	ecapi_field_set_join(&set, &all);
	check(memcmp(&set, &all, sizeof(set)) == 0, "with all it is all");
}

int
main(void)
{
	test_events();
	test_lists();
	return unit_done();
}
