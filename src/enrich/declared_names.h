/*
 * declared_names.h
 *	  The option enrich as text: a list of qualified names.
 */
#ifndef ECAPI_ENRICH_DECLARED_NAMES_H
#define ECAPI_ENRICH_DECLARED_NAMES_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct EcapiEnrichName
{
	const char *schema;			/* NULL: written without */
	const char *name;
	Oid			function;		/* what it names now, or InvalidOid */
} EcapiEnrichName;

/*
 * Read a list of names by the rules of SQL (letter case, double quotes), as far
 * as it can be read; palloc'd EcapiEnrichName, without function.  False when the
 * rest is no list of names.
 */
extern bool ecapi_enrich_names_read(const char *text, List **names);

/* The same as text, each name qualified and quoted where it must be; palloc'd. */
extern char *ecapi_enrich_names_write(List *names);

#endif							/* ECAPI_ENRICH_DECLARED_NAMES_H */
