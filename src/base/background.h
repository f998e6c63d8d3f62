/*
 * background.h
 *	  What our background processes have fixed before they do anything.
 */
#ifndef ECAPI_BACKGROUND_H
#define ECAPI_BACKGROUND_H

#include "postgres.h"

/*
 * Undo what ALTER DATABASE or ALTER ROLE may have set for a process that is connected to a
 * database: its role, its isolation, its plans and its limits of time are ours until it
 * ends.  name is its application_name.  Outside of a transaction; raises what the catalog
 * raises.
 */
extern void ecapi_background_settle(const char *name);

#endif							/* ECAPI_BACKGROUND_H */
