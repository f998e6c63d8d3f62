/*
 * score_table.h
 *	  The table of scores, which is the caller's, and the enrichment that attaches them.
 */
#ifndef ECAPI_SCORE_TABLE_H
#define ECAPI_SCORE_TABLE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* A table by its name. */
typedef struct EcapiScoreTable
{
	const char *schema;
	const char *name;
	const char *quoted;			/* "schema"."name", for statements and reports */
	bool		exists;
} EcapiScoreTable;

/* A score as its row has it. */
typedef struct EcapiScore
{
	const char *customer;
	double		purchases;
	double		likelihood;
	double		churn;
	double		value;
	const char *model;
} EcapiScore;

/*
 * All below run with the caller's rights; SPI is connected, search_path is pg_catalog, so
 * the name is looked up by the caller's path before (ecapi_score_table_name()).
 *
 * The table of that name, as text: schema and name; without a schema, in the first of the
 * caller's search_path.  Raises an error for what is no name, or has no room for the
 * enrichment's.
 */
extern EcapiScoreTable ecapi_score_table_name(const char *name);

/*
 * Find out whether it exists, and raise an error unless it may be written: it is a table of
 * scores that the caller owns, or the caller may create it.
 */
extern void ecapi_score_table_look(EcapiScoreTable *table);

/*
 * Create it if it does not exist; then lock it against other writers, to the end of the
 * transaction, and delete its rows.  Readers go on, and see the rows of before until the
 * transaction commits.
 */
extern void ecapi_score_table_begin(const EcapiScoreTable *table);

/*
 * Write n scores, all of this transaction's time.  Raises a cancellation between pages.
 */
extern void ecapi_score_table_write(const EcapiScoreTable *table, const EcapiScore *scores, int n,
									const char *currency);

/*
 * Create the enrichment function unless the caller has one; one of somebody else is an error,
 * which ecapi_score_table_look() raises, too.  Returns its name, quoted.
 */
extern char *ecapi_score_table_patch(const EcapiScoreTable *table);

#endif							/* ECAPI_SCORE_TABLE_H */
