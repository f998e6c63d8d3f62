/*
 * test_decide.c
 *	  Decisions by consent strings: which sections count, what is no string, bad ones, words;
 *	  and that a denial never makes a decision milder.  test_consent_rules.c has each rule.
 */
#include "unit.h"

#include "consent/bits.h"
#include "consent/decide.h"
#include "consent/gpp.h"
#include "consent_string.h"

/* Who receives events. */
static const EcapiConsentTerms ads = {.gpp = ECAPI_GPP_IF_PRESENT, .uses = ECAPI_USE_SALE_OR_SHARE |
	ECAPI_USE_TARGETED_ADS | ECAPI_USE_MEASUREMENT, .tcf_purposes = 1 << 1 | 1 << 7};
static const EcapiConsentTerms measurer = {.gpp = ECAPI_GPP_IF_PRESENT,
	.uses = ECAPI_USE_MEASUREMENT, .tcf_purposes = 1 << 1 | 1 << 7};

/* ---- strings ---- */

/* A core of section 8 (California), and its GPC segment; zeroed: nothing applies. */
typedef struct California
{
	int			notices[3];		/* sale, sharing, limit use */
	int			sale;
	int			sharing;
	int			sensitive[9];
	int			child[2];
	int			personal;
	int			mspa[3];
	int			gpc;			/* 1: on; 0: no segment */
	int			version;		/* 0: the registered one */
} California;

static void
put_california(Text *text, const California *it)
{
	put_bits(text, it->version ? (unsigned) it->version : 1, 6);
	for (int i = 0; i < 3; i++)
		put_bits(text, (unsigned) it->notices[i], 2);
	put_bits(text, (unsigned) it->sale, 2);
	put_bits(text, (unsigned) it->sharing, 2);
	for (int i = 0; i < 9; i++)
		put_bits(text, (unsigned) it->sensitive[i], 2);
	for (int i = 0; i < 2; i++)
		put_bits(text, (unsigned) it->child[i], 2);
	put_bits(text, (unsigned) it->personal, 2);
	for (int i = 0; i < 3; i++)
		put_bits(text, (unsigned) it->mspa[i], 2);
}

/* A string of the sections that are not NULL, in the order that ids have. */
static const char *
string_of(const Tcf *europe, const char *usp, const California *california)
{
	static char string[2 * sizeof(Text)];
	Text		tcf = {.bits = 0};
	Text		core = {.bits = 0};
	Part		parts[3];
	int			n = 0;

	if (europe != NULL)
	{
		put_tcf(&tcf, europe);
		parts[n++] = (Part) {ECAPI_GPP_TCF_EU, tcf.text};
	}
	if (usp != NULL)
		parts[n++] = (Part) {ECAPI_GPP_USP, usp};
	if (california != NULL)
	{
		put_california(&core, california);
		if (california->gpc)
			strcat(core.text, ".YA");
		parts[n++] = (Part) {8, core.text};
	}
	put_string(string, sizeof(string), parts, n);
	return string;
}

static EcapiConsentDecision
decide(const EcapiConsentTerms *terms, const char *string)
{
	return ecapi_consent_decide(terms, string, string ? strlen(string) : 0, NULL, 0);
}

/* ---- single cases ---- */

static void
check_decision(EcapiConsentDecision got, EcapiConsentOutcome outcome, const char *reason,
			   const char *what)
{
	check(got.outcome == outcome, what);
	check_text(ecapi_consent_reason(got.section, got.rule), reason, what);
}

/* The national section, all zeros but whether the MSPA covers the transaction. */
static void
test_mspa(void)
{
	EcapiConsentTerms signatory = ads;

	signatory.mspa_signatory = true;
	for (unsigned covered = 0; covered < 4; covered++)
	{
		Text		text = {.bits = 0};
		char		string[sizeof(text.text) + 10];
		bool		open = covered == 0 || covered == 2;

		put_bits(&text, 2, 6);
		for (int i = 0; i < 29; i++)
			put_bits(&text, 0, 2);
		put_bits(&text, covered, 2);
		put_bits(&text, 0, 4);
		snprintf(string, sizeof(string), "DBABLA~%s", text.text);
		check_decision(decide(&ads, string), open ? ECAPI_CONSENT_SEND : ECAPI_CONSENT_REFUSED,
					   open ? "consent: nothing against it" : "consent: usnat no signatory of the MSPA", string);
		check(decide(&signatory, string).outcome == ECAPI_CONSENT_SEND &&
			  decide(&measurer, string).outcome == ECAPI_CONSENT_SEND,
			  "a covered transaction is for signatories, and for who measures");
	}
}

