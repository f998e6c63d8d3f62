/*
 * test_gpp.c
 *	  GPP strings: what they decode to, what is refused, and what a broken part leaves.
 *
 *	  ECAPI_GPP_VECTORS=FILE test_gpp
 *
 * FILE has a string and what is expected, between tabs, in each line: a JSON object, or the
 * word error.  Without it the strings below are tested alone.  ECAPI_SEED repeats the random
 * ones.
 */
#include "unit.h"

#include "consent/gpp_json.h"
#include "consent/tcf.h"
#include "consent/us.h"
#include "event/json.h"
#include "consent_string.h"

/* Lines of the file of vectors that are vectors. */
#define VECTORS		544

static EcapiArena arena;

/* As JSON text; NULL, with what is wrong, when it or one of its sections is broken. */
static char *
decode(const char *text, const char **problem)
{
	static EcapiGpp gpp;
	EcapiBuffer json;

	*problem = ecapi_gpp_split(text, strlen(text), &gpp);
	for (int i = 0; *problem == NULL && i < gpp.nsections; i++)
		*problem = ecapi_gpp_section_problem(&gpp.sections[i]);
	if (*problem != NULL)
		return NULL;
	ecapi_buffer_init(&json, 8 * 1024 * 1024, unit_resize, NULL);
	ecapi_gpp_json(&json, &gpp);
	return json.data;
}

/* ---- vectors ---- */

static const EcapiValue *
member(const EcapiValue *object, const EcapiValue *like)
{
	return ecapi_value_get(object, like->key);
}

/* Equal but for the order of members; where it differs first is said. */
static bool
same(const EcapiValue *wanted, const EcapiValue *got, const char *path)
{
	const EcapiValue *other = got ? got->first : NULL;

	if (got == NULL || got->type != wanted->type || got->len != wanted->len)
		return fprintf(stderr, "# %s is another\n", path), false;
	if (wanted->type != ECAPI_OBJECT && wanted->type != ECAPI_ARRAY)
		return ecapi_value_equal(wanted, got) || (fprintf(stderr, "# %s is another\n", path), false);
	for (const EcapiValue *one = wanted->first; one; one = one->next)
	{
		if (!same(one, wanted->type == ECAPI_OBJECT ? member(got, one) : other,
				  wanted->type == ECAPI_OBJECT ? one->key : path))
			return false;
		other = other ? other->next : NULL;
	}
	return true;
}

static void
test_vector(char *line)
{
	char	   *expected = strchr(line, '\t');
	const char *problem;
	char	   *json;
	char		what[100];
	char		error[128];
	bool		good;

	*expected++ = '\0';
	json = decode(line, &problem);
	snprintf(what, sizeof(what), "vector %.80s", line);
	ecapi_arena_init(&arena, unit_grab, NULL);
	if (strcmp(expected, "error") == 0)
		good = json == NULL;
	else
		good = json != NULL &&
			same(ecapi_json_parse(&arena, expected, strlen(expected), error, sizeof(error)),
				 ecapi_json_parse(&arena, json, strlen(json), error, sizeof(error)), "it");
	check(good, what);
	if (!good)
		fprintf(stderr, "# %s\n# problem %s\n", json ? json : "(none)", problem ? problem : "none");
	free(json);
	unit_free();
}

static void
test_vectors(const char *name)
{
	FILE	   *file = fopen(name, "r");
	char	   *line = NULL;
	size_t		size = 0;
	int			n = 0;
	ssize_t		len;

	check(file != NULL, "the vectors are there");
	while (file != NULL && (len = getline(&line, &size, file)) > 0)
	{
		if (line[0] == '#' || strchr(line, '\t') == NULL)
			continue;
		line[len - 1] = '\0';
		test_vector(line);
		n++;
	}
	printf("# %d vectors\n", n);
	check(file == NULL || n == VECTORS, "all of them");
	free(line);
	if (file != NULL)
		fclose(file);
}


/* ---- examples ---- */

