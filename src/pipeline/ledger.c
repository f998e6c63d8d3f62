/*
 * ledger.c
 *	  The hourly ledger: how many events, and of what value, had which outcome.
 *
 * An event is counted when the cursor passes it (slice.c).  Counts gather in memory, for
 * each destination, since its cursor was written last, and go to ecapi.ledger in the
 * transaction that writes the cursor (recorder.c).  So the ledger is exactly as durable
 * as the cursor: what a crash loses of one it loses of the other, and what is then sent
 * again is counted once.
 *
 * What is counted is outcomes:
 *  delivered	a receiver took it
 *  shadow		everything was done but sending it
 *  filtered	the destination does not want it; reason says why
 *  failed		it was copied to failed_event; reason says why
 *  given_up	it waited beyond a limit (give_up.c); reason says which
 *  erased		its person was forgotten before it left; with the reason "failed
 *			event": while it was in failed_event (records/erasure.c)
 * An event that failed and is delivered, or given up, later counts again under that
 * outcome, and so does one that is replayed: the ledger says what happened, not in which
 * state events are.
 *
 * The hour is that of the write.  Sums of different event types and currencies are kept
 * apart; an event without a value counts with no value.
 *
 * A row of this hour is written over and over; it is found at the top of its index, so
 * that no write walks over dead versions of it (the install script says how).
 *
 * Values are exact.  Nearly all fit into 64 bits of millionths; what does not (longer
 * fractions, exponents, huge sums) is added as numeric.
 *
 * Ownership: the table and all in it are in the destination's journal context, and are
 * freed with it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "event/fields.h"
#include "event/stored.h"
#include "pipeline/destination.h"
#include "pipeline/ledger.h"
#include "pipeline/outcome.h"
#include "pipeline/page.h"
#include "stat/stat_destination.h"

/* A value in millionths: digits before and behind the point. */
#define WHOLE_DIGITS	12
#define FRACTION_DIGITS	6

/* Reasons are constants, so their addresses tell them apart. */
typedef struct LedgerKey
{
	int64		outcome;
	const char *reason;			/* NULL: none */
	int32		type;			/* of event, -1: unknown */
	char		currency[4];	/* "": none */
} LedgerKey;

typedef struct LedgerEntry
{
	LedgerKey	key;
	int64		events;
	bool		has_value;
	int64		millionths;
	Numeric		rest;			/* what does not fit there; NULL: nothing */
} LedgerEntry;

struct EcapiLedger
{
	HTAB	   *entries;
	LedgerEntry *last;			/* events of a kind come in runs; NULL: none yet */
	MemoryContext context;
};

static EcapiStatement upsert = {
	"INSERT INTO ecapi.ledger AS l (hour, destination, event_type, currency, outcome,"
	" reason, events, value, written) VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
	" coalesce((SELECT n.written FROM ecapi.ledger n WHERE n.hour OPERATOR(pg_catalog.=) $1"
	" AND n.destination OPERATOR(pg_catalog.=) $2 AND n.outcome OPERATOR(pg_catalog.=) $5"
	" AND coalesce(n.event_type, '') OPERATOR(pg_catalog.=) coalesce($3, '')"
	" AND coalesce(n.currency, '') OPERATOR(pg_catalog.=) coalesce($4, '')"
	" AND coalesce(n.reason, '') OPERATOR(pg_catalog.=) coalesce($6, '')"
	" ORDER BY n.generation DESC LIMIT 1), 0))"
	" ON CONFLICT (hour, destination, outcome, coalesce(event_type, ''),"
	" coalesce(currency, ''), coalesce(reason, ''), generation) DO UPDATE"
	" SET events = l.events OPERATOR(pg_catalog.+) excluded.events,"
	" written = l.written OPERATOR(pg_catalog.+) 1,"
	" value = coalesce(l.value OPERATOR(pg_catalog.+) excluded.value, l.value, excluded.value)",
	8, {TIMESTAMPTZOID, NAMEOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, NUMERICOID}, NULL
};

static EcapiLedger *
new_ledger(MemoryContext context)
{
	EcapiLedger *ledger = MemoryContextAllocZero(context, sizeof(EcapiLedger));
	HASHCTL		control = {0};

	control.keysize = sizeof(LedgerKey);
	control.entrysize = sizeof(LedgerEntry);
	control.hcxt = context;
	ledger->entries = hash_create("ecapi ledger", 32, &control,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ledger->context = context;
	return ledger;
}

/* ---- values ---- */

bool
ecapi_ledger_millionths(const char *text, int64 *result)
{
	bool		negative = *text == '-';
	int			whole = 0;
	int			fraction = 0;
	int64		value = 0;

	text += negative ? 1 : 0;
	for (; *text >= '0' && *text <= '9' && whole < WHOLE_DIGITS; text++, whole++)
		value = value * 10 + (*text - '0');
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9' && fraction < FRACTION_DIGITS; text++, fraction++)
			value = value * 10 + (*text - '0');
	if (*text != '\0' || whole == 0)
		return false;
	for (; fraction < FRACTION_DIGITS; fraction++)
		value *= 10;
	*result = negative ? -value : value;
	return true;
}

/* Any JSON number but one out of all proportion, which counts as no value. */
static Numeric
as_numeric(const char *text)
{
	if (!ecapi_stored_fits_numeric(text, strlen(text)))
		return NULL;
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

static Numeric
add_numeric(Numeric a, Numeric b)
{
	if (a == NULL)
		return b;
	return DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(a),
											   NumericGetDatum(b)));
}

