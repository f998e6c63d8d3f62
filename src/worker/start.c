/*
 * start.c
 *	  What a worker has before its first turn: settings of its own, memory, the HTTP client.
 *
 * Nothing that ALTER DATABASE or ALTER ROLE has set for others reaches the worker: its role,
 * its isolation, its plans and its time limits are fixed here, with a source that settings of
 * databases and roles do not override.
 *
 * What is set up stays until the process ends; nothing of it is given back before.
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "delivery/http.h"
#include "event/digest.h"
#include "event/value.h"
#include "pipeline/worker_state.h"
#include "stat/stat_worker.h"
#include "worker/start.h"

/* Digests kept; 128 bytes each. */
#define DIGESTS				16384

static void *
grab_from_worker(void *owner, size_t size)
{
	return MemoryContextAllocExtended((MemoryContext) owner, size,
									  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
}

/*
 * Return to the role with which this process connected, if ALTER DATABASE or ALTER ROLE
 * has set another one: that has no right on our tables.  Roles are looked up, so this takes a
 * transaction; the session authorization comes first, because it sets the other.
 */
static void
override_role(void)
{
	StartTransactionCommand();
	SetConfigOption("session_authorization", GetUserNameFromId(GetAuthenticatedUserId(), false),
					PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_OVERRIDE);
	CommitTransactionCommand();
}

/* Undo what ALTER DATABASE or ALTER ROLE may have set, and fix our plans. */
static void
override_settings(void)
{
	static const char *const settings[][2] = {
		{"application_name", "ecapi worker"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_deferrable", "off"},
		/* a lock on our tables must not hold up the loop */
		{"lock_timeout", "5s"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"search_path", "pg_catalog, pg_temp"},
		{"row_security", "off"},
		{"session_replication_role", "origin"},
		{"synchronous_commit", "off"},
		{"client_min_messages", "error"},
		{"DateStyle", "ISO"},
		{"bytea_output", "hex"},
		/* the outbox is read by index, whatever statistics say (window.c) */
		{"plan_cache_mode", "force_generic_plan"},
		{"max_parallel_workers_per_gather", "0"},
		{"enable_seqscan", "off"},
		{"enable_indexscan", "on"},
		{"enable_indexonlyscan", "on"},
		{"enable_nestloop", "on"},
		{"enable_partition_pruning", "on"},
		{"enable_bitmapscan", "off"},
		{"enable_sort", "off"},
		{"enable_incremental_sort", "off"},
		{"jit", "off"},
		/* a statement that spills to disk must not fail for it */
		{"temp_file_limit", "-1"}
	};

	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

void
ecapi_worker_set_up(void)
{
	EcapiArena	arena;
	char		hex[ECAPI_HEX_SIZE];

	override_role();
	override_settings();
	ecapi_me.context = AllocSetContextCreate(TopMemoryContext, "ecapi worker",
											 ALLOCSET_DEFAULT_SIZES);
	ecapi_me.scratch = AllocSetContextCreate(ecapi_me.context, "ecapi turn",
											 ALLOCSET_DEFAULT_SIZES);
	dlist_init(&ecapi_me.destinations);
	dlist_init(&ecapi_me.ticks);
	dlist_init(&ecapi_me.pages);
	ecapi_arena_init(&arena, grab_from_worker, ecapi_me.context);
	ecapi_me.digests = ecapi_digest_cache_create(&arena, DIGESTS);
	/* now, while there is memory: OpenSSL fails badly without it when it is set up */
	if (!ecapi_sha256("", 0, hex))
		ereport(FATAL,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not set up hashing")));
	/* a third of the files is for external use; some of it for attempts over IPv4 and IPv6 */
	ecapi_me.connections = Max(1, Min(ECAPI_HTTP_CONNECTIONS, max_safe_fds / 4));
	ecapi_me.http = ecapi_http_create(AcquireExternalFD, ReleaseExternalFD,
									  ecapi_me.connections);
	if (ecapi_me.http == NULL)
		ereport(FATAL,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not set up the HTTP client")));
	ecapi_stat_worker_begin();
	pgstat_report_appname("ecapi worker");
}
