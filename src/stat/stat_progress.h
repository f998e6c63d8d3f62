/*
 * stat_progress.h
 *	  How far long commands of this database are: the view ecapi.stat_progress.
 */
#ifndef ECAPI_STAT_PROGRESS_H
#define ECAPI_STAT_PROGRESS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"

#include "shmem/shmem.h"

typedef enum EcapiCommand
{
	ECAPI_COMMAND_BACKFILL,
	ECAPI_COMMAND_FIT,
	ECAPI_COMMAND_RECONCILE,
	ECAPI_COMMAND_FORGET,
	ECAPI_COMMANDS
} EcapiCommand;

/* What a command is at; a phase belongs to one or more of them. */
typedef enum EcapiCommandPhase
{
	ECAPI_AT_START,				/* waiting for locks, and looking at arguments */
	ECAPI_AT_ROWS,				/* rows of the table become events */
	ECAPI_AT_DESTINATION,		/* waiting until a destination has taken them */
	ECAPI_AT_RATE,				/* waiting, for the rate that was asked for */
	ECAPI_AT_COMPARING,			/* events of rows against those of the outbox */
	ECAPI_AT_EVENTS,			/* searching stored events */
	ECAPI_AT_HISTORY,			/* reading what customers have ordered */
	ECAPI_AT_FEATURES,			/* reading features of customers */
	ECAPI_AT_JUDGING,			/* models, on the span held back */
	ECAPI_AT_FITTING,			/* a model to the whole span */
	ECAPI_AT_FIRST_ORDERS,		/* learning from first orders */
	ECAPI_AT_SCORES,			/* writing them */
	ECAPI_COMMAND_PHASES
} EcapiCommandPhase;

/* A command as another process reads it. */
typedef struct EcapiRunning
{
	int			pid;
	EcapiCommand command;
	EcapiCommandPhase phase;
	Oid			role;			/* that called it */
	Oid			relation;		/* InvalidOid: it is about none */
	int64		done;
	int64		total;			/* 0: not known */
	TimestampTz started_at;
} EcapiRunning;

/*
 * A command begins, is at a phase (total 0: it is not known how much there is), has done
 * so much of it, and ends.  An error, and the end of the process, end it, too.  None raises
 * an error; without a free place, and without shared memory, nothing is shown.  A
 * command inside another is a part of that one, and not shown.
 */
extern void ecapi_command_begin(EcapiCommand command, Oid relation);
extern void ecapi_command_phase(EcapiCommandPhase phase, int64 total);
extern void ecapi_command_done(int64 done);
extern void ecapi_command_end(void);

/* Rows of a table, as the planner knows them; 0: it does not. */
extern int64 ecapi_command_rows_of(Oid relation);

/* What a place of this database shows, from 0; false: it is free.  Up to ECAPI_COMMAND_PLACES. */
extern bool ecapi_command_read(int place, EcapiRunning *running);

#define ECAPI_COMMAND_PLACES	64

extern const char *ecapi_command_name(EcapiCommand command);
extern const char *ecapi_command_phase_name(EcapiCommandPhase phase);

/* What it keeps in shared memory; for the library's entry, which also offers the calls below. */
extern const EcapiShmemPart ecapi_command_part;
extern void ecapi_command_offer(void);

/*
 * The same calls for libraries that do not link this file.  NULL: the library that has
 * them is not loaded.
 */
typedef struct EcapiCommandCalls
{
	void		(*begin) (EcapiCommand command, Oid relation);
	void		(*phase) (EcapiCommandPhase phase, int64 total);
	void		(*done) (int64 done);
	void		(*end) (void);
} EcapiCommandCalls;

#define ECAPI_COMMAND_CALLS	"ecapi_command_calls"

static inline const EcapiCommandCalls *
ecapi_command_calls(void)
{
	return *(const EcapiCommandCalls **) find_rendezvous_variable(ECAPI_COMMAND_CALLS);
}

#endif							/* ECAPI_STAT_PROGRESS_H */
