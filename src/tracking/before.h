/*
 * before.h
 *	  Which tracks a command found valid.
 */
#ifndef ECAPI_BEFORE_H
#define ECAPI_BEFORE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "tracking/look.h"

/* A track that needs what the command changes, as it was before. */
typedef struct EcapiBefore
{
	Oid			trigger;
	EcapiLooked looked;
	const char *problem;		/* where it is not valid */
	bool		own;			/* of the command's role, or the object's owner */
	bool		warned;			/* that it was not looked after */
} EcapiBefore;

/* What this command found so far; a list of EcapiBefore that lives until the next one. */
extern List *ecapi_before_list(void);

/*
 * Whether something may be done to a track, as far as time goes; then it must end.
 * Between them the command's time runs, unless the track is own, as in EcapiBefore.
 */
extern bool ecapi_before_begin(bool own);
extern void ecapi_before_end(bool own);

#endif							/* ECAPI_BEFORE_H */
