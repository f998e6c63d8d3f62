/*
 * option.h
 *	  What the files that read options share; of no interest to others.
 *
 * options.c has the table and reads a list by it.  The readers of single values are
 * in option_kind.c where several options are of a kind, else by subject in
 * option_delivery.c, option_routing.c, option_consent.c and option_reduction.c; option_problem.c says
 * what is wrong.
 */
#ifndef ECAPI_OPTION_H
#define ECAPI_OPTION_H

#include "destination/option_values.h"

typedef struct EcapiOption EcapiOption;

/*
 * Check a value and store it.  False when it is wrong; then problem says why.  The
 * format in options is known before any other option is read.
 */
typedef bool EcapiOptionRead(const EcapiOption *option, const char *value,
							 EcapiOptions *options, EcapiOptionProblem *problem);

struct EcapiOption
{
	const char *name;
	Oid			catalog;		/* server or user mapping */
	bool		secret;			/* also: never shown */
	EcapiOptionRead *read;
	size_t		offset;			/* of its member in EcapiOptions, where read uses it */
	int			unit;			/* of a number: GUC_UNIT_..., 0 for none */
	int			min;			/* of a number; of a name: the value of the first one */
	int			max;			/* of a number; of a text: bytes */
	const char *const *names;	/* of a name; NULL ends them */
	const char *(*check) (const char *value);	/* of a text: what is wrong, or NULL */
	int			initial;		/* of a number or a name: the default, unless it is 0 or
								 * the format's */
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

/* option_kind.c: the member of options that the option's offset names. */
extern void *ecapi_option_member(const EcapiOption *option, EcapiOptions *options);

/* A text is printable, and of 1 to max bytes. */
extern bool ecapi_option_is_printable(const char *value, size_t max);

/* Store a palloc'd copy as the option's member. */
extern void ecapi_option_store(const EcapiOption *option, EcapiOptions *options,
							   const char *value);

/* A whole number in the option's unit, from its min to that max. */
extern bool ecapi_option_number(const EcapiOption *option, const char *value, int max,
								int *number, EcapiOptionProblem *problem);

/*
 * A number by the option's unit and range; a boolean as PostgreSQL takes it; one of its
 * names, kept as min and the name's place; a printable text of at most max bytes; a text
 * by its check.
 */
extern EcapiOptionRead ecapi_option_read_number;
extern EcapiOptionRead ecapi_option_read_boolean;
extern EcapiOptionRead ecapi_option_read_name;
extern EcapiOptionRead ecapi_option_read_printable;
extern EcapiOptionRead ecapi_option_read_checked;

/*
 * The entries of a list, without the blanks around them: sets *entry and *len and
 * returns where the next one begins, or NULL behind the last.
 */
extern const char *ecapi_option_entry(const char *list, const char **entry, size_t *len);

/* option_delivery.c */
extern EcapiOptionRead ecapi_option_read_format;
extern EcapiOptionRead ecapi_option_read_url;
extern EcapiOptionRead ecapi_option_read_batch_size;
extern EcapiOptionRead ecapi_option_read_batch_wrapper;
extern EcapiOptionRead ecapi_option_read_dedupe_key;
extern EcapiOptionRead ecapi_option_read_rate_limit;
extern EcapiOptionRead ecapi_option_read_origin;
extern EcapiOptionRead ecapi_option_read_file_name;
extern bool ecapi_option_split_origin(const char *value, EcapiOrigin *origin);

/* option_own.c: the options of formats' own */

/*
 * An option of that name (of a server's list, or of a mapping's), as a row to report
 * problems by; of a mapping without format in options: of any format.  False when there is
 * none.
 */
extern bool ecapi_option_own_find(const char *name, Oid catalog, const EcapiFormat *format,
								  EcapiOption *row);

/* Read such an option. */
extern EcapiOptionRead ecapi_option_read_own;

/* Their names, from 0, NULL at the end. */
extern const char *ecapi_option_own_nth(int i, Oid catalog, const EcapiFormat *format);

/* Where none is given, an option has its fallback. */
extern void ecapi_option_own_defaults(EcapiOptions *options);

/* option_routing.c */
extern EcapiOptionRead ecapi_option_read_event_types;
extern EcapiOptionRead ecapi_option_read_max_age;
extern EcapiOptionRead ecapi_option_read_sample;
extern EcapiOptionRead ecapi_option_read_enrich;
extern EcapiOptionRead ecapi_option_read_filter;

/* option_consent.c */
extern EcapiOptionRead ecapi_option_read_uses;
extern EcapiOptionRead ecapi_option_read_sensitive;
extern EcapiOptionRead ecapi_option_read_restricted;
extern EcapiOptionRead ecapi_option_read_tcf_purposes;

/* option_reduction.c */
extern EcapiOptionRead ecapi_option_read_value_field;
extern EcapiOptionRead ecapi_option_read_value_transform;
extern EcapiOptionRead ecapi_option_read_value_factor;
extern EcapiOptionRead ecapi_option_read_value_digits;
extern EcapiOptionRead ecapi_option_read_anonymize;
extern EcapiOptionRead ecapi_option_read_fields;
extern EcapiOptionRead ecapi_option_read_redact;

/*
 * What value_transform asks for when the whole list is read: digits, and what else is
 * hidden.  False when that cannot be; then problem says why.
 */
extern bool ecapi_option_reduction_complete(EcapiOptions *options, EcapiOptionProblem *problem);

#endif							/* ECAPI_OPTION_H */
