/*
 * test_amend.c
 *	  Amendments: by what, of what, what they say, and how they are read.
 */
#include <inttypes.h>

#include "event/amend.h"
#include "event/amended.h"
#include "unit.h"

static EcapiArena arena;

static EcapiValue *
tree(const char *json)
{
	ecapi_arena_init(&arena, unit_grab, NULL);
	return unit_json(&arena, json);
}

/* The amendment of an event, stored under (16404, 7), by a patch, as JSON. */
static void
made(const char *event, const char *patch, const char *wanted)
{
	EcapiBuffer buffer;
	const char *refused;
	EcapiValue *original = tree(event);
	EcapiValue *amendment;
	EcapiAmended of;

	ecapi_buffer_init(&buffer, 1 << 20, unit_resize, NULL);
	amendment = ecapi_amend_make(&arena, original, unit_json(&arena, patch), "x:amended:1:0", 13,
								 1700000000, 16404, 7, &refused);
	check_text(refused, NULL, "the patch is taken");
	ecapi_json_value(&buffer, amendment);
	check_text(buffer.data, wanted, event);
	check(ecapi_amend_of(amendment, &of) && of.xid == 16404 && of.seq == 7, "it says of what it is");
	check(ecapi_amend_original(original) == NULL, "the event stays as it was");
	free(buffer.data);
	unit_free();
}

static void
refuses(const char *patch, const char *wanted)
{
	check_text(ecapi_amend_refuses(tree(patch)), wanted, patch);
	unit_free();
}

static void
impossible(const char *event, const char *wanted)
{
	check_text(ecapi_amend_impossible(tree(event)), wanted, event);
	unit_free();
}

/* Whether an event is an amendment, and says of what. */
static void
reads(const char *event, bool is_one, bool says)
{
	EcapiAmended of;
	EcapiValue *value = tree(event);

	check((ecapi_amend_original(value) != NULL) == is_one, event);
	check(ecapi_amend_of(value, &of) == says, event);
	unit_free();
}

static void
test_reading(void)
{
	EcapiAmended of;

	reads("{}", false, false);
	reads("[]", false, false);
	reads("{'ext':'x'}", false, false);
	reads("{'ext':{'original':{'id':'x'}}}", false, false);
	reads("{'ext':{'amends':{'xid':'1','seq':'2'}}}", true, true);
	reads("{'ext':{'amends':{'xid':'1','seq':'2'},'original':7}}", true, true);
	reads("{'ext':{'amends':7}}", true, false);
	reads("{'ext':{'amends':{'xid':'1'}}}", true, false);
	reads("{'ext':{'amends':{'xid':1,'seq':2}}}", true, false);
	reads("{'ext':{'amends':{'xid':'-1','seq':'2'}}}", true, false);
	reads("{'ext':{'amends':{'xid':'1','seq':'18446744073709551615'}}}", true, false);
	reads("{'ext':{'amends':{'xid':'1','seq':'999999999999999999999999'}}}", true, false);
	check(ecapi_amend_of(tree("{'ext':{'amends':{'xid':'18446744073709551614','seq':'2'},'original':{'id':'o'}}}"), &of) &&
		  of.xid == UINT64_C(18446744073709551614), "any transaction");
	check_text(of.id == NULL ? NULL : of.id->text, "o", "with the id of the original");
	unit_free();
}

int
main(void)
{
	made("{'id':'o-1','timestamp':1690000000,'event_type':'purchase','value':20,'currency_code':'EUR',"
		 "'user_data':{'email_address':['a@example.com']},'properties':{'transaction_id':'1','coupon':'X'},"
		 "'ext':{'route':'de'}}",
		 "{'value':15.50,'properties':{'coupon':null,'tax':2},'ext':{'predicted_ltv':320}}",
		 "{\"id\":\"x:amended:1:0\",\"timestamp\":1700000000,\"event_type\":\"purchase\",\"value\":15.50,"
		 "\"currency_code\":\"EUR\",\"user_data\":{\"email_address\":[\"a@example.com\"]},"
		 "\"properties\":{\"transaction_id\":\"1\",\"tax\":2},\"ext\":{\"route\":\"de\",\"predicted_ltv\":320,"
		 "\"original\":{\"event_type\":\"purchase\",\"timestamp\":1690000000,\"id\":\"o-1\",\"transaction_id\":\"1\"},"
		 "\"amends\":{\"xid\":\"16404\",\"seq\":\"7\"}}}");
	made("{'id':'o-2','timestamp':1690000000,'event_type':'custom','custom_event':'quote'}", "{'ext':{'a':1}}",
		 "{\"id\":\"x:amended:1:0\",\"timestamp\":1700000000,\"event_type\":\"custom\",\"custom_event\":\"quote\","
		 "\"ext\":{\"a\":1,\"original\":{\"event_type\":\"custom\",\"custom_event\":\"quote\",\"timestamp\":1690000000,"
		 "\"id\":\"o-2\"},\"amends\":{\"xid\":\"16404\",\"seq\":\"7\"}}}");

	refuses("{'value':1,'currency_code':'EUR','properties':{'tax':1},'ext':{'a':1}}", NULL);
	refuses("{'value':null}", NULL);
	refuses("7", "it is not a JSON object");
	refuses("{}", "it is empty");
	refuses("{'user_data':{}}", "it may have value, currency_code, properties and ext alone");
	refuses("{'value':1,'id':'x'}", "it may have value, currency_code, properties and ext alone");
	refuses("{'properties':{'transaction_id':null}}", "it cannot change properties.transaction_id");
	refuses("{'ext':null}", "its ext is not a JSON object");
	refuses("{'ext':{'original':{}}}", "it cannot change what ext says of where the event goes");
	refuses("{'ext':{'amends':null}}", "it cannot change what ext says of where the event goes");
	refuses("{'ext':{'refund_for':{}}}", "it cannot change what ext says of where the event goes");

	impossible("{'event_type':'purchase'}", NULL);
	impossible("{'event_type':'refund'}", "a refund cannot be amended");
	impossible("{'event_type':'custom','ext':{'original':{}}}", "it refers to another event, which can be amended");
	test_reading();
	return unit_done();
}
