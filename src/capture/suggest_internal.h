/*
 * suggest_internal.h
 *	  What the files of ecapi.suggest_mapping() share.
 *
 * suggest.c goes through the rules; suggest_rules.c holds them, as suggest.def
 * has them; suggest_tables.c reads columns and foreign keys; suggest_source.c
 * judges types and writes sources.  Everything but the rules, which are
 * constant, lives in the context that was current when it was made.
 */
#ifndef ECAPI_SUGGEST_INTERNAL_H
#define ECAPI_SUGGEST_INTERNAL_H

#include "postgres.h"

#include "access/attnum.h"
#include "event/fields.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/* Where a column may stand: the tracked table, or what a foreign key leads to. */
typedef enum EcapiSuggestPlace
{
	ECAPI_PLACE_OWN = 1 << 0,
	ECAPI_PLACE_PERSON = 1 << 1,
	ECAPI_PLACE_ORDER = 1 << 2,
	ECAPI_PLACE_BILLING = 1 << 3,
	ECAPI_PLACE_SHIPPING = 1 << 4,
	ECAPI_PLACE_CURRENCY = 1 << 5
} EcapiSuggestPlace;

/* What a column must be, and how it is written as a source. */
typedef enum EcapiSuggestClass
{
	ECAPI_SUGGEST_TEXT,		/* text or an enum; a list of them for a list */
	ECAPI_SUGGEST_IDENTIFIER,	/* text, whole number or uuid */
	ECAPI_SUGGEST_NETWORK,	/* text or inet */
	ECAPI_SUGGEST_MONEY,	/* a number; or minor units, see ecapi_suggest_money() */
	ECAPI_SUGGEST_TIME,		/* a moment, see ecapi_suggest_time() */
	ECAPI_SUGGEST_DATE,
	ECAPI_SUGGEST_INTEGER,
	ECAPI_SUGGEST_BOOLEAN,
	ECAPI_SUGGEST_SECTIONS,	/* whole numbers */
	ECAPI_SUGGEST_JSON,
	ECAPI_SUGGEST_PRIMARY_KEY	/* the only column of the primary key, as an
								 * identifier; no names */
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
	int			place;
	const char *const *names;
} EcapiSuggestReference;

typedef struct EcapiSuggestPart
{
	const char *path;
	const char *const *names;
} EcapiSuggestPart;

typedef struct EcapiSuggestPrefix
{
	bool		shipping;
	const char *prefix;
} EcapiSuggestPrefix;

/* A column that its reader may read. */
typedef struct EcapiSuggestColumn
{
	const char *name;
	char	   *folded;			/* see ecapi_suggest_fold() */
	AttrNumber	number;
	Oid			type;			/* domains looked through */
} EcapiSuggestColumn;

typedef struct EcapiSuggestTable
{
	int			place;
	const char *through;		/* the foreign key's column; NULL: the table itself */
	int			ncolumns;
	EcapiSuggestColumn *columns;
} EcapiSuggestTable;

/* A field and what it is mapped to. */
typedef struct EcapiSuggestSource
{
	const char *path;
	const char *text;
} EcapiSuggestSource;

/* One call of ecapi_suggest(). */
typedef struct EcapiSuggestion
{
	Relation	relation;
	int			type;			/* of the event */
	bool		superuser;		/* owns the table */
	char	   *relname;		/* folded */
	List	   *tables;			/* EcapiSuggestTable *, the table itself first */
	List	   *sources;		/* EcapiSuggestSource * */
	const EcapiSuggestColumn *unpriced;	/* would be the value, had it a currency */
} EcapiSuggestion;

/* suggest_rules.c: suggest.def as arrays, in its order */
extern const EcapiSuggestRule ecapi_suggest_rules[];
extern const int ecapi_suggest_nrules;
extern const EcapiSuggestReference ecapi_suggest_references[];
extern const int ecapi_suggest_nreferences;
extern const EcapiSuggestPart ecapi_suggest_parts[];
extern const int ecapi_suggest_nparts;
extern const EcapiSuggestPrefix ecapi_suggest_prefixes[];
extern const int ecapi_suggest_nprefixes;

/* No address has more parts than this. */
#define ECAPI_SUGGEST_MAX_PARTS 8

/* suggest_tables.c */
extern char *ecapi_suggest_fold(const char *name);
extern void ecapi_suggest_read_tables(EcapiSuggestion *search);

/* The column of a table, by its folded name or its number; NULL: none. */
extern const EcapiSuggestColumn *ecapi_suggest_column(const EcapiSuggestTable *table,
													  const char *folded);
extern const EcapiSuggestColumn *ecapi_suggest_column_numbered(const EcapiSuggestTable *table,
															   AttrNumber number);

/*
 * suggest_source.c.  path is the field's; sources come as texts in the current
 * context, or as the column's name.
 */
extern bool ecapi_suggest_fits(EcapiSuggestClass class, const char *path, Oid type);
extern const EcapiSuggestSource *ecapi_suggest_source_of(const EcapiSuggestion *search,
														 const char *path);
extern const EcapiSuggestColumn *ecapi_suggest_minor(const EcapiSuggestTable *table,
													 const char *name);
extern const char *ecapi_suggest_plain(const EcapiSuggestTable *table,
									   const EcapiSuggestColumn *column);
extern const char *ecapi_suggest_time(const EcapiSuggestColumn *column);
extern const char *ecapi_suggest_money(const EcapiSuggestion *search,
									   const EcapiSuggestColumn *column, bool minor);

#endif							/* ECAPI_SUGGEST_INTERNAL_H */
