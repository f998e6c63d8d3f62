/*
 * spread.c
 *	  Over which workers destinations are spread: by their owners, and by load.
 *
 * Two plans are made.  One leaves each item where it is, and gives those without a worker
 * to the one that has least.  The other begins with empty workers: the destinations of one
 * owner go together, so that what an owner's receivers and events cost is felt by its own
 * destinations first; an owner that has more than a fair share is split.  Groups go to the
 * worker that has least, the largest first, so that the busiest has at most 4/3 of what it
 * has to have (Graham 1969).
 *
 * A plan is as bad as what destinations wait for: for each of them, the load of the others
 * of its worker.  So a flood is set apart from the many that have little, which would hardly
 * make the busiest worker less busy.  The second plan counts only when it is better by GAIN,
 * and by what the caller asks for: each move has pages read again; or when fewer workers have
 * nothing by it, for one among many that begins gains little.
 *
 * Only arithmetic; no locks, no memory but the caller's.
 */
#include <stdlib.h>

#include "pipeline/spread.h"

/* By this part of it destinations have to wait less. */
#define GAIN			0.25

/*
 * How far an owner may be beyond a fair share before its destinations are split: the first
 * of these by which no worker has nothing.
 */
static const double slacks[] = {1.25, 1, 0};

static int
compare_owners(const void *a, const void *b)
{
	const EcapiSpreadItem *left = a;
	const EcapiSpreadItem *right = b;

	if (left->owner != right->owner)
		return left->owner < right->owner ? -1 : 1;
	if (left->load != right->load)
		return left->load > right->load ? -1 : 1;
	return left->server < right->server ? -1 : left->server > right->server ? 1 : 0;
}

static bool
is_at_work(const EcapiSpreadItem *item, const bool *runs)
{
	return item->at >= 0 && item->at < ECAPI_SPREAD_WORKERS && runs[item->at];
}

/* The worker that has least; of equal ones the preferred one, if it runs. */
static int
least(const double *loads, const bool *runs, int preferred)
{
	int			best = 0;

	for (int number = 1; number < ECAPI_SPREAD_WORKERS; number++)
		if (runs[number] && loads[number] < loads[best])
			best = number;
	if (preferred >= 0 && preferred < ECAPI_SPREAD_WORKERS && runs[preferred] &&
		loads[preferred] <= loads[best])
		best = preferred;
	return best;
}

/*
 * What all destinations wait for, where each goes to what a plan says: on each worker its
 * load once for each destination, but for their own.
 */
static double
wait_of(const EcapiSpreadItem *items, int n, bool other)
{
	double		loads[ECAPI_SPREAD_WORKERS] = {0};
	double		wait = 0;

	for (int i = 0; i < n; i++)
		loads[other ? items[i].other : items[i].to] += items[i].load;
	for (int i = 0; i < n; i++)
		wait += loads[other ? items[i].other : items[i].to] - items[i].load;
	return wait;
}

/* The first plan: what has a worker stays. */
static void
stay(EcapiSpreadItem *items, int n, const bool *runs)
{
	double		loads[ECAPI_SPREAD_WORKERS] = {0};

	for (int i = 0; i < n; i++)
		if (is_at_work(&items[i], runs))
			loads[items[i].to = items[i].at] += items[i].load;
	for (int i = 0; i < n; i++)
		if (!is_at_work(&items[i], runs))
		{
			items[i].to = least(loads, runs, -1);
			loads[items[i].to] += items[i].load;
		}
}

static double
load_of(const EcapiSpreadItem *items, int begin, int end)
{
	double		load = 0;

	for (int i = begin; i < end; i++)
		load += items[i].load;
	return load;
}

/* Where the items of an owner end. */
static int
end_of_owner(const EcapiSpreadItem *items, int n, int begin)
{
	int			end = begin;

	while (end < n && items[end].owner == items[begin].owner)
		end++;
	return end;
}

/* Items that go together. */
typedef struct Group
{
	int			begin;
	int			end;
	double		load;			/* below 0: there is none */
} Group;

/*
 * The largest group that has no worker yet: the items of an owner, or one item of an owner
 * that has more than a share and is split.
 */
static Group
next_group(const EcapiSpreadItem *items, int n, double share)
{
	Group		best = {0, 0, -1};

	for (int owner = 0, behind; owner < n; owner = behind)
	{
		double		all;

		behind = end_of_owner(items, n, owner);
		all = load_of(items, owner, behind);
		for (int i = owner, next; i < behind; i = next)
		{
			Group		here = {i, i + 1, items[i].load};

			if (all <= share)
				here = (Group) {owner, behind, all};
			next = here.end;
			if (items[i].other < 0 && here.load > best.load)
				best = here;
		}
	}
	return best;
}

/* The second plan.  Groups are few, so the largest that is left is looked for each time. */
static void
from_scratch(EcapiSpreadItem *items, int n, const bool *runs, double share)
{
	double		loads[ECAPI_SPREAD_WORKERS] = {0};

	for (int i = 0; i < n; i++)
		items[i].other = -1;
	for (;;)
	{
		Group		group = next_group(items, n, share);
		int			number;

		if (group.load < 0)
			return;
		number = least(loads, runs, items[group.begin].at);
		loads[number] += group.load;
		for (int i = group.begin; i < group.end; i++)
			items[i].other = number;
	}
}

/* How many workers that run have nothing, where each item goes to what a plan says. */
static int
count_idle(const EcapiSpreadItem *items, int n, const bool *runs, bool other)
{
	int			idle = 0;

	for (int number = 0; number < ECAPI_SPREAD_WORKERS; number++)
	{
		bool		has = false;

		for (int i = 0; i < n; i++)
			has |= (other ? items[i].other : items[i].to) == number;
		idle += runs[number] && !has ? 1 : 0;
	}
	return idle;
}

bool
ecapi_spread(EcapiSpreadItem *items, int n, const bool runs[ECAPI_SPREAD_WORKERS], double min_gain)
{
	int			nruns = 0;
	bool		moves = false;
	double		now;
	double		then;

	for (int number = 0; number < ECAPI_SPREAD_WORKERS; number++)
		nruns += runs[number] ? 1 : 0;
	qsort(items, n, sizeof(EcapiSpreadItem), compare_owners);
	stay(items, n, runs);
	for (int i = 0; i < (int) (sizeof(slacks) / sizeof(slacks[0])); i++)
	{
		from_scratch(items, n, runs, load_of(items, 0, n) / nruns * slacks[i]);
		if (count_idle(items, n, runs, true) == 0)
			break;
	}
	now = wait_of(items, n, false);
	then = wait_of(items, n, true);
	if ((now - then > GAIN * now && now - then >= min_gain) ||
		count_idle(items, n, runs, true) < count_idle(items, n, runs, false))
		for (int i = 0; i < n; i++)
			items[i].to = items[i].other;
	for (int i = 0; i < n; i++)
		moves |= items[i].to != items[i].at;
	return moves;
}
