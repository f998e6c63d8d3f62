/*
 * suggest_search.h
 *	  What one call of ecapi_suggest() has found so far.
 *
 * All of it lives in the context that was current when it was found.
 */
#ifndef ECAPI_SUGGEST_SEARCH_H
#define ECAPI_SUGGEST_SEARCH_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/* A column that its reader may read. */
typedef struct EcapiSuggestColumn
{
	const char *name;
	char	   *folded;			/* in lower case, words joined by "_" */
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

/* One NOTICE; detail and hint may be NULL. */
typedef struct EcapiSuggestNotice
{
	const char *message;
	const char *detail;
	const char *hint;
} EcapiSuggestNotice;

/* One call of ecapi_suggest(). */
typedef struct EcapiSuggestion
{
	Relation	relation;
	int			type;			/* of the event */
	Oid			role;			/* whose rights a track has: run_as.h */
	bool		superuser;		/* whether that is one */
	List	   *tables;			/* EcapiSuggestTable *, the table itself first,
								 * then the nearest */
	const EcapiSuggestTable *person_from;	/* where the customer is named; NULL: nowhere */
	const EcapiSuggestColumn *person;	/* by this column */
	List	   *sources;		/* EcapiSuggestSource * */
	const EcapiSuggestColumn *unpriced;	/* would be the value, had it a currency */
	const EcapiSuggestColumn *creation;	/* the timestamp, if it is the row's making */
	List	   *notices;		/* EcapiSuggestNotice * */
} EcapiSuggestion;

/* Note something for the caller, texts as ereport() takes them; detail and hint or NULL. */
extern void ecapi_suggest_notice(EcapiSuggestion *search, const char *message,
								 const char *detail, const char *hint);

/* Map a field to a source; the texts are kept as they are. */
extern void ecapi_suggest_take(EcapiSuggestion *search, const char *path, const char *text);

/* What a field was mapped to; NULL: nothing yet. */
extern const EcapiSuggestSource *ecapi_suggest_source_of(const EcapiSuggestion *search,
														 const char *path);

#endif							/* ECAPI_SUGGEST_SEARCH_H */
