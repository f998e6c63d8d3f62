/*
 * reads.h
 *	  Which tables a track reads.
 */
#ifndef ECAPI_READS_H
#define ECAPI_READS_H

#include "postgres.h"

#include "capture/declared.h"

/*
 * Can a track read columns of a relation, or of one that inherits from it?  True
 * where that is not known.  Raises errors only for want of memory.
 */
extern bool ecapi_track_reads(const EcapiDeclared *declared, const EcapiTrack *track,
							  Oid relation);

#endif							/* ECAPI_READS_H */
