/*
 * left_out.c
 *	  How many values were left out of events, by field and reason.
 *
 * A purchase is worth more than its coupon, so an invalid coupon is left out.
 * Each warning about it is soon forgotten; these counters say what a shop
 * loses as a habit: every telephone number for want of a country, say.
 *
 * Shared memory holds one 64-bit counter for each worker slot (so for each
 * database), field and reason: 12 kB a slot.  They are atomics, added to
 * without a lock, read one by one; they start at zero with the server, as the
 * server's own counters do after a crash, and when a slot changes its
 * database.  A database that has no slot is not counted: its first event, or its
 * first destination, brings it a worker and a slot at the end of the transaction.
 *
 * What is noted of the present event is private to the process, and bounded:
 * a counter for each cell, and a list of the cells in use, so that an event
 * that loses nothing costs nothing.  Counting is not transactional: an event
 * that was emitted and rolled back did lose its value.
 */
#include "postgres.h"

#include "port/atomics.h"

#include "event/fields.h"
#include "shmem/left_out.h"
#include "shmem/shmem.h"

/* One row for each field, and one for what is none. */
#define CELLS	((ECAPI_FIELDS + 1) * ECAPI_VIOLATION_CODES)

static pg_atomic_uint64 *counters = NULL;	/* CELLS for each slot */

static uint32 noted[CELLS];
static uint16 used[CELLS];		/* cells with something noted */
static int	nused = 0;

StaticAssertDecl(CELLS <= PG_UINT16_MAX, "a cell's number has 16 bits");

static int
cell_of(const EcapiField *field, EcapiViolationCode reason)
{
	int			row = field ? ecapi_field_number(field) : ECAPI_FIELDS;

	return row * ECAPI_VIOLATION_CODES + (int) reason;
}

static void
init(int slot)
{
	for (int i = 0; i < CELLS; i++)
		pg_atomic_init_u64(&counters[slot * CELLS + i], 0);
}

static void
reset(int slot, Oid database)
{
	for (int i = 0; i < CELLS; i++)
		pg_atomic_write_u64(&counters[slot * CELLS + i], 0);
}

const EcapiShmemPart ecapi_left_out_part = {
	sizeof(pg_atomic_uint64) * CELLS, (void **) &counters, init, reset
};

void
ecapi_left_out_begin(void)
{
	while (nused > 0)
		noted[used[--nused]] = 0;
}

void
ecapi_left_out_note(void *arg, const EcapiField *field, EcapiViolationCode reason)
{
	int			cell = cell_of(field, reason);

	if (noted[cell]++ == 0)
		used[nused++] = (uint16) cell;
}

void
ecapi_left_out_count(void)
{
	int			slot;

	if (nused == 0)
		return;
	slot = ecapi_slot_number();
	for (int i = 0; slot >= 0 && i < nused; i++)
		pg_atomic_fetch_add_u64(&counters[slot * CELLS + used[i]], noted[used[i]]);
	ecapi_left_out_begin();
}

uint64
ecapi_left_out_read(int slot, const EcapiField *field, EcapiViolationCode reason)
{
	Assert(slot >= 0 && slot < ecapi_slot_count());
	return pg_atomic_read_u64(&counters[slot * CELLS + cell_of(field, reason)]);
}
