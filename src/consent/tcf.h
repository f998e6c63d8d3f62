/*
 * tcf.h
 *	  Sections of the Transparency and Consent Framework: the European Union's, Canada's.
 *
 * Both have one shape: purposes and vendors by two bases, restrictions by the publisher, and
 * segments behind the core.  The European bases are consent and legitimate interest, the
 * Canadian ones express and implied consent.
 *
 * Pure C: no server header, no I/O, no allocation.  Sets point into the section's text.
 */
#ifndef ECAPI_TCF_H
#define ECAPI_TCF_H

#include <stdint.h>

#include "consent/bits.h"
#include "consent/gpp.h"

/* Purposes of a core and of the publisher. */
#define ECAPI_TCF_PURPOSES			24
#define ECAPI_TCF_SPECIAL_FEATURES	12

/* What a publisher restricts, see EcapiTcfRestriction. */
typedef enum EcapiTcfRestrictionType
{
	ECAPI_TCF_NOT_ALLOWED,
	ECAPI_TCF_CONSENT_REQUIRED,
	ECAPI_TCF_INTEREST_REQUIRED,
	ECAPI_TCF_UNDEFINED
} EcapiTcfRestrictionType;

/* Restrictions, as a place in the text; walked over by ecapi_tcf_next_restriction(). */
typedef struct EcapiTcfRestrictions
{
	uint32_t	n;
	EcapiIdsCoding coding;
	bool		sized;			/* vendors as sets, with their largest id; else bare ranges */
	uint32_t	vendor;			/* that is asked for; 0: none */
	bool		cut;			/* the text ends within them: these are those before */
	EcapiBits	at;
} EcapiTcfRestrictions;

typedef struct EcapiTcfRestriction
{
	int			purpose;
	EcapiTcfRestrictionType type;
	EcapiIds	vendors;
} EcapiTcfRestriction;

typedef struct EcapiTcf
{
	bool		canada;
	uint32_t	vendor;			/* that is asked for; 0: none */
	int			version;
	int64_t		created;		/* tenths of a second since 1970 */
	int64_t		last_updated;
	int			cmp_id;
	int			cmp_version;
	int			consent_screen;
	char		language[3];	/* at most two letters, NUL-terminated */
	int			vendor_list_version;
	int			policy_version;
	bool		service_specific;	/* of the European Union's; Canada's have none */
	bool		non_standard_stacks;
	uint32_t	special_features;	/* by ecapi_tcf_bit(), of 12 */
	uint32_t	consents;		/* purposes by consent, or express consent; of 24 */
	uint32_t	interests;		/* by legitimate interest, or implied consent */
	bool		one_treatment;	/* of the European Union's */
	char		country[3];		/* the same */
	EcapiIds	vendor_consents;
	EcapiIds	vendor_interests;
	EcapiTcfRestrictions restrictions;

	bool		disclosed_included;
	EcapiIds	disclosed;		/* vendors */
	bool		allowed_included;
	EcapiIds	allowed;		/* vendors; of the European Union's */
	bool		publisher_included;
	uint32_t	publisher_consents;
	uint32_t	publisher_interests;
	int			ncustom;
	EcapiIds	custom_consents;	/* of ncustom purposes of the publisher's own */
	EcapiIds	custom_interests;
} EcapiTcf;

/*
 * Decode section 2 or 5. NULL, or what is wrong: a constant text.  vendor, unless 0, is the
 * one that ecapi_ids_have() will be asked for: it is looked for on the way.
 */
extern const char *ecapi_tcf_decode(const EcapiGppSection *section, uint32_t vendor,
									EcapiTcf *tcf);

/* Bit i, from 1, of a field of n bits. */
extern bool ecapi_tcf_bit(uint32_t field, int n, int i);

/*
 * The next restriction; start with a copy.  False: there is no further one.
 */
extern bool ecapi_tcf_next_restriction(EcapiTcfRestrictions *walk,
									   EcapiTcfRestriction *restriction);

#endif							/* ECAPI_TCF_H */
