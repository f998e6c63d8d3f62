/*
 * stat_area.c
 *	  The statistics of each database in shared memory, and over a clean restart.
 *
 * An area has the counters of one database: its oid, then the sections of its worker,
 * destinations and tracks.  There are as many areas as slots.  A slot gives its
 * database an area when it becomes the database's: the one that the database has already,
 * from before its worker left or from before a restart; else a free one, else one of no
 * slot, first one that holds nothing.  So statistics outlive a worker that had nothing to
 * do, as long as no other database needs the area.
 *
 * When the postmaster ends without an error it writes the areas that hold something into a
 * file, reads it when it starts, and removes it then.  An immediate shutdown is no error to
 * it, but leaves the server to recover; so a file counts only if the control file says that
 * the server was shut down, which is what its own statistics go by.  So they are kept over a
 * clean restart, and begin at zero after anything else.  A file that is cut, changed, or of another version (stat_image.c) is logged and removed.
 *
 * PostgreSQL 18 has custom cumulative statistics, which come to the same and have their
 * own shared hash table, file and reset.  They are not used: one source serves 15 to 18, and
 * two stores with the same figures would be two places for each fault.  They also flush
 * what a backend has gathered after its transaction, a second late, where these count at
 * once.
 *
 * Locks: which area a slot has changes under the lock of the slots (shmem.c) alone, when
 * no worker runs in it; it is an atomic, read without a lock.  All counters are atomics.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#include "settings.h"
#include "stat/stat_area.h"
#include "stat/stat_image.h"

#define FILE_NAME	PGSTAT_STAT_PERMANENT_DIRECTORY "/ecapi.stat"

#define DESTINATIONS_LENGTH \
	ECAPI_PLACES_LENGTH(ECAPI_STAT_DESTINATIONS, ECAPI_DESTINATION_STATS)
#define TRACKS_LENGTH	ECAPI_PLACES_LENGTH(ECAPI_STAT_TRACKS, ECAPI_TRACK_STATS)

/* Where the sections begin; the database is before them. */
#define AT_WORKER		1
#define AT_DESTINATIONS	(AT_WORKER + ECAPI_WORKER_STATS)
#define AT_TRACKS		(AT_DESTINATIONS + DESTINATIONS_LENGTH)
#define AREA_LENGTH		(AT_TRACKS + TRACKS_LENGTH)

typedef struct Area
{
	pg_atomic_uint32 of_slot;	/* the area that the slot of this number has */
	pg_atomic_uint64 counters[AREA_LENGTH];
} Area;

static Area *areas = NULL;		/* one for each slot */

const EcapiPlaces ecapi_stat_destinations = {ECAPI_STAT_DESTINATIONS, ECAPI_DESTINATION_STATS};
const EcapiPlaces ecapi_stat_tracks = {ECAPI_STAT_TRACKS, ECAPI_TRACK_STATS};

static void
init(int slot)
{
	pg_atomic_init_u32(&areas[slot].of_slot, slot);
	for (int i = 0; i < AREA_LENGTH; i++)
		pg_atomic_init_u64(&areas[slot].counters[i], 0);
}

static Oid
database_of(int area)
{
	return (Oid) pg_atomic_read_u64(&areas[area].counters[0]);
}

static bool
holds_nothing(int area)
{
	for (int i = 1; i < AREA_LENGTH; i++)
		if (pg_atomic_read_u64(&areas[area].counters[i]) != 0)
			return false;
	return true;
}

/* The slot that has an area; -1: none. */
static int
slot_with(int area)
{
	for (int slot = 0; slot < ecapi_max_workers; slot++)
		if (pg_atomic_read_u32(&areas[slot].of_slot) == area)
			return slot;
	return -1;
}

/*
 * The area for a database that a slot is given to.  There is one that only this slot, or
 * none that is in use, has: slots and areas are as many, and each slot has one.
 */
static int
choose(int slot, Oid database)
{
	int			own = pg_atomic_read_u32(&areas[slot].of_slot);

	for (int area = 0; area < ecapi_max_workers; area++)
		if (database_of(area) == database)
			return area;
	if (!OidIsValid(database_of(own)))
		return own;
	for (int area = 0; area < ecapi_max_workers; area++)
		if (!OidIsValid(database_of(area)) &&
			!OidIsValid(ecapi_slot_database(slot_with(area))))
			return area;
	for (int area = 0; area < ecapi_max_workers; area++)
		if (!OidIsValid(ecapi_slot_database(slot_with(area))) && holds_nothing(area))
			return area;
	return own;
}

/* The slot gets the area of its database, and its own area goes to the slot that had it. */
static void
reset(int slot, Oid database)
{
	int			area = choose(slot, database);
	int			other = slot_with(area);

	pg_atomic_write_u32(&areas[other].of_slot, pg_atomic_read_u32(&areas[slot].of_slot));
	pg_atomic_write_u32(&areas[slot].of_slot, area);
	if (database_of(area) == database)
		return;
	for (int i = 1; i < AREA_LENGTH; i++)
		pg_atomic_write_u64(&areas[area].counters[i], 0);
	pg_atomic_write_u64(&areas[area].counters[0], database);
}

const EcapiShmemPart ecapi_stat_part = {sizeof(Area), (void **) &areas, init, reset};

