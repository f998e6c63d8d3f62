/*
 * server_fault.c
 *	  Faults of the server that touch what ecapi promises, by version.
 *
 * The source is PostgreSQL's release notes, of 15.1 to 15.20, 17.1 to 17.12 and 18.1 to
 * 18.6.  Releases of all major versions come on the same day, so those of 16 follow from
 * 15: since 15.5 and 16.1 a minor of 16 is that of 15 less four.  Release notes of 18.7
 * were not there to be read: a fault that was fixed with 15.20 counts as none of 18.
 *
 * The list is short on purpose.  Here is what can lose or repeat an event, keep it from
 * being read, make a statement of the application fail, or run SQL of tracks and
 * enrichments with other rights; not what makes the server wrong in other ways.
 *
 * Pure: no server calls.
 */
#include <stddef.h>

#include "base/server_fault.h"

static const EcapiServerFault faults[] = {
	/* "Fix possible loss of tuples updated by later-aborted subtransactions" */
	{{20, 16, 12, 0},
	"VACUUM FULL and CLUSTER can lose rows of tracked tables"},

	/* "Do not start a checkpoint in the middle of aborting a prepared transaction" */
	{{20, 16, 12, 0},
	"after a crash a prepared transaction that was rolled back can be committed, and its events sent"},

	/* "Invalidate role-dependent cached plans after role changes", CVE-2026-14666 */
	{{19, 15, 11, 6},
	"SQL of tracks and enrichments can go by row security of before a change of roles (CVE-2026-14666)"},

	/* "Fix inadequate validation of multibyte character lengths", CVE-2026-2006 */
	{{16, 12, 8, 2},
	"a role that may write SQL of a track or an enrichment can run code as the server (CVE-2026-2006)"},

	/* "Avoid a rare scenario where a btree index scan could mark the wrong index entries as dead" */
	{{14, 10, 6, 0},
	"an index can miss rows, and events in the outbox are read by an index"},

	/* "Fix ways in which an 'in place' catalog update could be lost" */
	{{9, 5, 1, 0},
	"rows can be missing from an index that was just made"},

	/* "Ensure cached plans are marked as dependent on the calling role", CVE-2024-10976 */
	{{9, 5, 1, 0},
	"SQL of tracks and enrichments can read rows by the row security of another role (CVE-2024-10976)"},

	/* "Don't throw an error if a queued AFTER trigger no longer exists" */
	{{8, 4, 0, 0},
	"a transaction that writes rows of a track with at_commit and then ends the track fails"},

	/* "Prevent the pg_signal_backend role from signalling background workers", CVE-2023-5870 */
	{{5, 1, 0, 0},
	"members of pg_signal_backend can end the worker (CVE-2023-5870)"},

	/* "Fix data corruption due to vacuum_defer_cleanup_age", a setting that 16 has not */
	{{3, 0, 0, 0},
	"VACUUM can remove rows that are in use where vacuum_defer_cleanup_age is set"},
};

#define NFAULTS		((int) (sizeof(faults) / sizeof(faults[0])))

const EcapiServerFault *
ecapi_server_fault(int version, int *next, int *minor)
{
	int			major = version / 10000 - 15;

	if (major < 0 || major >= (int) (sizeof(faults[0].minor) / sizeof(faults[0].minor[0])))
		return NULL;
	while (*next < NFAULTS)
	{
		const EcapiServerFault *fault = &faults[(*next)++];

		if (version % 10000 < fault->minor[major])
		{
			*minor = fault->minor[major];
			return fault;
		}
	}
	return NULL;
}
