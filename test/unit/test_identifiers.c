/*
 * test_identifiers.c
 *	  Identifiers as digests, and kept out of what leaves clear.
 */
#include "destination/identifiers.h"
#include "unit.h"

#define ANN		"71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476"	/* ann@example.com */

static char	told[512];

static void
note(void *arg, const EcapiField *field, EcapiViolationCode reason)
{
	(void) arg;
	check(reason == ECAPI_VIOLATION_IDENTIFIER, "the reason");
	strcat(told, told[0] != '\0' ? " " : "");
	strcat(told, ecapi_field_path(field));
}

static char *
text_of(const EcapiValue *value)
{
	EcapiBuffer buffer;
	char	   *text;

	ecapi_buffer_init(&buffer, 1 << 20, unit_resize, NULL);
	ecapi_json_value(&buffer, value);
	text = strdup(buffer.data);
	free(buffer.data);
	for (char *at = text; *at != '\0'; at++)
		*at = *at == '"' ? '\'' : *at;
	return text;
}

static void
hashed(const char *user_data, const char *country, const char *wanted)
{
	EcapiArena	arena;
	char	   *got;

	ecapi_arena_init(&arena, unit_grab, NULL);
	got = text_of(ecapi_identifiers_hash(&arena, unit_json(&arena, user_data), country));
	check_text(got, wanted, user_data);
	free(got);
	unit_free();
}

static void
test_hash(void)
{
	hashed("{'gpp_sid':[7],'ext':{'segment':'gold'}}", NULL, "{'gpp_sid':[7],'ext':{'segment':'gold'}}");
	hashed("{'email_address':' Ann@Example.com '}", NULL, "{'email_address':'" ANN "'}");
	hashed("{'email_address':['ann@example.com','n/a'],'mmt_only':true}", NULL,
		   "{'email_address':['" ANN "'],'mmt_only':true}");
	hashed("{'email_address':'" ANN "'}", NULL, "{'email_address':'" ANN "'}");
	hashed("{'email_address':{'x':'ann@example.com'}}", NULL, "{}");
	hashed("{'phone_numbers':['0711 123456']}", NULL, "{'phone_numbers':[]}");
	hashed("{'phone_numbers':['+49711123456']}", NULL,
		   "{'phone_numbers':['f3e3b596349257b698eb98b3a49227e919d28d103348c0b614cb36c9c86835aa']}");
	hashed("{'phone_numbers':['0711 123456'],'address':[{'country_code':'de'}]}", NULL,
		   "{'phone_numbers':['f3e3b596349257b698eb98b3a49227e919d28d103348c0b614cb36c9c86835aa'],"
		   "'address':[{'country_code':'de'}]}");
	hashed("{'uids':[{'id':'ann@example.com','source':'x'}]}", NULL,
		   "{'uids':[{'id':'" ANN "','source':'x'}]}");
	hashed("{'address':{'city':'Paris','first_name':'!'}}", NULL, "{'address':{'city':'Paris'}}");
}

static void
withheld(const char *event, const char *wanted, const char *fields)
{
	EcapiArena	arena;
	const EcapiValue *tree;
	const EcapiValue *left;
	char	   *before;
	char	   *got;

	ecapi_arena_init(&arena, unit_grab, NULL);
	told[0] = '\0';
	tree = unit_json(&arena, event);
	before = text_of(tree);
	left = ecapi_identifiers_withhold(&arena, tree, note, NULL);
	got = text_of(left);
	check_text(got, wanted, event);
	check_text(told, fields, fields[0] != '\0' ? fields : "nothing is told");
	check((left == tree) == (strcmp(event, wanted) == 0), "a new tree only for a change");
	free(got);
	got = text_of(tree);
	check_text(got, before, "what was given is not changed");
	free(got);
	free(before);
	unit_free();
}

#define USER	"'user_data':{'email_address':['Ann@Example.com'],'phone_numbers':'+49 711 123456'," \
	"'customer_identifier':'c-4711','uids':[{'id':'4711'},{'id':'ab'}]}"

static void
unchanged(const char *event)
{
	withheld(event, event, "");
}

