/*
 * channel.c
 *	  Between the worker and a process that runs users' SQL for it: records, in both
 *	  directions, through shared memory.
 *
 * A segment of dynamic shared memory holds two of the server's message queues, one for each
 * direction.  A message is a frame: records one behind the other, each a head and its data,
 * padded to the alignment of a struct, so that what is small costs no message of its own.
 *
 * What is said is copied into the frame at once.  A frame that did not go whole is offered
 * again with the same bytes, as the queue wants it, whatever became meanwhile of what it
 * speaks of.
 *
 * Both sides are the same library in the same server, so records are structs in memory.
 * Lengths are checked all the same: a record that does not fit its frame is an error.
 *
 * Memory: two rings in shared memory, a frame that grows to the largest record on the side
 * that says it, and as much on the other, which the queue keeps until it is closed.  No locks
 * but those of the queues.
 */
#include "postgres.h"

#include "storage/proc.h"
#include "storage/shm_mq.h"

#include "enrich/channel.h"

/* Of each direction.  A page of events is some times as large, and goes in as many steps. */
#define RING_BYTES		(256 * 1024)

/* A frame that has this much is sent before more is said: then a message costs little. */
#define FRAME_BYTES		(16 * 1024)

#define MAGIC			0x65636170

typedef struct Segment
{
	uint32		magic;
} Segment;

#define SEGMENT_SIZE	(MAXALIGN(sizeof(Segment)) + 2 * RING_BYTES)
#define QUEUE(segment, n) \
	((void *) ((char *) dsm_segment_address(segment) + MAXALIGN(sizeof(Segment)) + (n) * RING_BYTES))

/* In a frame; its data follows, aligned. */
typedef struct Head
{
	int64		number;
	uint32		len;
	uint32		kind;
} Head;

struct EcapiChannel
{
	dsm_segment *segment;
	shm_mq_handle *out;
	shm_mq_handle *in;
	char	   *frame;			/* said, and not yet sent */
	bool		offered;		/* a part of it went: it must not change until all has */
	Size		used;
	Size		size;
	const char *taken;			/* rest of the frame that came last */
	Size		left;
};

static EcapiChannel *
new_channel(dsm_segment *segment)
{
	EcapiChannel *channel = palloc0(sizeof(EcapiChannel));

	channel->segment = segment;
	channel->size = 2 * FRAME_BYTES;
	channel->frame = palloc(channel->size);
	return channel;
}

EcapiChannel *
ecapi_channel_create(void)
{
	dsm_segment *segment = dsm_create(SEGMENT_SIZE, DSM_CREATE_NULL_IF_MAXSEGMENTS);
	EcapiChannel *channel;
	shm_mq	   *out;
	shm_mq	   *in;

	if (segment == NULL)
		return NULL;
	channel = new_channel(segment);
	((Segment *) dsm_segment_address(segment))->magic = MAGIC;
	out = shm_mq_create(QUEUE(segment, 0), RING_BYTES);
	in = shm_mq_create(QUEUE(segment, 1), RING_BYTES);
	shm_mq_set_sender(out, MyProc);
	shm_mq_set_receiver(in, MyProc);
	channel->out = shm_mq_attach(out, segment, NULL);
	channel->in = shm_mq_attach(in, segment, NULL);
	/* it is whole, and stays until it is closed */
	dsm_pin_mapping(segment);
	return channel;
}

dsm_handle
ecapi_channel_handle(const EcapiChannel *channel)
{
	return dsm_segment_handle(channel->segment);
}

void
ecapi_channel_expect(EcapiChannel *channel, BackgroundWorkerHandle *process)
{
	shm_mq_set_handle(channel->out, process);
	shm_mq_set_handle(channel->in, process);
}

EcapiChannel *
ecapi_channel_join(dsm_handle handle)
{
	dsm_segment *segment = dsm_attach(handle);
	EcapiChannel *channel;
	shm_mq	   *in;
	shm_mq	   *out;

	if (segment == NULL)
		return NULL;
	if (((Segment *) dsm_segment_address(segment))->magic != MAGIC)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("the segment of shared memory is no channel of ecapi")));
	channel = new_channel(segment);
	in = QUEUE(segment, 0);
	out = QUEUE(segment, 1);
	shm_mq_set_receiver(in, MyProc);
	shm_mq_set_sender(out, MyProc);
	channel->in = shm_mq_attach(in, segment, NULL);
	channel->out = shm_mq_attach(out, segment, NULL);
	dsm_pin_mapping(segment);
	return channel;
}

void
ecapi_channel_close(EcapiChannel *channel)
{
	shm_mq_detach(channel->out);
	shm_mq_detach(channel->in);
	dsm_detach(channel->segment);
	pfree(channel->frame);
	pfree(channel);
}

void
ecapi_channel_say(EcapiChannel *channel, EcapiRecordKind kind, int64 number,
				  const void *data, Size len)
{
	Size		needed = channel->used + MAXALIGN(sizeof(Head)) + MAXALIGN(len);
	Head	   *head;

	Assert(!channel->offered);
	if (needed > channel->size)
	{
		channel->frame = repalloc(channel->frame, needed);
		channel->size = needed;
	}
	head = (Head *) (channel->frame + channel->used);
	*head = (Head) {number, (uint32) len, (uint32) kind};
	if (len > 0)
		memcpy(channel->frame + channel->used + MAXALIGN(sizeof(Head)), data, len);
	channel->used = needed;
}

EcapiChannelState
ecapi_channel_flush(EcapiChannel *channel)
{
	shm_mq_result result;

	if (channel->used == 0)
		return ECAPI_CHANNEL_DONE;
	result = shm_mq_send(channel->out, channel->used, channel->frame, true, true);
	channel->offered = result == SHM_MQ_WOULD_BLOCK;
	if (channel->offered)
		return ECAPI_CHANNEL_LATER;
	channel->used = 0;
	/* one large record is no reason to keep as much for ever */
	if (channel->size > 4 * FRAME_BYTES)
	{
		channel->size = 2 * FRAME_BYTES;
		channel->frame = repalloc(channel->frame, channel->size);
	}
	return result == SHM_MQ_SUCCESS ? ECAPI_CHANNEL_DONE : ECAPI_CHANNEL_GONE;
}

EcapiChannelState
ecapi_channel_room(EcapiChannel *channel)
{
	if (!channel->offered && channel->used < FRAME_BYTES)
		return ECAPI_CHANNEL_DONE;
	return ecapi_channel_flush(channel);
}

EcapiChannelState
ecapi_channel_next(EcapiChannel *channel, EcapiRecord *record)
{
	const Head *head;
	Size		size;

	if (channel->left == 0)
	{
		void	   *data;
		shm_mq_result result = shm_mq_receive(channel->in, &channel->left, &data, true);

		if (result != SHM_MQ_SUCCESS)
		{
			channel->left = 0;
			return result == SHM_MQ_WOULD_BLOCK ? ECAPI_CHANNEL_LATER : ECAPI_CHANNEL_GONE;
		}
		channel->taken = data;
	}
	head = (const Head *) channel->taken;
	size = MAXALIGN(sizeof(Head));
	if (channel->left >= size)
		size += MAXALIGN(head->len);
	if (channel->left < size)
	{
		channel->left = 0;
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("a record of users' SQL is cut off")));
	}
	record->kind = (EcapiRecordKind) head->kind;
	record->number = head->number;
	record->data = channel->taken + MAXALIGN(sizeof(Head));
	record->len = head->len;
	channel->taken += size;
	channel->left -= size;
	return ECAPI_CHANNEL_DONE;
}
