/*
 * preview_tally.c
 *	  Counts and sums of previewed events, by what becomes of them.
 *
 * Bounded, whatever the events are: reasons are constants or texts that name
 * fields and functions, and what exceeds KINDS_MAX kinds is counted under the
 * reason "other".  Sums are exact; those of different currencies never mix.
 *
 * The worker's counts are others.  Those of pipeline/tally.c are made before anything
 * is decided, and say which events of a page a destination is spared; those of
 * pipeline/ledger.c are added to a table, for one destination, by reasons that are
 * constants, in millionths.  Here reasons are texts, and a sum has the decimals of its
 * values, as an amount is read.
 *
 * All memory is the tally's own context, a child of the creator's.  No locks.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "base/result.h"
#include "event/fields.h"
#include "event/stored.h"
#include "preview/preview_tally.h"

/* Far more than a destination has reasons, types and currencies together. */
#define KINDS_MAX		2000

typedef struct Kind
{
	EcapiDecision decision;
	const char *reason;			/* NULL: none */
	int			type;			/* -1: unknown */
	char		currency[4];	/* "": none */
	int64		events;
	Numeric		value;			/* NULL: none */
} Kind;

struct EcapiPreviewTally
{
	MemoryContext context;
	List	   *kinds;
	Kind	   *last;			/* events of a kind come in runs; NULL: none yet */
};

EcapiPreviewTally *
ecapi_preview_tally_create(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecapi tally",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiPreviewTally *tally = MemoryContextAllocZero(context, sizeof(EcapiPreviewTally));

	tally->context = context;
	return tally;
}

/* In the order in which rows are put; 0: they are one kind. */
static int
compare_kinds(const Kind *a, const Kind *b)
{
	int			order = (int) a->decision - (int) b->decision;

	if (order == 0)
		order = strcmp(a->reason != NULL ? a->reason : "", b->reason != NULL ? b->reason : "");
	if (order == 0)
		order = a->type - b->type;
	return order != 0 ? order : strcmp(a->currency, b->currency);
}

/* NULL: it is not there. */
static Kind *
find_kind(EcapiPreviewTally *tally, const Kind *wanted)
{
	ListCell   *cell;

	if (tally->last != NULL && compare_kinds(tally->last, wanted) == 0)
		return tally->last;
	foreach(cell, tally->kinds)
		if (compare_kinds(lfirst(cell), wanted) == 0)
			return lfirst(cell);
	return NULL;
}

/* The tally's context is current. */
static Kind *
kind_of(EcapiPreviewTally *tally, const EcapiPreviewEvent *event, const char *currency)
{
	Kind		wanted = {event->decision, event->reason, event->type, "", 0, NULL};
	Kind	   *kind;

	strlcpy(wanted.currency, currency, sizeof(wanted.currency));
	kind = find_kind(tally, &wanted);
	if (kind == NULL && list_length(tally->kinds) >= KINDS_MAX)
	{
		wanted.reason = "other";
		wanted.currency[0] = '\0';
		kind = find_kind(tally, &wanted);
	}
	if (kind == NULL)
	{
		kind = palloc(sizeof(Kind));
		*kind = wanted;
		kind->reason = wanted.reason == NULL ? NULL : pstrdup(wanted.reason);
		tally->kinds = lappend(tally->kinds, kind);
	}
	return tally->last = kind;
}

static void
add_value(Kind *kind, const EcapiValue *value)
{
	Numeric		amount =
		DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(value->text),
											ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	Numeric		before = kind->value;

	kind->value = before == NULL ? amount : numeric_add_opt_error(before, amount, NULL);
	if (before != NULL)
	{
		pfree(before);
		pfree(amount);
	}
}

void
ecapi_preview_tally_add(EcapiPreviewTally *tally, const EcapiPreviewEvent *event)
{
	MemoryContext old = MemoryContextSwitchTo(tally->context);
	const char *currency;
	const EcapiValue *value = ecapi_stored_money(event->event, &currency);
	Kind	   *kind;

	if (value != NULL && !ecapi_stored_fits_numeric(value->text, value->len))
		currency = "";			/* numeric_in would raise an error */
	kind = kind_of(tally, event, currency);
	kind->events++;
	if (kind->currency[0] != '\0')
		add_value(kind, value);
	MemoryContextSwitchTo(old);
}

static int
compare_cells(const ListCell *a, const ListCell *b)
{
	return compare_kinds(lfirst(a), lfirst(b));
}

void
ecapi_preview_tally_put(EcapiPreviewTally *tally, ReturnSetInfo *result)
{
	ListCell   *cell;

	list_sort(tally->kinds, compare_cells);
	foreach(cell, tally->kinds)
	{
		const Kind *kind = lfirst(cell);
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = CStringGetTextDatum(ecapi_decision_name(kind->decision));
		values[1] = ecapi_result_text(kind->reason, &nulls[1]);
		values[2] = ecapi_result_text(ecapi_event_type_name(kind->type), &nulls[2]);
		values[3] = ecapi_result_text(kind->currency[0] == '\0' ? NULL : kind->currency,
									  &nulls[3]);
		values[4] = Int64GetDatum(kind->events);
		nulls[5] = kind->value == NULL;
		values[5] = NumericGetDatum(kind->value);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}
