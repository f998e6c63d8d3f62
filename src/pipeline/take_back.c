/*
 * take_back.c
 *	  What is left to refund of a cancelled event, at each destination.
 *
 * A shop may have refunded a part of an order before it cancels all of it.  So what is
 * left at a destination is
 *
 *	 the value of the last event that was delivered to it
 *		less each refund of that order, by its id, in the same currency, that was
 *		delivered to it, or was sent and never answered: it may have arrived
 *
 * and never less than nothing.  The call may ask for less (its value).  Refunds that
 * have not left when the order is cancelled do not leave any more (stopped.c), so what
 * arrived is all that there will be, and the sum of all refunds of an order is never
 * more than its value.
 *
 * Different sums may be left at different destinations; those with the same sum share one
 * event.  All have the same id, of which each destination gets one.
 *
 * What was refunded with items is taken out of the items of the refund; when something
 * was refunded without, the rest has none.
 *
 * Sums are numeric: no cent is rounded away.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/tree.h"
#include "event/buffer.h"
#include "event/digest.h"
#include "event/fields.h"
#include "event/refund.h"
#include "event/validate.h"
#include "event/value.h"
#include "outbox/append.h"
#include "outbox/limit.h"
#include "pipeline/overview.h"
#include "pipeline/take_back.h"
#include "records/cancellation.h"

/* What ids of refunds end in. */
#define REFUND_SUFFIX	":refund"

/* Refunds of one order that are kept in memory; with more, nothing is left. */
#define TAKEN_MAX		1000

/* A refund of the shop's own that was sent to a destination. */
typedef struct Taken
{
	Oid			server;
	const char *id;
	const char *currency;		/* "": none */
	Datum		value;			/* numeric */
	uint64		xid;
	int64		seq;
} Taken;

/* A refund to be appended, of an event. */
typedef struct Rest
{
	uint64		xid;
	int64		seq;
	const char *value;			/* NULL: all */
	EcapiValue *refund;
} Rest;

static Datum
numeric_of(const char *text)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static int
compare(Datum a, Datum b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, a, b));
}

void
ecapi_take_back_sent(EcapiTakeBack *back, const EcapiSent *sent, uint64 xid, int64 seq)
{
	EcapiSold  *sold = NULL;
	ListCell   *cell;

	if (!sent->delivered)
	{
		back->unanswered = list_append_unique_oid(back->unanswered, sent->server);
		return;
	}
	foreach(cell, back->sold)
		if (((EcapiSold *) lfirst(cell))->server == sent->server)
			sold = lfirst(cell);
	if (sold == NULL)
	{
		sold = palloc(sizeof(EcapiSold));
		sold->server = sent->server;
		back->sold = lappend(back->sold, sold);
	}
	sold->xid = xid;
	sold->seq = seq;
}

/* A text of an event, in the current context; "" when there is none. */
static const char *
text_of(const EcapiValue *event, const char *key)
{
	const EcapiValue *value = ecapi_value_get(event, key);

	return value == NULL || value->type != ECAPI_STRING ? "" : pstrdup(value->text);
}

void
ecapi_take_back_taken(EcapiTakeBack *back, const EcapiValue *refund, Oid server,
					  uint64 xid, int64 seq)
{
	const EcapiValue *value = ecapi_value_get(refund, "value");
	const EcapiValue *id = ecapi_value_get(refund, "id");
	Taken	   *taken;
	ListCell   *cell;

	if (value == NULL || value->type != ECAPI_NUMBER || id == NULL || id->type != ECAPI_STRING)
		return;
	foreach(cell, back->taken)
	{
		taken = lfirst(cell);
		/* receivers keep one of an id */
		if (taken->server == server && strcmp(taken->id, id->text) == 0)
			return;
	}
	if (list_length(back->taken) >= TAKEN_MAX)
	{
		back->too_many = true;
		return;
	}
	taken = palloc(sizeof(Taken));
	taken->server = server;
	taken->id = pstrdup(id->text);
	taken->currency = text_of(refund, "currency_code");
	taken->value = numeric_of(value->text);
	taken->xid = xid;
	taken->seq = seq;
	back->taken = lappend(back->taken, taken);
}

/* An event of the outbox as a tree in the arena; NULL when it is not there any more. */
static const EcapiValue *
read_event(EcapiArena *arena, uint64 xid, int64 seq)
{
	char		error[128];
	int			len;
	char	   *text = ecapi_cancellation_event(xid, seq, &len);

	return text == NULL ? NULL : ecapi_tree_parse(arena, text, len, error, sizeof(error));
}

/*
 * What is left of an event at a destination: "" nothing, NULL all of its value, or the
 * text of a number.
 */
