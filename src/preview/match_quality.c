/*
 * match_quality.c
 *	  How well a platform can tell whose the events of a destination are, by event type.
 *
 * Events go through the steps of a preview, so they are counted as they would leave: after
 * consent, reduction and normalization.  Which identifiers an event carries is found by
 * destination/matched.c.
 *
 * Counted are events that would leave, and those that cannot leave because nothing tells
 * whose they are; the others stand in the row of their type with the reason.  Events whose
 * type or route is not for the destination are none of its.
 *
 * An identifier that an event has and that does not leave is left out: with what the format
 * has told of its field, or because an option or the consent takes it out, or because it
 * has not the form that the platform gives it.  One in whose place another of its kind
 * leaves is not left out.  Nothing leaves with an event that is refused.
 *
 * Nothing of a person is kept: counts alone.
 *
 * Memory: counts for each event type that is met, in the context of begin; reasons up to
 * REASONS_MAX; and what the probes of one event take, about as often as there are click ids
 * as much as its ext.  No locks but those of match_advice.c.
 */
#include "postgres.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "base/result.h"
#include "base/tree.h"
#include "destination/matched.h"
#include "destination/select.h"
#include "event/fields.h"
#include "preview/match_advice.h"
#include "preview/match_quality.h"

/* Bits of EcapiMatchSet. */
#define IDENTIFIERS		64

/* Kept of a type, more than formats and options have; and in a cell. */
#define REASONS_MAX		20
#define REASONS_SHOWN	3

/* Lines of advice for a type: what can be done next. */
#define ADVICE			5

/* Events that do not leave, of which each shows some of what the destination takes. */
#define PROBES			3

/* Why an identifier did not leave: the codes of violations, and three more. */
#define TAKEN_OUT		ECAPI_VIOLATION_CODES
#define UNUSED			(ECAPI_VIOLATION_CODES + 1)
#define REFUSED			(ECAPI_VIOLATION_CODES + 2)
#define LEFT_OUT_CODES	(ECAPI_VIOLATION_CODES + 3)

/* Why events did not leave. */
typedef struct Reason
{
	const char *text;
	int64		events;
} Reason;

typedef struct OfType
{
	EcapiMatchSet taken;
	int			asked;			/* how often taken was asked for; PROBES: it is sure */
	int64		events;
	int64		identified;
	int64		identifiers;	/* that they carry, all together */
	double		score;			/* the same */
	double		gains[ECAPI_MATCH_KINDS];
	int64		carried[IDENTIFIERS];
	int64		left_out[IDENTIFIERS];
	int64		codes[IDENTIFIERS][LEFT_OUT_CODES];
	int64		kept;			/* events that would not leave */
	Reason		reasons[REASONS_MAX];
	int			nreasons;
} OfType;

struct EcapiMatchQuality
{
	MemoryContext context;
	MemoryContext scratch;		/* of one event */
	EcapiPreview *preview;
	EcapiMatching matching;
	OfType	   *types[ECAPI_EVENT_TYPES];
};

EcapiMatchQuality *
ecapi_match_quality_begin(EcapiPreview *preview)
{
	EcapiMatchQuality *quality = palloc0(sizeof(EcapiMatchQuality));

	quality->context = CurrentMemoryContext;
	quality->scratch = AllocSetContextCreate(quality->context, "ecapi match quality", ALLOCSET_DEFAULT_SIZES);
	quality->preview = preview;
	ecapi_tree_buffer(&quality->matching.body.buffer, 0, quality->context);
	ecapi_tree_buffer(&quality->matching.other.buffer, 0, quality->context);
	return quality;
}

/* ---- counting ---- */

static OfType *
of_type(EcapiMatchQuality *quality, int type)
{
	if (quality->types[type] == NULL)
		quality->types[type] = MemoryContextAllocZero(quality->context, sizeof(OfType));
	return quality->types[type];
}

static void
add_reason(EcapiMatchQuality *quality, OfType *of, const char *text)
{
	int			i = 0;

	text = text != NULL ? text : "not decided";
	while (i < of->nreasons && strcmp(of->reasons[i].text, text) != 0)
		i++;
	if (i == of->nreasons && i < REASONS_MAX)
		of->reasons[of->nreasons++] = (Reason) {MemoryContextStrdup(quality->context, text), 0};
	if (i < REASONS_MAX)
		of->reasons[i].events++;
}

