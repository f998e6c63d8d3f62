/*
 * columns.h
 *	  Which columns of its page an enrichment looks at.
 */
#ifndef ECAPI_COLUMNS_H
#define ECAPI_COLUMNS_H

#include "postgres.h"

/*
 * The set of jsonb columns of ecapi.event (see event_row.h) that a function may
 * read of its page: all of them, unless its body shows that it does not.  Raises
 * nothing but out of memory and what a damaged catalog raises.  In a transaction.
 */
extern uint32 ecapi_columns_of(Oid function);

#endif							/* ECAPI_COLUMNS_H */