static void
test_withhold(void)
{
	/* nothing to compare with, or nothing that leaves clear */
	unchanged("{'properties':{'coupon':'ann@example.com'}}");
	unchanged("{" USER "}");
	unchanged("{" USER ",'id':'c-4711','properties':{'coupon':'SUMMER','tax':4711,'search_term':'Paris'}}");
	/* short numbers and texts are ids of other things, too */
	unchanged("{" USER ",'properties':{'group_id':'4711','coupon':['ab'],'items':[{'id':'4711'}]}}");

	withheld("{" USER ",'properties':{'coupon':['ann@example.com','SUMMER'],'tax':1}}",
			 "{" USER ",'properties':{'coupon':['SUMMER'],'tax':1}}", "properties.coupon");
	withheld("{" USER ",'properties':{'group_id':' C-4711 '}}",
			 "{" USER ",'properties':{}}", "properties.group_id");
	withheld("{" USER ",'properties':{'page_url':'https://shop.example/?mail=ANN@example.com&x=1'}}",
			 "{" USER ",'properties':{}}", "properties.page_url");
	withheld("{" USER ",'properties':{'lead_reason':'call +49711/123456'}}",
			 "{" USER ",'properties':{'lead_reason':'call +49711/123456'}}", "");
	withheld("{" USER ",'properties':{'lead_reason':'0049711123456','lead_source':'+49711/123456'}}",
			 "{" USER ",'properties':{'lead_reason':'0049711123456'}}", "properties.lead_source");
	withheld("{" USER ",'properties':{'items':[{'id':'1','brand':'c-4711'},{'id':'2','ext':{'a':'c-4711'}}]}}",
			 "{" USER ",'properties':{'items':[{'id':'1'},{'id':'2','ext':{}}]}}",
			 "properties.items.brand properties.items.ext");
	withheld("{" USER ",'ext':{'person':{'mails':[{'is':'ann@example.com'},7]},'segment':'gold'}}",
			 "{" USER ",'ext':{'person':{'mails':[{},7]},'segment':'gold'}}", "ext");
	withheld("{" USER ",'ext':{'ann@example.com':1,'x':{'ann@example.com':{'y':2}}}}",
			 "{" USER ",'ext':{'x':{}}}", "ext ext");
	withheld("{'user_data':{'customer_identifier':'c-4711','customer_segments':['gold','c-4711'],"
			 "'ext':{'a':'c-4711'},'uids':[{'id':'zz','ext':{'b':'c-4711'}}],"
			 "'address':[{'city':'Paris','ext':{'c':'c-4711'}}]}}",
			 "{'user_data':{'customer_identifier':'c-4711','customer_segments':['gold'],"
			 "'ext':{},'uids':[{'id':'zz','ext':{}}],"
			 "'address':[{'city':'Paris','ext':{}}]}}",
			 "user_data.customer_segments user_data.ext user_data.uids.ext user_data.address.ext");
}

/* A backslash of the text, as JSON writes it. */
#define BACKSLASH	"\\u005c"

static void
test_escaped(void)
{
	static const char *const hidden[] = {
		"https://shop.example/t?m=ann%40example.com", "ann%2540example.com", "ann%25252540example.com",
		"%61nn@example.com", "{" BACKSLASH "u0022mail" BACKSLASH "u0022:ann" BACKSLASH "u0040example.com}",
		"https:" BACKSLASH "/" BACKSLASH "/shop.example" BACKSLASH "/?m=ann" BACKSLASH "u002540example.com",
		"%2B49711123456", "%2b49%20711%20123456", "c%2D4711", BACKSLASH "u0063-4711"
	};
	static const char *const harmless[] = {
		"100% cotton", "%40", "bob%40example.com", "ann%4example.com", "ann%252525252540example.com",
		"4%371%31", "%61b", BACKSLASH, "%"
	};
	char		event[512];

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
	{
		snprintf(event, sizeof(event), "{" USER ",'properties':{'page_url':'%s'}}", hidden[i]);
		withheld(event, "{" USER ",'properties':{}}", "properties.page_url");
	}
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
	{
		EcapiArena	arena;
		const EcapiValue *tree;

		snprintf(event, sizeof(event), "{" USER ",'properties':{'page_url':'%s'}}", harmless[i]);
		ecapi_arena_init(&arena, unit_grab, NULL);
		tree = unit_json(&arena, event);
		check(ecapi_identifiers_withhold(&arena, tree, NULL, NULL) == tree, harmless[i]);
		unit_free();
	}
	withheld("{" USER ",'ext':{'ann%40example.com':1,'x':['c%2D4711']},"
			 "'properties':{'items':[{'name':'ann%40example.com','ext':{'a':'%2B49711123456'}}]}}",
			 "{" USER ",'ext':{'x':[]},'properties':{'items':[{'ext':{}}]}}",
			 "properties.items.name properties.items.ext ext ext");
}

/* More identifiers than have room at first: the last is found as the first is. */
static void
test_many(void)
{
	char		event[8192] = "{'user_data':{'email_address':[";
	EcapiArena	arena;
	char	   *got;

	for (int i = 0; i < 100; i++)
		sprintf(event + strlen(event), "%s'p%d@example.com'", i > 0 ? "," : "", i);
	strcat(event, "]},'properties':{'coupon':['p0@example.com','p99@example.com','p100@example.com']}}");
	ecapi_arena_init(&arena, unit_grab, NULL);
	got = text_of(ecapi_value_get(ecapi_identifiers_withhold(&arena, unit_json(&arena, event), NULL, NULL),
								  "properties"));
	check_text(got, "{'coupon':['p100@example.com']}", "of a hundred addresses each is found");
	free(got);
	unit_free();
}

static int	grabs_left;

static void *
grab_some(void *owner, size_t size)
{
	return grabs_left-- > 0 ? unit_grab(owner, size) : NULL;
}

/* At whatever allocation memory runs out: it is said, and nothing crashes. */
static void
test_memory(void)
{
	EcapiArena	arena;
	EcapiArena	small;
	const EcapiValue *tree;
	bool		right = true;
	int			n = 0;

	ecapi_arena_init(&arena, unit_grab, NULL);
	tree = unit_json(&arena, "{" USER ",'properties':{'coupon':['ann%40example.com','SUMMER']}}");
	do
	{
		const EcapiValue *user_data = ecapi_value_get(tree, "user_data");

		grabs_left = n;
		ecapi_arena_init(&small, grab_some, NULL);
		(void) ecapi_identifiers_withhold(&small, tree, NULL, NULL);
		(void) ecapi_identifiers_hash(&small, user_data, NULL);
		right = right && (small.failed || grabs_left >= 0);
	} while (small.failed && ++n < 1000);
	check(right && n > 0 && n < 1000, "memory runs out at every place");
	unit_free();
}

int
main(void)
{
	test_hash();
	test_withhold();
	test_escaped();
	test_many();
	test_memory();
	return unit_done();
}
