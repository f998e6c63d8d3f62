/*
 * test_consent_rules.c
 *	  Each rule of consent, for each format by its default uses: an event that it lets pass
 *	  and one that it stops.
 *
 * The section that decides stands by itself, behind one that allows everything, and before
 * one; those that apply are not named, or named in both orders.
 */
#include "unit.h"

#include "consent/decide.h"
#include "consent_string.h"
#include "destination/format.h"

/* Whom a rule stops. */
typedef enum Effect
{
	NOBODY,
	ADS,						/* who sells, shares or targets ads */
	ADS_BUT_MODE,				/* the same, but a restricted mode may have it */
	TARGETED_BUT_MODE,			/* who targets ads, but a restricted mode may have it */
	EVERYBODY
} Effect;

#define NOTICES_GIVEN \
	{ECAPI_US_SALE_OPT_OUT_NOTICE, 0, 1}, {ECAPI_US_SHARING_OPT_OUT_NOTICE, 0, 1}, \
	{ECAPI_US_TARGETED_ADVERTISING_OPT_OUT_NOTICE, 0, 1}
#define CHILDREN	ECAPI_US_KNOWN_CHILD_SENSITIVE_DATA_CONSENTS
#define SENSITIVE	ECAPI_US_SENSITIVE_DATA_PROCESSING
#define GIVEN(field, item, value)	{NOTICES_GIVEN, {field, item, value}}

