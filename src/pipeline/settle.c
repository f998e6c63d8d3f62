/*
 * settle.c
 *	  Every request that may carry what was stopped is answered, and recorded.
 *
 * The lead asks all workers, itself included, by a ticket (shmem/workers.c).  A worker has
 * settled for it when
 *
 *	 (1) it has looked at all its pages since it heard of the ticket (stopped.c), so that
 *		what it sends from then on carries nothing that was stopped before, and
 *	 (2) every request that it had sent by then is answered, or known to stay unanswered,
 *		and that is recorded.
 *
 * What the request log says from then on of events that were stopped before the ticket, it
 * says for good.  A worker that starts has nothing on its way, and looks before it sends;
 * what another was about when it ended counts as a crash does.
 *
 * A later ticket begins a round of its own when the one at work is through.
 *
 * Locks: none.
 */
#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/settle.h"
#include "pipeline/stopped.h"
#include "pipeline/worker_state.h"
#include "records/record.h"
#include "shmem/workers.h"

static uint64 said = 0;			/* settled for it and those before */
static uint64 ticket = 0;		/* at work on; as said: on none */
static uint64 looks;			/* ecapi_stops_looks() when it was heard of */
static TimestampTz known_at;	/* no later request carries what was stopped; 0: not yet */

void
ecapi_settle_begin(void)
{
	said = ticket = ecapi_settle_asked();
	ecapi_settle_say(said);
}

static void
widen(TimestampTz *first, TimestampTz *last, TimestampTz moment)
{
	*first = Min(*first, moment);
	*last = Max(*last, moment);
}

/* When the requests were sent that are not recorded yet: the first and the last. */
static void
find_unrecorded(TimestampTz *first, TimestampTz *last)
{
	ListCell   *cell;

	*first = DT_NOEND;
	*last = DT_NOBEGIN;
	ecapi_foreach(EcapiDestination, destination, &ecapi_me.destinations)
	{
		ecapi_foreach(EcapiBatch, batch, &destination->flying)
			widen(first, last, batch->sent_at);
		foreach(cell, destination->journal.requests)
			widen(first, last, ((EcapiRequestRow *) lfirst(cell))->sent_at);
	}
}

static void
look_again(void)
{
	known_at = 0;
	ecapi_stops_look_again();
	looks = ecapi_stops_looks();
}

/* Whether all that was sent before the look is recorded. */
static bool
is_settled(TimestampTz now)
{
	TimestampTz first;
	TimestampTz last;

	/* the clock was set back: what is sent later might count as earlier */
	if (known_at != 0 && now < known_at)
		look_again();
	find_unrecorded(&first, &last);
	if (known_at == 0 && ecapi_stops_looks() != looks)
		known_at = Max(now, last);
	return known_at != 0 && first > known_at;
}

/* What ends the wait, an answer or a write of the recorder, begins a turn by itself. */
long
ecapi_settle_step(TimestampTz now)
{
	if (ticket == said)
	{
		uint64		asked = ecapi_settle_asked();

		if (asked == said)
			return -1;
		ticket = asked;
		look_again();
		return 0;
	}
	if (!is_settled(now))
		return -1;
	said = ticket;
	ecapi_settle_say(said);
	return 0;
}
