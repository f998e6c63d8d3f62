/*
 * receipts.c
 *	  Asking for outcomes that come later (EcapiLater of destination/format.h).
 *
 * A platform that takes requests in and looks at their events afterwards answers with a
 * receipt.  Its events are delivered as far as order and cursor are concerned; a row of
 * ecapi.receipt says what is yet to be asked.  The platform is asked from time to time,
 * one receipt of a destination after the other:
 *
 *	 NOT --(one is due)--> READ --> SENT --(not final)--> NOTED: asked again later
 *										 --(final, all is well)--> NOTED: the row goes
 *										 --(final, events named)--> TOLD
 *	 TOLD --(the events are looked up)--> NOTED: they fail, the row goes
 *	 NOTED --(it was recorded)--> NOT
 *
 * An event that fails so late goes to failed_event like any other, by its key, as long as
 * the outbox has it.  The request log says of it that it was accepted, and that it failed;
 * the ledger counts it as failed, beside the delivery that it seemed to be.
 *
 * What is in memory is lost in a crash and asked again; nothing is recorded twice, because
 * the row of a receipt goes in the transaction that records its events.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "delivery/request.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "destination/select.h"
#include "pipeline/access.h"
#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/errand.h"
#include "pipeline/failed_feed.h"
#include "pipeline/fetch.h"
#include "pipeline/journal.h"
#include "pipeline/receipts.h"
#include "pipeline/share.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"

/* After trouble on the way, the next try; it grows with each that fails. */
#define TROUBLE_WAIT_US	USECS_PER_MINUTE
#define TROUBLE_MAX_US	USECS_PER_HOUR

/* Bytes that the request log keeps of a receiver's id; a receipt may have more. */
#define ID_LOGGED		(sizeof(((EcapiAnswer *) NULL)->request_id) - 1)

static const EcapiLater *
later_of(const EcapiDestination *destination)
{
	return destination->options == NULL ? NULL : destination->options->format->later;
}

/* ---- a new receipt ---- */

void
ecapi_receipts_note(EcapiBatch *batch, const EcapiJudgement *judgement)
{
	EcapiDestination *destination = batch->destination;
	const EcapiLater *later = batch->body.shape.format->later;
	MemoryContext old;
	EcapiReceipt *receipt;

	if (later == NULL || judgement->receipt == NULL ||
		strlen(judgement->receipt) > ECAPI_RECEIPT_KEPT)
		return;
	/* of what was only checked nothing becomes */
	if (batch->uncounted)
		return;
	old = MemoryContextSwitchTo(destination->journal.context);
	receipt = palloc0(sizeof(EcapiReceipt));
	receipt->receipt = pstrdup(judgement->receipt);
	receipt->sent_at = batch->sent_at;
	receipt->next_ask = GetCurrentTimestamp() + later->first_s * USECS_PER_SEC;
	receipt->nevents = batch->nitems;
	receipt->xids = palloc(sizeof(uint64) * batch->nitems);
	receipt->seqs = palloc(sizeof(int64) * batch->nitems);
	for (int i = 0; i < batch->nitems; i++)
	{
		receipt->xids[i] = ecapi_item_event(batch->items[i])->xid;
		receipt->seqs[i] = ecapi_item_event(batch->items[i])->seq;
	}
	destination->journal.receipts = lappend(destination->journal.receipts, receipt);
	destination->dirty = true;
	MemoryContextSwitchTo(old);
}

/* ---- what is due ---- */

static void
drop_current(EcapiReceipts *receipts)
{
	if (receipts->context != NULL)
		MemoryContextDelete(receipts->context);
	receipts->context = NULL;
	receipts->asking = ECAPI_ASKING_NOT;
}

/*
 * A destination that may not send asks nothing.  One that waits or has stopped does not,
 * either: a token that cannot be had is then asked for as seldom as its waits say.
 */
static bool
may_ask(const EcapiDestination *destination)
{
	return later_of(destination) != NULL && !destination->guarded && !ecapi_is_leaving(destination) &&
		destination->state == ECAPI_RUNNING &&
		destination->options->mode != ECAPI_MODE_SHADOW && ecapi_me.record_failed_at == 0;
}

bool
ecapi_receipts_wanted(EcapiDestination *destination, TimestampTz now)
{
	const EcapiReceipts *receipts = &destination->receipts;

	if (!may_ask(destination))
		return false;
	return receipts->asking == ECAPI_ASKING_TOLD ||
		(receipts->asking == ECAPI_ASKING_NOT && receipts->due <= now);
}

