/*
 * decide_sensitive.c
 *	  What a section of the United States says about sensitive data that an event carries.
 *
 * Source: Global Privacy Platform, Sections, US-National and US-States: what the items of
 * SensitiveDataProcessing mean, and their values.  In California, Utah and Iowa 1 says that
 * the person opted out; elsewhere 2 is consent, and 0 that the category is not processed,
 * which an event that carries it belies.
 *
 * An event carries what the owner says of the destination.  What it carries is stopped for
 * all uses, for who measures and in a restricted mode, too.  A category that a section has no
 * item for, or not under its version, is not judged by it.
 *
 * No I/O, no state, no memory.
 */
#include "consent/ruling.h"

/* Values of items. */
#define OPTED_IN	2
#define NO_ANSWER	0

/* What most states have, in this order; Colorado has no location. */
#define SEVEN \
	ECAPI_SENSITIVE_RACE, ECAPI_SENSITIVE_RELIGION, ECAPI_SENSITIVE_HEALTH, \
	ECAPI_SENSITIVE_SEX, ECAPI_SENSITIVE_CITIZENSHIP, ECAPI_SENSITIVE_GENETIC, \
	ECAPI_SENSITIVE_BIOMETRIC
#define STATE	SEVEN, ECAPI_SENSITIVE_LOCATION

/* The categories of each item, by the ids of sections. */
static const uint32_t items[ECAPI_GPP_US_LAST + 1][ECAPI_US_LIST] = {
	[7] = {STATE, ECAPI_SENSITIVE_GOVERNMENT_ID, ECAPI_SENSITIVE_FINANCIAL,
		ECAPI_SENSITIVE_UNION, ECAPI_SENSITIVE_MESSAGES,
		/* consumer health data */
		ECAPI_SENSITIVE_HEALTH,
		ECAPI_SENSITIVE_CRIME_VICTIM, ECAPI_SENSITIVE_NATIONAL_ORIGIN, ECAPI_SENSITIVE_TRANSGENDER},
	[8] = {ECAPI_SENSITIVE_GOVERNMENT_ID, ECAPI_SENSITIVE_FINANCIAL, ECAPI_SENSITIVE_LOCATION,
		ECAPI_SENSITIVE_RACE | ECAPI_SENSITIVE_RELIGION | ECAPI_SENSITIVE_UNION,
		ECAPI_SENSITIVE_MESSAGES, ECAPI_SENSITIVE_GENETIC, ECAPI_SENSITIVE_BIOMETRIC,
		ECAPI_SENSITIVE_HEALTH, ECAPI_SENSITIVE_SEX},
	[9] = {STATE},
	[10] = {SEVEN},
	[11] = {ECAPI_SENSITIVE_RACE, ECAPI_SENSITIVE_RELIGION, ECAPI_SENSITIVE_SEX,
		ECAPI_SENSITIVE_CITIZENSHIP, ECAPI_SENSITIVE_HEALTH, ECAPI_SENSITIVE_GENETIC,
		ECAPI_SENSITIVE_BIOMETRIC, ECAPI_SENSITIVE_LOCATION},
	[12] = {STATE}, [13] = {STATE}, [14] = {STATE},
	[15] = {ECAPI_SENSITIVE_RACE, ECAPI_SENSITIVE_RELIGION, ECAPI_SENSITIVE_HEALTH,
		ECAPI_SENSITIVE_SEX, ECAPI_SENSITIVE_TRANSGENDER, ECAPI_SENSITIVE_CITIZENSHIP,
		ECAPI_SENSITIVE_NATIONAL_ORIGIN, ECAPI_SENSITIVE_CRIME_VICTIM, ECAPI_SENSITIVE_GENETIC,
		ECAPI_SENSITIVE_BIOMETRIC, ECAPI_SENSITIVE_LOCATION},
	[16] = {STATE},
	[17] = {STATE, ECAPI_SENSITIVE_TRANSGENDER},
	[18] = {STATE}, [19] = {STATE}, [20] = {STATE},
	[21] = {STATE, ECAPI_SENSITIVE_TRANSGENDER, ECAPI_SENSITIVE_FINANCIAL},
	[22] = {STATE}, [23] = {STATE}, [25] = {STATE}, [26] = {STATE}, [27] = {STATE}
};

/* California, Utah, Iowa. */
static bool
is_about_opting_out(int section)
{
	return section == 8 || section == 11 || section == 18;
}

void
ecapi_decide_sensitive(EcapiRuling *ruling, const EcapiUs *us)
{
	const EcapiUsValues *values = ecapi_us_values(us, ECAPI_US_SENSITIVE_DATA_PROCESSING);
	uint32_t	carried = ruling->terms->sensitive;

	for (int i = 0; carried != 0 && values != NULL && i < values->n; i++)
	{
		int			value = values->values[i];
		bool		allows = value == OPTED_IN ||
			(value == NO_ANSWER && is_about_opting_out(us->id));

		if ((items[us->id][i] & carried) != 0 && !allows)
			ecapi_ruling_refuse(ruling, ECAPI_RULED_SENSITIVE,
								ecapi_us_field_name(ECAPI_US_SENSITIVE_DATA_PROCESSING), i + 1, value);
	}
}
