/*
 * suggest_source.h
 *	  Whether a column fits a field, and how it is written as its source.
 *
 * path is the field's; sources come as texts in the current context, or as the
 * column's name.
 */
#ifndef ECAPI_SUGGEST_SOURCE_H
#define ECAPI_SUGGEST_SOURCE_H

#include "postgres.h"

#include "tracking/suggest_rules.h"
#include "tracking/suggest_search.h"

/* Whether a column of that type can be what a rule of the class says of a field. */
extern bool ecapi_suggest_fits(EcapiSuggestClass class, const char *path, Oid type);

/* The first column of a table with one of these names that fits; NULL: none. */
extern const EcapiSuggestColumn *ecapi_suggest_fitting(const EcapiSuggestTable *table,
													   EcapiSuggestClass class, const char *path,
													   const char *const *names);

/* A column that counts minor units of what has that name: total_cents; NULL: none. */
extern const EcapiSuggestColumn *ecapi_suggest_minor(const EcapiSuggestTable *table,
													 const char *name);

/* A column as it is: its name, or the path of foreign keys to it. */
extern const char *ecapi_suggest_plain(const EcapiSuggestTable *table,
									   const EcapiSuggestColumn *column);

/* The column and table that a source which is a column or a path comes from. */
extern const EcapiSuggestColumn *ecapi_suggest_column_of_source(const EcapiSuggestion *search,
																const char *text,
																const EcapiSuggestTable **table);

/* A time as a moment, with a NOTICE where its zone is assumed. */
extern const char *ecapi_suggest_time(EcapiSuggestion *search, const EcapiSuggestColumn *column);

/* Codes as a list. */
extern const char *ecapi_suggest_codes(const EcapiSuggestColumn *column);

/*
 * What stands in an own column of jsonb, with a NOTICE: name is "column.key", or with
 * more keys, and path a number or a text.  NULL: there is no such column.
 */
extern const char *ecapi_suggest_json_key(EcapiSuggestion *search, const char *path,
										  const char *name);

/* An amount of money; NULL: left out, with a NOTICE.  minor: it counts minor units. */
extern const char *ecapi_suggest_money(EcapiSuggestion *search, const EcapiSuggestTable *table,
									   const EcapiSuggestColumn *column,
									   EcapiSuggestClass class, bool minor);

#endif							/* ECAPI_SUGGEST_SOURCE_H */
