/*
 * suggest_internal.h
 *	  What the files of ecapi.suggest_mapping() share.
 *
 * suggest.c goes through the rules; suggest_rules.c holds them, as suggest.def
 * has them; suggest_tables.c reads columns and follows foreign keys;
 * suggest_person.c finds the customer, suggest_join.c a join to him that no foreign
 * key says, suggest_address.c the address;
 * suggest_source.c judges types and writes sources.  Everything but the rules,
 * which are constant, lives in the context that was current when it was made.
 */
#ifndef ECAPI_SUGGEST_INTERNAL_H
#define ECAPI_SUGGEST_INTERNAL_H

#include "postgres.h"

#include "access/attnum.h"
#include "event/fields.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

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
	Oid			relid;
	char	   *relname;		/* folded */
	const struct EcapiSuggestTable *from;	/* NULL: the tracked table itself */
	const EcapiSuggestColumn *through;	/* the column of from that leads here */
	AttrNumber	key;			/* the column here that it refers to */
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
	Oid			role;			/* whose rights a track has: run_as.h */
	bool		superuser;		/* is that one? */
	List	   *tables;			/* EcapiSuggestTable *, the table itself first,
								 * then the nearest */
	const EcapiSuggestTable *person_from;	/* where the customer is named; NULL: nowhere */
	const EcapiSuggestColumn *person;	/* by this column */
	List	   *sources;		/* EcapiSuggestSource * */
	const EcapiSuggestColumn *unpriced;	/* would be the value, had it a currency */
	const EcapiSuggestColumn *creation;	/* the timestamp, if it is the row's making */
	List	   *notices;		/* EcapiSuggestNotice *, see suggest.h */
} EcapiSuggestion;

/* suggest_rules.c: suggest.def as arrays, in its order */
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

/* suggest.c: one thing to be told, texts as ereport() takes them */
extern void ecapi_suggest_notice(EcapiSuggestion *search, const char *message,
								 const char *detail, const char *hint);

/* suggest_tables.c */
extern char *ecapi_suggest_fold(const char *name);

/* Fill in the tables of a search. */
extern void ecapi_suggest_read_tables(EcapiSuggestion *search);

/* Is folded that name, with or without what names of references end in? */
extern bool ecapi_suggest_names_reference(const char *folded, const char *name);

/*
 * The table that a column leads to by a foreign key of its own; InvalidOid:
 * none.  *key gets the number of the column there.
 */
extern Oid	ecapi_suggest_referred(const EcapiSuggestion *search, const EcapiSuggestTable *from,
								   const EcapiSuggestColumn *column, AttrNumber *key);

/* The same, read as a place; NULL: none, or the owner may not read it. */
extern EcapiSuggestTable *ecapi_suggest_follow(const EcapiSuggestion *search,
											   const EcapiSuggestTable *from,
											   const EcapiSuggestColumn *column, int place);

/* May a track that runs as the role read a table, as far as rights on columns allow? */
extern bool ecapi_suggest_may_read(Oid role, Relation referred);

/* The columns of a relation that reader may read; InvalidOid reads all. */
extern EcapiSuggestTable *ecapi_suggest_read_table(Relation relation, int place, Oid reader);

/* Has the table a column for e-mail addresses? */
extern bool ecapi_suggest_has_email(const EcapiSuggestTable *table);

/* suggest_person.c */

/*
 * Find the column of a table that names the customer, into search->person.
 * Returns the table that it leads to, NULL if none may be read.
 */
extern EcapiSuggestTable *ecapi_suggest_find_person(EcapiSuggestion *search,
													const EcapiSuggestTable *from);

/* Has a table one customer in each row, by its folded name? */
extern bool ecapi_suggest_is_person_table(const char *relname);

/* suggest_due.c: the column of a table that says how far a row has come, or NULL */
extern const EcapiSuggestColumn *ecapi_suggest_status(const EcapiSuggestTable *table);

/* Is an event of that type something that a row becomes after it was made? */
extern bool ecapi_suggest_completes(int type);

/* suggest_identity.c: note a track that has another identifier of customers */
extern void ecapi_suggest_compare_identity(EcapiSuggestion *search);

/* suggest_join.c: note a join to the customer that names suggest and no key says */
extern void ecapi_suggest_join(EcapiSuggestion *search);

/* suggest_address.c: take the sources of the address */
extern void ecapi_suggest_address(EcapiSuggestion *search);

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
extern void ecapi_suggest_take(EcapiSuggestion *search, const char *path, const char *text);
extern const EcapiSuggestColumn *ecapi_suggest_minor(const EcapiSuggestTable *table,
													 const char *name);
extern const char *ecapi_suggest_plain(const EcapiSuggestTable *table,
									   const EcapiSuggestColumn *column);
/* The column and table that a source which is a column or a path comes from. */
extern const EcapiSuggestColumn *ecapi_suggest_column_of_source(const EcapiSuggestion *search,
																const char *text,
																const EcapiSuggestTable **table);
extern const char *ecapi_suggest_time(EcapiSuggestion *search, const EcapiSuggestColumn *column);
extern const char *ecapi_suggest_codes(const EcapiSuggestColumn *column);
extern const char *ecapi_suggest_json_key(EcapiSuggestion *search, const char *path,
										  const char *name);
extern const char *ecapi_suggest_money(EcapiSuggestion *search, const EcapiSuggestTable *table,
									   const EcapiSuggestColumn *column,
									   EcapiSuggestClass class, bool minor);

#endif							/* ECAPI_SUGGEST_INTERNAL_H */