/* Strings with what is asked of their JSON; wanted NULL: the string is broken. */
static const struct
{
	const char *text;
	const char *section;
	const char *field;
	const char *wanted;
}			examples[] = {
	/* the worked examples of the sections' texts */
	{"DBABBg~BVWSSSVY.YA", "usca", "SaleOptOut", "1"},
	{"DBABBg~BVWSSSVY.YA", "usca", "SensitiveDataProcessing", "[2,1,0,2,1,0,2,1,0]"},
	{"DBABBg~BVWSSSVY.YA", "usca", "MspaServiceProviderMode", "2"},
	{"DBABBg~BVWSSSVY.YA", "usca", "Gpc", "true"},
	{"DBABBg~BVWSSSVY", "usca", "GpcSegmentIncluded", "false"},
	{"DBABLA~CVVVkkkkkpFY.YA", "usnat", "KnownChildSensitiveDataConsents", "[2,1,0]"},
	{"DBABLA~BVVVkkkkkpFY", "usnat", "KnownChildSensitiveDataConsents", "[2,1]"},
	{"DBABTA~1YNN", "uspv1", "OptOutSale", "\"N\""},
	{"CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA", "tcfeuv2", "VendorConsents", "[1,2,3,4]"},
	{"CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA", "tcfeuv2", "VendorsDisclosed", "[1,2,3,4,5,100,404]"},
	{"CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA", "tcfeuv2", "PublisherCountryCode", "\"DE\""},
	/* what is left over does not count, nor does a version that is not registered */
	{"DBABBg~BVWSSSVYAAAA", "usca", "SaleOptOut", "1"},
	{"DBABBg~_VWSSSVY", "usca", "Version", "63"},
	/* a section header before the core of a late state */
	{"DBABEY~YBAAA.BQAA", "usmd", "MspaVersion", "1"},
	/* base64: padding, and the other alphabet */
	{"DBABBg~BVWSSSVY=", "usca", NULL, NULL},
	{"DBABBg~BVW+SSVY", "usca", NULL, NULL},
	{"DBABBg~BVW/SSVY", "usca", NULL, NULL},
	{"DBABBg~BVW SSVY", "usca", NULL, NULL},
	/* any length is one, also those that base64 has not */
	{"DBABBg~BVWSSSVYA", "usca", "SaleOptOut", "1"},
	/* TCF of version 1, and as a section */
	{"BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "tcfeuv2", NULL, NULL},
	{"DBABMA~BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "tcfeuv2", NULL, NULL},
	/* cut */
	{"DBABBg~BVWSSSV", "usca", NULL, NULL},
	{"DBABBg~", "usca", NULL, NULL},
	{"DBABB", "usca", NULL, NULL},
	{"", "usca", NULL, NULL},
	/* as many sections as the header names */
	{"DBABBg~BVWSSSVY~BVWSSSVY", "usca", NULL, NULL},
	{"DBACLMA~BVWSSSVY", "usca", NULL, NULL},
	/* US Privacy in other letters, of another version */
	{"DBABTA~1ynn", "uspv1", NULL, NULL},
	{"DBABTA~2YNN", "uspv1", NULL, NULL}
};

static void
test_examples(void)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
	{
		const char *problem;
		char		error[128];
		char	   *json = decode(examples[i].text, &problem);
		const EcapiValue *value = NULL;
		EcapiBuffer got;

		ecapi_arena_init(&arena, unit_grab, NULL);
		ecapi_buffer_init(&got, 100000, unit_resize, NULL);
		if (json != NULL)
			value = ecapi_value_get(ecapi_value_get(ecapi_json_parse(&arena, json, strlen(json),
																	 error, sizeof(error)),
													examples[i].section), examples[i].field ? examples[i].field : "");
		if (value != NULL)
			ecapi_json_value(&got, value);
		if (examples[i].wanted == NULL)
			check(json == NULL && problem != NULL, examples[i].text);
		else
			check_text(got.data, examples[i].wanted, examples[i].text);
		free(got.data);
		free(json);
		unit_free();
	}
}

/* ---- random strings ---- */

/*
 * Bits of the cores behind the version, by id from 7: of the table "Layouts" in the texts of
 * the sections.
 */
static const int us_bits[] = {64, 40, 34, 32, 36, 38, 40, 40, 46, 36, 46, 36, 36, 40, 48, 36, 36, 16, 18, 18, 18};

static void
test_us_round(int id)
{
	int			n = us_bits[id - ECAPI_GPP_US_FIRST] / 2;
	uint8_t		wanted[64];
	Text		text = {.bits = 0};
	EcapiGppSection section = {id, text.text, 0};
	EcapiUs		us;
	int			at = 0;
	bool		good;

	put_bits(&text, id == ECAPI_GPP_US_FIRST ? 2 : 1, 6);
	for (int i = 0; i < n; i++)
		put_bits(&text, wanted[i] = (uint8_t) draw(4), 2);
	/* left-over zero bits; of section 7 the length says the layout, so none there */
	if (id != ECAPI_GPP_US_FIRST)
		put_bits(&text, 0, (int) draw(30) + 1);
	section.len = strlen(text.text);
	good = ecapi_us_decode(&section, &us) == NULL;
	for (int i = 0; good && i < us.nfields; i++)
	{
		/* of the last three the list is in a segment of its own */
		if (id > 24 && us.fields[i].field == ECAPI_US_SENSITIVE_DATA_PROCESSING)
			continue;
		for (int j = 0; j < us.fields[i].n; j++)
			good &= at < n && us.fields[i].values[j] == wanted[at++];
	}
	check(good && at == n, ecapi_gpp_section_name(id));
}

/* Ids in order, as groups. */
typedef struct Groups
{
	int			n;
	unsigned	first[100];
	unsigned	last[100];
} Groups;

static void
draw_groups(Groups *groups)
{
	unsigned	last = 0;

	groups->n = (int) draw(40) + 1;
	for (int i = 0; i < groups->n; i++)
	{
		groups->first[i] = last + 2 + draw(100);
		groups->last[i] = last = groups->first[i] + (draw(2) ? draw(500) + 1 : 0);
	}
}

static void
put_groups(Text *text, const Groups *groups, EcapiIdsForm form)
{
	unsigned	max = groups->last[groups->n - 1];
	unsigned	last = 0;

	put_bits(text, max, 16);
	put_bits(text, form != ECAPI_IDS_BITFIELD, 1);
	if (form == ECAPI_IDS_BITFIELD)
	{
		for (unsigned id = 1, i = 0; id <= max; id++)
		{
			i += id > groups->last[i];
			put_bits(text, id >= groups->first[i], 1);
		}
		return;
	}
	put_bits(text, (unsigned) groups->n, 12);
	for (int i = 0; i < groups->n; i++)
	{
		bool		group = groups->last[i] > groups->first[i];

		put_bits(text, group, 1);
		if (form == ECAPI_IDS_RANGES)
			put_bits(text, groups->first[i], 16);
		else
			put_fibonacci(text, groups->first[i] - last);
		last = groups->last[i];
		if (group && form == ECAPI_IDS_RANGES)
			put_bits(text, last, 16);
		else if (group)
			put_fibonacci(text, last - groups->first[i]);
	}
}

/* Whether a set is what was written, by walking over it and by asking for ids. */
static bool
has_groups(const EcapiIds *ids, const Groups *groups)
{
	EcapiIds	walk = *ids;
	uint32_t	first;
	uint32_t	last = 0;
	int			n = 0;

	while (ecapi_ids_next(&walk, &first, &last))
	{
		if (n == groups->n || first != groups->first[n] || last != groups->last[n])
			return false;
		n++;
	}
	for (int i = 0; i < groups->n; i++)
	{
		if (!ecapi_ids_have(ids, groups->first[i]) || !ecapi_ids_have(ids, groups->last[i]) ||
			ecapi_ids_have(ids, groups->first[i] - 1) || ecapi_ids_have(ids, groups->last[i] + 1))
			return false;
	}
	return n == groups->n;
}

static void
test_tcf_round(bool canada, EcapiIdsForm form)
{
	Text		text = {.bits = 0};
	EcapiGppSection section = {canada ? ECAPI_GPP_TCF_CA : ECAPI_GPP_TCF_EU, text.text, 0};
	EcapiTcf	tcf;
	Groups		consents;
	Groups		interests;
	uint32_t	purposes = draw(1 << 24);
	uint32_t	others = draw(1 << 24);
	bool		good;

	draw_groups(&consents);
	draw_groups(&interests);
	put_bits(&text, canada ? 1 : 2, 6);
	put_bits(&text, draw(1 << 20), 36);
	put_bits(&text, draw(1 << 20), 36);
	put_bits(&text, draw(1 << 30), 12 + 12 + 6);
	put_bits(&text, 4 << 6 | 13, 12);
	put_bits(&text, draw(4096), 12);
	put_bits(&text, 4, 6);
	put_bits(&text, 2, canada ? 1 : 2);
	put_bits(&text, draw(4096), 12);
	put_bits(&text, purposes, 24);
	put_bits(&text, others, 24);
	if (!canada)
		put_bits(&text, 1 << 12 | 3 << 6 | 4, 13);
	put_groups(&text, &consents, form);
	put_groups(&text, &interests, form);
	put_bits(&text, 0, 12);
	section.len = strlen(text.text);
	good = ecapi_tcf_decode(&section, 0, &tcf) == NULL;
	check(good && tcf.consents == purposes && tcf.interests == others &&
		  strcmp(tcf.language, "EN") == 0 && (canada || strcmp(tcf.country, "DE") == 0) &&
		  has_groups(&tcf.vendor_consents, &consents) &&
		  has_groups(&tcf.vendor_interests, &interests), "a section of the TCF");
}

static void
test_rounds(void)
{
	seed_draws();
	for (int round = 0; round < 20; round++)
	{
		for (int id = ECAPI_GPP_US_FIRST; id <= ECAPI_GPP_US_LAST; id++)
			test_us_round(id);
		test_tcf_round(false, ECAPI_IDS_BITFIELD);
		test_tcf_round(false, ECAPI_IDS_RANGES);
		test_tcf_round(true, ECAPI_IDS_BITFIELD);
		test_tcf_round(true, ECAPI_IDS_RANGES);
		test_tcf_round(true, ECAPI_IDS_FIBONACCI);
	}
}

/* ---- what is bounded ---- */

static void
test_bounds(void)
{
	static char large[256 * 1024];
	static EcapiGpp gpp;
	Text		text = {.bits = 0};

	memset(large, 'A', sizeof(large) - 1);
	memcpy(large, "DBABBg~", 7);
	check_text(ecapi_gpp_split(large, strlen(large), &gpp), "longer than 16384 bytes", "256 kB");
	check(gpp.nsections == 0, "no sections of what is broken");

	/* a header that names ids 1 to 60001 */
	put_bits(&text, 3 << 6 | 1, 12);
	put_bits(&text, 1, 12);
	put_bits(&text, 1, 1);
	put_fibonacci(&text, 1);
	put_fibonacci(&text, 60000);
	strcat(text.text, "~A");
	check_text(ecapi_gpp_split(text.text, strlen(text.text), &gpp),
			   "the header names more sections than there are", "a header of 60,001 ids");

	/* one section broken, the other as it is */
	check(ecapi_gpp_split("DBACLMA~BVQqAAAAAAKA~!!", 23, &gpp) == NULL && gpp.nsections == 2,
		  "a string with a broken section is split");
	check(ecapi_gpp_section_problem(&gpp.sections[0]) == NULL &&
		  ecapi_gpp_section_problem(&gpp.sections[1]) != NULL, "and the other section is decoded");
}

/* A section of vendors, with the one that is asked for; NULL, or what is wrong. */
static const char *
decode_vendors(int id, const Text *text, uint32_t vendor, EcapiTcf *tcf)
{
	return ecapi_tcf_decode(&(EcapiGppSection) {id, text->text, strlen(text->text)}, vendor, tcf);
}

/* An id, looked for on the way and by walking: both must say the same. */
static bool
has(const Text *text, uint32_t vendor)
{
	EcapiTcf	asked;
	EcapiTcf	walked;
	bool		good = decode_vendors(ECAPI_GPP_TCF_EU, text, vendor, &asked) == NULL &&
		decode_vendors(ECAPI_GPP_TCF_EU, text, 0, &walked) == NULL;
	bool		found = good && ecapi_ids_have(&asked.vendor_consents, vendor);

	check(good && found == ecapi_ids_have(&walked.vendor_consents, vendor), "asked for and walked over");
	return found;
}

static void
test_bad_ranges(void)
{
	static const int all[][2] = {{1, ECAPI_IDS_MAX}};
	static const int overlapping[][2] = {{5, 9}, {1, 7}, {6, 8}, {100, 200}};
	static const int backwards[][2] = {{1, 7}, {9, 5}};
	static const int none[][2] = {{0, 7}};
	static int	many[1400][2];
	Text		text = {.bits = 0};
	EcapiTcf	tcf;

	put_vendors(&text, backwards, 2);
	check_text(decode_vendors(ECAPI_GPP_TCF_EU, &text, 0, &tcf), "cut, or a range that runs backwards", "a range that runs backwards");
	text = (Text) {.bits = 0};
	put_vendors(&text, none, 1);
	check(decode_vendors(ECAPI_GPP_TCF_EU, &text, 0, &tcf) != NULL, "a range from 0");
	text = (Text) {.bits = 0};
	put_vendors(&text, all, 1);
	check(has(&text, 1) && has(&text, ECAPI_IDS_MAX) && !has(&text, ECAPI_IDS_MAX + 1), "a range of all ids");
	text = (Text) {.bits = 0};
	put_vendors(&text, overlapping, 4);
	check(has(&text, 1) && has(&text, 9) && has(&text, 100) && has(&text, 200) && !has(&text, 10) &&
		  !has(&text, 99) && !has(&text, 201), "ranges that overlap, and run back");
	for (int i = 0; i < 1400; i++)
		memcpy(many[i], all[0], sizeof(all[0]));
	text = (Text) {.bits = 0};
	put_vendors(&text, many, 1400);
	check(has(&text, ECAPI_IDS_MAX) && !has(&text, ECAPI_IDS_MAX + 1), "ninety million vendors");
	text = (Text) {.bits = 0};
	put_fibonacci_vendors(&text, 1, 5000);
	check(decode_vendors(ECAPI_GPP_TCF_CA, &text, 5001, &tcf) == NULL && ecapi_ids_have(&tcf.vendor_consents, 5001),
		  "Canada's in Fibonacci codes");
	text = (Text) {.bits = 0};
	put_fibonacci_vendors(&text, 1, 1000000);
	check(decode_vendors(ECAPI_GPP_TCF_CA, &text, 0, &tcf) != NULL, "a million vendors in a range of them");
	text = (Text) {.bits = 0};
	put_tcf(&text, &(Tcf) {.canada = true, .restricted = 7});
	check(decode_vendors(ECAPI_GPP_TCF_CA, &text, 0, &tcf) == NULL && tcf.restrictions.n == 1 && !tcf.restrictions.sized,
		  "restrictions as Canada's older strings have them");
}

/* Restrictions that are cut count for decisions, and are none in JSON. */
static void
test_cut_restrictions(void)
{
	static const int two[][2] = {{1, 7}, {9, 10}};
	static const int backwards[][2] = {{1, 7}, {9, 5}};

	for (int announced = 2; announced <= 3; announced++)
	{
		Text		text = {.bits = 0};
		EcapiTcf	tcf;
		const char *problem;
		char	   *json;

		put_restrictions(&text, two, 2, announced);
		check(decode_vendors(ECAPI_GPP_TCF_EU, &text, 0, &tcf) == NULL && tcf.restrictions.n == 2 &&
			  tcf.restrictions.cut == (announced == 3), "two restrictions are read");
		json = decode(text.text, &problem);
		check(json != NULL && (strstr(json, "\"PublisherRestrictions\":[]") != NULL) == (announced == 3),
			  "as the official libraries report them");
		free(json);
		text = (Text) {.bits = 0};
		put_restrictions(&text, backwards, 2, announced);
		check_text(decode_vendors(ECAPI_GPP_TCF_EU, &text, 0, &tcf), "cut, or a range that runs backwards",
				   "but a range that runs backwards is an error");
	}
}

/* Sections listed twice, of no known id, of another version. */
static void
test_bad_sections(void)
{
	static EcapiGpp gpp;
	static const int unknown[] = {1, 3, 4, 28, 60000};
	Text		twice = {.bits = 0};
	Text		version = {.bits = 0};
	EcapiTcf	tcf;
	char		string[200];

	/* a header says by how much an id is larger, and has no code for 0 */
	put_bits(&twice, 3 << 6 | 1, 12);
	put_bits(&twice, 2, 12);
	put_bits(&twice, 0, 1);
	put_fibonacci(&twice, 8);
	put_bits(&twice, 0, 25);
	strcat(twice.text, "~BVWSSSVY~BVWSSSVY");
	check_text(ecapi_gpp_split(twice.text, strlen(twice.text), &gpp),
			   "the header is cut, or names a section that cannot be", "a section listed twice");
	put_tcf(&version, &(Tcf) {.version = 1});
	check(decode_vendors(ECAPI_GPP_TCF_EU, &version, VENDOR, &tcf) == NULL && tcf.version == 1,
		  "a version that is not registered is shown");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
	{
		const char *problem;
		char	   *json;
		Part		parts[2] = {{(unsigned) unknown[i], "BVWSSSVY"}, {8, "BVWSSSVY"}};

		if (unknown[i] > 8)
		{
			parts[0].id = 8;
			parts[1].id = (unsigned) unknown[i];
		}
		put_string(string, sizeof(string), parts, 2);
		json = decode(string, &problem);
		check(json != NULL && strstr(json, "\"usca\":{") != NULL, "a section of no known id takes none away");
		free(json);
	}
}

int
main(void)
{
	if (getenv("ECAPI_GPP_VECTORS"))
		test_vectors(getenv("ECAPI_GPP_VECTORS"));
	test_examples();
	test_rounds();
	test_bounds();
	test_bad_ranges();
	test_cut_restrictions();
	test_bad_sections();
	return unit_done();
}
