/*
 * test_patch.c
 *	  Merging a patch into an event: what it adds, replaces, takes away, and may not.
 */
#include "event/patch.h"
#include "unit.h"

#define EVENT "{'id':'a-1','timestamp':1700000000,'event_type':'purchase','value':10,'user_data':{'email_address':['x'],'ext':{'a':1}},'ext':{'route':'de','n':{'x':1,'y':[1,2]}}}"

/* Merge; NULL when it was refused, and then why.  The caller frees. */
static char *
merged(const char *event, const char *patch, const char **refused)
{
	EcapiArena	arena;
	EcapiBuffer buffer;
	EcapiBuffer before;
	EcapiBuffer after;
	EcapiValue *old;
	EcapiValue *change;
	EcapiValue *result;

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_init(&buffer, 1024 * 1024, unit_resize, NULL);
	ecapi_buffer_init(&before, 1024 * 1024, unit_resize, NULL);
	ecapi_buffer_init(&after, 1024 * 1024, unit_resize, NULL);
	old = unit_json(&arena, event);
	change = unit_json(&arena, patch);
	ecapi_json_value(&before, old);
	ecapi_json_value(&before, change);
	result = ecapi_patch_merge(&arena, old, change, refused);
	ecapi_json_value(&after, old);
	ecapi_json_value(&after, change);
	if (before.len != after.len || memcmp(before.data, after.data, after.len) != 0)
		check(false, "neither event nor patch is changed");
	if (result)
		ecapi_json_value(&buffer, result);
	free(before.data);
	free(after.data);
	return buffer.data;
}

/* texts with ' for " */
static void
check_merge(const char *event, const char *patch, const char *wanted, const char *what)
{
	const char *refused;
	char	   *got = merged(event, patch, &refused);

	for (char *at = got; at && *at != '\0'; at++)
		if (*at == '"')
			*at = '\'';
	check_text(got, wanted, what);
	check_text(refused, NULL, "and is not refused");
	free(got);
}

static void
check_refused(const char *event, const char *patch, const char *wanted)
{
	const char *refused;
	char	   *got = merged(event, patch, &refused);

	check_text(refused, wanted, patch);
	check(got == NULL, "and gives nothing");
	free(got);
}

static void
test_merging(void)
{
	check_merge("{'a':1}", "{'b':2}", "{'a':1,'b':2}", "a new member");
	check_merge("{'a':1,'b':2}", "{'a':'x'}", "{'a':'x','b':2}", "a scalar replaces, in its place");
	check_merge("{'a':[1,2,3]}", "{'a':[9]}", "{'a':[9]}", "an array replaces");
	check_merge("{'a':[1,2,3]}", "{'a':{'x':1}}", "{'a':{'x':1}}", "an object replaces an array");
	check_merge("{'a':{'x':1}}", "{'a':5}", "{'a':5}", "a scalar replaces an object");
	check_merge("{'a':{'x':1,'y':{'p':1,'q':2}}}", "{'a':{'y':{'q':3,'r':4},'z':5}}",
				"{'a':{'x':1,'y':{'p':1,'q':3,'r':4},'z':5}}", "objects merge deep");
	check_merge("{'a':1,'b':2,'c':3}", "{'b':null}", "{'a':1,'c':3}", "null takes away");
	check_merge("{'a':{'x':1}}", "{'a':{'x':null}}", "{'a':{}}", "null takes away below");
	check_merge("{'a':1}", "{'b':null}", "{'a':1}", "null takes nothing away");
	check_merge("{'a':1}", "{'b':{'c':null,'d':{'e':null}}}", "{'a':1,'b':{'d':{}}}", "a new object has no null");
	check_merge("{'a':1}", "{'b':[null,{'c':null}]}", "{'a':1,'b':[null,{'c':null}]}", "an array is taken as it is");
	check_merge("{'a':null,'b':1}", "{'b':2}", "{'a':null,'b':2}", "a null of the event's own stays");
	check_merge("{}", "{}", "{}", "nothing into nothing");
	check_merge("{'a':1}", "{}", "{'a':1}", "an empty patch");
}

