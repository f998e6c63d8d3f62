/*
 * test_spread.c
 *	  Over which workers destinations are spread; ECAPI_SEED repeats the random ones.
 */
#include "pipeline/spread.h"
#include "draw.h"
#include "unit.h"

#define MAX 40

static EcapiSpreadItem items[MAX];
static int	n;
static bool runs[ECAPI_SPREAD_WORKERS];

static void
workers(int count)
{
	int			i;

	for (i = 0; i < ECAPI_SPREAD_WORKERS; i++)
		runs[i] = i < count;
	n = 0;
}

static void
item(uint32_t owner, double load, int at)
{
	items[n] = (EcapiSpreadItem) {.server = 100 + n, .owner = owner, .load = load, .at = at};
	n++;
}

/* Spread, and go there. */
static bool
spread(double min_gain)
{
	bool		moves = ecapi_spread(items, n, runs, min_gain);
	int			i;

	for (i = 0; i < n; i++)
		items[i].at = items[i].to;
	return moves;
}

static int
at(uint32_t server)
{
	int			i;

	for (i = 0; i < n; i++)
		if (items[i].server == server)
			return items[i].to;
	return -1;
}

static int
count_at(int number)
{
	int			found = 0;
	int			i;

	for (i = 0; i < n; i++)
		found += items[i].to == number ? 1 : 0;
	return found;
}

static void
test_owners(void)
{
	workers(2);
	item(1, 1, 0);
	item(1, 1, 0);
	item(2, 1, 0);
	item(2, 1, 0);
	check(spread(0) && at(100) == at(101) && at(102) == at(103) && at(100) != at(102),
	   "the destinations of an owner go together");
	check(!spread(0), "and stay");

	workers(4);
	item(1, 1, 0);
	item(1, 1, 0);
	item(1, 1, 0);
	item(1, 1, 0);
	(void) spread(0);
	check(count_at(0) == 1 && count_at(1) == 1 && count_at(2) == 1 && count_at(3) == 1,
	   "one owner alone is split");
}

static void
test_flood(void)
{
	int			i;

	workers(2);
	item(1, 20000, 0);
	for (i = 0; i < 6; i++)
		item(2, 200, i % 2);
	check(spread(500), "a flood moves others away");
	check(count_at(at(100)) == 1, "and is alone on its worker");

	workers(2);
	item(1, 20, 0);
	for (i = 0; i < 6; i++)
		item(2, 2, i % 2);
	check(!spread(500), "where there is little, nothing moves for load");
}

static void
test_workers_come_and_go(void)
{
	workers(3);
	item(1, 1, 0);
	item(2, 1, 1);
	item(3, 1, 2);
	check(!spread(0), "each has one");
	runs[1] = false;
	check(spread(0) && at(101) != 1, "what a worker had that is gone goes to others");
	check(at(100) == 0 && at(102) == 2, "which keep what they have");
	runs[1] = true;
	check(spread(0) && count_at(1) == 1, "when it is back it gets something");

	workers(1);
	item(1, 1, 0);
	item(2, 5, 7);
	item(3, 1, -1);
	check(spread(0) && count_at(0) == 3, "one worker has all, whatever was before");

	workers(1);
	check(!spread(0), "there may be nothing to spread");
}

/* With any number of workers and items, a worker that begins or comes back gets something. */
static void
test_none_idle(void)
{
	bool		begins = true;
	bool		returns = true;
	int			count;
	int			many;
	int			i;

	for (count = 2; count <= ECAPI_SPREAD_WORKERS; count++)
		for (many = count; many <= MAX; many++)
		{
			workers(1);
			for (i = 0; i < many; i++)
				item(1 + i % 4, 1, 0);
			for (i = 1; i < count; i++)
			{
				runs[i] = true;
				(void) spread(0);
				begins &= count_at(i) > 0;
			}
			runs[1] = false;
			(void) spread(0);
			runs[1] = true;
			(void) spread(500);
			returns &= count_at(1) > 0;
		}
	check(begins, "each worker that begins gets something");
	check(returns, "and each that comes back");
}

/* Whatever there is: each goes to a worker that runs, and a second look moves nothing. */
static void
test_any(void)
{
	bool		valid = true;
	bool		rests = true;
	int			round;

	for (round = 0; round < 2000; round++)
	{
		int			count = 1 + (int) draw(MAX - 1);
		int			i;

		workers(1);
		for (i = 1; i < ECAPI_SPREAD_WORKERS; i++)
			runs[i] = draw(2) == 1;
		for (i = 0; i < count; i++)
			item(1 + draw(5), draw(3) == 0 ? (double) draw(50000) : 1, (int) draw(10) - 1);
		(void) spread(0);
		for (i = 0; i < n; i++)
			valid &= items[i].to >= 0 && items[i].to < ECAPI_SPREAD_WORKERS && runs[items[i].to];
		rests &= !spread(0);
	}
	check(valid, "each goes to a worker that runs");
	check(rests, "and nothing moves a second time");
}

int
main(int argc, char **argv)
{
	(void) argc;
	(void) argv;
	seed_draws();
	test_owners();
	test_flood();
	test_workers_come_and_go();
	test_none_idle();
	test_any();
	return unit_done();
}
