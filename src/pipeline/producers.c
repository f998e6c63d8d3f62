/*
 * producers.c
 *	  Requests that go by the producer of a library (delivery/producer.h) instead of HTTP.
 *
 * The library is loaded when a request of a destination first wants it, by the worker alone;
 * where it is not installed, the destination stops and says which package has it.
 *
 * A destination has one producer at a time, made by its settings, credentials, CA file and
 * time-out.  When any of these differ for a request, the producer takes no further one, is
 * closed with its last answer, and another one is made; likewise one that says that it is
 * spent, and those of a destination that is gone.  So each connection ends by itself, and what
 * is on its way over an old one is still answered.
 *
 * Answers are looked for in each turn of the worker, which the bell ends the wait of
 * (delivery/sockets.c).
 *
 * A producer opens sockets in threads of its own.  Some descriptors are set apart for it
 * (FILES), as the server is not told of each.
 *
 * At the end of the process producers are closed, and their threads are waited for, but not
 * long: exit() runs what libraries have registered (OpenSSL frees what is used by all), and no
 * thread may be at work then.
 *
 * In memory of the process; no locks.
 */
#include "postgres.h"

#include <unistd.h>

#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "delivery/producer.h"
#include "delivery/sockets.h"
#include "destination/options.h"
#include "pipeline/destination.h"
#include "pipeline/producers.h"
#include "pipeline/worker_state.h"

/* Descriptors of a producer: a few brokers, two connections to each, a pipe for each thread. */
#define FILES		16

/*
 * How long the end of the process waits for threads.  They end within some ten milliseconds,
 * but for one that is looking up a name, which no thread of ours disturbs.
 */
#define CLOSING_MS	2000

/* A producer, and whose it is. */
typedef struct Line
{
	dlist_node	node;
	Oid			server;
	const EcapiProducerTable *table;
	EcapiProducer *producer;
	uint64		settings;		/* a hash of what it was made by */
	int			files;			/* set apart for it */
	int			flying;			/* requests without an answer */
	bool		retired;		/* it takes no further request */
} Line;

static dlist_head lines = DLIST_STATIC_INIT(lines);
static const EcapiProducerTable *kafka = NULL;

/* ---- the library ---- */

static bool
is_installed(const char *file)
{
	char		path[MAXPGPATH];

	snprintf(path, sizeof(path), "%s/%s%s", pkglib_path, file, DLSUFFIX);
	return access(path, R_OK) == 0;
}

/*
 * Load it.  What the server says of a file that it cannot load (the library beneath is
 * missing, another version of the server) becomes the error.
 */
static const EcapiProducerTable *
load(const char *file, const char *function, char *error, size_t error_size)
{
	MemoryContext context = CurrentMemoryContext;
	const EcapiProducerTable *volatile table = NULL;

	PG_TRY();
	{
		const EcapiProducerTable *(*get) (void);
		char	   *path = psprintf("$libdir/%s", file);

		get = (const EcapiProducerTable *(*) (void)) load_external_function(path, function, true, NULL);
		table = get();
	}
	PG_CATCH();
	{
		ErrorData  *said;

		MemoryContextSwitchTo(context);
		said = CopyErrorData();
		FlushErrorState();
		snprintf(error, error_size, "%s%s cannot be loaded: %s", file, DLSUFFIX, said->message);
		FreeErrorData(said);
	}
	PG_END_TRY();
	return table;
}

/* The table of the library of a format; NULL with what to do in error. */
static const EcapiProducerTable *
table_of(const EcapiFormat *format, char *error, size_t error_size)
{
	char		file[64];
	char		function[64];
	const EcapiProducerTable *table;

	/* one format has one; a second one wants a list here */
	if (kafka != NULL)
		return kafka;
	snprintf(file, sizeof(file), "ecapi_%s", format->producer);
	snprintf(function, sizeof(function), "ecapi_%s_table", format->producer);
	if (!is_installed(file))
	{
		snprintf(error, error_size, "the library %s%s is not installed: install the package postgresql-%d-ecapi-%s, "
				 "or build ecapi where librdkafka-dev is, and call ecapi.resume()",
				 file, DLSUFFIX, ECAPI_SERVER_MAJOR, format->producer);
		return NULL;
	}
	table = load(file, function, error, error_size);
	if (table != NULL && strcmp(table->version, ECAPI_VERSION) != 0)
	{
		snprintf(error, error_size, "%s%s is of version %s and ecapi of version %s: "
				 "install both of one version, and restart the server",
				 file, DLSUFFIX, table->version, ECAPI_VERSION);
		return NULL;
	}
	kafka = table;
	return table;
}