/* Sections of the United States. */
static const struct
{
	const char *rule;
	Effect		effect;
	States		passes;
	States		stops;
	unsigned	sensitive;		/* what events carry */
}			us_rules[] = {
	/* 1, 2: an opt-out of one is one of all; 3 is defined nowhere */
	{"usnat sale opt-out", ADS_BUT_MODE, {7, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 2)},
	{7, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 1)}, 0},
	{"usnat sale opt-out", ADS_BUT_MODE, {7, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 2)},
	{7, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 3)}, 0},
	{"usnat sharing opt-out", ADS_BUT_MODE, {7, .settings = GIVEN(ECAPI_US_SHARING_OPT_OUT, 0, 2)},
	{7, .settings = GIVEN(ECAPI_US_SHARING_OPT_OUT, 0, 1)}, 0},
	{"usnat targeted advertising opt-out", ADS_BUT_MODE,
	{7, .settings = GIVEN(ECAPI_US_TARGETED_ADVERTISING_OPT_OUT, 0, 2)},
	{7, .settings = GIVEN(ECAPI_US_TARGETED_ADVERTISING_OPT_OUT, 0, 1)}, 0},
	{"usca sale opt-out", ADS_BUT_MODE, {8, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 2)},
	{8, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 1)}, 0},
	{"usva targeted advertising opt-out", ADS_BUT_MODE,
	{9, .settings = GIVEN(ECAPI_US_TARGETED_ADVERTISING_OPT_OUT, 0, 2)},
	{9, .settings = GIVEN(ECAPI_US_TARGETED_ADVERTISING_OPT_OUT, 0, 1)}, 0},
	{"usky sale opt-out", ADS_BUT_MODE, {26, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 2)},
	{26, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 1)}, 0},
	{"usca global privacy control", ADS_BUT_MODE, {8, .gpc = false}, {8, .gpc = true}, 0},
	{"usmd global privacy control", ADS_BUT_MODE, {24, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 2)},
	{24, .gpc = true, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 2)}, 0},
	/* 3 */
	{"usnat service provider mode", ADS_BUT_MODE, {7, .settings = {{ECAPI_US_MSPA_SERVICE_PROVIDER_MODE, 0, 2}}},
	{7, .settings = {{ECAPI_US_MSPA_SERVICE_PROVIDER_MODE, 0, 1}}}, 0},
	{"usmd service provider mode", ADS_BUT_MODE, {24, .settings = {{ECAPI_US_MSPA_MODE, 0, 1}}},
	{24, .settings = {{ECAPI_US_MSPA_MODE, 0, 2}}}, 0},
	/* 4 */
	{"usnat no signatory of the MSPA", ADS, {7, .settings = {{ECAPI_US_MSPA_COVERED_TRANSACTION, 0, 2}}},
	{7, .settings = {{ECAPI_US_MSPA_COVERED_TRANSACTION, 0, 1}}}, 0},
	{NULL, NOBODY, {8, .settings = {{ECAPI_US_MSPA_COVERED_TRANSACTION, 0, 2}}},
	{8, .settings = {{ECAPI_US_MSPA_COVERED_TRANSACTION, 0, 1}}}, 0},
	/* 5 */
	{"usnat known child", EVERYBODY, {7, .version = 0}, {7, .settings = {{CHILDREN, 1, 1}}}, 0},
	{"usnat known child", EVERYBODY, {7, .version = 0}, {7, .settings = {{CHILDREN, 3, 1}}}, 0},
	{"usnat known child", ADS, {7, .version = 0}, {7, .settings = {{CHILDREN, 2, 2}}}, 0},
	{"usfl known child", ADS, {13, .version = 0}, {13, .settings = {{CHILDREN, 1, 2}}}, 0},
	{"usva known child", EVERYBODY, {9, .version = 0}, {9, .settings = {{CHILDREN, 0, 1}}}, 0},
	{"usva known child", ADS, {9, .version = 0}, {9, .settings = {{CHILDREN, 0, 2}}}, 0},
	/* 6: consent, or in California, Utah and Iowa no opt-out; of what events carry alone */
	{"usnat sensitive data", EVERYBODY, {7, .settings = {{SENSITIVE, 3, 2}, {SENSITIVE, 13, 2}}},
	{7, .settings = {{SENSITIVE, 3, 1}, {SENSITIVE, 13, 2}}}, ECAPI_SENSITIVE_HEALTH},
	{"usnat sensitive data", EVERYBODY, {7, .settings = {{SENSITIVE, 3, 2}, {SENSITIVE, 13, 2}}},
	{7, .settings = {{SENSITIVE, 3, 2}, {SENSITIVE, 13, 1}}}, ECAPI_SENSITIVE_HEALTH},
	{"usnat sensitive data", EVERYBODY, {7, .settings = {{SENSITIVE, 8, 2}}}, {7, .version = 0}, ECAPI_SENSITIVE_LOCATION},
	{"usca sensitive data", EVERYBODY, {8, .version = 0}, {8, .settings = {{SENSITIVE, 8, 1}}}, ECAPI_SENSITIVE_HEALTH},
	{"usca sensitive data", EVERYBODY, {8, .settings = {{SENSITIVE, 4, 2}}}, {8, .settings = {{SENSITIVE, 4, 1}}},
	ECAPI_SENSITIVE_UNION},
	{"usut sensitive data", EVERYBODY, {11, .settings = {{SENSITIVE, 4, 1}}}, {11, .settings = {{SENSITIVE, 5, 1}}},
	ECAPI_SENSITIVE_HEALTH},
	{"usia sensitive data", EVERYBODY, {18, .version = 0}, {18, .settings = {{SENSITIVE, 8, 3}}}, ECAPI_SENSITIVE_LOCATION},
	{"usor sensitive data", EVERYBODY, {15, .settings = {{SENSITIVE, 8, 2}}}, {15, .settings = {{SENSITIVE, 8, 1}}},
	ECAPI_SENSITIVE_CRIME_VICTIM},
	{"usnj sensitive data", EVERYBODY, {21, .settings = {{SENSITIVE, 10, 2}}}, {21, .settings = {{SENSITIVE, 10, 1}}},
	ECAPI_SENSITIVE_FINANCIAL},
	{"usri sensitive data", EVERYBODY, {27, .settings = {{SENSITIVE, 1, 2}}}, {27, .settings = {{SENSITIVE, 1, 1}}},
	ECAPI_SENSITIVE_RACE},
	{NULL, NOBODY, {10, .settings = {{SENSITIVE, 1, 2}}}, {10, .settings = {{SENSITIVE, 1, 1}}}, ECAPI_SENSITIVE_LOCATION},
	{NULL, NOBODY, {7, .settings = {{SENSITIVE, 3, 2}}}, {7, .settings = {{SENSITIVE, 3, 1}}}, 0},
	/* 7 */
	{"usnat no consent to secondary use", ADS_BUT_MODE, {7, .settings = {{ECAPI_US_PERSONAL_DATA_CONSENTS, 0, 2}}},
	{7, .settings = {{ECAPI_US_PERSONAL_DATA_CONSENTS, 0, 1}}}, 0},
	{"ustx no consent to secondary use", ADS_BUT_MODE, {16, .settings = {{ECAPI_US_ADDITIONAL_DATA_PROCESSING_CONSENT, 0, 2}}},
	{16, .settings = {{ECAPI_US_ADDITIONAL_DATA_PROCESSING_CONSENT, 0, 1}}}, 0},
	/* 8 */
	{"usnat no notice", ADS_BUT_MODE, {7, .settings = {NOTICES_GIVEN}},
	{7, .settings = {{ECAPI_US_SALE_OPT_OUT_NOTICE, 0, 2}}}, 0},
	{"usnat no notice", ADS_BUT_MODE, {7, .settings = {NOTICES_GIVEN}},
	{7, .settings = {{ECAPI_US_SHARING_OPT_OUT_NOTICE, 0, 2}}}, 0},
	{"usnat no notice", ADS_BUT_MODE, {7, .settings = {NOTICES_GIVEN}},
	{7, .settings = {{ECAPI_US_TARGETED_ADVERTISING_OPT_OUT_NOTICE, 0, 2}}}, 0},
	{"usnat choice without notice", ADS_BUT_MODE, {7, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 2)},
	{7, .settings = {{ECAPI_US_SALE_OPT_OUT, 0, 2}}}, 0},
	{"usva choice without notice", ADS_BUT_MODE, {9, .settings = GIVEN(ECAPI_US_TARGETED_ADVERTISING_OPT_OUT, 0, 2)},
	{9, .settings = {{ECAPI_US_TARGETED_ADVERTISING_OPT_OUT, 0, 2}}}, 0},
	/* 9: all fields 0 */
	{NULL, NOBODY, {7, .version = 0}, {7, .version = 0}, 0},
	{NULL, NOBODY, {8, .version = 0}, {8, .version = 0}, 0},
	{"usnat unknown version", ADS, {7, .version = 1}, {7, .version = 3}, 0},
	{"usmd unknown version", ADS, {24, .version = 1}, {24, .version = 2}, 0}
};

