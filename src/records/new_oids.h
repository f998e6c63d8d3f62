/*
 * new_oids.h
 *	  Rows that name a server by its oid, after pg_upgrade gave out new ones.
 */
#ifndef ECAPI_NEW_OIDS_H
#define ECAPI_NEW_OIDS_H

#include "postgres.h"

/*
 * Let the cursors that another cluster has written, the request log and the stops name
 * servers by the oids that they have here.  Costs one look at the cursors when there is
 * nothing to do.  Returns whether something was written, which a snapshot that is active
 * does not see.  In a transaction that may write, SPI connected; raises what SQL raises.
 */
extern bool ecapi_new_oids_follow(void);

#endif							/* ECAPI_NEW_OIDS_H */
