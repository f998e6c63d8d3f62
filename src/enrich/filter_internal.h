/*
 * filter_internal.h
 *	  What the files of the filter share: names, and what is allowed.
 */
#ifndef ECAPI_FILTER_INTERNAL_H
#define ECAPI_FILTER_INTERNAL_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "parser/parse_node.h"

/* The sentence that says what is left, where something is refused. */
#define ECAPI_FILTER_RULE \
	"A filter uses columns of ecapi.event and what is built into pg_catalog; anything else is computed by an enrichment."

/* filter_column.c: a column of the row, by its plain name; raises for any other. */
extern Node *ecapi_filter_column(ParseState *pstate, ColumnRef *reference);

/*
 * filter_check.c: raise unless all of a condition is allowed, as it is parsed, and
 * as it is analyzed.  Both are to be called; see the head there.
 */
extern void ecapi_filter_check_parsed(Node *parsed);
extern void ecapi_filter_check_analyzed(Node *analyzed, const char *condition);

/*
 * filter_bound.c: an analyzed and checked condition, in which no call of a function can
 * take long, and what is constant is computed; raises where that cannot be.
 */
extern Node *ecapi_filter_bound(Node *analyzed);

#endif							/* ECAPI_FILTER_INTERNAL_H */
