/*
 * compat.h
 *	  Differences between server versions, as small wrappers.
 *
 * Built and tested on PostgreSQL 15; each wrapper names the version that
 * changed what it hides.
 */
#ifndef ECAPI_COMPAT_H
#define ECAPI_COMPAT_H

#include "postgres.h"

#include "commands/tablecmds.h"

#if PG_VERSION_NUM < 150000
#error "ecapi needs PostgreSQL 15 or later"
#endif

/* 16 added run_as_table_owner. */
static inline void
ecapi_truncate_locally(List *rels, List *relids)
{
#if PG_VERSION_NUM >= 160000
	ExecuteTruncateGuts(rels, relids, NIL, DROP_RESTRICT, false, false);
#else
	ExecuteTruncateGuts(rels, relids, NIL, DROP_RESTRICT, false);
#endif
}

#endif							/* ECAPI_COMPAT_H */