static const char *
left_at(const EcapiTakeBack *back, const EcapiValue *event, Oid server)
{
	Datum		value = numeric_of(ecapi_value_get(event, "value")->text);
	Datum		zero = numeric_of("0");
	Datum		rest = value;
	const char *currency = text_of(event, "currency_code");
	ListCell   *cell;

	if (back->too_many)
		return "";
	foreach(cell, back->taken)
	{
		const Taken *taken = lfirst(cell);

		if (taken->server == server && strcmp(taken->currency, currency) == 0 &&
			compare(taken->value, zero) > 0)
			rest = DirectFunctionCall2(numeric_sub, rest, taken->value);
	}
	if (back->row->value != NULL && compare(numeric_of(back->row->value), rest) < 0)
		rest = numeric_of(back->row->value);
	if (compare(rest, value) == 0)
		return NULL;
	if (compare(rest, zero) <= 0)
		return "";
	return DatumGetCString(DirectFunctionCall1(numeric_out, rest));
}

/* The items of what is left for a server, if that is known. */
static EcapiValue *
items_left(const EcapiTakeBack *back, EcapiArena *arena, const EcapiValue *event, Oid server)
{
	const EcapiValue **refunds = palloc(sizeof(EcapiValue *) *
										Max(list_length(back->taken), 1));
	int			n = 0;
	ListCell   *cell;

	/* of a part that the caller chose, the items are not known */
	if (back->row->value != NULL)
		return NULL;
	foreach(cell, back->taken)
	{
		const Taken *taken = lfirst(cell);

		if (taken->server != server)
			continue;
		refunds[n] = read_event(arena, taken->xid, taken->seq);
		if (refunds[n++] == NULL)
			return NULL;
	}
	return ecapi_refund_items_left(arena, event, refunds, n);
}

/* The id of the refund: always the same; in place of one too long, its digest. */
static char *
refund_id(const char *id)
{
	char		hex[ECAPI_HEX_SIZE];

	if (strlen(id) + strlen(REFUND_SUFFIX) <= ECAPI_MAX_ID ||
		!ecapi_sha256(id, strlen(id), hex))
		return psprintf("%s%s", id, REFUND_SUFFIX);
	return psprintf("%s%s", hex, REFUND_SUFFIX);
}

/* Append a refund, in the server's encoding; raises an error when it is dropped. */
static void
append(const EcapiValue *refund)
{
	EcapiBuffer json;
	EcapiAppend row;
	EcapiEmitter emitter = {GetUserId(), InvalidOid};
	uint64		dropped = ecapi_limit_dropped();

	ecapi_tree_buffer(&json, MaxAllocSize, CurrentMemoryContext);
	ecapi_json_value(&json, refund);
	if (json.full)
		ecapi_tree_out_of_memory();
	row.event = cstring_to_text(pg_any_to_server(json.data, json.len, PG_UTF8));
	ecapi_outbox_append(&emitter, &row, 1);
	ecapi_limit_refuse_loss(dropped);
}

/* The refund for what is left at a server: one that others share, or a new one. */
static EcapiValue *
refund_of(const EcapiTakeBack *back, EcapiArena *arena, const EcapiValue *event,
		  const EcapiSold *sold, const char *value, List **rests)
{
	const char *id = refund_id(back->row->id);
	Rest	   *rest;
	ListCell   *cell;

	foreach(cell, *rests)
	{
		rest = lfirst(cell);
		if (rest->xid == sold->xid && rest->seq == sold->seq &&
			(value == NULL ? rest->value == NULL
			 : rest->value != NULL && strcmp(rest->value, value) == 0))
			return rest->refund;
	}
	rest = palloc(sizeof(Rest));
	rest->xid = sold->xid;
	rest->seq = sold->seq;
	rest->value = value;
	rest->refund = ecapi_refund_make(arena, event, id, strlen(id),
									 timestamptz_to_time_t(back->row->cancelled_at), value,
									 value == NULL ? NULL
									 : items_left(back, arena, event, sold->server));
	*rests = lappend(*rests, rest);
	return rest->refund;
}

int
ecapi_take_back(const EcapiTakeBack *back, bool *gone)
{
	EcapiArena	arena;
	List	   *rests = NIL;
	ListCell   *cell;
	int			n = 0;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	*gone = back->sold != NIL;
	foreach(cell, back->sold)
	{
		const EcapiSold *sold = lfirst(cell);
		const char *name;
		const EcapiValue *event = read_event(&arena, sold->xid, sold->seq);
		const char *value;
		EcapiValue *refund;

		if (event == NULL)
			continue;
		*gone = false;
		if (!ecapi_overview_takes_refunds(sold->server, &name))
			continue;
		value = left_at(back, event, sold->server);
		if (value != NULL && value[0] == '\0')
			continue;
		refund = refund_of(back, &arena, event, sold, value, &rests);
		if (refund != NULL)
			(void) ecapi_refund_address(&arena, refund, sold->server,
										pg_server_to_any(name, strlen(name), PG_UTF8));
		n++;
	}
	if (arena.failed)
		ecapi_tree_out_of_memory();
	foreach(cell, rests)
		append(((Rest *) lfirst(cell))->refund);
	return n;
}
