/*
 * withdrawal.h
 *	  Stopping the events of a person who withdraws consent.
 */
#ifndef ECAPI_WITHDRAWAL_H
#define ECAPI_WITHDRAWAL_H

#include "postgres.h"

#include "records/person_search.h"

/*
 * Stop what is_about says, for the destinations that search->names has, in the current
 * transaction: of isolation READ COMMITTED, may write, with the rights of the
 * extension's owner, connected to SPI (ecapi_become_owner()).  events and failed count
 * what was found.  Raises undefined_object for a name of no destination, and what SQL
 * raises.
 */
extern void ecapi_withdrawal_run(EcapiPersonSearch *search);

#endif							/* ECAPI_WITHDRAWAL_H */