/* A vendor's id that the owner has not said. */
static void
test_no_vendor(void)
{
	EcapiConsentTerms required = ads;

	required.gpp = ECAPI_GPP_REQUIRED;
	check(decide(&ads, string_of(&(Tcf) {.without_vendor = true}, NULL, NULL)).outcome ==
		  ECAPI_CONSENT_SEND, "without a vendor's id purposes decide");
	check_decision(decide(&required, string_of(&(Tcf) {.without = 0}, NULL, NULL)),
				   ECAPI_CONSENT_REFUSED, "consent: tcfeuv2 no vendor id", "unless a string is required");
}

/* Which sections count, and what is no string. */
static void
test_applicable(void)
{
	static const California opted_out = {.notices = {1}, .sale = 1};
	static const California allows = {.notices = {1}, .sale = 2};
	static const Tcf no_purpose = {.without = 1 << 7};
	static const Tcf consents = {.without = 0};
	EcapiConsentTerms required = ads;
	EcapiConsentTerms ignored = ads;
	const char *string;

	required.gpp = ECAPI_GPP_REQUIRED;
	ignored.gpp = ECAPI_GPP_IGNORED;
	required.tcf_vendor_id = VENDOR;

	/* any denial denies, in whichever section */
	check_decision(decide(&ads, string_of(&consents, NULL, &opted_out)), ECAPI_CONSENT_REFUSED,
				   "consent: usca sale opt-out", "the second section denies");
	check_decision(decide(&ads, string_of(&no_purpose, NULL, &allows)), ECAPI_CONSENT_REFUSED,
				   "consent: tcfeuv2 purpose without consent", "the first one denies");
	check(decide(&ads, string_of(&consents, "1YNN", &allows)).outcome == ECAPI_CONSENT_SEND, "none denies");

	/* those that apply alone */
	string = string_of(&no_purpose, NULL, &allows);
	check(ecapi_consent_decide(&ads, string, strlen(string), (int[]) {8}, 1).outcome ==
		  ECAPI_CONSENT_SEND, "a section that does not apply says nothing");
	check(ecapi_consent_decide(&ads, string, strlen(string), (int[]) {8, 2}, 2).outcome ==
		  ECAPI_CONSENT_REFUSED, "of two that apply both must allow it");
	check(ecapi_consent_decide(&required, string, strlen(string), (int[]) {-1}, 1).outcome ==
		  ECAPI_CONSENT_SEND, "none applies");
	check_decision(ecapi_consent_decide(&required, string, strlen(string), (int[]) {9}, 1),
				   ECAPI_CONSENT_REFUSED, "consent: usva section missing", "one that is not there, required");
	check(ecapi_consent_decide(&ads, string, strlen(string), (int[]) {9}, 1).outcome ==
		  ECAPI_CONSENT_SEND, "silence is no opt-out");
	string = string_of(NULL, NULL, &allows);
	check_decision(ecapi_consent_decide(&ads, string, strlen(string), (int[]) {2}, 1),
				   ECAPI_CONSENT_REFUSED, "consent: tcfeuv2 section missing", "and no consent");

	/* no string, and what is none */
	check(decide(&ads, NULL).outcome == ECAPI_CONSENT_SEND, "no string");
	check_decision(decide(&required, NULL), ECAPI_CONSENT_REFUSED, "consent: no string", "no string, required");
	check_decision(decide(&ads, "granted"), ECAPI_CONSENT_REFUSED, "consent: unreadable string", "no consent string");
	check_decision(decide(&required, "DBAA"), ECAPI_CONSENT_REFUSED, "consent: section missing", "a header alone");
	check_decision(decide(&ads, "DBABBg~!!"), ECAPI_CONSENT_REFUSED, "consent: usca unreadable section", "a broken section");
	check(decide(&ignored, "granted").outcome == ECAPI_CONSENT_SEND, "a string that is ignored");
}

/* ---- bad input ---- */

/* A TC string whose vendors are n groups. */
static const char *
vendors(const int (*groups)[2], int n)
{
	static Text text;

	memset(&text, 0, sizeof(text));
	put_vendors(&text, groups, n);
	return text.text;
}

/* A string with restrictions of vendor ranges; see put_restrictions(). */
static const char *
restrictions(const int (*ranges)[2], int n, int announced)
{
	static Text text;

	memset(&text, 0, sizeof(text));
	put_restrictions(&text, ranges, n, announced);
	return text.text;
}

