/*
 * test_decide.c
 *	  Decisions by consent strings: each rule with an event that it lets pass and one that it
 *	  stops; and that a denial never makes a decision milder.
 *
 * Strings are put together here, bit by bit, from the texts of the sections.
 */
#include "unit.h"

#include "consent/decide.h"
#include "consent/gpp.h"
#include "sixbit.h"

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
	put_bits(text, 0, 18);
	for (int i = 0; i < 2; i++)
		put_bits(text, (unsigned) it->child[i], 2);
	put_bits(text, (unsigned) it->personal, 2);
	for (int i = 0; i < 3; i++)
		put_bits(text, (unsigned) it->mspa[i], 2);
}

/* A core of section 2; zeroed: consent to everything by vendor 7. */
typedef struct Europe
{
	unsigned	without;		/* purposes without consent; bit P is purpose P */
	bool		without_vendor;
	bool		global;			/* not service specific */
	bool		old_policy;		/* 3, made in 2024 */
	int			restricted;		/* purpose that has a restriction; 0: none */
	int			type;			/* of the restriction */
	int			version;		/* 0: the registered one */
} Europe;

#define VENDOR	7

static void
put_europe(Text *text, const Europe *it)
{
	unsigned	consents = 0;

	for (int purpose = 1; purpose <= 24; purpose++)
		consents |= (unsigned) !(it->without >> purpose & 1) << (24 - purpose);
	put_bits(text, it->version ? (unsigned) it->version : 2, 6);
	put_bits(text, UINT64_C(17040672000), 36);
	put_bits(text, UINT64_C(17040672000), 36);
	put_bits(text, 0, 30);
	put_bits(text, 4 << 6 | 13, 12);
	put_bits(text, 0, 12);
	put_bits(text, it->old_policy ? 3 : 4, 6);
	put_bits(text, !it->global, 1);
	put_bits(text, 0, 13);
	put_bits(text, consents, 24);
	put_bits(text, 0, 24);
	put_bits(text, 0 << 12 | 3 << 6 | 4, 13);
	put_bits(text, 8, 16);
	put_bits(text, 0, 1);
	put_bits(text, it->without_vendor ? 0xfd : 0xff, 8);
	put_bits(text, 0, 17);
	put_bits(text, it->restricted != 0, 12);
	if (it->restricted == 0)
		return;
	put_bits(text, (unsigned) it->restricted, 6);
	put_bits(text, (unsigned) it->type, 2);
	put_bits(text, 1, 12);
	put_bits(text, 0, 1);
	put_bits(text, VENDOR, 16);
}

/* A string of the sections that are not NULL, in the order that ids have. */
static const char *
string_of(const Europe *europe, const char *usp, const California *california)
{
	static char string[4096];
	Text		header = {.bits = 0};
	Text		text;
	unsigned	last = 0;
	unsigned	ids[3];
	int			n = 0;

	if (europe != NULL)
		ids[n++] = ECAPI_GPP_TCF_EU;
	if (usp != NULL)
		ids[n++] = ECAPI_GPP_USP;
	if (california != NULL)
		ids[n++] = 8;
	put_bits(&header, 3 << 6 | 1, 12);
	put_bits(&header, (unsigned) n, 12);
	for (int i = 0; i < n; i++)
	{
		put_bits(&header, 0, 1);
		put_fibonacci(&header, ids[i] - last);
		last = ids[i];
	}
	strcpy(string, header.text);
	if (europe != NULL)
	{
		text.bits = 0;
		put_europe(&text, europe);
		strcat(strcat(string, "~"), text.text);
	}
	if (usp != NULL)
		strcat(strcat(string, "~"), usp);
	if (california != NULL)
	{
		text.bits = 0;
		put_california(&text, california);
		strcat(strcat(string, "~"), text.text);
		if (california->gpc)
			strcat(string, ".YA");
	}
	return string;
}

static EcapiConsentDecision
decide(const EcapiConsentTerms *terms, const char *string)
{
	return ecapi_consent_decide(terms, string, string ? strlen(string) : 0, NULL, 0);
}

/* ---- each rule ---- */

static void
check_decision(EcapiConsentDecision got, EcapiConsentOutcome outcome, const char *reason,
			   const char *what)
{
	check(got.outcome == outcome, what);
	check_text(ecapi_consent_reason(got.section, got.rule), reason, what);
}

