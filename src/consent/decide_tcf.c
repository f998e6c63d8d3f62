/*
 * decide_tcf.c
 *	  What a section of the Transparency and Consent Framework says to a destination.
 *
 * Sources: IAB Europe, TCF Policies; IAB Tech Lab, TC String Format.  Silence is no consent
 * here.  By which basis a vendor works is in the vendor list, which is not at hand, so
 * consent is asked for every purpose, which is never too little:
 *
 *	- the string is one: version 2, service specific (since September 2021), and of policy 4
 *	  if it was made after September 2023 (TCF 2.2);
 *	- the vendor has consent, where the owner has said which one the destination is; if the
 *	  owner has not, purposes decide alone, unless a string is required;
 *	- each of the destination's purposes has consent, and no restriction by the publisher is
 *	  in its way: of the types only "consent required" is none;
 *	- who targets ads needs purposes 3 and 4, too; without them a restricted mode is left.
 *
 * Of Canada's, express consent stands for consent, and purpose 1 is not used.
 *
 * No I/O, no state, no memory.
 */
#include "consent/ruling.h"

/* Purposes: create profiles for personalised advertising, and use them. */
#define CREATE_PROFILES	3
#define USE_PROFILES	4

/* Purpose 1: store information on a device, or read it there. */
#define DEVICE			1

/* 2023-10-01, in tenths of a second: strings made since then are of policy 4 or later. */
#define POLICY_4_SINCE	INT64_C(16961184000)
#define POLICY_4		4

/* By purposes: the type of a restriction that keeps the destination from it, or NONE. */
#define NONE	(-1)
typedef struct Restricted
{
	int			types[ECAPI_TCF_PURPOSES + 1];
} Restricted;

/*
 * All of them in one walk: their vendors are read on the way.  A restriction is of vendors,
 * so without a vendor's id none can be told to be ours.
 */
static void
read_restricted(const EcapiTcf *tcf, uint32_t vendor, Restricted *restricted)
{
	EcapiTcfRestrictions walk = tcf->restrictions;
	EcapiTcfRestriction restriction;

	for (int purpose = 0; purpose <= ECAPI_TCF_PURPOSES; purpose++)
		restricted->types[purpose] = NONE;
	while (vendor != 0 && ecapi_tcf_next_restriction(&walk, &restriction))
	{
		if (restriction.purpose <= ECAPI_TCF_PURPOSES &&
			restriction.type != ECAPI_TCF_CONSENT_REQUIRED &&
			restricted->types[restriction.purpose] == NONE &&
			ecapi_ids_have(&restriction.vendors, vendor))
			restricted->types[restriction.purpose] = restriction.type;
	}
}

static void
decide_purpose(EcapiRuling *ruling, const EcapiTcf *tcf, const Restricted *restricted, int purpose,
			   bool personal)
{
	void		(*say) (EcapiRuling *ruling, EcapiConsentRuleId rule, const char *field, int item,
						int value) = personal ? ecapi_ruling_restrict : ecapi_ruling_refuse;
	int			type = restricted->types[purpose];

	if (!ecapi_tcf_bit(tcf->consents, ECAPI_TCF_PURPOSES, purpose))
		say(ruling, personal ? ECAPI_RULED_PERSONALIZATION : ECAPI_RULED_PURPOSE,
			tcf->canada ? "PurposesExpressConsent" : "PurposeConsents", purpose, 0);
	else if (type != NONE)
		say(ruling, ECAPI_RULED_RESTRICTION,
			tcf->canada ? "PubRestrictions" : "PublisherRestrictions", purpose, type);
}

static void
decide_vendor(EcapiRuling *ruling, const EcapiTcf *tcf)
{
	int			vendor = ruling->terms->tcf_vendor_id;

	if (vendor == 0)
	{
		if (ruling->terms->gpp == ECAPI_GPP_REQUIRED)
			ecapi_ruling_refuse(ruling, ECAPI_RULED_NO_VENDOR_ID, NULL, 0, 0);
	}
	else if (!ecapi_ids_have(&tcf->vendor_consents, (uint32_t) vendor))
		ecapi_ruling_refuse(ruling, ECAPI_RULED_VENDOR,
							tcf->canada ? "VendorExpressConsent" : "VendorConsents", vendor, 0);
}

static void
decide_form(EcapiRuling *ruling, const EcapiTcf *tcf)
{
	if (tcf->version != (tcf->canada ? 1 : 2))
		ecapi_ruling_refuse(ruling, ECAPI_RULED_VERSION, "Version", 0, tcf->version);
	if (tcf->canada)
		return;
	if (!tcf->service_specific)
		ecapi_ruling_refuse(ruling, ECAPI_RULED_GLOBAL_SCOPE, "IsServiceSpecific", 0, 0);
	if (tcf->policy_version < POLICY_4 && tcf->created >= POLICY_4_SINCE)
		ecapi_ruling_refuse(ruling, ECAPI_RULED_POLICY, "PolicyVersion", 0, tcf->policy_version);
}

void
ecapi_decide_tcf(EcapiRuling *ruling, const EcapiTcf *tcf)
{
	Restricted	restricted;

	read_restricted(tcf, (uint32_t) ruling->terms->tcf_vendor_id, &restricted);
	decide_form(ruling, tcf);
	decide_vendor(ruling, tcf);
	for (int purpose = 1; purpose <= ECAPI_TCF_PURPOSES; purpose++)
	{
		if ((ruling->terms->tcf_purposes >> purpose & 1) && !(tcf->canada && purpose == DEVICE))
			decide_purpose(ruling, tcf, &restricted, purpose, false);
	}
	if (ruling->terms->uses & ECAPI_USE_TARGETED_ADS)
	{
		decide_purpose(ruling, tcf, &restricted, CREATE_PROFILES, true);
		decide_purpose(ruling, tcf, &restricted, USE_PROFILES, true);
	}
}