long
ecapi_receipts_wait_ms(EcapiDestination *destination, TimestampTz now)
{
	const EcapiReceipts *receipts = &destination->receipts;

	if (!may_ask(destination))
		return -1;
	if (receipts->asking == ECAPI_ASKING_TOLD)
		return 0;
	if (receipts->asking != ECAPI_ASKING_NOT || receipts->due == DT_NOEND)
		return -1;
	return receipts->due <= now ? 0 :
		(long) Min((receipts->due - now) / 1000 + 1, PG_INT32_MAX);
}

static void note_named(EcapiDestination *destination);

void
ecapi_receipts_read(EcapiDestination *destination, TimestampTz now)
{
	EcapiReceipts *receipts = &destination->receipts;

	if (receipts->asking == ECAPI_ASKING_TOLD)
	{
		note_named(destination);
		return;
	}
	/* what a look left that ended with an error */
	drop_current(receipts);
	receipts->context = AllocSetContextCreate(destination->context, "ecapi receipt",
											  ALLOCSET_DEFAULT_SIZES);
	if (ecapi_receipt_due(NameStr(destination->name), now, receipts->context, &receipts->current,
						  &receipts->due))
		receipts->asking = ECAPI_ASKING_READ;
	else
		drop_current(receipts);
}

void
ecapi_receipts_recorded(EcapiDestination *destination)
{
	EcapiReceipts *receipts = &destination->receipts;

	if (receipts->asking == ECAPI_ASKING_NOTED)
		drop_current(receipts);
	receipts->due = 0;
}

void
ecapi_receipts_forget(EcapiDestination *destination)
{
	ecapi_errand_cancel(&destination->receipts.errand);
	drop_current(&destination->receipts);
	destination->receipts.due = 0;
}

/* ---- asking ---- */

/* Note what became of the receipt in memory. */
static EcapiReceiptChange *
note_change(EcapiDestination *destination, TimestampTz next_ask, const char *problem)
{
	EcapiReceipts *receipts = &destination->receipts;
	MemoryContext old = MemoryContextSwitchTo(destination->journal.context);
	EcapiReceiptChange *change = palloc0(sizeof(EcapiReceiptChange));

	change->receipt_id = receipts->current.receipt_id;
	change->next_ask = next_ask;
	/* it may be in the platform's words */
	change->problem = problem == NULL ? NULL : ecapi_failed_answer(problem);
	destination->journal.receipt_changes = lappend(destination->journal.receipt_changes, change);
	destination->dirty = true;
	receipts->asking = ECAPI_ASKING_NOTED;
	MemoryContextSwitchTo(old);
	return change;
}

/*
 * It is asked about again, unless its time is over.  trouble: nothing was learnt, so the
 * wait is one of minutes; else it grows by the platform's own with each question.
 */
static void
ask_again(EcapiDestination *destination, bool trouble)
{
	const EcapiReceipt *current = &destination->receipts.current;
	const EcapiLater *later = later_of(destination);
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz last = current->sent_at + later->last_s * USECS_PER_SEC;
	int64		wait_us = trouble ?
		Min(TROUBLE_WAIT_US << Min(current->asks, 6), TROUBLE_MAX_US) :
		later->first_s * USECS_PER_SEC * (current->asks + 1);

	if (now >= last)
		(void) note_change(destination, 0, "the outcome did not come");
	else
		(void) note_change(destination, Min(now + wait_us, last), NULL);
}

static void
take_status(EcapiCookie *cookie, EcapiAnswer *answer)
{
	EcapiErrand *errand = (EcapiErrand *) cookie;
	EcapiDestination *destination = errand->destination;
	EcapiReceipts *receipts = &destination->receipts;
	EcapiJudgement *judgement = &receipts->judgement;
	const EcapiLater *later = later_of(destination);
	EcapiArena	arena;

	ecapi_errand_end(errand, answer);
	MemSet(judgement, 0, sizeof(EcapiJudgement));
	judgement->retry_after_ms = -1;
	if (later == NULL)
	{
		drop_current(receipts);
		return;
	}
	/* what is named stays until its events were looked up */
	ecapi_tree_arena(&arena, receipts->context);
	if (answer->transport == ECAPI_TRANSPORT_OK)
		later->judge(answer, receipts->current.nevents, &arena, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK || arena.failed)
		ask_again(destination, true);
	else if (judgement->verdict == ECAPI_DELIVERED && judgement->nnamed > 0)
		receipts->asking = ECAPI_ASKING_TOLD;
	else if (judgement->verdict == ECAPI_DELIVERED)
		(void) note_change(destination, 0, judgement->words);
	else if (judgement->credential && ecapi_fetch_again(destination, receipts->token_serial))
		receipts->asking = ECAPI_ASKING_READ;
	else
		ask_again(destination, answer->status < 200 || answer->status > 299);
}

