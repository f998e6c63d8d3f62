/*
 * erasure.h
 *	  Taking a person's events out of the outbox and of failed events.
 */
#ifndef ECAPI_ERASURE_H
#define ECAPI_ERASURE_H

#include "postgres.h"

#include "event/probed.h"
#include "records/person_search.h"

/*
 * Erase what is_about says, in the current transaction: of isolation READ
 * COMMITTED, may write, with the rights of the extension's owner, connected to
 * SPI (ecapi_become_owner()).  events and failed count what was erased.  Raises what SQL
 * raises.
 */
extern void ecapi_erasure_run(EcapiPersonSearch *search);

/*
 * For workers: delete failed events of a destination, or of all (NULL), that were copied from the outbox
 * while their event was being erased, in a transaction that may write, with an active
 * snapshot, SPI connected.  Rows that somebody has locked stay; returns how many.
 */
extern ECAPI_PROBED int64 ecapi_erasure_sweep(const char *destination);

#endif							/* ECAPI_ERASURE_H */
