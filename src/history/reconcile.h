/*
 * reconcile.h
 *	  A table's rows against the events that they should have become.
 */
#ifndef ECAPI_RECONCILE_H
#define ECAPI_RECONCILE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/tuplestore.h"

/* Columns of ecapi.reconcile(); the query of reconcile_sql.c gives all but the first. */
#define ECAPI_RECONCILE_COLUMNS	8

/* The events that a track's rows should be, and what is known of its ids. */
typedef struct EcapiExpected
{
	const char *track;			/* name of its trigger */
	Oid			relation;
	List	   *owned;			/* events of these tables are the caller's */
	bool		of_node;		/* of one node of several: see reconcile_sql.c */
	TupleDesc	desc;			/* of events; see ecapi_reconcile_desc() */
	Tuplestorestate *events;
	TimestampTz since;
	TimestampTz until;
	const char *hint;			/* towards a condition that stays true */

	/* the form of its ids: see ecapi_program_id() */
	const char *event_type;
	const char *table;			/* with the colon behind it; NULL: not looked for */
	int			nkeys;
	int			nchanges;
	const char *not_looked_for; /* why events without a row are not; or NULL */
} EcapiExpected;

/*
 * id text (NULL: not known), value numeric, currency text, happened timestamptz,
 * forgotten boolean, kind integer (an EcapiRowState), reason text (of failing)
 */
extern TupleDesc ecapi_reconcile_desc(void);
#define ECAPI_RECONCILE_EXPECTED	7

/*
 * Compare what is expected with outbox, request log, failed events and cursors,
 * as of now, and add rows to a result of ecapi.reconcile().  Reads as the
 * extension's owner.  Raises what SQL raises.
 */
extern void ecapi_reconcile_compare(const EcapiExpected *expected,
									Tuplestorestate *result, TupleDesc result_desc);

#endif							/* ECAPI_RECONCILE_H */
