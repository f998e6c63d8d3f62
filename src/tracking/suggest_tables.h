/*
 * suggest_tables.h
 *	  The columns that a mapping could be guessed from.
 */
#ifndef ECAPI_SUGGEST_TABLES_H
#define ECAPI_SUGGEST_TABLES_H

#include "postgres.h"

#include "tracking/suggest_search.h"

/* The columns of a relation that reader may read; InvalidOid reads all. */
extern EcapiSuggestTable *ecapi_suggest_read_table(Relation relation, int place, Oid reader);

/*
 * The column of a table by its folded name, by one of several (a list that ends with
 * NULL, the first first), or by its number; NULL: none.
 */
extern const EcapiSuggestColumn *ecapi_suggest_column(const EcapiSuggestTable *table,
													  const char *folded);
extern const EcapiSuggestColumn *ecapi_suggest_column_of(const EcapiSuggestTable *table,
														 const char *const *names);
extern const EcapiSuggestColumn *ecapi_suggest_column_numbered(const EcapiSuggestTable *table,
															   AttrNumber number);

/* Whether folded is that name, with or without what names of references end in. */
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

/* Whether a track that runs as the role may read a table, rights on columns aside. */
extern bool ecapi_suggest_may_read(Oid role, Relation referred);

#endif							/* ECAPI_SUGGEST_TABLES_H */
