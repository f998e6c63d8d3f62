/*
 * stat_track.c
 *	  Statistics of tracks: sessions that write count, any backend reads.
 *
 * A session adds what it has counted once a page of rows (capture/rows.c), so a statement
 * of a million rows adds two thousand times, and one that fires for each row once a row.
 *
 * What is rolled back stays counted, as it does in the server's own counters of tuples:
 * the rows were seen, and the work was done.  Backfills and recaptures are not counted;
 * they have counts of their own.  With no worker slot, which its first event brings a
 * database at commit, nothing is counted.
 *
 * Locks: none; counters are added to by locked instructions.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "stat/stat_track.h"

void
ecapi_stat_track_count(Oid trigger, const EcapiTrackCounts *counts)
{
	pg_atomic_uint64 *memory = ecapi_stat_section(ECAPI_SECTION_TRACKS);
	pg_atomic_uint64 *counters;

	if (memory == NULL || counts->rows == 0 ||
		(counters = ecapi_places_take(ecapi_stat_tracks, memory, trigger)) == NULL)
		return;
	if (pg_atomic_read_u64(&counters[ECAPI_TRACK_RESET_AT]) == 0)
		pg_atomic_write_u64(&counters[ECAPI_TRACK_RESET_AT], GetCurrentTimestamp());
	ecapi_stat_add(&counters[ECAPI_TRACK_ROWS], counts->rows);
	ecapi_stat_add(&counters[ECAPI_TRACK_EVENTS], counts->events);
	ecapi_stat_add(&counters[ECAPI_TRACK_FALSE], counts->condition_false);
	ecapi_stat_add(&counters[ECAPI_TRACK_SET_ASIDE], counts->set_aside);
	ecapi_stat_add(&counters[ECAPI_TRACK_DROPPED], counts->dropped);
}

void
ecapi_stat_track_forget(bool (*is_known) (Oid trigger))
{
	pg_atomic_uint64 *memory = ecapi_stat_section(ECAPI_SECTION_TRACKS);

	if (memory != NULL)
		ecapi_places_forget(ecapi_stat_tracks, memory, is_known);
}

bool
ecapi_stat_track_read(int place, Oid *trigger, uint64 counts[ECAPI_TRACK_STATS])
{
	pg_atomic_uint64 *memory = ecapi_stat_section(ECAPI_SECTION_TRACKS);

	return memory != NULL && ecapi_places_read(ecapi_stat_tracks, memory, place, trigger, counts);
}

void
ecapi_stat_track_reset(TimestampTz now)
{
	uint64		counts[ECAPI_TRACK_STATS];
	Oid			trigger;

	for (int place = 0; place < ECAPI_STAT_TRACKS; place++)
	{
		pg_atomic_uint64 *counters;

		if (!ecapi_stat_track_read(place, &trigger, counts))
			continue;
		counters = ecapi_places_find(ecapi_stat_tracks,
									 ecapi_stat_section(ECAPI_SECTION_TRACKS), trigger);
		for (int i = 0; counters != NULL && i < ECAPI_TRACK_RESET_AT; i++)
			pg_atomic_write_u64(&counters[i], 0);
		if (counters != NULL)
			pg_atomic_write_u64(&counters[ECAPI_TRACK_RESET_AT], now);
	}
}