/* What the format told of the field of an identifier, or of the address around it. */
static int
told_of(const EcapiPreview *preview, const char *path)
{
	const EcapiField *field = ecapi_field_named(path, strlen(path));
	const EcapiField *around = strncmp(path, "user_data.address.", 18) == 0 ?
		ecapi_field_named("user_data.address", 17) : NULL;

	for (int code = 0; code < ECAPI_VIOLATION_CODES; code++)
		if ((field != NULL && preview->left_out[ecapi_field_number(field)][code]) ||
			(around != NULL && preview->left_out[ecapi_field_number(around)][code]))
			return code;
	return -1;
}

/*
 * Count those that the event had before it was shaped, and that it does not carry.
 */
static void
count_left_out(EcapiMatchQuality *quality, OfType *of, EcapiMatchSet had, EcapiMatchSet has,
			   EcapiMatchSet carried, bool sent)
{
	const EcapiMatchable *one;

	for (int i = 0; (one = ecapi_matchable_nth(i)) != NULL; i++)
	{
		EcapiMatchSet bit = UINT64CONST(1) << i;
		int			code;

		if ((had & ~carried & bit) == 0)
			continue;
		code = told_of(quality->preview, one->path);
		if (code < 0 && one->kind != ECAPI_MATCH_OTHER &&
			ecapi_match_has_kind(carried, of->taken, one->kind))
			continue;			/* another stands for it */
		if (code < 0)
			code = (has & bit) == 0 ? TAKEN_OUT : UNUSED;
		if (code == UNUSED && !sent)
			code = REFUSED;
		of->left_out[i]++;
		of->codes[i][code]++;
	}
}

static void
count_carried(OfType *of, EcapiMatchSet carried, bool identified)
{
	double		score = ecapi_match_score(carried, of->taken, ECAPI_MATCH_OTHER);

	of->events++;
	of->identified += identified;
	for (int i = 0; ecapi_matchable_nth(i) != NULL; i++)
		if ((carried & (UINT64CONST(1) << i)) != 0)
		{
			of->carried[i]++;
			of->identifiers++;
		}
	of->score += score;
	for (EcapiMatchKind kind = ECAPI_MATCH_OTHER + 1; kind < ECAPI_MATCH_KINDS; kind++)
		of->gains[kind] += ecapi_match_score(carried, of->taken, kind) - score;
}

/* Whether an event is none of the destination's. */
static bool
is_of_others(const EcapiPreviewEvent *event)
{
	static const char *const reasons[] = {"event_type", "route", "data_set_id"};

	for (int i = 0; i < lengthof(reasons); i++)
		if (event->decision == ECAPI_DECISION_FILTERED && event->reason != NULL &&
			strcmp(event->reason, reasons[i]) == 0)
			return true;
	return false;
}

void
ecapi_match_quality_add(EcapiMatchQuality *quality, EcapiPreviewEvent *event, EcapiArena *arena)
{
	EcapiPreview *preview = quality->preview;
	EcapiMatching *matching = &quality->matching;
	const EcapiValue *before = event->event;
	EcapiIdentified identified = ECAPI_IDENTIFIED_UNSEEN;
	bool		sent;
	OfType	   *of;
	EcapiMatchSet carried;
	EcapiArena	probing;

	if (event->type < 0 || (event->decided && is_of_others(event)))
		return;
	of = of_type(quality, event->type);
	if (!event->decided)
	{
		ecapi_preview_begin_body(preview);
		(void) ecapi_preview_shape(preview, event, arena);
		identified = preview->body.shape.identified;
	}
	sent = event->decided && event->decision == ECAPI_DECISION_SEND;
	if (!sent)
	{
		of->kept++;
		add_reason(quality, of, event->reason);
		if (event->decision != ECAPI_DECISION_UNFIT || identified != ECAPI_IDENTIFIED_NOT)
			return;
	}
	matching->body.shape = preview->body.shape;
	ecapi_tree_stoppable_arena(&probing, quality->scratch);
	if (of->asked < PROBES)
		of->taken |= ecapi_match_taken(matching, &probing, event->event);
	/* one that would leave says it; others, as far as they go */
	of->asked = sent ? PROBES : Min(of->asked + 1, PROBES);
	carried = ecapi_match_carried(matching, &probing, event->event, of->taken);
	if (probing.failed || matching->body.buffer.failed || matching->other.buffer.failed)
		ecapi_tree_out_of_memory();
	count_left_out(quality, of, ecapi_match_present(before, of->taken),
				   ecapi_match_present(event->event, of->taken), carried, sent);
	count_carried(of, carried, identified == ECAPI_IDENTIFIED);
	MemoryContextReset(quality->scratch);
}

/* ---- rows ---- */

static Datum
rounded(double figure, int digits)
{
	return DirectFunctionCall2(numeric_round, DirectFunctionCall1(float8_numeric, Float8GetDatum(figure)),
							   Int32GetDatum(digits));
}