static void
add_value(EcapiLedger *ledger, LedgerEntry *entry, const char *text)
{
	int64		millionths;
	int64		sum;
	Numeric		value;
	MemoryContext old;

	if (ecapi_ledger_millionths(text, &millionths) &&
		!pg_add_s64_overflow(entry->millionths, millionths, &sum))
	{
		entry->millionths = sum;
		entry->has_value = true;
		return;
	}
	old = MemoryContextSwitchTo(ledger->context);
	value = as_numeric(text);
	if (value != NULL)
	{
		entry->rest = add_numeric(entry->rest, value);
		entry->has_value = true;
	}
	MemoryContextSwitchTo(old);
}

/* ---- the surface ---- */

StaticAssertDecl((int) ECAPI_OUTCOME_NONE == ECAPI_STAT_ENDS, "ends are outcomes but for the last");

/* Statistics have the figures of the ledger. */
static void
count_end(EcapiDestination *destination, const EcapiEnd *end, int events)
{
	ecapi_stat_ended(&destination->stat, end->outcome, end->reason, events);
}

/* The entry of a kind, the first time with a ledger for it. */
static LedgerEntry *
entry_for(EcapiDestination *destination, int type, const char *currency, const EcapiEnd *end)
{
	EcapiLedger *ledger = destination->journal.ledger;
	LedgerEntry *entry;
	LedgerKey	key;
	bool		found;

	if (ledger == NULL)
		ledger = destination->journal.ledger = new_ledger(destination->journal.context);
	MemSet(&key, 0, sizeof(key));	/* padding is compared, too */
	key.outcome = end->outcome;
	key.reason = end->reason;
	key.type = type;
	memcpy(key.currency, currency, sizeof(key.currency));
	if (ledger->last != NULL && memcmp(&ledger->last->key, &key, sizeof(LedgerKey)) == 0)
		return ledger->last;
	entry = hash_search(ledger->entries, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->events = 0;
		entry->has_value = false;
		entry->millionths = 0;
		entry->rest = NULL;
	}
	return ledger->last = entry;
}

void
ecapi_ledger_add(EcapiDestination *destination, const EcapiPageEvent *event,
				 const EcapiEnd *end)
{
	LedgerEntry *entry = entry_for(destination, event->type, event->currency, end);

	entry->events++;
	count_end(destination, end, 1);
	if (event->value != NULL)
		add_value(destination->journal.ledger, entry, event->value);
}

void
ecapi_ledger_add_many(EcapiDestination *destination, int type, const char *currency,
					  const EcapiEnd *end, int events, bool has_value, int64 millionths)
{
	LedgerEntry *entry = entry_for(destination, type, currency, end);
	int64		sum;
	MemoryContext old;

	entry->events += events;
	count_end(destination, end, events);
	entry->has_value |= has_value;
	if (!pg_add_s64_overflow(entry->millionths, millionths, &sum))
	{
		entry->millionths = sum;
		return;
	}
	old = MemoryContextSwitchTo(destination->journal.ledger->context);
	entry->rest = add_numeric(entry->rest,
							  int64_div_fast_to_numeric(millionths, FRACTION_DIGITS));
	MemoryContextSwitchTo(old);
}

void
ecapi_ledger_add_late(EcapiDestination *destination, int type, const char *currency,
					  const char *value, const EcapiEnd *end)
{
	char		code[4] = "";
	LedgerEntry *entry;

	if (currency != NULL && strlen(currency) == 3)
		strlcpy(code, currency, sizeof(code));
	entry = entry_for(destination, type, code, end);
	entry->events++;
	count_end(destination, end, 1);
	if (value != NULL)
		add_value(destination->journal.ledger, entry, value);
}

static Numeric
total(const LedgerEntry *entry)
{
	Numeric		sum = add_numeric(entry->rest,
								  int64_div_fast_to_numeric(entry->millionths, FRACTION_DIGITS));

	return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(sum)));
}

void
ecapi_ledger_write(EcapiDestination *destination, TimestampTz now)
{
	HASH_SEQ_STATUS status;
	LedgerEntry *entry;

	if (destination->journal.ledger == NULL)
		return;
	hash_seq_init(&status, destination->journal.ledger->entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		const LedgerKey *key = &entry->key;
		const char *type = key->type < 0 ? NULL : ecapi_event_type_name(key->type);

		ecapi_execute(&upsert, ecapi_arg_time(now - now % USECS_PER_HOUR),
					  ecapi_arg_name(NameStr(destination->name)), ecapi_arg_text(type),
					  ecapi_arg_text(key->currency[0] == '\0' ? NULL : key->currency),
					  ecapi_arg_text(ecapi_outcome_name((EcapiOutcome) key->outcome)),
					  ecapi_arg_text(key->reason), ecapi_arg_int8(entry->events),
					  ecapi_arg_null_if(!entry->has_value,
										entry->has_value ? NumericGetDatum(total(entry)) : 0));
	}
}
