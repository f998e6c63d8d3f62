/*
 * advisory.h
 *	  Advisory locks of the session, which outlive an abort.
 */
#ifndef ECAPI_ADVISORY_H
#define ECAPI_ADVISORY_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Those that this session holds now, palloc'd. */
extern List *ecapi_advisory_held(void);

/* Release what it holds and did not when the list was made. */
extern void ecapi_advisory_release_but(const List *held);

/* Release all. */
extern void ecapi_advisory_release(void);

#endif							/* ECAPI_ADVISORY_H */
