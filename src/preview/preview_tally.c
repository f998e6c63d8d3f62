/*
 * preview_tally.c
 *	  Counts and sums of previewed events, by what becomes of them.
 *
 * Bounded, whatever the events are: reasons are constants or texts that name
 * fields and functions, and what exceeds KINDS_MAX kinds is counted under the
 * reason "other".  Sums are exact; those of different currencies never mix.
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
	bool		has_value;
	Numeric		value;
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

static bool
is_kind(const Kind *kind, const EcapiPreviewEvent *event, const char *reason,
		const char *currency)
{
	return kind->decision == event->decision && kind->type == event->type &&
		strcmp(kind->currency, currency) == 0 &&
		(reason == NULL ? kind->reason == NULL
		 : kind->reason != NULL && strcmp(kind->reason, reason) == 0);
}

/* The tally's context is current. */
static Kind *
kind_of(EcapiPreviewTally *tally, const EcapiPreviewEvent *event, const char *currency)
{
	const char *reason = event->reason;
	Kind	   *kind;
	ListCell   *cell;

	if (tally->last != NULL && is_kind(tally->last, event, reason, currency))
		return tally->last;
	foreach(cell, tally->kinds)
		if (is_kind(lfirst(cell), event, reason, currency))
			return tally->last = lfirst(cell);
	if (list_length(tally->kinds) >= KINDS_MAX)
	{
		reason = "other";
		currency = "";
		foreach(cell, tally->kinds)
			if (is_kind(lfirst(cell), event, reason, currency))
				return lfirst(cell);
	}
	kind = palloc0(sizeof(Kind));
	kind->decision = event->decision;
	kind->reason = reason == NULL ? NULL : pstrdup(reason);
	kind->type = event->type;
	strlcpy(kind->currency, currency, sizeof(kind->currency));
	tally->kinds = lappend(tally->kinds, kind);
	return tally->last = kind;
}

static void
add_value(Kind *kind, const EcapiValue *value)
{
	Numeric		amount =
		DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(value->text),
											ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	Numeric		sum = amount;

	if (kind->has_value)
	{
		sum = numeric_add_opt_error(kind->value, amount, NULL);
		pfree(kind->value);
		pfree(amount);
	}
	kind->value = sum;
	kind->has_value = true;
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
compare_kinds(const ListCell *a, const ListCell *b)
{
	const Kind *one = lfirst(a);
	const Kind *other = lfirst(b);
	int			order;

	if (one->decision != other->decision)
		return one->decision < other->decision ? -1 : 1;
	order = strcmp(one->reason != NULL ? one->reason : "",
				   other->reason != NULL ? other->reason : "");
	if (order == 0 && one->type != other->type)
		order = one->type < other->type ? -1 : 1;
	return order != 0 ? order : strcmp(one->currency, other->currency);
}

void
ecapi_preview_tally_put(EcapiPreviewTally *tally, ReturnSetInfo *result)
{
	ListCell   *cell;

	list_sort(tally->kinds, compare_kinds);
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
		nulls[5] = !kind->has_value;
		values[5] = NumericGetDatum(kind->value);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}
