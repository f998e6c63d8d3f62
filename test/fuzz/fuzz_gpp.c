/*
 * fuzz_gpp.c
 *	  GPP strings, whatever comes: the header, every section, sets of ids, JSON.
 *
 * An input is a string; whether it is one or not, each section that it could be is also
 * decoded from all of it.  What is decoded can be walked: ids from 1 to 65535, in groups that
 * run forwards, and each is found again.  What is decided by it is milder for nobody who asks
 * for more.
 */
#include "fuzz.h"

#include "consent/decide.h"
#include "consent/gpp_json.h"
#include "consent/tcf.h"
#include "consent/us.h"

/* Enough to see that a set answers as it is walked. */
#define ASKED	50

static void
check_ids(const EcapiIds *ids)
{
	EcapiIds	walk = *ids;
	uint32_t	first;
	uint32_t	last = 0;
	int			n = 0;

	while (ecapi_ids_next(&walk, &first, &last))
	{
		must(first >= 1 && first <= last && last <= ECAPI_IDS_MAX, "ids are in order");
		must(last <= ids->max, "none is beyond the largest");
		if (n++ < ASKED)
			must(ecapi_ids_have(ids, first) && ecapi_ids_have(ids, last), "an id is there");
	}
	must(!walk.at.bad, "a set can be walked");
	must(!ecapi_ids_have(ids, 0) && !ecapi_ids_have(ids, ECAPI_IDS_MAX + 1), "others are not");
}

static void
check_tcf(const EcapiGppSection *section)
{
	EcapiTcf	tcf;
	EcapiTcfRestrictions walk;
	EcapiTcfRestriction restriction;

	if (ecapi_tcf_decode(section, 0, &tcf) != NULL)
		return;
	check_ids(&tcf.vendor_consents);
	check_ids(&tcf.vendor_interests);
	check_ids(&tcf.disclosed);
	check_ids(&tcf.allowed);
	check_ids(&tcf.custom_consents);
	check_ids(&tcf.custom_interests);
	walk = tcf.restrictions;
	while (ecapi_tcf_next_restriction(&walk, &restriction))
		check_ids(&restriction.vendors);
	must(walk.n == 0, "all restrictions can be read");
	/* an id that is looked for on the way is found as by walking */
	for (uint32_t vendor = 1; vendor <= tcf.vendor_consents.max; vendor += 1 + vendor / 2)
	{
		EcapiTcf	asked;

		must(ecapi_tcf_decode(section, vendor, &asked) == NULL, "it is the same section");
		must(ecapi_ids_have(&asked.vendor_consents, vendor) ==
			 ecapi_ids_have(&tcf.vendor_consents, vendor), "it is found in both ways, or in none");
	}
}

static void
check_us(const EcapiGppSection *section)
{
	EcapiUs		us;

	if (ecapi_us_decode(section, &us) != NULL)
		return;
	must(us.nfields > 0 && us.nfields <= ECAPI_US_FIELDS, "as many fields as there is room for");
	for (int i = 0; i < us.nfields; i++)
	{
		must(us.fields[i].n >= 1 && us.fields[i].n <= ECAPI_US_LIST, "a list is bounded");
		for (int j = 0; j < us.fields[i].n; j++)
			must(us.fields[i].values[j] <= 3, "a value has two bits");
	}
}

static void
check_section(const EcapiGppSection *section)
{
	EcapiUsp	usp;

	if (section->id == ECAPI_GPP_TCF_EU || section->id == ECAPI_GPP_TCF_CA)
		check_tcf(section);
	else if (section->id == ECAPI_GPP_USP)
		(void) ecapi_usp_decode(section, &usp);
	else if (ecapi_gpp_section_name(section->id) != NULL)
		check_us(section);
}

/* Of four destinations each asks for more than the one before. */
static void
check_decisions(const char *text, size_t len, bool broken)
{
	EcapiConsentTerms terms = {.gpp = ECAPI_GPP_IF_PRESENT, .uses = ECAPI_USE_MEASUREMENT, .mspa_signatory = true};
	EcapiConsentDecision before = ecapi_consent_decide(&terms, text, len, NULL, 0);

	for (int more = 0; more < 4; more++)
	{
		EcapiConsentDecision decision;
		EcapiConsentDecision both[2];
		char		words[ECAPI_CONSENT_WORDS];

		if (more == 0)
			terms.tcf_purposes = 1 << 1 | 1 << 7;
		else if (more == 1)
			terms.uses |= ECAPI_USE_SALE_OR_SHARE | ECAPI_USE_TARGETED_ADS;
		else if (more == 2)
			terms.sensitive = ECAPI_SENSITIVE_HEALTH | ECAPI_SENSITIVE_LOCATION;
		else
			terms.gpp = ECAPI_GPP_REQUIRED;
		decision = ecapi_consent_decide(&terms, text, len, NULL, 0);
		must(decision.outcome >= before.outcome, "who asks for more is told no milder");
		must(!broken || len == 0 || decision.outcome == ECAPI_CONSENT_REFUSED, "what is no string allows nothing");
		ecapi_consent_words(&decision, words, sizeof(words));
		ecapi_consent_decide_each((EcapiConsentTerms[]) {terms, terms}, 2, text, len, NULL, 0, both);
		must(both[0].rule == decision.rule && both[1].rule == decision.rule, "two who ask are told the same");
		before = decision;
	}
	/* sections that apply, some of them twice */
	(void) ecapi_consent_decide(&terms, text, len, (int[]) {8, 2, 7, 8, 5, 28, -1}, 7);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* of its own, so that a read behind it is seen */
	char	   *text = malloc(size + 1);
	EcapiGpp	gpp;
	EcapiBuffer json;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text = realloc(text, size > 0 ? size : 1);
	for (int id = 0; id <= ECAPI_GPP_US_LAST + 1; id++)
		check_section(&(EcapiGppSection) {id, text, size});
	check_decisions(text, size, ecapi_gpp_split(text, size, &gpp) != NULL);
	if (ecapi_gpp_split(text, size, &gpp) == NULL)
	{
		must(gpp.nsections <= ECAPI_GPP_SECTIONS, "no more sections than there is room for");
		for (int i = 0; i < gpp.nsections; i++)
		{
			must(i == 0 || gpp.sections[i].id > gpp.sections[i - 1].id, "ids ascend");
			check_section(&gpp.sections[i]);
		}
		ecapi_buffer_init(&json, 65536, fuzz_resize, NULL);
		ecapi_gpp_json(&json, &gpp);
		if (!json.full)
		{
			RcvArena	arena = {0};

			must(fuzz_received(&arena, json.data, json.len) != NULL, "what is written is JSON");
			rcv_arena_free(&arena);
		}
		free(json.data);
	}
	else
		must(gpp.nsections == 0, "no sections of what is none");
	free(text);
	return 0;
}
