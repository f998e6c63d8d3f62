/*
 * options.h
 *	  From the options of a server and its user mapping to the values of a destination.
 *
 * The same table of options serves the validator of the foreign data wrapper
 * (called at CREATE and ALTER, with errors and hints) and the worker.
 */
#ifndef ECAPI_OPTIONS_H
#define ECAPI_OPTIONS_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "destination/option_values.h"

/*
 * Read the options (DefElem list) of a server (catalog is
 * ForeignServerRelationId) or a user mapping (UserMappingRelationId) into
 * options, which the caller has zeroed; a server's list fills in all the
 * defaults.  Texts are palloc'd copies.  False when something is wrong; then
 * problem says what, and options are not to be used.  Raises nothing but
 * out-of-memory.
 */
extern bool ecapi_options_read(List *list, Oid catalog, EcapiOptions *options,
							   EcapiOptionProblem *problem);

/*
 * Read a list of event types, written as that option is, without targets; bit i of
 * types is event type i.  False when something is wrong; then problem says what.
 */
extern bool ecapi_options_event_types(const char *value, uint64 *types,
									  EcapiOptionProblem *problem);

/* The role that owns a destination, as far as delivery depends on it. */
typedef struct EcapiServerOwner
{
	const char *name;
	bool		superuser;
	bool		has_usage;		/* USAGE on the wrapper, now */
} EcapiServerOwner;

/*
 * Parse the option lists (DefElem) of a server and of its PUBLIC mapping
 * (NIL for none) into a palloc'd struct with defaults filled in.  The lists
 * passed the validator once; what is wrong all the same (a hand-made catalog
 * row, a later version's option), or an owner from whom USAGE was taken, gives
 * NULL and one line in error.
 */
extern EcapiOptions *ecapi_options_parse(List *server, List *mapping,
										 const EcapiServerOwner *owner,
										 char *error, size_t error_size);

/*
 * Where requests go in the destination's mode, or would go if it were shadow no more:
 * test_url, url or the format's own; without what a format sets behind (outgoing.h).
 * Lives as long as options.
 */
extern const char *ecapi_options_url(const EcapiOptions *options);

/* The origin that a server's options (DefElem) name; false when they do not. */
extern bool ecapi_options_origin(List *server, EcapiOrigin *origin);

#endif							/* ECAPI_OPTIONS_H */
