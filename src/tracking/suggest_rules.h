/*
 * suggest_rules.h
 *	  suggest.def as arrays, in its order: names of columns, for each field.
 */
#ifndef ECAPI_SUGGEST_RULES_H
#define ECAPI_SUGGEST_RULES_H

#include "postgres.h"

#include "event/fields.h"

/* Where a column may stand: the tracked table, or where foreign keys lead. */
typedef enum EcapiSuggestPlace
{
	ECAPI_PLACE_OWN = 1 << 0,
	ECAPI_PLACE_PERSON = 1 << 1,
	ECAPI_PLACE_ORDER = 1 << 2,
	ECAPI_PLACE_BILLING = 1 << 3,
	ECAPI_PLACE_SHIPPING = 1 << 4,
	ECAPI_PLACE_CURRENCY = 1 << 5,
	ECAPI_PLACE_MARKET = 1 << 6,	/* a region or channel, which has a currency */
	ECAPI_PLACE_PLAN = 1 << 7,
	ECAPI_PLACE_SOURCE = 1 << 8,	/* of the visit: utm_source and its kin */
	ECAPI_PLACE_MEDIUM = 1 << 9,
	ECAPI_PLACE_CAMPAIGN = 1 << 10,
	ECAPI_PLACE_PART = 1 << 11	/* one part of an address: cities, countries */
} EcapiSuggestPlace;

/* What a column must be, and how it is written as a source. */
typedef enum EcapiSuggestClass
{
	ECAPI_SUGGEST_TEXT,		/* text or an enum; a list of them for a list */
	ECAPI_SUGGEST_CODES,	/* the same, but a text is a list joined by commas */
	ECAPI_SUGGEST_IDENTIFIER,	/* text, whole number or uuid */
	ECAPI_SUGGEST_NETWORK,	/* text or inet */
	ECAPI_SUGGEST_MONEY,	/* a number, whole ones in minor units: see ecapi_suggest_money() */
	ECAPI_SUGGEST_ESTIMATE,	/* a number, whole ones as they are */
	ECAPI_SUGGEST_PAIR,		/* the currency beside money of that name: name_currency */
	ECAPI_SUGGEST_JSON_KEY,	/* "column.key": inside jsonb, as text or a number */
	ECAPI_SUGGEST_TIME,		/* a moment, see ecapi_suggest_time() */
	ECAPI_SUGGEST_CREATION,	/* the same, of the row's making */
	ECAPI_SUGGEST_DATE,
	ECAPI_SUGGEST_INTEGER,
	ECAPI_SUGGEST_BOOLEAN,
	ECAPI_SUGGEST_SECTIONS,	/* whole numbers */
	ECAPI_SUGGEST_JSON,
	ECAPI_SUGGEST_PRIMARY_KEY,	/* the only column of the primary key, as an
								 * identifier; no names */
	ECAPI_SUGGEST_PERSON_KEY,	/* that of a table of customers: a column of
								 * these names, or else its primary key */
	ECAPI_SUGGEST_PERSON_REFERENCE	/* the column that leads to the customer */
} EcapiSuggestClass;

/* The type of event of that name, as a set of one. */
#define ECAPI_SUGGEST_EVENT(type) (UINT64_C(1) << ECAPI_EVENT_##type)

/* Lines of suggest.def; lists of names end with NULL. */
typedef struct EcapiSuggestRule
{
	const char *path;
	EcapiSuggestClass class;
	uint64		events;			/* a set of types */
	int			places;			/* of EcapiSuggestPlace */
	const char *table;			/* part of the table's name, or NULL */
	const char *const *names;
} EcapiSuggestRule;

typedef struct EcapiSuggestReference
{
	int			from;			/* places from which it is followed */
	int			place;
	const char *const *names;
} EcapiSuggestReference;

typedef struct EcapiSuggestPart
{
	const char *path;
	const char *const *names;
	const char *const *inside;	/* in a table of its own; empty: has none */
} EcapiSuggestPart;

typedef struct EcapiSuggestDone
{
	uint64		events;			/* a set of types */
	const char *word;
} EcapiSuggestDone;

typedef struct EcapiSuggestPrefix
{
	bool		shipping;
	const char *prefix;
} EcapiSuggestPrefix;

extern const EcapiSuggestRule ecapi_suggest_rules[];
extern const int ecapi_suggest_nrules;
#define ECAPI_SUGGEST_NPERSONS 2
extern const char *const *const ecapi_suggest_persons[ECAPI_SUGGEST_NPERSONS];	/* the likeliest first */
extern const char *const ecapi_suggest_employees[];
extern const char *const ecapi_suggest_person_tables[];
extern const char *const ecapi_suggest_statuses[];
extern const char *const ecapi_suggest_emails[];
extern const EcapiSuggestDone ecapi_suggest_done[];
extern const int ecapi_suggest_ndone;
extern const EcapiSuggestReference ecapi_suggest_references[];
extern const int ecapi_suggest_nreferences;
extern const EcapiSuggestPart ecapi_suggest_parts[];
extern const int ecapi_suggest_nparts;
extern const EcapiSuggestPrefix ecapi_suggest_prefixes[];
extern const int ecapi_suggest_nprefixes;

/* No address has more parts than this. */
#define ECAPI_SUGGEST_MAX_PARTS 8

#endif							/* ECAPI_SUGGEST_RULES_H */
