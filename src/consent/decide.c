/*
 * decide.c
 *	  Whether a destination may have an event, by the person's consent string.
 *
 * Which sections count is decided here, what each says by decide_us.c and decide_tcf.c.
 *
 * Where the texts leave it open:
 *	- A section that applies and is broken denies: what cannot be read is no consent.
 *	- A section that applies and is not there: by the laws of opting in (TCF) silence is no
 *	  consent; by those of opting out (United States) it is no opt-out, but where a string
 *	  is required there is nothing then that allows it.
 *	- Sections of an id that is not known say nothing.
 *
 * No I/O, no state, no memory.
 */
#include "consent/decide.h"

#include "consent/gpp.h"
#include "consent/ruling.h"

static bool
is_tcf(int section)
{
	return section == ECAPI_GPP_TCF_EU || section == ECAPI_GPP_TCF_CA;
}

static void
decide_section(EcapiRuling *ruling, const EcapiGppSection *section)
{
	ruling->section = section->id;
	if (is_tcf(section->id))
		ecapi_decide_tcf(ruling, section);
	else if (section->id == ECAPI_GPP_USP)
		ecapi_decide_usp(ruling, section);
	else if (ecapi_gpp_section_name(section->id) != NULL)
		ecapi_decide_us(ruling, section);
}

static const EcapiGppSection *
find_section(const EcapiGpp *gpp, int id)
{
	for (int i = 0; i < gpp->nsections; i++)
	{
		if (gpp->sections[i].id == id)
			return &gpp->sections[i];
	}
	return NULL;
}

/* A section that applies. */
static void
decide_applicable(EcapiRuling *ruling, const EcapiGpp *gpp, int id)
{
	const EcapiGppSection *section = find_section(gpp, id);

	if (section != NULL)
	{
		decide_section(ruling, section);
		return;
	}
	ruling->section = ecapi_gpp_section_name(id) ? id : 0;
	if (is_tcf(id) || ruling->terms->gpp == ECAPI_GPP_REQUIRED)
		ecapi_ruling_refuse(ruling, ECAPI_RULED_SECTION_ABSENT, NULL, 0, id);
}

EcapiConsentDecision
ecapi_consent_decide(const EcapiConsentTerms *terms, const char *string, size_t len,
					 const int *sids, int n)
{
	EcapiRuling ruling = {.terms = terms};
	EcapiGpp	gpp;

	if (terms->gpp == ECAPI_GPP_IGNORED || (n == 1 && sids[0] == -1))
		return ruling.decision;
	if (string == NULL || len == 0)
	{
		if (terms->gpp == ECAPI_GPP_REQUIRED)
			ecapi_ruling_refuse(&ruling, ECAPI_RULED_NO_STRING, NULL, 0, 0);
		return ruling.decision;
	}
	if (ecapi_gpp_split(string, len, &gpp) != NULL)
	{
		ecapi_ruling_refuse(&ruling, ECAPI_RULED_STRING_BROKEN, NULL, 0, 0);
		return ruling.decision;
	}
	for (int i = 0; i < n; i++)
		decide_applicable(&ruling, &gpp, sids[i]);
	for (int i = 0; n == 0 && i < gpp.nsections; i++)
		decide_section(&ruling, &gpp.sections[i]);
	/* a header alone, or sections that nobody knows, allow nothing */
	if (n == 0 && terms->gpp == ECAPI_GPP_REQUIRED && ruling.section == 0)
		ecapi_ruling_refuse(&ruling, ECAPI_RULED_SECTION_ABSENT, NULL, 0, 0);
	return ruling.decision;
}
