/*
 * resolve.h
 *	  From the names in a server's option enrich to functions that may be called.
 */
#ifndef ECAPI_RESOLVE_H
#define ECAPI_RESOLVE_H

#include "postgres.h"

#include "enrich/user_sql.h"
#include "event/probed.h"

#define ECAPI_ENRICHMENTS_MAX	16

typedef struct EcapiEnrichment
{
	Oid			function;
	Oid			role;			/* that it runs as */
	bool		is_volatile;
	bool		sees_identifiers;	/* in clear; else as digests */
	char		name[2 * NAMEDATALEN + 1];	/* "schema.name", as it is called now */
} EcapiEnrichment;

/* A resolved list; equal ones give equal patches at the same page. */
typedef struct EcapiEnrichments
{
	int			n;
	EcapiEnrichment list[ECAPI_ENRICHMENTS_MAX];
} EcapiEnrichments;

/*
 * Resolve the option enrich of a server (names, schema-qualified, separated by
 * commas).  False when one of them is missing, has another signature, may not
 * be called by the role, would run as a superuser, is held, or stands twice; then
 * problem says so, and list has those up to the one at fault, with n 0.  In a
 * transaction, SPI not needed.
 */
extern ECAPI_PROBED bool ecapi_enrichments_resolve(const char *names, Oid server_owner,
												   EcapiEnrichments *list, EcapiUserProblem *problem);

/* Whether two lists give equal patches at the same page. */
extern bool ecapi_enrichments_equal(const EcapiEnrichments *a, const EcapiEnrichments *b);

/* The function of that name that takes a page, or InvalidOid.  In a transaction. */
extern Oid	ecapi_enrichment_function(const char *schema, const char *name);

#endif							/* ECAPI_RESOLVE_H */
