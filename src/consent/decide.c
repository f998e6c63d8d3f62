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
 *	- Sections of an id that is not known say nothing; where a string is required, something
 *	  that is known must be there.
 *
 * No I/O, no state, no memory.
 */
#include "consent/decide.h"

#include "consent/gpp.h"
#include "consent/ruling.h"

/* gpp_sid of a person to whom none of the sections applies. */
#define NONE_APPLIES	(-1)

/* Those who ask about one string. */
typedef struct Asking
{
	EcapiRuling rulings[ECAPI_CONSENT_ASKING];
	int			n;
} Asking;

static bool
is_tcf(int section)
{
	return section == ECAPI_GPP_TCF_EU || section == ECAPI_GPP_TCF_CA;
}

/* What holds for everybody who asks, unless only for who requires a string. */
static void
refuse(Asking *asking, bool required_only, EcapiConsentRuleId rule, int value)
{
	for (int i = 0; i < asking->n; i++)
	{
		if (!required_only || asking->rulings[i].terms->gpp == ECAPI_GPP_REQUIRED)
			ecapi_ruling_refuse(&asking->rulings[i], rule, NULL, 0, value);
	}
}

/* A section is decoded once for all who ask. */
static void
decide_tcf(Asking *asking, const EcapiGppSection *section)
{
	uint32_t	vendor = (uint32_t) asking->rulings[0].terms->tcf_vendor_id;
	EcapiTcf	tcf;

	for (int i = 0; i < asking->n; i++)
		asking->rulings[i].opted_in = true;
	if (ecapi_tcf_decode(section, vendor, &tcf) != NULL)
	{
		refuse(asking, false, ECAPI_RULED_SECTION_BROKEN, 0);
		return;
	}
	for (int i = 0; i < asking->n; i++)
		ecapi_decide_tcf(&asking->rulings[i], &tcf);
}

static void
decide_usp(Asking *asking, const EcapiGppSection *section)
{
	EcapiUsp	usp;

	if (ecapi_usp_decode(section, &usp) != NULL)
	{
		refuse(asking, false, ECAPI_RULED_SECTION_BROKEN, 0);
		return;
	}
	for (int i = 0; i < asking->n; i++)
		ecapi_decide_usp(&asking->rulings[i], &usp);
}

static void
decide_us(Asking *asking, const EcapiGppSection *section)
{
	EcapiUs		us;

	if (ecapi_us_decode(section, &us) != NULL)
	{
		refuse(asking, false, ECAPI_RULED_SECTION_BROKEN, 0);
		return;
	}
	for (int i = 0; i < asking->n; i++)
		ecapi_decide_us(&asking->rulings[i], &us);
}

/* Of a section that is known. */
static void
decide_section(Asking *asking, const EcapiGppSection *section)
{
	for (int i = 0; i < asking->n; i++)
		asking->rulings[i].section = section->id;
	if (is_tcf(section->id))
		decide_tcf(asking, section);
	else if (section->id == ECAPI_GPP_USP)
		decide_usp(asking, section);
	else
		decide_us(asking, section);
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
decide_applicable(Asking *asking, const EcapiGpp *gpp, int id)
{
	const EcapiGppSection *section = find_section(gpp, id);
	bool		known = ecapi_gpp_section_name(id) != NULL;

	if (section != NULL && known)
	{
		decide_section(asking, section);
		return;
	}
	for (int i = 0; i < asking->n; i++)
		asking->rulings[i].section = known ? id : 0;
	refuse(asking, !is_tcf(id),
		   section != NULL ? ECAPI_RULED_SECTION_BROKEN : ECAPI_RULED_SECTION_ABSENT, id);
}

/* By the sections that apply, each once however often it is named. */
static void
decide_named(Asking *asking, const EcapiGpp *gpp, const int *sids, int n)
{
	for (int i = 0; i < n; i++)
	{
		int			before = 0;

		while (sids[before] != sids[i])
			before++;
		if (before == i)
			decide_applicable(asking, gpp, sids[i]);
	}
}

/* By all sections; a header alone, or sections that nobody knows, allow nothing. */
static void
decide_all(Asking *asking, const EcapiGpp *gpp)
{
	bool		any = false;

	for (int i = 0; i < gpp->nsections; i++)
	{
		if (ecapi_gpp_section_name(gpp->sections[i].id) == NULL)
			continue;
		decide_section(asking, &gpp->sections[i]);
		any = true;
	}
	if (!any)
		refuse(asking, true, ECAPI_RULED_SECTION_ABSENT, 0);
}

static void
decide(Asking *asking, const char *string, size_t len, const int *sids, int n)
{
	EcapiGpp	gpp;

	if (n == 1 && sids[0] == NONE_APPLIES)
		return;
	if (string == NULL || len == 0)
		refuse(asking, true, ECAPI_RULED_NO_STRING, 0);
	else if (ecapi_gpp_split(string, len, &gpp) != NULL)
		refuse(asking, false, ECAPI_RULED_STRING_BROKEN, 0);
	else if (n > 0)
		decide_named(asking, &gpp, sids, n);
	else
		decide_all(asking, &gpp);
}

void
ecapi_consent_decide_each(const EcapiConsentTerms *terms, int nterms, const char *string,
						  size_t len, const int *sids, int n, EcapiConsentDecision *decisions)
{
	Asking		asking = {.n = nterms};

	for (int i = 0; i < nterms; i++)
		asking.rulings[i].terms = &terms[i];
	decide(&asking, string, len, sids, n);
	for (int i = 0; i < nterms; i++)
	{
		decisions[i] = asking.rulings[i].decision;
		decisions[i].opted_in = asking.rulings[i].opted_in;
	}
}

EcapiConsentDecision
ecapi_consent_decide(const EcapiConsentTerms *terms, const char *string, size_t len,
					 const int *sids, int n)
{
	EcapiConsentDecision decision = {.outcome = ECAPI_CONSENT_SEND};

	if (terms->gpp != ECAPI_GPP_IGNORED)
		ecapi_consent_decide_each(terms, 1, string, len, sids, n, &decision);
	return decision;
}
