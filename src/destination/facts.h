/*
 * facts.h
 *	  What most platforms ask of an event before anything of it is written.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_FACTS_H
#define ECAPI_FACTS_H

#include "destination/format.h"

typedef struct EcapiFacts
{
	int			type;			/* ECAPI_EVENT_... */
	int64_t		time;			/* of the event, seconds since 1970, not after now */
	const EcapiValue *id;		/* what repeats are recognised by (option dedupe_key); or
								 * NULL */
	const char *source;			/* a word of the standard; without one, "website" of an
								 * event with a page, else "other" */
	const EcapiValue *page;		/* properties.page_url, an absolute URL; or NULL */
	const EcapiValue *value;	/* a number; or NULL */
	const char *currency;		/* three upper-case letters; NULL: none, or unknown */
	bool		currency_given; /* one was given, known or not */
	const EcapiValue *user;		/* user_data, properties and ext; or NULL */
	const EcapiValue *properties;
	const EcapiValue *ext;
} EcapiFacts;

/*
 * Read them.  NULL, or why the event cannot be expressed: no object, no event type, no
 * time.  A time after now is now: clocks differ, and platforms refuse what is to come.
 */
extern const char *ecapi_facts_read(const EcapiShape *shape, const EcapiValue *event,
									EcapiFacts *facts);

/*
 * The event may be used for measurement alone (user_data.mmt_only), and what the platform
 * would get of it could not say so: it is filtered, for this may be required by law.
 */
#define ECAPI_REASON_MMT_ONLY	"mmt_only"

/* The source of an event, as in its facts; constant. */
extern const char *ecapi_facts_source(const EcapiValue *event);

/*
 * Whether the event is one of another data set (data_set_id) than that of its source, id of
 * len bytes; then *reason says so, and it is filtered.  For destinations that have an id for
 * each source of events, and no data_set_id, which select.h has compared already: here the
 * source is known as it leaves.
 */
extern bool ecapi_facts_names_other(const EcapiShape *shape, const EcapiValue *event,
									const char *id, size_t len, const char **reason);

/*
 * Why the value cannot leave: it has no currency, or one that is none.  NULL: it can, or
 * there is no value.
 */
extern const char *ecapi_facts_money_wrong(const EcapiFacts *facts);

/*
 * A number that an enrichment gives: in ext of the event, else of properties, under that
 * name; NULL: none.
 */
extern const EcapiValue *ecapi_facts_given(const EcapiValue *event, const char *name);

/*
 * What the platform calls the event: the destination's own name of the type (option
 * event_types), else names[type], else of custom the event's custom_event, else the
 * standard's own.  names has ECAPI_EVENT_TYPES elements, NULL where it has no name.
 * NULL, or why there is none: a custom event without custom_event.
 */
extern const char *ecapi_facts_name(const EcapiShape *shape, const EcapiValue *event,
									const EcapiFacts *facts, const char *const *names,
									const char **name);

/*
 * Whether the platform has an event of that name: one of names, which are as above, or of
 * the nmore in more.
 */
extern bool ecapi_facts_has_name(const char *const *names, const char *const *more, size_t nmore,
								 const char *name);

#endif							/* ECAPI_FACTS_H */
