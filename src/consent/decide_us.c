/*
 * decide_us.c
 *	  What a section of the United States says to a destination.
 *
 * Sources: Global Privacy Platform, Sections, US-National and US-States (what fields mean);
 * W3C, Global Privacy Control.  What follows for who receives the data:
 *
 *	- One opt-out is followed as if it were of sale, of sharing and of targeted advertising,
 *	  as the large receivers do; the GPC signal is one, whatever the fields say beside it.
 *	- An opt-out, a missing notice or no consent to secondary use leaves a restricted mode,
 *	  in which a destination serves the sender alone.  So does service provider mode.
 *	- A covered transaction is for signatories of the MSPA. That is the national section's
 *		to say: it stands in for those of states where the MSPA covers a transaction, while
 *		libraries write "covered" into every section that nobody has touched.
 *	- A known child without consent stops every event, one with consent those for ads.
 *	- Values and versions that are defined nowhere are read as the restrictive ones.
 *	- Sensitive data stops an event that carries some (decide_sensitive.c).
 *	- Who only measures for the sender is stopped by these two alone: a child without consent,
 *	  and sensitive data.
 *
 * No I/O, no state, no memory.
 */
#include "consent/ruling.h"

/* Values of all fields. */
#define NOT_APPLICABLE	0
#define RESTRICTIVE		1
#define PERMISSIVE		2

/* MspaMode: 2 is service provider mode. */
#define SERVICE_PROVIDER	2

/* A choice, and the notice without which it cannot be. */
static const struct
{
	EcapiUsField choice;
	EcapiUsField notice;
	EcapiConsentRuleId rule;
}			choices[] = {
	{ECAPI_US_SALE_OPT_OUT, ECAPI_US_SALE_OPT_OUT_NOTICE, ECAPI_RULED_SALE},
	{ECAPI_US_SHARING_OPT_OUT, ECAPI_US_SHARING_OPT_OUT_NOTICE, ECAPI_RULED_SHARING},
	{ECAPI_US_TARGETED_ADVERTISING_OPT_OUT, ECAPI_US_TARGETED_ADVERTISING_OPT_OUT_NOTICE,
	ECAPI_RULED_TARGETED_ADS}
};

/* A value that is neither permissive nor "not applicable". */
static bool
denies(int value)
{
	return value != NOT_APPLICABLE && value != PERMISSIVE;
}

/* The highest version of a section that is registered. */
static int
known_version(int section)
{
	return section == ECAPI_GPP_US_FIRST ? 2 : 1;
}

static void
decide_choices(EcapiRuling *ruling, const EcapiUs *us)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
	{
		int			choice = ecapi_us_value(us, choices[i].choice);
		int			notice = ecapi_us_value(us, choices[i].notice);

		if (denies(choice))
			ecapi_ruling_restrict(ruling, choices[i].rule,
								  ecapi_us_field_name(choices[i].choice), 0, choice);
		/* of notices the second value is "was not given" */
		if (notice != NOT_APPLICABLE && notice != RESTRICTIVE)
			ecapi_ruling_restrict(ruling, ECAPI_RULED_NOTICE,
								  ecapi_us_field_name(choices[i].notice), 0, notice);
		if (choice == PERMISSIVE && notice == NOT_APPLICABLE &&
			ecapi_us_values(us, choices[i].notice) != NULL)
			ecapi_ruling_restrict(ruling, ECAPI_RULED_CHOICE,
								  ecapi_us_field_name(choices[i].choice), 0, choice);
	}
}

static void
decide_secondary_use(EcapiRuling *ruling, const EcapiUs *us, EcapiUsField field)
{
	int			consent = ecapi_us_value(us, field);

	if (denies(consent))
		ecapi_ruling_restrict(ruling, ECAPI_RULED_SECONDARY_USE, ecapi_us_field_name(field), 0,
							  consent);
}

static void
decide_mspa(EcapiRuling *ruling, const EcapiUs *us)
{
	int			covered = ecapi_us_value(us, ECAPI_US_MSPA_COVERED_TRANSACTION);
	int			service = ecapi_us_value(us, ECAPI_US_MSPA_SERVICE_PROVIDER_MODE);
	int			mode = ecapi_us_value(us, ECAPI_US_MSPA_MODE);

	if (us->id == ECAPI_GPP_US_FIRST && denies(covered) && !ruling->terms->mspa_signatory)
		ecapi_ruling_refuse(ruling, ECAPI_RULED_MSPA,
							ecapi_us_field_name(ECAPI_US_MSPA_COVERED_TRANSACTION), 0, covered);
	if (denies(service))
		ecapi_ruling_restrict(ruling, ECAPI_RULED_SERVICE_PROVIDER,
							  ecapi_us_field_name(ECAPI_US_MSPA_SERVICE_PROVIDER_MODE), 0, service);
	if (mode >= SERVICE_PROVIDER)
		ecapi_ruling_restrict(ruling, ECAPI_RULED_SERVICE_PROVIDER,
							  ecapi_us_field_name(ECAPI_US_MSPA_MODE), 0, mode);
}

/* All values that stand there, those behind a list of version 1, too. */
static void
decide_children(EcapiRuling *ruling, const EcapiUs *us)
{
	const EcapiUsValues *children =
		ecapi_us_values(us, ECAPI_US_KNOWN_CHILD_SENSITIVE_DATA_CONSENTS);

	for (int i = 0; children != NULL && i < ECAPI_US_LIST; i++)
	{
		int			value = children->values[i];

		if (denies(value) || (value == PERMISSIVE && ecapi_ruling_is_for_ads(ruling)))
			ecapi_ruling_refuse(ruling, ECAPI_RULED_CHILD,
								ecapi_us_field_name(ECAPI_US_KNOWN_CHILD_SENSITIVE_DATA_CONSENTS),
								children->list ? i + 1 : 0, value);
	}
}

void
ecapi_decide_us(EcapiRuling *ruling, const EcapiUs *us)
{
	decide_children(ruling, us);
	ecapi_decide_sensitive(ruling, us);
	if (!ecapi_ruling_is_for_ads(ruling))
		return;
	if (us->version < 1 || us->version > known_version(us->id))
		ecapi_ruling_refuse(ruling, ECAPI_RULED_VERSION, us->id < 24 ? "Version" : "MspaVersion",
							0, us->version);
	decide_mspa(ruling, us);
	if (us->gpc)
		ecapi_ruling_restrict(ruling, ECAPI_RULED_GPC, "Gpc", 0, 1);
	decide_choices(ruling, us);
	decide_secondary_use(ruling, us, ECAPI_US_PERSONAL_DATA_CONSENTS);
	decide_secondary_use(ruling, us, ECAPI_US_ADDITIONAL_DATA_PROCESSING_CONSENT);
}

/* US Privacy: "1---" says that no law applies. */
void
ecapi_decide_usp(EcapiRuling *ruling, const EcapiUsp *usp)
{
	if (!ecapi_ruling_is_for_ads(ruling))
		return;
	if (usp->opt_out_sale == 'Y')
		ecapi_ruling_restrict(ruling, ECAPI_RULED_SALE, "OptOutSale", 0, usp->opt_out_sale);
	if (usp->notice == 'N')
		ecapi_ruling_restrict(ruling, ECAPI_RULED_NOTICE, "Notice", 0, usp->notice);
}
