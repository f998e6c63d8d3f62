/*
 * start.c
 *	  What a worker has before its first turn: settings of its own, memory, the HTTP client.
 *
 * What is set up stays until the process ends; nothing of it is given back before.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "base/background.h"
#include "delivery/http.h"
#include "event/digest.h"
#include "event/value.h"
#include "pipeline/settle.h"
#include "pipeline/worker_state.h"
#include "shmem/workers.h"
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

void
ecapi_worker_set_up(void)
{
	EcapiArena	arena;
	char		hex[ECAPI_HEX_SIZE];

	ecapi_background_settle("ecapi worker");
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
	ecapi_settle_begin();
	/* what the last lead may have left */
	if (ecapi_worker_leads())
	{
		ecapi_stops_watch(false);
		ecapi_room_is_short(false);
	}
	ecapi_stat_worker_begin();
	ecapi_worker_ready();
}