/* California: what stops events for ads, and what of it those that are only measured. */
static void
test_california(void)
{
	static const struct
	{
		California	passes;
		California	stops;
		const char *reason;
		bool		mode_is_left;	/* a restricted mode may have it */
		bool		measured;		/* who only measures is stopped, too */
	}			rows[] = {
		{{.notices = {1}, .sale = 2}, {.notices = {1}, .sale = 1}, "consent: usca sale opt-out", true, false},
		{{.notices = {1, 1}, .sharing = 2}, {.notices = {1, 1}, .sharing = 1}, "consent: usca sharing opt-out", true, false},
		{{.notices = {1}, .sale = 2}, {.notices = {1}, .sale = 3}, "consent: usca sale opt-out", true, false},
		{{.gpc = 0}, {.gpc = 1}, "consent: usca global privacy control", true, false},
		{{.notices = {1}, .sale = 2}, {.notices = {1}, .sale = 2, .gpc = 1}, "consent: usca global privacy control", true, false},
		{{.mspa = {2, 0, 2}}, {.mspa = {2, 0, 1}}, "consent: usca service provider mode", true, false},
		{{.child = {0}}, {.child = {1}}, "consent: usca known child", false, true},
		{{.child = {0}}, {.child = {0, 2}}, "consent: usca known child", false, false},
		{{.personal = 2}, {.personal = 1}, "consent: usca no consent to secondary use", true, false},
		{{.notices = {1}}, {.notices = {2}}, "consent: usca no notice", true, false},
		{{.notices = {0, 1}, .sharing = 2}, {.sharing = 2}, "consent: usca choice without notice", true, false},
		{{.version = 1}, {.version = 5}, "consent: usca unknown version", false, false}
	};
	EcapiConsentTerms restricted = ads;

	restricted.restricted = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		check(decide(&ads, string_of(NULL, NULL, &rows[i].passes)).outcome == ECAPI_CONSENT_SEND,
			  rows[i].reason);
		check_decision(decide(&ads, string_of(NULL, NULL, &rows[i].stops)), ECAPI_CONSENT_REFUSED,
					   rows[i].reason, "stops");
		check(decide(&restricted, string_of(NULL, NULL, &rows[i].stops)).outcome ==
			  (rows[i].mode_is_left ? ECAPI_CONSENT_RESTRICTED : ECAPI_CONSENT_REFUSED),
			  "what a restricted mode may have");
		check(decide(&measurer, string_of(NULL, NULL, &rows[i].stops)).outcome ==
			  (rows[i].measured ? ECAPI_CONSENT_REFUSED : ECAPI_CONSENT_SEND),
			  "what who measures may have");
	}
	check(decide(&ads, string_of(NULL, NULL, &(California) {.mspa = {1}})).outcome ==
		  ECAPI_CONSENT_SEND, "the MSPA is the national section's");
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