/* What is refused, whether a string is required or must only not deny. */
static void
check_refused(const char *string, const char *reason, const char *what)
{
	EcapiConsentTerms terms = ads;

	terms.tcf_vendor_id = VENDOR;
	check_decision(decide(&terms, string), ECAPI_CONSENT_REFUSED, reason, what);
	terms.gpp = ECAPI_GPP_REQUIRED;
	check_decision(decide(&terms, string), ECAPI_CONSENT_REFUSED, reason, what);
	terms.uses = ECAPI_USE_MEASUREMENT;
	check_decision(decide(&terms, string), ECAPI_CONSENT_REFUSED, reason, what);
	terms.restricted = true;
	check_decision(decide(&terms, string), ECAPI_CONSENT_REFUSED, reason, what);
}

static void
check_refused_for_ads(const char *string, const char *reason, const char *what)
{
	check_decision(decide(&ads, string), ECAPI_CONSENT_REFUSED, reason, what);
}

static void
test_bad_text(void)
{
	static char large[256 * 1024];

	check_refused("DBABBg~BVoAAAAA=", "consent: usca unreadable section", "padding of base64");
	check_refused("DBABBg~BVoAAAA+", "consent: usca unreadable section", "base64 of the other alphabet");
	check_refused("DBABBg~BVoAAAA/", "consent: usca unreadable section", "its other character");
	check_refused("DBAB+g~BVoAAAAA", "consent: unreadable string", "the same in the header");
	check_refused("DBABBg~BVoAAAA", "consent: usca unreadable section", "a core too short");
	check_refused("DBABBg~", "consent: usca unreadable section", "none");
	check(decide(&ads, "DBABBg~BVoAAAAAAAAAAAA").outcome == ECAPI_CONSENT_SEND, "what is left over does not count");
	memset(large, 'A', sizeof(large) - 1);
	memcpy(large, "DBABBg~", 7);
	check_refused(large, "consent: unreadable string", "256 kB");
	large[0] = 'C';
	check_refused(large, "consent: unreadable string", "256 kB of a TC string");
	/* of the longest that is read, nothing but ends of sections */
	memset(large, '~', ECAPI_GPP_MAX);
	memcpy(large, "DBABBg", 6);
	large[ECAPI_GPP_MAX] = '\0';
	check_refused(large, "consent: unreadable string", "sixteen thousand empty sections");
}

static void
test_bad_ranges(void)
{
	static const int overlapping[][2] = {{5, 9}, {1, VENDOR}, {6, 8}};
	static const int backwards[][2] = {{1, VENDOR}, {9, 5}};
	static int	all[2000][2];
	Text		canada = {.bits = 0};
	Text		header = {.bits = 0};
	Part		part = {ECAPI_GPP_TCF_CA, canada.text};
	char		string[sizeof(Text)];
	EcapiConsentTerms vendor = ads;

	vendor.tcf_vendor_id = VENDOR;
	check(decide(&vendor, vendors(overlapping, 3)).outcome == ECAPI_CONSENT_SEND, "ranges that overlap");
	vendor.tcf_vendor_id = 10;
	check_decision(decide(&vendor, vendors(overlapping, 3)), ECAPI_CONSENT_REFUSED,
				   "consent: tcfeuv2 vendor without consent", "and none is beyond them");
	check_refused(vendors(backwards, 2), "consent: tcfeuv2 unreadable section", "a range that runs backwards");
	for (int i = 0; i < 1400; i++)
	{
		all[i][0] = 1;
		all[i][1] = ECAPI_IDS_MAX;
	}
	vendor.tcf_vendor_id = ECAPI_IDS_MAX;
	check(decide(&vendor, vendors(all, 1400)).outcome == ECAPI_CONSENT_SEND, "ninety million vendors");

	/* a million in one range, which only Fibonacci codes can say */
	put_fibonacci_vendors(&canada, 1, 1000000);
	put_string(string, sizeof(string), &part, 1);
	check_refused(string, "consent: tcfcav1 unreadable section", "a range of a million vendors");
	put_bits(&header, 3 << 6 | 1, 12);
	put_bits(&header, 1, 12);
	put_bits(&header, 1, 1);
	put_fibonacci(&header, 1);
	put_fibonacci(&header, 1000000);
	check_refused(strcat(header.text, "~BVoAAAAA"), "consent: unreadable string", "a header of a million sections");
}