static void
test_refusing(void)
{
	check_refused(EVENT, "{'id':'a-2'}", "a patch cannot change id");
	check_refused(EVENT, "{'id':null}", "a patch cannot change id");
	check_refused("{'ext':{'amends':{},'original':{},'a':1}}", "{'ext':null}", "a patch cannot change what an amendment is of");
	check_refused("{'ext':{'amends':{},'original':{},'a':1}}", "{'ext':{'original':null}}", "a patch cannot change what an amendment is of");
	check_refused("{'ext':{'amends':{},'original':{},'a':1}}", "{'ext':{'amends':{}}}", "a patch cannot change what an amendment is of");
	check_refused("{'id':'a'}", "{'ext':{'amends':{}}}", "a patch cannot change ext.amends or ext.refund_for");
	check_refused("{'ext':{'a':1}}", "{'ext':{'refund_for':{'7':'shop'}}}", "a patch cannot change ext.amends or ext.refund_for");
	check_refused("{'ext':{'refund_for':{'7':'shop'}}}", "{'ext':{'refund_for':{'8':'other'}}}", "a patch cannot change ext.amends or ext.refund_for");
	check_refused("{'ext':{'refund_for':{'7':'shop'}}}", "{'ext':{'refund_for':null}}", "a patch cannot change ext.amends or ext.refund_for");
	check_refused("{'ext':{'refund_for':{'7':'shop'}}}", "{'ext':null}", "a patch cannot change ext.amends or ext.refund_for");
	check_merge("{'ext':{'refund_for':{'7':'shop'}}}", "{'ext':{'refund_for':{'7':'shop'},'amends':null,'a':1}}",
				"{'ext':{'refund_for':{'7':'shop'},'a':1}}", "an address that is repeated");
	check_refused("{'event_type':'x'}", "{'id':'new'}", "a patch cannot change id");
	check_refused(EVENT, "{'data_set_id':'1'}", "a patch cannot change data_set_id");
	check_refused(EVENT, "{'event_type':'refund'}", "a patch cannot change event_type");
	check_refused(EVENT, "{'timestamp':1700000001}", "a patch cannot change timestamp");
	check_refused(EVENT, "{'timestamp':'1700000000'}", "a patch cannot change timestamp");
	check_refused(EVENT, "{'ext':{'route':'at'}}", "a patch cannot change ext.route");
	check_refused(EVENT, "{'ext':{'route':null}}", "a patch cannot change ext.route");
	check_refused(EVENT, "{'ext':{'route':{'x':1}}}", "a patch cannot change ext.route");
	check_refused(EVENT, "{'ext':null}", "a patch cannot change ext.route");
	check_refused(EVENT, "{'ext':[1]}", "a patch cannot change ext.route");
	check_refused("{'id':'a'}", "{'ext':{'route':'at'}}", "a patch cannot change ext.route");
	check_merge("{'ext':{'a':1}}", "{'ext':null}", "{}", "ext without a route may go");
	check_merge(EVENT, "{'id':'a-1','timestamp':1700000000,'event_type':'purchase','ext':{'route':'de','n':{'y':[3]}},'data_set_id':null}",
				"{'id':'a-1','timestamp':1700000000,'event_type':'purchase','value':10,'user_data':{'email_address':['x'],'ext':{'a':1}},'ext':{'route':'de','n':{'x':1,'y':[3]}}}",
				"the same values change nothing");
	check_merge(EVENT, "{'properties':{'id':'p'},'user_data':{'ext':{'route':'r'}}}",
				"{'id':'a-1','timestamp':1700000000,'event_type':'purchase','value':10,'user_data':{'email_address':['x'],'ext':{'a':1,'route':'r'}},'ext':{'route':'de','n':{'x':1,'y':[1,2]}},'properties':{'id':'p'}}",
				"such names elsewhere are free");
}

/* Many members are found by an index: the same must come out. */
static void
test_many(void)
{
	static char event[40000];
	static char patch[40000];
	static char wanted[80000];
	const char *refused;
	char	   *got;
	int			e = 0;
	int			p = 0;
	int			w = 0;

	event[e++] = patch[p++] = wanted[w++] = '{';
	for (int i = 0; i < 2000; i++)
	{
		/* each third is in both, and each sixth is taken away */
		e += sprintf(event + e, "%s'k%d':1", i > 0 ? "," : "", i * 2);
		p += sprintf(patch + p, "%s'k%d':%s", i > 0 ? "," : "", i * 3, i % 4 == 0 ? "null" : "2");
	}
	for (int i = 0; i < 4000; i += 2)
	{
		if (i % 3 != 0)
			w += sprintf(wanted + w, "%s\"k%d\":1", w > 1 ? "," : "", i);
		else if (i / 3 % 4 != 0)
			w += sprintf(wanted + w, "%s\"k%d\":2", w > 1 ? "," : "", i);
	}
	for (int i = 0; i < 2000; i++)
		if (i % 4 != 0 && (i * 3 % 2 != 0 || i * 3 >= 4000))
			w += sprintf(wanted + w, ",\"k%d\":2", i * 3);
	strcpy(event + e, "}");
	strcpy(patch + p, "}");
	strcpy(wanted + w, "}");
	got = merged(event, patch, &refused);
	check_text(got, wanted, "many members");
	free(got);
}

static void *
grab_nothing(void *owner, size_t size)
{
	(void) owner;
	(void) size;
	return NULL;
}

static void
test_no_memory(void)
{
	EcapiArena	arena;
	EcapiArena	none;
	const char *refused;

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_arena_init(&none, grab_nothing, NULL);
	check(ecapi_patch_merge(&none, unit_json(&arena, "{'a':1}"), unit_json(&arena, "{'a':2}"),
							&refused) == NULL, "no memory gives nothing");
	check(none.failed && refused == NULL, "and says so");
}

int
main(void)
{
	test_merging();
	test_refusing();
	test_many();
	test_no_memory();
	unit_free();
	return unit_done();
}
