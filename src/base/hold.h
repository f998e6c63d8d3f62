/*
 * hold.h
 *	  What is kept for as long as a memory context of somebody's lives.
 */
#ifndef ECAPI_HOLD_H
#define ECAPI_HOLD_H

#include "postgres.h"

/*
 * Count the current memory context among the holders of something, until that context
 * is reset or deleted, by an error too.  The count must stay where it is as long as it
 * is not 0.  Raises "out of memory", and has counted nothing then.
 */
extern void ecapi_hold(int *holders);

#endif							/* ECAPI_HOLD_H */
