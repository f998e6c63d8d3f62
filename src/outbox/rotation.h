/*
 * rotation.h
 *	  Emptying slots of the ring that nobody needs any more.
 */
#ifndef ECAPI_ROTATION_H
#define ECAPI_ROTATION_H

/*
 * Empty every slot that may be emptied, in the caller's transaction, which
 * must not have done anything else.  Waits for no lock.  Returns how many.
 */
extern int	ecapi_rotation_run(void);

#endif							/* ECAPI_ROTATION_H */
