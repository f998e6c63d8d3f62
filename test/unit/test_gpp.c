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
#include "sixbit.h"

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
	check(file == NULL || n > 500, "all of them");
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
	good = ecapi_tcf_decode(&section, &tcf) == NULL;
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
	EcapiGppSection section = {ECAPI_GPP_TCF_EU, text.text, 0};
	EcapiTcf	tcf;

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

	/* a range that runs backwards, and one that names all ids */
	for (int backwards = 0; backwards < 2; backwards++)
	{
		memset(&text, 0, sizeof(text));
		put_bits(&text, 2, 6);
		for (int i = 6; i < 213; i++)
			put_bits(&text, 0, 1);
		put_bits(&text, 65535, 16);
		put_bits(&text, 1, 1);
		put_bits(&text, 1, 12);
		put_bits(&text, 1, 1);
		put_bits(&text, backwards ? 65535 : 1, 16);
		put_bits(&text, backwards ? 1 : 65535, 16);
		put_bits(&text, 0, 17);
		section.len = strlen(text.text);
		check((ecapi_tcf_decode(&section, &tcf) == NULL) == !backwards,
			  backwards ? "a range that runs backwards" : "a range of all ids");
		check(backwards || (ecapi_ids_have(&tcf.vendor_consents, 65535) &&
							!ecapi_ids_have(&tcf.vendor_consents, 65536)), "has all of them");
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
	return unit_done();
}
