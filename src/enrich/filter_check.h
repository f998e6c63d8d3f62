/*
 * filter_check.h
 *	  What a filter may consist of.
 */
#ifndef ECAPI_FILTER_CHECK_H
#define ECAPI_FILTER_CHECK_H

#include "postgres.h"

#include "nodes/nodes.h"

/* The sentence that says what is left, where something is refused. */
#define ECAPI_FILTER_RULE \
	"A filter uses columns of ecapi.event and what is built into pg_catalog; anything else is computed by an enrichment."

/*
 * Raise unless all of a condition is allowed, as it is parsed, and as it is analyzed.
 * Both are to be called: see filter_check.c.
 */
extern void ecapi_filter_check_parsed(Node *parsed);
extern void ecapi_filter_check_analyzed(Node *analyzed, const char *condition);

#endif							/* ECAPI_FILTER_CHECK_H */