static Datum
share_of(int64 part, int64 all, bool *isnull)
{
	*isnull = all == 0;
	return all == 0 ? (Datum) 0 : rounded(100.0 * part / all, 1);
}

static int
compare_reasons(const void *a, const void *b)
{
	const Reason *left = a;
	const Reason *right = b;

	if (left->events != right->events)
		return left->events < right->events ? 1 : -1;
	return strcmp(left->text, right->text);
}

/* "form (12), no_country (3)"; NULL: nothing. */
static char *
list_reasons(Reason *reasons, int n)
{
	StringInfoData list;

	qsort(reasons, n, sizeof(Reason), compare_reasons);
	initStringInfo(&list);
	for (int i = 0; i < n && i < REASONS_SHOWN && reasons[i].events > 0; i++)
		appendStringInfo(&list, "%s%s (" INT64_FORMAT ")", i > 0 ? ", " : "", reasons[i].text,
						 reasons[i].events);
	return list.len > 0 ? list.data : NULL;
}

static const char *
code_name(int code)
{
	return code == TAKEN_OUT ? "taken out by an option or consent" :
		code == UNUSED ? "not in the platform's form, or incomplete" :
		code == REFUSED ? "the event is refused" : ecapi_violation_name(code);
}

static char *
why_left_out(const OfType *of, int i)
{
	Reason		reasons[LEFT_OUT_CODES];

	for (int code = 0; code < LEFT_OUT_CODES; code++)
		reasons[code] = (Reason) {code_name(code), of->codes[i][code]};
	return list_reasons(reasons, LEFT_OUT_CODES);
}

/* The rule by which the score is made, for what the destination takes. */
static char *
rule_of(EcapiMatchSet taken)
{
	StringInfoData rule;

	initStringInfo(&rule);
	for (EcapiMatchKind kind = ECAPI_MATCH_OTHER + 1; kind < ECAPI_MATCH_KINDS; kind++)
		if (ecapi_match_has_kind(taken, taken, kind))
			appendStringInfo(&rule, "%s%s %d", rule.len > 0 ? ", " : "points: ",
							 ecapi_match_kind_name(kind), ecapi_match_kind_points(kind));
	if (rule.len > 0)
		appendStringInfo(&rule, "; score: mean of min(points, %d) / %d * 10",
						 ecapi_match_points(taken, taken), ecapi_match_points(taken, taken));
	return rule.len > 0 ? rule.data : NULL;
}

/* Whether more than half of the lacking have it, and it does not leave. */
static bool
is_mostly_left_out(const OfType *of, int i)
{
	return of->left_out[i] * 2 > of->events - of->carried[i];
}

/* What to do about an identifier that is there. */
static const char *
cure_of(const OfType *of, int i)
{
	int			worst = 0;

	for (int code = 1; code < LEFT_OUT_CODES; code++)
		if (of->codes[i][code] > of->codes[i][worst])
			worst = code;
	switch (worst)
	{
		case ECAPI_VIOLATION_COUNTRY:
			return "set ecapi.default_country, or map \"user_data.address.country_code\"";
		case ECAPI_VIOLATION_DIGEST:
			return "give the value in clear: this platform hashes another form of it";
		case ECAPI_VIOLATION_MISSING:
			return "give all parts: first_name, last_name, postal_code and country_code";
		case REFUSED:
			return "see why events are refused, in the row of the event type";
		case TAKEN_OUT:
			return "see the options fields, redact, anonymize and mmt_only of the destination, and the consent";
		default:
			return "look at the values: most have not the form of one";
	}
}

/* An identifier that is to be advised about, and what that would bring. */
typedef struct Candidate
{
	int			which;
	double		gain;
	char	   *advice;
} Candidate;

static int
compare_candidates(const void *a, const void *b)
{
	const Candidate *left = a;
	const Candidate *right = b;

	if (left->gain != right->gain)
		return left->gain < right->gain ? 1 : -1;
	return left->which - right->which;
}

/* The advice for one identifier; *found: it is at hand. */
static char *
advice_for(const OfType *of, const List *tracks, int i, bool *found)
{
	*found = of->left_out[i] > 0 && is_mostly_left_out(of, i);
	return *found ? pstrdup(cure_of(of, i)) :
		ecapi_match_advice(tracks, ecapi_matchable_nth(i)->path, found);
}

/*
 * Of a kind, the identifier to begin with: the first that is at hand, else the first.  Of
 * names and of address and browser, which count together, all that are missing are said.
 */
