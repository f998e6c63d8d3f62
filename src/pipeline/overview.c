/*
 * overview.c
 *	  What the lead knows of all destinations, its own and those of other workers.
 *
 * Each worker delivers what it has by itself.  What concerns all destinations is the
 * lead's: how many workers there are, which has what, what the ring may lose, ticks for
 * those with a delay.  It is renewed with each reload.
 *
 * Workers are wanted up to ecapi.workers, and not more than there are destinations.  They
 * are spread again (spread.c) when a worker came or went, when destinations did, and each
 * SPREAD_MS when load has shifted.  Load is how many events have ended lately, by the
 * counters of statistics, and one for the destination itself, so that idle ones are spread
 * by number.
 *
 * Locks: none.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "event/event_type.h"
#include "pipeline/destination.h"
#include "pipeline/destinations.h"
#include "pipeline/overview.h"
#include "pipeline/own.h"
#include "pipeline/server.h"
#include "pipeline/spread.h"
#include "pipeline/worker_state.h"
#include "settings.h"
#include "shmem/not_carried.h"
#include "shmem/workers.h"
#include "stat/stat_destination.h"

/* Between two looks at load: the flood of a minute is worth a move, that of a second is not. */
#define SPREAD_MS		10000

/*
 * Events a second of others by which destinations have to wait less, for a move between two
 * workers that run: some hundredths of what one delivers; below it nobody waits.
 */
#define MIN_GAIN		500

StaticAssertDecl(ECAPI_SPREAD_WORKERS == ECAPI_WORKERS, "as many workers can be spread over");

/* Whether a destination takes refunds. */
typedef enum Refunds
{
	ASK,						/* it was not asked for since the last reload */
	TAKEN,
	NOT_TAKEN
} Refunds;

typedef struct Known
{
	Oid			server;
	NameData	name;
	Refunds		refunds;
	Oid			owner;
	bool		placed;			/* it was spread; a new one goes where there is least */
	bool		guarded;		/* and stopped by that */
	bool		delays;
	uint64		ended;			/* events, at the last look; 0: there was none */
	double		load;			/* events a second, lately */
} Known;

static Known *known = NULL;
static int	n_known = 0;
static MemoryContext context = NULL;	/* of known */

static bool changed = true;		/* destinations, since they were spread */
static uint32 ran = 0;			/* workers that did, a bit each, when they were */
static TimestampTz looked_at = 0;

static Known *
known_of(Oid server)
{
	for (int i = 0; i < n_known; i++)
		if (known[i].server == server)
			return &known[i];
	return NULL;
}

/* Whether options have a delay; one that is 0 costs a tick a second for nothing. */
static bool
has_delay(List *options)
{
	ListCell   *cell;

	foreach(cell, options)
		if (strcmp(lfirst_node(DefElem, cell)->defname, "delay") == 0)
			return true;
	return false;
}

void
ecapi_overview_take(List *all)
{
	MemoryContext fresh = AllocSetContextCreate(ecapi_me.context, "ecapi overview",
												ALLOCSET_SMALL_SIZES);
	Known	   *list = MemoryContextAllocZero(fresh, sizeof(Known) * Max(list_length(all), 1));
	ListCell   *cell;

	foreach(cell, all)
	{
		const EcapiFound *found = lfirst(cell);
		const Known *before = known_of(found->server);
		Known	   *here = &list[foreach_current_index(cell)];

		if (before != NULL)
			*here = *before;
		/* a lead that starts leaves all where they are */
		here->placed |= context == NULL;
		changed |= before == NULL || before->owner != found->role;
		here->server = found->server;
		here->refunds = ASK;
		namestrcpy(&here->name, found->name);
		here->owner = found->role;
		here->guarded = found->guard != NULL && found->cursor != NULL &&
			strcmp(found->cursor->state, "stopped") == 0;
		here->delays = has_delay(found->options);
	}
	changed |= n_known != list_length(all);
	if (context != NULL)
		MemoryContextDelete(context);
	context = fresh;
	known = list;
	n_known = list_length(all);
	ecapi_assign_forget(ecapi_overview_has);
	ecapi_not_carried_forget(ecapi_overview_has);
	ecapi_stat_destination_forget(ecapi_overview_has);
}

bool
ecapi_overview_any(void)
{
	return n_known > 0;
}

bool
ecapi_overview_has(Oid server)
{
	return known_of(server) != NULL;
}