/* A restriction that can be read counts, whatever is behind it. */
static void
test_bad_restrictions(void)
{
	static const int ours[][2] = {{1, VENDOR}, {9, 10}};
	static const int other[][2] = {{9, 10}, {11, 12}};
	static const int backwards[][2] = {{1, VENDOR}, {9, 5}};
	static const int none[][2] = {{9, 10}, {0, 5}};
	EcapiConsentTerms vendor = ads;

	vendor.tcf_vendor_id = VENDOR;
	check(decide(&vendor, restrictions(other, 2, 2)).outcome == ECAPI_CONSENT_SEND, "restrictions of others");
	check(decide(&vendor, restrictions(other, 2, 3)).outcome == ECAPI_CONSENT_SEND, "also where more are missing");
	check_refused(restrictions(ours, 2, 2), "consent: tcfeuv2 publisher restriction", "one of ours");
	check_refused(restrictions(ours, 2, 3), "consent: tcfeuv2 publisher restriction", "also where more are missing");
	check_refused(restrictions(ours, 1, 4095), "consent: tcfeuv2 publisher restriction", "as many as can be");
	check_refused(restrictions(backwards, 2, 2), "consent: tcfeuv2 unreadable section", "a restriction that runs backwards");
	check_refused(restrictions(none, 2, 2), "consent: tcfeuv2 unreadable section", "and one of the vendor 0");
	check_refused(restrictions(none, 2, 3), "consent: tcfeuv2 unreadable section", "also where more are missing");
}

