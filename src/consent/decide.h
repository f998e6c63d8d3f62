/*
 * decide.h
 *	  Whether a destination may have an event, by the person's consent string.
 *
 * A string has sections, each of a law.  Those that apply are named beside it (gpp_sid);
 * where none is, every section that is there is evaluated, and any denial denies.  A
 * decision carries the rule that made it, and the section and field that it read.
 *
 * The rules are those that the texts of the sections define; where they leave something to
 * who receives the data, the cautious reading is followed (see decide.c).
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_DECIDE_H
#define ECAPI_DECIDE_H

#include "consent/terms.h"

/*
 * Decide by a string of len bytes (NULL: there is none).  sids are the n sections that
 * apply, as gpp_sid names them; n 0: not said; a single -1: none applies.
 */
extern EcapiConsentDecision ecapi_consent_decide(const EcapiConsentTerms *terms,
												 const char *string, size_t len,
												 const int *sids, int n);

/*
 * The same for several who ask about one string, of which none ignores it: each of its
 * sections is decoded once.  decisions has room for nterms, at most ECAPI_CONSENT_ASKING.
 */
#define ECAPI_CONSENT_ASKING	2
extern void ecapi_consent_decide_each(const EcapiConsentTerms *terms, int nterms,
									  const char *string, size_t len, const int *sids, int n,
									  EcapiConsentDecision *decisions);

#endif							/* ECAPI_DECIDE_H */
