/*
 * enrichment.c
 *	  The enrichments of a destination: what their patches make of a page.
 *
 * Each function is called once with the events as the ones before it left them
 * (call.c), its patches are merged in (event/patch.c), and the outcome is
 * validated as an emitted event is.
 *
 * Invariants:
 *
 * (1) A page is enriched by the whole list or not at all: when a function fails,
 *	  all events are as they were given, whatever ran before it.
 * (2) An event has either all of its patches or none: one whose patch is refused
 *	  is as it was given, has the reason, and is not shown to the functions that
 *	  follow.
 * (3) What comes out is a valid event that is not larger than one may be, and
 *	  has kept its id, type, time and route.
 *
 * Ownership: patched events live in the arena, problems in the context that was
 * current, both of the caller's.  No locks.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "enrich/call.h"
#include "enrich/enrichment.h"
#include "event/patch.h"
#include "event/validate.h"
#include "settings.h"

/* Bytes that JSON takes for a value besides its texts, at most: quotes and such. */
#define JSON_EXTRA	6

/* The events of a page that a function is to see. */
typedef struct Shown
{
	EcapiEnrichedEvent *events; /* copies */
	int		   *places;			/* where they stand in the page */
	int			n;
} Shown;

static void
refuse(EcapiEnrichedEvent *event, const EcapiValue *original,
	   const EcapiEnrichment *enrichment, const char *why)
{
	event->event = original;
	event->problem = psprintf("enrichment \"%s\": %s", enrichment->name, why);
}

/* About how large it is as JSON.  Stops counting beyond max. */
static size_t
json_size(const EcapiValue *value, size_t max)
{
	size_t		size = value->keylen + JSON_EXTRA;

	if (value->type == ECAPI_NUMBER || value->type == ECAPI_STRING)
		size += value->len;
	for (const EcapiValue *child = value->first; child && size <= max; child = child->next)
		size += json_size(child, max - size);
	return size;
}

/* What fails an event; of several the first. */
static char *
first_violation(const EcapiViolations *violations)
{
	const EcapiViolation *one = violations->list;

	while (!one->error)
		one++;
	if (one->path[0] == '\0')
		return psprintf("its patch makes the event invalid: %s", one->message);
	return psprintf("its patch makes the event invalid: %s: %s", one->path, one->message);
}

/* False when the arena failed. */
static bool
apply_patch(EcapiEnrichedEvent *event, const EcapiValue *original,
			const EcapiEnrichment *enrichment, const EcapiValue *patch,
			EcapiArena *arena, int64 now)
{
	size_t		max = (size_t) ecapi_max_event_size * 1024;
	EcapiViolations violations;
	const char *refused;
	EcapiValue *merged = ecapi_patch_merge(arena, event->event, patch, &refused);

	if (refused != NULL)
	{
		refuse(event, original, enrichment, refused);
		return true;
	}
	if (merged != NULL)
		merged = ecapi_validate(arena, merged, now, false, &violations);
	if (arena->failed)
		return false;
	if (merged == NULL)
		refuse(event, original, enrichment, first_violation(&violations));
	else if (json_size(merged, max) > max)
		refuse(event, original, enrichment, "its patch makes the event too large");
	else
		event->event = merged;
	return true;
}

/* The events that have no problem. */
static void
show(Shown *shown, const EcapiEnrichedEvent *events, int nevents)
{
	shown->n = 0;
	for (int i = 0; i < nevents; i++)
	{
		if (events[i].problem != NULL)
			continue;
		shown->events[shown->n] = events[i];
		shown->places[shown->n++] = i;
	}
}

/* Call one function and apply what it says. */
static bool
enrich_by(const EcapiEnrichment *enrichment, EcapiEnrichedEvent *events, int nevents,
		  const EcapiValue **originals, Shown *shown, EcapiPatch *patches,
		  EcapiArena *arena, int64 now, int timeout_ms, size_t max_bytes,
		  EcapiUserError *error)
{
	show(shown, events, nevents);
	if (shown->n == 0)
		return true;
	memset(patches, 0, sizeof(EcapiPatch) * shown->n);
	if (!ecapi_enrichment_call(enrichment, shown->events, shown->n, patches, arena,
							   timeout_ms, max_bytes, error))
		return false;
	for (int i = 0; i < shown->n; i++)
	{
		int			place = shown->places[i];

		if (patches[i].problem != NULL)
			refuse(&events[place], originals[place], enrichment, patches[i].problem);
		else if (patches[i].patch != NULL &&
				 !apply_patch(&events[place], originals[place], enrichment,
							  patches[i].patch, arena, now))
		{
			memset(error, 0, sizeof(EcapiUserError));
			error->sqlerrcode = ERRCODE_OUT_OF_MEMORY;
			snprintf(error->message, sizeof(error->message),
					 "enrichment \"%s\": there is no memory for its patches",
					 enrichment->name);
			return false;
		}
	}
	return true;
}

bool
ecapi_enrichments_apply(const EcapiEnrichments *list,
						EcapiEnrichedEvent *events, int nevents,
						EcapiArena *arena, int64 now, int timeout_ms,
						size_t max_bytes, EcapiUserError *error)
{
	const EcapiValue **originals = palloc(sizeof(EcapiValue *) * Max(nevents, 1));
	EcapiPatch *patches = palloc(sizeof(EcapiPatch) * Max(nevents, 1));
	Shown		shown;
	bool		good = true;

	shown.events = palloc(sizeof(EcapiEnrichedEvent) * Max(nevents, 1));
	shown.places = palloc(sizeof(int) * Max(nevents, 1));
	for (int i = 0; i < nevents; i++)
	{
		originals[i] = events[i].event;
		events[i].problem = NULL;
	}
	for (int i = 0; i < list->n && good; i++)
		good = enrich_by(&list->list[i], events, nevents, originals, &shown, patches,
						 arena, now, timeout_ms, max_bytes, error);
	for (int i = 0; i < nevents && !good; i++)
	{
		events[i].event = originals[i];
		events[i].problem = NULL;
	}
	pfree(shown.places);
	pfree(shown.events);
	pfree(patches);
	pfree(originals);
	return good;
}
