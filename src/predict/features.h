/*
 * features.h
 *	  What a shop's own function says of customers, as columns beside those of the orders.
 */
#ifndef ECAPI_FEATURES_H
#define ECAPI_FEATURES_H

#include "postgres.h"

#include "model/design.h"
#include "predict/span.h"

/* Numbers that a function may return; the design needs the rest for those of the orders. */
#define ECAPI_FEATURES_NUMERIC	(ECAPI_DESIGN_NUMERIC - 8)

/* Texts, by the same rule: the orders have two of their own. */
#define ECAPI_FEATURES_CATEGORIES	(ECAPI_DESIGN_CATEGORIES - 2)

typedef struct EcapiFeatures
{
	const char *function;		/* its name, as it is called; NULL: there is none */
	int			numerics;
	const char *numeric[ECAPI_FEATURES_NUMERIC];	/* names of columns */
	int			categories;
	const char *category[ECAPI_FEATURES_CATEGORIES];
	double	   *numbers;		/* a row a customer of the span; NaN: not known */
	const char **texts;			/* the same; NULL: not known */
	size_t		known;			/* customers that a row was returned for */
} EcapiFeatures;

/*
 * Call a function without arguments that returns rows, with the caller's rights; function
 * InvalidOid: there are no features.  The column "customer" names the customer as the scores
 * do; columns of numbers and truth values are numeric, all others are categories.  Rows of
 * customers that the span does not have are passed over.  The result is in the current
 * context; memory goes with customers.  SPI is connected, search_path is pg_catalog.
 *
 * Raises what the function raises; an error for one that takes arguments or is none, returns
 * no column "customer" or no other, more columns than a design has, or a customer twice; and
 * a cancellation.
 */
extern void ecapi_features_read(Oid function, const EcapiOrders *span, EcapiFeatures *features);

/* The columns of a customer, by its place in the span; NULL where there are none. */
extern const double *ecapi_features_numbers(const EcapiFeatures *features, size_t customer);
extern const char *const *ecapi_features_texts(const EcapiFeatures *features, size_t customer);

#endif							/* ECAPI_FEATURES_H */