static void
test_bad_sections(void)
{
	static const int unknown[] = {1, 3, 4, 28, 60000};
	Text		twice = {.bits = 0};
	Text		version = {.bits = 0};
	Part		parts[2] = {{ECAPI_GPP_TCF_EU, version.text}, {0, "BVoAAAAA"}};
	EcapiConsentTerms required = ads;
	char		string[sizeof(Text)];

	required.gpp = ECAPI_GPP_REQUIRED;
	/* a header says by how much an id is larger, and has no code for 0 */
	put_bits(&twice, 3 << 6 | 1, 12);
	put_bits(&twice, 2, 12);
	put_bits(&twice, 0, 1);
	put_fibonacci(&twice, 8);
	put_bits(&twice, 0, 25);
	check_refused(strcat(twice.text, "~BVoAAAAA~BVoAAAAA"), "consent: unreadable string", "a section listed twice");
	check_refused("DBABBg~BVoAAAAA~BVoAAAAA", "consent: unreadable string", "with two texts");
	check(ecapi_consent_decide(&required, "DBABBg~BVoAAAAA", 15, (int[]) {8, 8, 8}, 3).outcome == ECAPI_CONSENT_SEND &&
		  ecapi_consent_decide(&required, "DBABBg~BVQAAAAA", 15, (int[]) {8, 8}, 2).outcome == ECAPI_CONSENT_REFUSED,
		  "one that applies, named more than once");
	check_refused("BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "consent: unreadable string", "a TCF string of version 1");
	check_refused("DBABMA~BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "consent: tcfeuv2 unreadable section", "as a section");
	put_tcf(&version, &(Tcf) {.version = 1});
	put_string(string, sizeof(string), parts, 1);
	check_refused(string, "consent: tcfeuv2 unknown version", "of the length of version 2");

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
	{
		Part		one = {(unsigned) unknown[i], "BVoAAAAA"};
		Part		both[2] = {one, {8, "BVQAAAAA"}};
		Part		backwards[2] = {{8, "BVQAAAAA"}, one};

		put_string(string, sizeof(string), &one, 1);
		check(decide(&ads, string).outcome == ECAPI_CONSENT_SEND, "an unknown section says nothing");
		check_decision(decide(&required, string), ECAPI_CONSENT_REFUSED, "consent: section missing",
					   "and allows nothing, where a string is required");
		check(ecapi_consent_decide(&ads, string, strlen(string), &unknown[i], 1).outcome == ECAPI_CONSENT_SEND,
			  "the same where it applies");
		check_decision(ecapi_consent_decide(&required, string, strlen(string), &unknown[i], 1),
					   ECAPI_CONSENT_REFUSED, "consent: unreadable section", "and a string is required");
		put_string(string, sizeof(string), unknown[i] < 8 ? both : backwards, 2);
		check_refused_for_ads(string, "consent: usca sale opt-out", "it hides nothing");
	}
}

/* Decisions in words, with what was read. */
static void
test_words(void)
{
	static const struct
	{
		const char *string;
		const char *words;
	}			rows[] = {
		{"DBABTA~1YNN", "allowed: nothing against it"},
		{"DBABTA~1YYN", "refused: uspv1 OptOutSale is Y (sale opt-out)"},
		{"DBABBg~BAAAAAAA.YA", "refused: usca Gpc is 1 (global privacy control)"},
		{"DBABBg~BVWSSSVY.YA", "refused: usca KnownChildSensitiveDataConsents[1] is 2 (known child)"},
		{"DBABBg~!!", "refused: usca unreadable section"},
		{"granted", "refused: unreadable string"}
	};
	EcapiConsentDecision decision;
	char		words[ECAPI_CONSENT_WORDS];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		decision = decide(&ads, rows[i].string);
		ecapi_consent_words(&decision, words, sizeof(words));
		check_text(words, rows[i].words, rows[i].string);
	}
	decision = decide(&ads, string_of(&(Tcf) {.without = 1 << 7}, NULL, NULL));
	ecapi_consent_words(&decision, words, sizeof(words));
	check_text(words, "refused: tcfeuv2 PurposeConsents[7] is 0 (purpose without consent)", "a purpose");
	/* room for the longest */
	for (int section = 0; section <= ECAPI_GPP_US_LAST; section++)
		for (int rule = 0; rule < ECAPI_RULES_OF_CONSENT; rule++)
		{
			EcapiConsentDecision longest = {ECAPI_CONSENT_RESTRICTED, rule, section,
			"SensitiveDataProcessingOptOutNotice", 24, 63, false};

			if (ecapi_gpp_section_name(section) == NULL)
				continue;
			ecapi_consent_words(&longest, words, sizeof(words));
			if (words[strlen(words) - 1] != ')')
				check(false, ecapi_consent_reason(section, (EcapiConsentRuleId) rule));
		}
}

/* ---- property ---- */

static void
draw_california(California *it)
{
	for (int i = 0; i < 3; i++)
	{
		it->notices[i] = (int) draw(3);
		it->mspa[i] = (int) draw(3);
	}
	it->sale = (int) draw(3);
	it->sharing = (int) draw(3);
	for (int i = 0; i < 9; i++)
		it->sensitive[i] = (int) draw(8) == 0 ? 1 : (int) draw(2) * 2;
	it->child[0] = (int) draw(8) == 0 ? 2 : 0;
	it->child[1] = 0;
	it->personal = (int) draw(3);
	it->gpc = (int) draw(4) == 0;
	it->version = 1;
}

static void
deny_in_california(California *it)
{
	switch (draw(9))
	{
		case 0:
			it->sale = 1;
			break;
		case 1:
			it->sharing = 1;
			break;
		case 2:
			it->gpc = 1;
			break;
		case 3:
			it->child[draw(2)] = 1;
			break;
		case 4:
			it->personal = 1;
			break;
		case 5:
			it->notices[draw(2)] = 2;
			break;
		case 6:
			it->mspa[0] = 1;
			break;
		case 7:
			it->sensitive[draw(9)] = 1;
			break;
		default:
			it->mspa[2] = 1;
	}
}

static void
deny_in_europe(Tcf *it)
{
	switch (draw(4))
	{
		case 0:
			it->without |= 1u << (draw(24) + 1);
			break;
		case 1:
			it->without_vendor = true;
			break;
		case 2:
			it->global = true;
			break;
		default:
			it->restricted = (int) draw(11) + 1;
			it->type = 0;
	}
}

static void
test_property(void)
{
	int			milder = 0;
	int			stricter = 0;

	seed_draws();
	for (int round = 0; round < 20000; round++)
	{
		EcapiConsentTerms terms = {
			.gpp = draw(2) ? ECAPI_GPP_IF_PRESENT : ECAPI_GPP_REQUIRED,
			.uses = draw(8),
			.sensitive = draw(4) ? 0 : draw(1 << 15),
			.mspa_signatory = draw(2),
			.tcf_vendor_id = draw(2) ? VENDOR : 0,
			.tcf_purposes = draw(1 << 12) << 1,
			.restricted = draw(2)
		};
		Tcf		europe = {.without = draw(3) ? 0 : draw(1 << 24) << 1};
		California	california;
		bool		in_europe = draw(2);
		EcapiConsentDecision before;
		EcapiConsentDecision after;

		draw_california(&california);
		before = decide(&terms, string_of(&europe, NULL, &california));
		if (in_europe)
			deny_in_europe(&europe);
		else
			deny_in_california(&california);
		after = decide(&terms, string_of(&europe, NULL, &california));
		milder += after.outcome < before.outcome;
		stricter += after.outcome > before.outcome;
	}
	printf("# %d of 20000 became stricter\n", stricter);
	check(milder == 0, "a denial makes no decision milder");
	check(stricter > 1000, "and many stricter");
}

int
main(void)
{
	test_mspa();
	test_no_vendor();
	test_applicable();
	test_bad_text();
	test_bad_ranges();
	test_bad_restrictions();
	test_bad_sections();
	test_words();
	test_property();
	return unit_done();
}
