/*
 * lost_fields.c
 *	  What events lose because their destination has no name for it.
 *
 * Which fields an event has is found once for all destinations of its page that take it
 * as it was read; where an enrichment or a reduction has changed it, for the one.
 *
 * No locks, no memory.
 */
#include "postgres.h"

#include "destination/options.h"
#include "pipeline/destination.h"
#include "pipeline/lost_fields.h"
#include "pipeline/page.h"
#include "shmem/not_carried.h"

static EcapiFieldSet
fields_of(EcapiPageEvent *event, const EcapiValue *seen)
{
	if (seen != event->tree)
		return ecapi_field_set_of(seen);
	if (!event->fields_known)
	{
		event->fields = ecapi_field_set_of(seen);
		event->fields_known = true;
	}
	return event->fields;
}

void
ecapi_count_lost_fields(EcapiItem item, const EcapiValue *seen)
{
	const EcapiDestination *destination = item.slice->feed->destination;
	EcapiFieldSet lost;

	if (destination->options->format->carries == NULL)
		return;
	lost = ecapi_field_set_without(fields_of(ecapi_item_event(item), seen),
								   &destination->options->carried);
	ecapi_not_carried_count(destination->server, &lost);
}