pg_atomic_uint64 *
ecapi_stat_section(EcapiStatSection section)
{
#ifdef ECAPI_NO_STAT
	return NULL;				/* to compare with: nothing is counted */
#else
	static const int begins[] = {
		[ECAPI_SECTION_WORKER] = AT_WORKER,
		[ECAPI_SECTION_DESTINATIONS] = AT_DESTINATIONS,
		[ECAPI_SECTION_TRACKS] = AT_TRACKS
	};
	int			slot = ecapi_slot_number();

	if (slot < 0)
		return NULL;
	return &areas[pg_atomic_read_u32(&areas[slot].of_slot)].counters[begins[section]];
#endif
}

/* ---- over a restart ---- */

/* Put areas of an image into memory, as far as there is room. */
static void
take_image(const unsigned char *image, int n)
{
	const unsigned char *from = image + ECAPI_STAT_IMAGE_HEADER;

	for (int area = 0; area < Min(n, ecapi_max_workers); area++)
		for (int i = 0; i < AREA_LENGTH; i++, from += sizeof(uint64))
		{
			uint64		counter;

			memcpy(&counter, from, sizeof(counter));
			/* no worker holds anything yet */
			if (i >= AT_WORKER + ECAPI_WORKER_GAUGES && i < AT_WORKER + ECAPI_WORKER_STATS)
				counter = 0;
			pg_atomic_write_u64(&areas[area].counters[i], counter);
		}
}

/* The bytes of an open file; NULL and why: it cannot be one of ours. */
static unsigned char *
read_all(FILE *file, size_t *len, const char **problem)
{
	struct stat status;
	unsigned char *image;

	*problem = "it cannot be read";
	if (fstat(fileno(file), &status) != 0)
		return NULL;
	*problem = "it is too long";
	/* ecapi.max_workers may have been larger, but not without end */
	if (status.st_size < 0 || (uint64) status.st_size > ecapi_stat_image_size(AREA_LENGTH, 1000))
		return NULL;
	*len = (size_t) status.st_size;
	image = palloc_extended(*len + 1, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	*problem = "it cannot be read";
	if (image != NULL && fread(image, 1, *len, file) == *len)
		return image;
	if (image != NULL)
		pfree(image);
	return NULL;
}

/* Whether the server ended in order: it has nothing to recover.  For the postmaster's start. */
static bool
was_shut_down(void)
{
	bool		is_whole;
	ControlFileData *control = get_controlfile(DataDir, &is_whole);
	bool		result = is_whole &&
		(control->state == DB_SHUTDOWNED || control->state == DB_SHUTDOWNED_IN_RECOVERY);

	pfree(control);
	return result;
}

/* Take the areas of an image, unless there is something wrong with it. */
static void
take_file(FILE *file)
{
	const char *problem;
	size_t		len;
	uint32		n;
	unsigned char *image = read_all(file, &len, &problem);

	if (image != NULL)
		problem = ecapi_stat_image_problem(image, len, AREA_LENGTH, &n);
	if (problem == NULL)
		take_image(image, (int) n);
	else
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("statistics in file \"%s\" are ignored: %s", FILE_NAME, problem)));
	if (image != NULL)
		pfree(image);
}

static void
load(void)
{
	FILE	   *file = AllocateFile(FILE_NAME, PG_BINARY_R);

	if (file == NULL)
	{
		if (errno != ENOENT)
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", FILE_NAME)));
		return;
	}
	if (was_shut_down())
		take_file(file);
	FreeFile(file);
	/* a crash must not find it again */
	if (unlink(FILE_NAME) != 0)
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not remove file \"%s\": %m", FILE_NAME)));
}

/* The areas that hold something, as an image; NULL: without memory. */
static unsigned char *
make_image(size_t *len)
{
	unsigned char *image = palloc_extended(ecapi_stat_image_size(AREA_LENGTH, ecapi_max_workers),
										   MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	unsigned char *to = image + ECAPI_STAT_IMAGE_HEADER;
	int			n = 0;

	if (image == NULL)
		return NULL;
	for (int area = 0; area < ecapi_max_workers; area++)
	{
		if (!OidIsValid(database_of(area)) || holds_nothing(area))
			continue;
		for (int i = 0; i < AREA_LENGTH; i++, to += sizeof(uint64))
		{
			uint64		counter = pg_atomic_read_u64(&areas[area].counters[i]);

			memcpy(to, &counter, sizeof(counter));
		}
		n++;
	}
	ecapi_stat_image_seal(image, AREA_LENGTH, n);
	*len = ecapi_stat_image_size(AREA_LENGTH, n);
	return image;
}

/* For on_shmem_exit(): by the postmaster, when all others have ended. */
static void
save(int code, Datum arg)
{
	unsigned char *image;
	FILE	   *file;
	size_t		len;
	bool		written;

	/* a crash: what was counted may be of events that never were */
	if (code != 0 || areas == NULL || (image = make_image(&len)) == NULL)
		return;
	file = AllocateFile(FILE_NAME ".tmp", PG_BINARY_W);
	written = file != NULL && fwrite(image, 1, len, file) == len;
	if (file != NULL && FreeFile(file) != 0)
		written = false;
	pfree(image);
	if (written)
		(void) durable_rename(FILE_NAME ".tmp", FILE_NAME, LOG);
	else
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", FILE_NAME ".tmp")));
		unlink(FILE_NAME ".tmp");
	}
}

void
ecapi_stat_start(void)
{
	if (IsUnderPostmaster || areas == NULL)
		return;
	load();
	on_shmem_exit(save, (Datum) 0);
}
