/*
 * ruling.h
 *	  A decision in the making, which each section that applies has a say in.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_RULING_H
#define ECAPI_RULING_H

#include "consent/gpp.h"
#include "consent/tcf.h"
#include "consent/terms.h"
#include "consent/us.h"

/*
 * The decision in the making.  A stricter finding replaces a milder one, and of two that are
 * as strict the first stays, so that to add a denial never makes a decision milder.
 */
typedef struct EcapiRuling
{
	const EcapiConsentTerms *terms;
	EcapiConsentDecision decision;
	int			section;		/* that is looked at */
	bool		opted_in;		/* one was of the TCF */
} EcapiRuling;

/* Something speaks against it, whatever the destination does with the event. */
extern void ecapi_ruling_refuse(EcapiRuling *ruling, EcapiConsentRuleId rule,
								const char *field, int item, int value);

/*
 * The same, but a restricted mode is left: RESTRICTED where the destination has one and may
 * use it, else REFUSED.
 */
extern void ecapi_ruling_restrict(EcapiRuling *ruling, EcapiConsentRuleId rule,
								  const char *field, int item, int value);

/* Whether the destination does more than to measure for the sender. */
extern bool ecapi_ruling_is_for_ads(const EcapiRuling *ruling);

/* What sections that were decoded say. */
extern void ecapi_decide_us(EcapiRuling *ruling, const EcapiUs *us);
extern void ecapi_decide_sensitive(EcapiRuling *ruling, const EcapiUs *us);
extern void ecapi_decide_usp(EcapiRuling *ruling, const EcapiUsp *usp);
extern void ecapi_decide_tcf(EcapiRuling *ruling, const EcapiTcf *tcf);

#endif							/* ECAPI_RULING_H */