/* 11: US Privacy. */
static const struct
{
	const char *rule;
	Effect		effect;
	const char *passes;
	const char *stops;
}			usp_rules[] = {
	{"uspv1 sale opt-out", ADS_BUT_MODE, "1---", "1YYN"},
	{"uspv1 no notice", ADS_BUT_MODE, "1YNN", "1NNN"},
	{"uspv1 unreadable section", EVERYBODY, "1YN-", "1yyn"}
};

/* The TCF; without the name of the section. */
static const struct
{
	const char *rule;
	Effect		effect;
	Tcf			passes;
	Tcf			stops;
}			tcf_rules[] = {
	{"tcfeuv2 purpose without consent", EVERYBODY, {.without = 1 << 2}, {.without = 1 << 1}},
	{"tcfeuv2 purpose without consent", EVERYBODY, {.without = 1 << 9}, {.without = 1 << 7}},
	{"tcfeuv2 no personalization", TARGETED_BUT_MODE, {.without = 1 << 5}, {.without = 1 << 3}},
	{"tcfeuv2 no personalization", TARGETED_BUT_MODE, {.without = 1 << 6}, {.without = 1 << 4}},
	{"tcfeuv2 vendor without consent", EVERYBODY, {.without = 0}, {.without_vendor = true}},
	{"tcfeuv2 not service specific", EVERYBODY, {.without = 0}, {.global = true}},
	{"tcfeuv2 policy out of date", EVERYBODY, {.without = 0}, {.old_policy = true}},
	{"tcfeuv2 publisher restriction", EVERYBODY, {.restricted = 7, .type = 1}, {.restricted = 7, .type = 0}},
	{"tcfeuv2 publisher restriction", EVERYBODY, {.restricted = 9, .type = 0}, {.restricted = 7, .type = 2}},
	{"tcfeuv2 publisher restriction", TARGETED_BUT_MODE, {.restricted = 3, .type = 1}, {.restricted = 3, .type = 0}},
	{"tcfeuv2 unknown version", EVERYBODY, {.without = 0}, {.version = 1}},
	/* purpose 1 is not used in Canada */
	{"tcfcav1 purpose without consent", EVERYBODY, {.canada = true, .without = 1 << 1}, {.canada = true, .without = 1 << 7}},
	{"tcfcav1 no personalization", TARGETED_BUT_MODE, {.canada = true}, {.canada = true, .without = 1 << 3}},
	{"tcfcav1 vendor without consent", EVERYBODY, {.canada = true}, {.canada = true, .without_vendor = true}},
	{"tcfcav1 publisher restriction", EVERYBODY, {.canada = true, .restricted = 7, .type = 1},
	{.canada = true, .restricted = 7, .type = 0}},
	{"tcfcav1 unknown version", EVERYBODY, {.canada = true}, {.canada = true, .version = 2}}
};

