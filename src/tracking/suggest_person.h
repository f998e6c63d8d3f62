/*
 * suggest_person.h
 *	  Which column of a table names the customer.
 */
#ifndef ECAPI_SUGGEST_PERSON_H
#define ECAPI_SUGGEST_PERSON_H

#include "postgres.h"

#include "tracking/suggest_search.h"

/*
 * Find the column of a table that names the customer, into search->person.
 * Returns the table that it leads to, NULL if none may be read.
 */
extern EcapiSuggestTable *ecapi_suggest_find_person(EcapiSuggestion *search,
													const EcapiSuggestTable *from);

/* Whether a table has one customer in each row, by its folded name. */
extern bool ecapi_suggest_is_person_table(const char *relname);

#endif							/* ECAPI_SUGGEST_PERSON_H */
