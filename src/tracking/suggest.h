/*
 * suggest.h
 *	  A mapping for a table, guessed from its columns.
 */
#ifndef ECAPI_SUGGEST_H
#define ECAPI_SUGGEST_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "tracking/suggest_search.h"

typedef struct EcapiSuggested
{
	Jsonb	   *mapping;		/* an object, empty if nothing was found */
	List	   *missing;		/* char *: paths of fields that matter to such
								 * events and for which nothing was found */
	List	   *notices;		/* EcapiSuggestNotice *: what was assumed or left out */
} EcapiSuggested;

/*
 * Propose a mapping (field path to source, as ecapi.track() takes it) for the
 * rows of a relation, which the caller has open, as events of a type.  All of
 * *result is in the current context.  Raises an error for an unknown event
 * type, with the closest one as a hint.
 *
 * Reads catalogs only, no rows.  Sources are such that they work as the
 * relation's owner: a foreign key is followed only where that role may read
 * what it leads to, and for a superuser's table there is no SQL but operators
 * and immutable functions of pg_catalog.
 */
extern void ecapi_suggest(Relation relation, const char *event_type, EcapiSuggested *result);

/* Raise the notices. */
extern void ecapi_suggest_notify(const EcapiSuggested *suggested);

#endif							/* ECAPI_SUGGEST_H */