List *
ecapi_overview_guarded(void)
{
	List	   *result = NIL;

	for (int i = 0; i < n_known; i++)
	{
		const EcapiDestination *ours = ecapi_destination_of(known[i].server);

		/* of our own we know what is now; one that is guarded and not stopped has its
		 * checks before it */
		if (ours != NULL ? ours->guarded && ours->state == ECAPI_STOPPED : known[i].guarded)
			result = lappend_oid(result, known[i].server);
	}
	return result;
}

bool
ecapi_overview_delays(void)
{
	for (int i = 0; i < n_known; i++)
		if (known[i].delays && !ecapi_own_has(known[i].server))
			return true;
	return false;
}

bool
ecapi_overview_takes_refunds(Oid server, const char **name)
{
	Known	   *here = known_of(server);
	ForeignServer *found;
	const EcapiOptions *options;
	char		error[512];

	if (here == NULL)
		return false;
	*name = NameStr(here->name);
	if (here->refunds == ASK)
	{
		found = GetForeignServerExtended(server, FSV_MISSING_OK);
		if (found == NULL)
			return false;
		options = ecapi_options_of(found, error, sizeof(error));
		/* with options that cannot be used, it decides when they can */
		here->refunds = options == NULL ||
			(options->event_types & (UINT64CONST(1) << ECAPI_EVENT_refund)) != 0
			? TAKEN : NOT_TAKEN;
	}
	return here->refunds == TAKEN;
}

/* ---- spreading ---- */

/* Bring the loads up to date, from counters of statistics; the last look was then. */
static void
look_at_loads(TimestampTz last, TimestampTz now)
{
	double		seconds = (double) (now - last) / USECS_PER_SEC;

	for (int place = 0; place < ECAPI_STAT_DESTINATIONS; place++)
	{
		uint64		counts[ECAPI_DESTINATION_STATS];
		uint64		ended = 1;
		Oid			server;
		Known	   *here;

		if (!ecapi_stat_destination_read(place, &server, counts) ||
			(here = known_of(server)) == NULL)
			continue;
		for (int end = 0; end < ECAPI_STAT_ENDS; end++)
			ended += counts[ECAPI_DESTINATION_ENDS + end];
		/* half of it is of before: a load that lasts shows, one that jumps does not */
		if (here->ended != 0 && ended >= here->ended && seconds > 0)
			here->load = (here->load + (double) (ended - here->ended) / seconds) / 2;
		here->ended = ended;
	}
}

/* Which workers run and shall do so; the lead does.  Returns a bit for each. */
static uint32
find_running(int wanted, bool runs[ECAPI_WORKERS])
{
	uint32		result = 0;

	for (int number = 0; number < ECAPI_WORKERS; number++)
	{
		runs[number] = number == 0 || (number < wanted && ecapi_workers_runs(number));
		result |= runs[number] ? (uint32) 1 << number : 0;
	}
	return result;
}

/* Write down where destinations go; those for which there is no room stay with the lead. */
static void
spread(const bool *runs, double min_gain)
{
	EcapiSpreadItem *items = palloc(sizeof(EcapiSpreadItem) * Max(n_known, 1));
	bool		moved = false;

	for (int i = 0; i < n_known; i++)
		items[i] = (EcapiSpreadItem) {
			.server = known[i].server, .owner = known[i].owner, .load = 1 + known[i].load,
			.at = known[i].placed ? ecapi_assigned_to(known[i].server) : -1
		};
	for (int i = 0; i < n_known; i++)
		known[i].placed = true;
	if (!ecapi_spread(items, n_known, runs, min_gain))
		return;
	/* first those that go back to the lead, which makes room */
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < n_known; i++)
			if ((items[i].to == 0) == (pass == 0))
				moved |= ecapi_assign(items[i].server, items[i].to);
	if (!moved)
		return;
	ecapi_me.reload_wanted = true;
	ecapi_workers_reload();
}

void
ecapi_overview_spread(TimestampTz now)
{
	bool		runs[ECAPI_WORKERS];
	bool		shifted;
	uint32		running;
	TimestampTz last = looked_at;
	int			wanted = Max(1, Min(ecapi_workers, n_known));

	if (wanted != ecapi_workers_wanted())
		ecapi_workers_want(wanted);
	running = find_running(wanted, runs);
	shifted = wanted > 1 && ecapi_elapsed(&looked_at, now, SPREAD_MS);
	if (shifted)
		look_at_loads(last, now);
	if (changed || running != ran)
		spread(runs, 0);
	else if (shifted)
		spread(runs, MIN_GAIN);
	changed = false;
	ran = running;
}