/* The question, in the errand's context, which is current. */
static bool
make_question(EcapiDestination *destination, EcapiRequest *request, char *error, size_t error_size)
{
	EcapiReceipts *receipts = &destination->receipts;
	const EcapiOptions *options = destination->options;
	EcapiCredentials credentials;
	const char *url;
	EcapiArena	arena;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	if (!ecapi_access_read(destination, &credentials, error, error_size))
		return false;
	ecapi_fetch_use(destination, &credentials);
	receipts->token_serial = destination->fetched.serial;
	url = options->format->later->url(options, receipts->current.receipt, &arena);
	if (url == NULL ||
		!ecapi_outgoing_question(options, &credentials, url, &arena, &receipts->errand.outgoing))
		return false;
	*request = ecapi_outgoing_request(&receipts->errand.outgoing, options, &credentials);
	request->get = true;
	return true;
}

void
ecapi_receipts_ask(EcapiDestination *destination, TimestampTz now)
{
	EcapiReceipts *receipts = &destination->receipts;
	EcapiRequest request;
	MemoryContext old;
	char		error[512];
	bool		made;

	if (receipts->asking != ECAPI_ASKING_READ || !may_ask(destination) ||
		!ecapi_share_connection(destination) || !ecapi_fetch_ready(destination, now))
		return;
	old = MemoryContextSwitchTo(ecapi_errand_begin(&receipts->errand, destination, take_status));
	made = make_question(destination, &request, error, sizeof(error));
	MemoryContextSwitchTo(old);
	if (made && ecapi_errand_start(&receipts->errand, &request, error, sizeof(error)))
		receipts->asking = ECAPI_ASKING_SENT;
	else
	{
		ecapi_errand_cancel(&receipts->errand);
		ask_again(destination, true);
	}
}

/* ---- what was named ---- */

/* An event of the receipt failed, as its platform says so late: what is known of it. */
static EcapiLateEvent
find_late(const EcapiReceipt *current, const EcapiNamed *named)
{
	EcapiLateEvent late = {0};
	EcapiReceiptEvent event;

	ecapi_receipt_event(current->xids[named->index], current->seqs[named->index], &event);
	late.xid = current->xids[named->index];
	late.seq = current->seqs[named->index];
	late.type = event.type == NULL ? -1 : ecapi_event_type_lookup(event.type, strlen(event.type));
	late.currency = event.currency;
	late.value = event.value;
	late.words = named->words;
	late.wait_s = 0;
	late.reason = ECAPI_REASON_REJECTED;
	if (named->outcome == ECAPI_NAMED_EXPIRED)
		late.reason = ECAPI_REASON_EXPIRED;
	else if (named->outcome == ECAPI_NAMED_LATER)
	{
		late.reason = ECAPI_REASON_LATER;
		late.wait_s = Max(named->wait_s, 1);
	}
	return late;
}

/*
 * Events were named that did not do well: they fail, and the receipt is done.  Those that
 * are on their way to a later try are not delivered, either.  All of them are looked up
 * before the first is noted: an error there leaves the receipt as it was, to be noted in a
 * later turn.
 */
static void
note_named(EcapiDestination *destination)
{
	EcapiReceipts *receipts = &destination->receipts;
	const EcapiReceipt *current = &receipts->current;
	const EcapiJudgement *judgement = &receipts->judgement;
	EcapiLateEvent *late = palloc(sizeof(EcapiLateEvent) * Max(judgement->nnamed, 1));
	int			nlate = 0;
	EcapiReceiptChange *change;
	MemoryContext old;

	for (int i = 0; i < judgement->nnamed; i++)
		if (judgement->named[i].outcome != ECAPI_NAMED_DELIVERED)
			late[nlate++] = find_late(current, &judgement->named[i]);

	change = note_change(destination, 0, NULL);
	change->sent_at = current->sent_at;
	old = MemoryContextSwitchTo(destination->journal.context);
	change->receipt = pnstrdup(current->receipt, ID_LOGGED);
	MemoryContextSwitchTo(old);
	ecapi_seqs_init(&change->late, destination->journal.context);
	for (int i = 0; i < nlate; i++)
	{
		ecapi_journal_late(destination, &late[i]);
		ecapi_seqs_add(&change->late, late[i].seq);
	}
	change->nlate = nlate;
}