static Candidate
candidate_of(const OfType *of, const List *tracks, EcapiMatchKind kind)
{
	bool		together = kind == ECAPI_MATCH_NAME || kind == ECAPI_MATCH_NETWORK;
	Candidate	candidate = {-1, of->gains[kind] / of->events, NULL};
	bool		at_hand = false;
	const EcapiMatchable *one;

	for (int i = 0; (one = ecapi_matchable_nth(i)) != NULL; i++)
	{
		bool		found;
		char	   *advice;

		if (one->kind != kind || (of->taken & (UINT64CONST(1) << i)) == 0 ||
			of->carried[i] == of->events || (together && strstr(one->path, "landing") != NULL))
			continue;
		if (at_hand && !together)
			break;
		advice = advice_for(of, tracks, i, &found);
		if (candidate.advice != NULL && together)
			candidate.advice = psprintf("%s, %s", candidate.advice, advice);
		else if (candidate.advice == NULL || (found && !at_hand))
		{
			candidate.which = i;
			candidate.advice = advice;
		}
		at_hand |= found;
	}
	return candidate;
}

static int
find_candidates(const OfType *of, int type, Candidate candidates[ECAPI_MATCH_KINDS])
{
	List	   *tracks = ecapi_match_tracks(type);
	int			n = 0;

	for (EcapiMatchKind kind = ECAPI_MATCH_OTHER + 1; kind < ECAPI_MATCH_KINDS; kind++)
	{
		/* less than the last digit that is shown is no change */
		if (of->gains[kind] / of->events < 0.005)
			continue;
		candidates[n] = candidate_of(of, tracks, kind);
		n += candidates[n].which >= 0;
	}
	qsort(candidates, n, sizeof(Candidate), compare_candidates);
	return Min(n, ADVICE);
}

#define COLUMNS	11

static void
put_type(OfType *of, int type, ReturnSetInfo *result)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {false};

	values[0] = CStringGetTextDatum(ecapi_event_type_name(type));
	nulls[1] = true;
	values[2] = Int64GetDatum(of->events);
	values[3] = Int64GetDatum(of->identified);
	values[4] = share_of(of->identified, of->events, &nulls[4]);
	values[5] = Int64GetDatum(of->kept);
	values[6] = ecapi_result_text(list_reasons(of->reasons, of->nreasons), &nulls[6]);
	nulls[7] = nulls[8] = of->events == 0;
	if (of->events > 0)
	{
		values[7] = rounded((double) of->identifiers / of->events, 1);
		values[8] = rounded(of->score / of->events, 2);
	}
	nulls[9] = true;
	values[10] = ecapi_result_text(of->events > 0 ? rule_of(of->taken) : NULL, &nulls[10]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_identifier(const OfType *of, int type, int i, const Candidate *candidate, ReturnSetInfo *result)
{
	EcapiMatchKind kind = ecapi_matchable_nth(i)->kind;
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {false};

	values[0] = CStringGetTextDatum(ecapi_event_type_name(type));
	values[1] = CStringGetTextDatum(ecapi_matchable_nth(i)->path);
	values[2] = Int64GetDatum(of->events);
	values[3] = Int64GetDatum(of->carried[i]);
	values[4] = share_of(of->carried[i], of->events, &nulls[4]);
	values[5] = Int64GetDatum(of->left_out[i]);
	values[6] = ecapi_result_text(why_left_out(of, i), &nulls[6]);
	nulls[7] = nulls[8] = true;
	nulls[9] = kind == ECAPI_MATCH_OTHER;
	if (!nulls[9])
		values[9] = rounded(of->gains[kind] / of->events, 2);
	values[10] = ecapi_result_text(candidate ? candidate->advice : NULL, &nulls[10]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static int
put_identifiers(const OfType *of, int type, ReturnSetInfo *result)
{
	Candidate	candidates[ECAPI_MATCH_KINDS];
	int			n = find_candidates(of, type, candidates);
	int			rows = 0;

	for (int i = 0; ecapi_matchable_nth(i) != NULL; i++)
	{
		const Candidate *own = NULL;

		if ((of->taken & (UINT64CONST(1) << i)) == 0)
			continue;
		for (int k = 0; k < n; k++)
			if (candidates[k].which == i)
				own = &candidates[k];
		put_identifier(of, type, i, own, result);
		rows++;
	}
	return rows;
}

int
ecapi_match_quality_put(EcapiMatchQuality *quality, ReturnSetInfo *result)
{
	int			n = 0;

	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		OfType	   *of = quality->types[type];

		if (of == NULL || (of->events == 0 && of->kept == 0))
			continue;
		put_type(of, type, result);
		n++;
		if (of->events > 0)
			n += put_identifiers(of, type, result);
	}
	return n;
}