/* ---- lines ---- */

static void
close_line(Line *line)
{
	dlist_delete(&line->node);
	line->table->close(line->producer);
	while (line->files-- > 0)
		ReleaseExternalFD();
	pfree(line);
}

static void
retire(Line *line)
{
	line->retired = true;
	if (line->flying == 0)
		close_line(line);
}

/* Close all, and wait for their threads. */
static void
at_exit(int code, Datum arg)
{
	while (!dlist_is_empty(&lines))
		close_line(dlist_head_element(Line, node, &lines));
	for (int i = 0; kafka != NULL && kafka->closing() > 0 && i < CLOSING_MS / 10; i++)
		pg_usleep(10 * 1000);
}

/* What a producer is made by. */
static uint64
settings_of(const EcapiBatch *batch, const EcapiRequest *request)
{
	uint64		hash = hash_combine64(batch->token_stamp, (uint64) request->timeout_ms);

	for (int i = 0; i < request->nheaders; i++)
		hash = hash_bytes_extended((const unsigned char *) request->headers[i],
								   (int) strlen(request->headers[i]), hash);
	if (request->ca_file != NULL)
		hash = hash_bytes_extended((const unsigned char *) request->ca_file,
								   (int) strlen(request->ca_file), hash + 1);
	return hash;
}

static Line *
open_line(EcapiBatch *batch, const EcapiRequest *request, uint64 settings, char *error,
		  size_t error_size, bool *at_fault)
{
	static bool registered = false;
	const EcapiProducerTable *table = table_of(batch->body.shape.format, error, error_size);
	int			bell = ecapi_sockets_bell();
	Line	   *line;

	*at_fault = table == NULL;
	if (table == NULL)
		return NULL;
	if (bell < 0)
	{
		snprintf(error, error_size, "no file descriptor is to be had");
		return NULL;
	}
	if (!registered)
		on_proc_exit(at_exit, (Datum) 0);
	registered = true;
	line = MemoryContextAllocZero(ecapi_me.context, sizeof(Line));
	line->server = batch->destination->server;
	line->table = table;
	line->settings = settings;
	line->producer = table->open(request, ECAPI_BUDGET, bell, error, error_size);
	if (line->producer == NULL)
	{
		pfree(line);
		return NULL;
	}
	while (line->files < FILES && AcquireExternalFD())
		line->files++;
	dlist_push_tail(&lines, &line->node);
	return line;
}

/* The producer of a request, made where there is none yet; NULL with a reason in error. */
static Line *
line_for(EcapiBatch *batch, const EcapiRequest *request, char *error, size_t error_size,
		 bool *at_fault)
{
	uint64		settings = settings_of(batch, request);
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lines)
	{
		Line	   *line = dlist_container(Line, node, iter.cur);

		if (line->server != batch->destination->server || line->retired)
			continue;
		if (line->settings == settings && !line->table->is_spent(line->producer))
			return line;
		retire(line);
	}
	return open_line(batch, request, settings, error, error_size, at_fault);
}

/* ---- requests ---- */

bool
ecapi_producers_start(EcapiBatch *batch, const EcapiRequest *request, char *error,
					  size_t error_size, bool *at_fault)
{
	Line	   *line;

	*at_fault = false;
	line = line_for(batch, request, error, error_size, at_fault);
	if (line == NULL || !line->table->start(line->producer, request, error, error_size))
		return false;
	line->flying++;
	return true;
}

void
ecapi_producers_cancel(EcapiBatch *batch)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lines)
	{
		Line	   *line = dlist_container(Line, node, iter.cur);

		if (line->server != batch->destination->server ||
			!line->table->cancel(line->producer, batch))
			continue;
		if (--line->flying == 0 && line->retired)
			close_line(line);
	}
}

bool
ecapi_producers_answer(EcapiAnswer *answer)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lines)
	{
		Line	   *line = dlist_container(Line, node, iter.cur);

		if (line->flying == 0 && (line->retired || line->table->is_spent(line->producer)))
			close_line(line);
		else if (line->table->answer(line->producer, answer))
		{
			/* its text is the producer's, so that is closed at the next call */
			line->flying--;
			return true;
		}
	}
	return false;
}

void
ecapi_producers_forget(const EcapiDestination *destination)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lines)
	{
		Line	   *line = dlist_container(Line, node, iter.cur);

		if (line->server == destination->server && !line->retired)
			retire(line);
	}
}
