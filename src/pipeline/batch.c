/*
 * batch.c
 *	  Batches: events of one feed that travel in one request.
 *
 * Memory: a batch and its items live in a context of its own, its request in another,
 * which goes as soon as the answer is in.  Bodies count into the worker's budget.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/feed.h"
#include "pipeline/worker_state.h"

EcapiBatch *
ecapi_batch_new(EcapiFeed *feed, int capacity)
{
	EcapiDestination *destination = feed->destination;
	MemoryContext context = AllocSetContextCreate(destination->context, "ecapi batch",
												  ALLOCSET_SMALL_SIZES);
	EcapiBatch *batch = MemoryContextAllocZero(context, sizeof(EcapiBatch));

	batch->destination = destination;
	batch->feed = feed;
	batch->context = context;
	batch->items = MemoryContextAlloc(context, sizeof(EcapiItem) * Max(capacity, 1));
	return batch;
}

int
ecapi_batch_count(dlist_head *list)
{
	int			n = 0;

	ecapi_foreach(EcapiBatch, batch, list)
		n++;
	return n;
}

void
ecapi_batch_count_body(EcapiBatch *batch)
{
	size_t		bytes = batch->request == NULL ? 0 : batch->body.buffer.size;

	/* a producer copies the messages of a body */
	if (bytes > 0 && batch->body.shape.format != NULL && batch->body.shape.format->producer != NULL)
		bytes *= 2;
	ecapi_me.body_bytes += bytes - batch->body_bytes;
	batch->destination->body_bytes += bytes - batch->body_bytes;
	batch->body_bytes = bytes;
}

void
ecapi_batch_drop_request(EcapiBatch *batch)
{
	if (batch->request == NULL)
		return;
	MemoryContextDelete(batch->request);
	batch->request = NULL;
	batch->outgoing = NULL;
	ecapi_batch_count_body(batch);
}

void
ecapi_batch_free(EcapiBatch *batch)
{
	ecapi_batch_drop_request(batch);
	if (batch->root != NULL && --batch->root->parts == 0)
		pfree(batch->root);
	MemoryContextDelete(batch->context);
}
