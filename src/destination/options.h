/*
 * options.h
 *	  The options of a destination: server options and user mapping as a struct.
 *
 * The same table of options serves the validator of the foreign data wrapper
 * (called at CREATE and ALTER, with errors and hints) and the worker.
 */
#ifndef ECAPI_OPTIONS_H
#define ECAPI_OPTIONS_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "destination/format.h"

typedef enum EcapiMode
{
	ECAPI_MODE_LIVE,
	ECAPI_MODE_SHADOW			/* everything but send */
} EcapiMode;

typedef enum EcapiWrapper
{
	ECAPI_WRAP_ARRAY,			/* [e, e] */
	ECAPI_WRAP_KEY				/* {"key": [e, e]} */
} EcapiWrapper;

struct EcapiOptions
{
	const EcapiFormat *format;
	EcapiMode	mode;
	char	   *url;			/* NULL: the format's own */
	char	   *data_set_id;	/* NULL: the event's own */
	uint64		event_types;	/* bit i: event type i of the standard */
	int			batch_size;
	EcapiWrapper wrapper;
	char	   *wrapper_key;	/* of ECAPI_WRAP_KEY */
	int			linger_ms;
	int			max_in_flight;
	int			timeout_ms;
	int			max_age_s;		/* older events are not sent; 0: all are */
	int			retry_for_s;	/* how long a failed event is tried again */
	double		rate_limit;		/* requests a second; 0: no limit */
	char	   *ca_file;		/* bare name in ecapi.credential_directory */
	/* from the PUBLIC user mapping */
	char	   *access_token;
	char	   *access_token_file;
	char	   *header;			/* "Name: value" */
	char	   *header_file;
};

/* What is wrong with a list of options. */
typedef struct EcapiOptionProblem
{
	int			sqlstate;
	char		message[256];	/* never a secret value */
	char		detail[256];	/* or "" */
	char		hint[512];		/* or "" */
} EcapiOptionProblem;

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
 * Read a list of event types, written as that option is; bit i of types is
 * event type i.  False when something is wrong; then problem says what.
 */
extern bool ecapi_options_event_types(const char *value, uint64 *types,
									  EcapiOptionProblem *problem);

/*
 * Parse the option lists (DefElem) of a server and of its PUBLIC mapping
 * (NIL for none) into a palloc'd struct with defaults filled in.  The lists
 * passed the validator once; what is wrong all the same (a hand-made catalog
 * row, a later version's option) gives NULL and one line in error.
 */
extern EcapiOptions *ecapi_options_parse(List *server, List *mapping,
										 char *error, size_t error_size);

/*
 * Where a server was created: a dump carries it along, so that a destination
 * that is restored elsewhere is known for a copy.
 */
typedef struct EcapiOrigin
{
	uint64		system_identifier;
	Oid			database;
} EcapiOrigin;

/* The origin that a server's options (DefElem) name; false when they do not. */
extern bool ecapi_options_origin(List *server, EcapiOrigin *origin);

#endif							/* ECAPI_OPTIONS_H */