/* ---- who asks ---- */

/* What a format's destination is told. */
static EcapiConsentOutcome
expected(const EcapiConsentTerms *terms, Effect effect)
{
	bool		targeted = (terms->uses & ECAPI_USE_TARGETED_ADS) != 0;
	bool		ads = targeted || (terms->uses & ECAPI_USE_SALE_OR_SHARE) != 0;
	EcapiConsentOutcome mode = terms->restricted ? ECAPI_CONSENT_RESTRICTED : ECAPI_CONSENT_REFUSED;

	switch (effect)
	{
		case NOBODY:
			break;
		case ADS:
			return ads ? ECAPI_CONSENT_REFUSED : ECAPI_CONSENT_SEND;
		case ADS_BUT_MODE:
			return ads ? mode : ECAPI_CONSENT_SEND;
		case TARGETED_BUT_MODE:
			return targeted ? mode : ECAPI_CONSENT_SEND;
		case EVERYBODY:
			return ECAPI_CONSENT_REFUSED;
	}
	return ECAPI_CONSENT_SEND;
}

/* The terms of the i-th format by its defaults, but for what is asked of a string. */
static bool
terms_of(int i, EcapiGppRule gpp, unsigned sensitive, EcapiConsentTerms *terms, const char **name)
{
	const EcapiFormat *format = ecapi_format_nth(i);

	if (format == NULL)
		return false;
	ecapi_format_terms(format, terms);
	terms->gpp = gpp;
	terms->sensitive = sensitive;
	terms->tcf_vendor_id = VENDOR;
	*name = format->name;
	return true;
}

static bool
has_mode(int i)
{
	return ecapi_format_nth(i)->restricted_mode != NULL;
}

/* ---- strings ---- */

/* What is beside the section that decides, and how those that apply are named. */
typedef enum Order
{
	ALONE,
	BEHIND,						/* one that allows everything */
	BEFORE,
	NAMED,						/* both, the first one first */
	NAMED_BACKWARDS,
	ORDERS
} Order;

typedef struct Case
{
	char		string[2 * sizeof(Text)];
	int			sids[2];
	int			nsids;
} Case;

/* A section that allows everything: the TCF's of the European Union, or a late state's. */
static const char *
allowing(unsigned id)
{
	static Text text;

	memset(&text, 0, sizeof(text));
	if (id == ECAPI_GPP_TCF_EU)
		put_tcf(&text, &(Tcf) {.without = 0});
	else
		put_states(&text, &(States) {.id = (int) id, .settings = GIVEN(ECAPI_US_SALE_OPT_OUT, 0, 2)});
	return text.text;
}

/*
 * Sections stand by their ids, so nothing is before the TCF of the European Union, and nothing
 * behind Rhode Island's; Maryland's has no list of sensitive data.
 */
static void
put_case(Case *it, unsigned id, const char *section, Order order)
{
	unsigned	other = (order == BEHIND || order == NAMED) && id != ECAPI_GPP_TCF_EU
		? ECAPI_GPP_TCF_EU : id < 24 || id == 27 ? 24 : 27;
	Part		parts[2] = {{id, section}, {other, allowing(other)}};

	if (other < id)
	{
		parts[1] = parts[0];
		parts[0] = (Part) {other, allowing(other)};
	}
	it->nsids = order >= NAMED ? 2 : 0;
	it->sids[order == NAMED_BACKWARDS] = (int) parts[0].id;
	it->sids[order != NAMED_BACKWARDS] = (int) parts[1].id;
	if (order == ALONE)
		parts[0] = (Part) {id, section};
	put_string(it->string, sizeof(it->string), parts, order == ALONE ? 1 : 2);
}

/* Whether all formats are told what a rule says of a section, in every order. */
static bool
all_told(unsigned id, const char *section, const char *rule, Effect effect, unsigned sensitive)
{
	static Case it;
	EcapiConsentTerms terms;
	const char *name;
	char		reason[100];
	bool		good = true;

	snprintf(reason, sizeof(reason), "consent: %s", rule ? rule : "");
	for (int order = ALONE; order < ORDERS; order++)
	{
		put_case(&it, id, section, (Order) order);
		for (int i = 0; terms_of(i, ECAPI_GPP_IF_PRESENT, sensitive, &terms, &name); i++)
		{
			for (int gpp = ECAPI_GPP_IF_PRESENT; gpp <= ECAPI_GPP_REQUIRED; gpp++)
			{
				for (int mode = 0; mode <= has_mode(i); mode++)
				{
					EcapiConsentOutcome wanted;
					EcapiConsentDecision got;

					terms.gpp = (EcapiGppRule) gpp;
					terms.restricted = mode != 0;
					wanted = expected(&terms, effect);
					got = ecapi_consent_decide(&terms, it.string, strlen(it.string), it.sids, it.nsids);
					if (got.outcome == wanted && (wanted == ECAPI_CONSENT_SEND ||
												  strcmp(ecapi_consent_reason(got.section, got.rule), reason) == 0))
						continue;
					fprintf(stderr, "# %s, order %d, mode %d: %s: %d (%s)\n", name, order, mode, it.string,
							got.outcome, ecapi_consent_reason(got.section, got.rule));
					good = false;
				}
			}
		}
	}
	return good;
}