static void
test_usp(void)
{
	static const struct
	{
		const char *string;
		EcapiConsentOutcome outcome;
		const char *reason;
	}			rows[] = {
		{"1---", ECAPI_CONSENT_SEND, "consent: nothing against it"},
		{"1YNN", ECAPI_CONSENT_SEND, "consent: nothing against it"},
		{"1YYN", ECAPI_CONSENT_REFUSED, "consent: uspv1 sale opt-out"},
		{"1NNN", ECAPI_CONSENT_REFUSED, "consent: uspv1 no notice"},
		{"1yyn", ECAPI_CONSENT_REFUSED, "consent: uspv1 unreadable section"}
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_decision(decide(&ads, string_of(NULL, rows[i].string, NULL)), rows[i].outcome,
					   rows[i].reason, rows[i].string);
}

static void
test_europe(void)
{
	static const struct
	{
		Europe		stops;
		const char *reason;
		bool		mode_is_left;
		bool		targeted_only;	/* who only measures is not stopped */
	}			rows[] = {
		{{.without = 1 << 1}, "consent: tcfeuv2 purpose without consent", false, false},
		{{.without = 1 << 7}, "consent: tcfeuv2 purpose without consent", false, false},
		{{.without = 1 << 3}, "consent: tcfeuv2 no personalization", true, true},
		{{.without = 1 << 4}, "consent: tcfeuv2 no personalization", true, true},
		{{.without_vendor = true}, "consent: tcfeuv2 vendor without consent", false, false},
		{{.global = true}, "consent: tcfeuv2 not service specific", false, false},
		{{.old_policy = true}, "consent: tcfeuv2 policy out of date", false, false},
		{{.restricted = 7, .type = 0}, "consent: tcfeuv2 publisher restriction", false, false},
		{{.restricted = 7, .type = 2}, "consent: tcfeuv2 publisher restriction", false, false},
		{{.restricted = 3, .type = 0}, "consent: tcfeuv2 publisher restriction", true, true},
		{{.version = 1}, "consent: tcfeuv2 unknown version", false, false}
	};
	static const Europe passes[] = {{.without = 0}, {.without = 1 << 2 | 1 << 9},
	{.restricted = 7, .type = 1}, {.restricted = 9, .type = 0}};
	EcapiConsentTerms targeted = ads;
	EcapiConsentTerms measuring = measurer;
	EcapiConsentTerms required = ads;

	targeted.tcf_vendor_id = measuring.tcf_vendor_id = VENDOR;
	required.gpp = ECAPI_GPP_REQUIRED;
	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++)
		check(decide(&targeted, string_of(&passes[i], NULL, NULL)).outcome == ECAPI_CONSENT_SEND,
			  "a string that allows it");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		EcapiConsentTerms restricted = targeted;

		/* strings of version 1 have another core, but the same length */
		restricted.restricted = true;
		check_decision(decide(&targeted, string_of(&rows[i].stops, NULL, NULL)),
					   ECAPI_CONSENT_REFUSED, rows[i].reason, rows[i].reason);
		check(decide(&restricted, string_of(&rows[i].stops, NULL, NULL)).outcome ==
			  (rows[i].mode_is_left ? ECAPI_CONSENT_RESTRICTED : ECAPI_CONSENT_REFUSED),
			  "what a restricted mode may have");
		check(decide(&measuring, string_of(&rows[i].stops, NULL, NULL)).outcome ==
			  (rows[i].targeted_only ? ECAPI_CONSENT_SEND : ECAPI_CONSENT_REFUSED),
			  "what who measures may have");
	}
	check(decide(&ads, string_of(&(Europe) {.without_vendor = true}, NULL, NULL)).outcome ==
		  ECAPI_CONSENT_SEND, "without a vendor's id purposes decide");
	check_decision(decide(&required, string_of(&(Europe) {.without = 0}, NULL, NULL)),
				   ECAPI_CONSENT_REFUSED, "consent: tcfeuv2 no vendor id", "unless a string is required");
}

/* Which sections count, and what is no string. */
static void
test_applicable(void)
{
	static const California opted_out = {.notices = {1}, .sale = 1};
	static const California allows = {.notices = {1}, .sale = 2};
	static const Europe no_purpose = {.without = 1 << 7};
	static const Europe consents = {.without = 0};
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
	decision = decide(&ads, string_of(&(Europe) {.without = 1 << 7}, NULL, NULL));
	ecapi_consent_words(&decision, words, sizeof(words));
	check_text(words, "refused: tcfeuv2 PurposeConsents[7] is 0 (purpose without consent)", "a purpose");
	/* room for the longest */
	for (int section = 0; section <= ECAPI_GPP_US_LAST; section++)
		for (int rule = 0; rule < ECAPI_RULES_OF_CONSENT; rule++)
		{
			EcapiConsentDecision longest = {ECAPI_CONSENT_RESTRICTED, rule, section,
			"SensitiveDataProcessingOptOutNotice", 24, 63};

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
	it->child[0] = (int) draw(8) == 0 ? 2 : 0;
	it->child[1] = 0;
	it->personal = (int) draw(3);
	it->gpc = (int) draw(4) == 0;
	it->version = 1;
}

static void
deny_in_california(California *it)
{
	switch (draw(8))
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
		default:
			it->mspa[2] = 1;
	}
}

static void
deny_in_europe(Europe *it)
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
			.mspa_signatory = draw(2),
			.tcf_vendor_id = draw(2) ? VENDOR : 0,
			.tcf_purposes = draw(1 << 12) << 1,
			.restricted = draw(2)
		};
		Europe		europe = {.without = draw(3) ? 0 : draw(1 << 24) << 1};
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
	test_california();
	test_mspa();
	test_usp();
	test_europe();
	test_applicable();
	test_words();
	test_property();
	return unit_done();
}
