/*
 * option.h
 *	  What the files that read options share; of no interest to others.
 *
 * options.c has the table and reads a list by it; the readers of single values
 * stand by subject in option_delivery.c, option_routing.c and option_reduction.c;
 * option_problem.c says what is wrong.
 */
#ifndef ECAPI_OPTION_H
#define ECAPI_OPTION_H

#include "destination/option_values.h"

typedef struct EcapiOption EcapiOption;

/*
 * Check a value and store it.  False when it is wrong; then problem says why.  The
 * format of options is settled before any other option is read.
 */
typedef bool EcapiOptionRead(const EcapiOption *option, const char *value,
							 EcapiOptions *options, EcapiOptionProblem *problem);

struct EcapiOption
{
	const char *name;
	Oid			catalog;		/* server or user mapping */
	bool		secret;			/* also: never shown */
	EcapiOptionRead *read;
	size_t		offset;			/* of a text in EcapiOptions, where read uses it */
	const char *what;			/* a sentence for the error's detail */
};

/* option_problem.c: values shown in messages are cut to this many bytes. */
#define ECAPI_OPTION_SHOWN	60

/*
 * Both return false, for a reader to return.  The first leaves the option's own
 * sentence as detail; hint may be NULL.
 */
extern bool ecapi_option_wrong(const EcapiOption *option, const char *value,
							   EcapiOptionProblem *problem);
extern bool ecapi_option_wrong_because(const EcapiOption *option, const char *value,
									   const char *detail, const char *hint,
									   EcapiOptionProblem *problem);

/* "Perhaps you meant …", or the list of what there is. */
extern void ecapi_option_hint_names(const char *word, size_t len,
									const char *(*nth) (int i, void *arg), void *arg,
									EcapiOptionProblem *problem);

/* A text is printable, and of 1 to max bytes. */
extern bool ecapi_option_is_printable(const char *value, size_t max);

/* Store a palloc'd copy at the option's offset. */
extern void ecapi_option_store(const EcapiOption *option, EcapiOptions *options,
							   const char *value);

/* A whole number, in units where GUC_UNIT_… flags allow them, from min to max. */
extern bool ecapi_option_number(const EcapiOption *option, const char *value, int flags,
								int min, int max, int *number,
								EcapiOptionProblem *problem);

/* One of some names (NULL ends them): its index, else -1 and the problem. */
extern int	ecapi_option_name(const EcapiOption *option, const char *value,
							  const char *const *names, EcapiOptionProblem *problem);

/*
 * The entries of a list, without the blanks around them: sets *entry and *len and
 * returns where the next one begins, or NULL behind the last.
 */
extern const char *ecapi_option_entry(const char *list, const char **entry, size_t *len);

/* option_delivery.c */
extern EcapiOptionRead ecapi_option_read_format;
extern EcapiOptionRead ecapi_option_read_url;
extern EcapiOptionRead ecapi_option_read_data_set_id;
extern EcapiOptionRead ecapi_option_read_batch_size;
extern EcapiOptionRead ecapi_option_read_batch_wrapper;
extern EcapiOptionRead ecapi_option_read_linger;
extern EcapiOptionRead ecapi_option_read_timeout;
extern EcapiOptionRead ecapi_option_read_retry_for;
extern EcapiOptionRead ecapi_option_read_rate_limit;
extern EcapiOptionRead ecapi_option_read_max_in_flight;
extern EcapiOptionRead ecapi_option_read_mode;
extern EcapiOptionRead ecapi_option_read_origin;
extern EcapiOptionRead ecapi_option_read_file_name;
extern EcapiOptionRead ecapi_option_read_access_token;
extern EcapiOptionRead ecapi_option_read_header;
extern bool ecapi_option_split_origin(const char *value, EcapiOrigin *origin);

/* option_routing.c */
extern EcapiOptionRead ecapi_option_read_event_types;
extern EcapiOptionRead ecapi_option_read_route;
extern EcapiOptionRead ecapi_option_read_max_age;
extern EcapiOptionRead ecapi_option_read_delay;
extern EcapiOptionRead ecapi_option_read_consent;
extern EcapiOptionRead ecapi_option_read_sample;
extern EcapiOptionRead ecapi_option_read_enrich;
extern EcapiOptionRead ecapi_option_read_enrich_on_error;
extern EcapiOptionRead ecapi_option_read_filter;

/* option_reduction.c */
extern EcapiOptionRead ecapi_option_read_value_field;
extern EcapiOptionRead ecapi_option_read_value_factor;
extern EcapiOptionRead ecapi_option_read_value_digits;
extern EcapiOptionRead ecapi_option_read_mmt_only;
extern EcapiOptionRead ecapi_option_read_anonymize;
extern EcapiOptionRead ecapi_option_read_fields;
extern EcapiOptionRead ecapi_option_read_redact;

/* Ten years; the platforms that have a window have one of days or weeks. */
#define ECAPI_MAX_AGE_DAYS	3650

#endif							/* ECAPI_OPTION_H */