static void
check_rule(unsigned id, const char *passes, const char *stops, const char *rule, Effect effect, unsigned sensitive)
{
	char		what[200];

	snprintf(what, sizeof(what), "%s: passes %.60s", rule ? rule : "no rule", passes);
	check(all_told(id, passes, NULL, NOBODY, sensitive), what);
	snprintf(what, sizeof(what), "%s: stops %.60s", rule ? rule : "no rule", stops);
	check(all_told(id, stops, rule, effect, sensitive), what);
}

/* ---- the rules ---- */

static void
test_us(void)
{
	for (size_t i = 0; i < sizeof(us_rules) / sizeof(us_rules[0]); i++)
	{
		Text		passes = {.bits = 0};
		Text		stops = {.bits = 0};

		put_states(&passes, &us_rules[i].passes);
		put_states(&stops, &us_rules[i].stops);
		check_rule((unsigned) us_rules[i].stops.id, passes.text, stops.text, us_rules[i].rule, us_rules[i].effect,
				   us_rules[i].sensitive);
	}
	for (size_t i = 0; i < sizeof(usp_rules) / sizeof(usp_rules[0]); i++)
		check_rule(ECAPI_GPP_USP, usp_rules[i].passes, usp_rules[i].stops, usp_rules[i].rule, usp_rules[i].effect, 0);
}

static void
test_tcf(void)
{
	for (size_t i = 0; i < sizeof(tcf_rules) / sizeof(tcf_rules[0]); i++)
	{
		Text		passes = {.bits = 0};
		Text		stops = {.bits = 0};

		put_tcf(&passes, &tcf_rules[i].passes);
		put_tcf(&stops, &tcf_rules[i].stops);
		check_rule(tcf_rules[i].stops.canada ? ECAPI_GPP_TCF_CA : ECAPI_GPP_TCF_EU, passes.text, stops.text,
				   tcf_rules[i].rule, tcf_rules[i].effect, 0);
	}
}

/* No string at all, and what is none, for each format by each answer of the option gpp. */
static void
test_no_string(void)
{
	EcapiConsentTerms terms;
	const char *name;
	int			n = 0;

	for (; terms_of(n, ECAPI_GPP_IF_PRESENT, 0, &terms, &name); n++)
	{
		EcapiConsentDecision none;
		EcapiConsentDecision broken = ecapi_consent_decide(&terms, "granted", 7, NULL, 0);

		none = ecapi_consent_decide(&terms, NULL, 0, NULL, 0);
		check(none.outcome == ECAPI_CONSENT_SEND, name);
		check_text(ecapi_consent_reason(broken.section, broken.rule), "consent: unreadable string", name);
		terms.gpp = ECAPI_GPP_REQUIRED;
		none = ecapi_consent_decide(&terms, NULL, 0, NULL, 0);
		broken = ecapi_consent_decide(&terms, "granted", 7, NULL, 0);
		check_text(ecapi_consent_reason(none.section, none.rule), "consent: no string", name);
		check(none.outcome == ECAPI_CONSENT_REFUSED && broken.outcome == ECAPI_CONSENT_REFUSED, name);
		check_text(ecapi_consent_reason(broken.section, broken.rule), "consent: unreadable string", name);
		/* by its defaults, who gets the string decides by itself */
		ecapi_format_terms(ecapi_format_nth(n), &terms);
		check((ecapi_consent_decide(&terms, "granted", 7, NULL, 0).outcome == ECAPI_CONSENT_SEND) ==
			  (ecapi_format_nth(n)->gets_consent), name);
	}
	check(n >= 13, "all formats");
}

int
main(void)
{
	test_us();
	test_tcf();
	test_no_string();
	return unit_done();
}
