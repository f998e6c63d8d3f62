/*
 * history_scan.c
 *	  All rows of a range through a track, to a sink; and how far that is.
 *
 * A page and what was noted of it live in a context of their own, which goes when the
 * page after it has been read: its last key is needed until then.
 *
 * Locks: those of history.c.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "history/history.h"
#include "history/history_scan.h"

/* Between two lines that say how far it has come. */
#define NOTICE_EVERY_MS	5000

void
ecapi_history_scan(const EcapiHistoryScan *scan)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext before = NULL;
	int			nrows;

	do
	{
		MemoryContext context = AllocSetContextCreate(caller, "ecapi history page",
													  ALLOCSET_DEFAULT_SIZES);

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(context);
		scan->begin(scan->sink->arg, context);
		nrows = ecapi_history_page(scan->progress, scan->event_type, ECAPI_HISTORY_PAGE,
								   scan->sink, context);
		scan->end(scan->sink->arg);
		MemoryContextSwitchTo(caller);
		if (before != NULL)
			MemoryContextDelete(before);
		before = context;
	} while (nrows == ECAPI_HISTORY_PAGE);
	MemoryContextDelete(before);
}

char *
ecapi_history_describe(const EcapiBackfillCounts *counts, const char *failed)
{
	const struct
	{
		int64		n;
		const char *what;
	}			further[] = {
		{counts->forgotten, "of forgotten persons"},
		{counts->cancelled, "cancelled"},
		{counts->condition_false, "whose condition is false now"},
		{counts->skipped, "not read: their time is null or outside of the range"}
	};
	char	   *text = psprintf(INT64_FORMAT " rows read, " INT64_FORMAT " events, " INT64_FORMAT
								" %s, " INT64_FORMAT " outside of the range",
								counts->rows, counts->events, counts->set_aside, failed,
								counts->outside);

	for (int i = 0; i < lengthof(further); i++)
		if (further[i].n > 0)
			text = psprintf("%s, " INT64_FORMAT " %s", text, further[i].n, further[i].what);
	return text;
}

/*
 * Never while a server that is being tested discards what its caches hold: each row
 * takes long then, and no test knows how many lines.
 */
bool
ecapi_history_reports(TimestampTz *reported_at)
{
	TimestampTz now = GetCurrentTimestamp();

	if (debug_discard_caches > 0)
		return false;
	if (now < TimestampTzPlusMilliseconds(*reported_at, NOTICE_EVERY_MS))
		return false;
	*reported_at = now;
	return true;
}
