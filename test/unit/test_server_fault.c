/*
 * test_server_fault.c
 *	  Which faults a server of a version has.
 */
#include <string.h>

#include "base/server_fault.h"
#include "unit.h"

/* How many; *last: the highest minor that is told to be installed. */
static int
faults_of(int version, int *last)
{
	int			next = 0;
	int			minor;
	int			n = 0;

	*last = 0;
	while (ecapi_server_fault(version, &next, &minor) != NULL)
	{
		n++;
		if (minor > *last)
			*last = minor;
	}
	return n;
}

/* Whether one of them has these words. */
static bool
has(int version, const char *words)
{
	const EcapiServerFault *fault;
	int			next = 0;
	int			minor;

	while ((fault = ecapi_server_fault(version, &next, &minor)) != NULL)
		if (strstr(fault->what, words) != NULL)
			return true;
	return false;
}

int
main(void)
{
	static const int newest[] = {150020, 160016, 170012, 180006};
	int			last;
	int			i;

	for (i = 0; i < 4; i++)
	{
		int			before = faults_of(newest[i] / 10000 * 10000, &last);
		int			minor;

		check(before > 0 && last <= newest[i] % 10000, "the first release has some, a later one none");
		check(faults_of(newest[i], &last) == 0, "the newest has none");
		for (minor = 1; minor <= newest[i] % 10000; minor++)
		{
			int			n = faults_of(newest[i] / 10000 * 10000 + minor, &last);

			check(n <= before, "a later release has no more");
			before = n;
		}
	}
	check(faults_of(140000, &last) == 0 && faults_of(190000, &last) == 0 && faults_of(0, &last) == 0,
		  "nothing is said of other versions");
	check(has(150013, "an index can miss rows") && !has(150014, "an index can miss rows"), "15.14");
	check(has(160009, "an index can miss rows") && !has(160010, "an index can miss rows"), "16.10");
	check(has(170005, "an index can miss rows") && !has(170006, "an index can miss rows"), "17.6");
	check(!has(180000, "an index can miss rows"), "18 came without it");
	check(has(180005, "CVE-2026-14666") && !has(180006, "CVE-2026-14666"), "18.6");
	check(has(150004, "pg_signal_backend") && !has(150005, "pg_signal_backend"), "15.5");
	return unit_done();
}
