/*
 * us.h
 *	  Sections of the United States: the national one, those of states, US Privacy.
 *
 * Every field has two bits.  Of choices and consents 1 is always the restrictive value and
 * 2 the permissive one, 0 says "not applicable", and 3 is defined nowhere (Global Privacy
 * Platform, Sections, US-National and US-States).
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_US_H
#define ECAPI_US_H

#include <stdint.h>

#include "consent/gpp.h"

typedef enum EcapiUsField
{
	ECAPI_US_SHARING_NOTICE,
	ECAPI_US_PROCESSING_NOTICE,
	ECAPI_US_SALE_OPT_OUT_NOTICE,
	ECAPI_US_SHARING_OPT_OUT_NOTICE,
	ECAPI_US_TARGETED_ADVERTISING_OPT_OUT_NOTICE,
	ECAPI_US_SENSITIVE_DATA_PROCESSING_OPT_OUT_NOTICE,
	ECAPI_US_SENSITIVE_DATA_OPT_OUT_NOTICE,
	ECAPI_US_SENSITIVE_DATA_LIMIT_USE_NOTICE,
	ECAPI_US_SALE_OPT_OUT,
	ECAPI_US_SHARING_OPT_OUT,
	ECAPI_US_TARGETED_ADVERTISING_OPT_OUT,
	ECAPI_US_SENSITIVE_DATA_PROCESSING,
	ECAPI_US_KNOWN_CHILD_SENSITIVE_DATA_CONSENTS,
	ECAPI_US_PERSONAL_DATA_CONSENTS,
	ECAPI_US_ADDITIONAL_DATA_PROCESSING_CONSENT,
	ECAPI_US_MSPA_COVERED_TRANSACTION,
	ECAPI_US_MSPA_OPT_OUT_OPTION_MODE,
	ECAPI_US_MSPA_SERVICE_PROVIDER_MODE,
	ECAPI_US_MSPA_MODE
} EcapiUsField;

/* The longest list of values. */
#define ECAPI_US_LIST	16

/* Fields of a section at most, lists as one. */
#define ECAPI_US_FIELDS	16

/* What follows the core in a segment of its own. */
typedef enum EcapiUsBehind
{
	ECAPI_US_NOTHING,			/* what may be there is ignored */
	ECAPI_US_GPC,				/* the Global Privacy Control signal */
	ECAPI_US_SENSITIVE			/* SensitiveDataProcessing, eight values */
} EcapiUsBehind;

/* A field with its values. */
typedef struct EcapiUsValues
{
	EcapiUsField field;
	bool		list;
	int			n;				/* 1, or those of the list */
	uint8_t		values[ECAPI_US_LIST];
} EcapiUsValues;

/* A decoded section. */
typedef struct EcapiUs
{
	int			id;
	int			version;		/* Version, of sections 24 to 27 MspaVersion */
	EcapiUsBehind behind;
	bool		behind_included;	/* it was there */
	int			gpc_type;		/* GpcSegmentType; 1 where the segment is absent */
	bool		gpc;			/* the signal was on, in any segment */
	int			nfields;
	EcapiUsValues fields[ECAPI_US_FIELDS];	/* in the order of their bits */
} EcapiUs;

/*
 * Decode a section of id 7 to 27.  NULL, or what is wrong: a constant text.
 */
extern const char *ecapi_us_decode(const EcapiGppSection *section, EcapiUs *us);

/* The values of a field; NULL: the section has none. */
extern const EcapiUsValues *ecapi_us_values(const EcapiUs *us, EcapiUsField field);

/* The value of a field that is no list; 0, which is "not applicable", where there is none. */
extern int	ecapi_us_value(const EcapiUs *us, EcapiUsField field);

/* "SaleOptOut", as the specification has it. */
extern const char *ecapi_us_field_name(EcapiUsField field);

/* The US Privacy string, four characters. */
typedef struct EcapiUsp
{
	int			version;
	char		notice;			/* Y, N, - */
	char		opt_out_sale;
	char		lspa_covered;
} EcapiUsp;

/* Decode section 6. NULL, or what is wrong: a constant text. */
extern const char *ecapi_usp_decode(const EcapiGppSection *section, EcapiUsp *usp);

#endif							/* ECAPI_US_H */
