/*
 * reads.h
 *	  Which tables a track reads.
 */
#ifndef ECAPI_READS_H
#define ECAPI_READS_H

#include "postgres.h"

#include "capture/tracks.h"

/*
 * The tables that paths of a track may lead to, by the Oids of foreign keys or as
 * they state it, and the track's own with what inherits from it.  In the current
 * context.
 */
extern List *ecapi_track_tables(const EcapiDeclared *declared, const EcapiTrack *track);

/*
 * Whether a track with these tables can read columns of a relation, or of one that
 * inherits from it; true where that is not known.  Raises only "out of memory".
 */
extern bool ecapi_track_reads(const EcapiDeclared *declared, const EcapiTrack *track,
							  const List *tables, Oid relation);

#endif							/* ECAPI_READS_H */
