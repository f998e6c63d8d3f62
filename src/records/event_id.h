/*
 * event_id.h
 *	  The id of a stored event, without parsing all of it.
 */
#ifndef ECAPI_EVENT_ID_H
#define ECAPI_EVENT_ID_H

#include "postgres.h"

/*
 * Where the id stands in the text of an event (well-formed JSON of len bytes, in
 * any encoding that keeps ASCII for ASCII): id points into text, id_len is in
 * bytes, without quotes.  escaped: it holds escapes, so these bytes are not yet
 * the id.  False when there is none, or it is no string.  Raises nothing.
 */
extern bool ecapi_event_id_find(const char *text, int len, const char **id, int *id_len,
								bool *escaped);

/* Whether a stored event is a refund, by a look that does not parse it. */
extern bool ecapi_event_is_refund(const char *text, int len);

#endif							/* ECAPI_EVENT_ID_H */
