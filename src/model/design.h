/*
 * design.h
 *	  What is known of a customer at the moment of a score, as a vector of numbers.
 *
 * A row has numeric columns (value of the first order, items, repeats so far, days
 * known ...) and category columns (channel, country, product group ...).  A design is
 * learnt from the rows of the customers that a model is fitted to; it writes every row,
 * theirs and later ones, as a dense vector whose first member is the intercept, 1.
 *
 * A numeric column becomes (g(v) - mean) / deviation.  g is the identity, or
 * sign(v) log1p(|v|) where the column is skewed: money and counts are, by a few large
 * values that would otherwise set the scale for all, and a tenfold order means about
 * the same step in the logarithm of what follows whether it is 1 or 100.  A missing
 * value (one that is not finite) is 0, the mean, and marked in a column of its own if
 * learning saw missing ones.  A category column becomes an indicator for each of its
 * most frequent texts, one for all others and one for "missing".
 *
 * Invariants: a design does not depend on the order of the rows it was learnt from, to
 * the last bit; what it writes is finite, and within what learning saw, so that a value
 * of a billion later counts as the largest seen, never as more; a column that was the
 * same for all customers is dropped, and the width is at most ECAPI_DESIGN_WIDTH.
 *
 * Pure C: no server header, no I/O; memory is the control's.  No locks: a design is not
 * changed after it was learnt.
 */
#ifndef ECAPI_DESIGN_H
#define ECAPI_DESIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "model/fit.h"

/* Columns of the vector, the intercept counted: at 128 the three regressions of ziln.h have 384 parameters. */
#define ECAPI_DESIGN_WIDTH		128
/* Columns of a row of each kind: with their marks of "missing" they leave room for categories. */
#define ECAPI_DESIGN_NUMERIC	32
#define ECAPI_DESIGN_CATEGORIES	18
/* Texts of a category column with an indicator of their own: beyond, few customers share one. */
#define ECAPI_DESIGN_TEXTS		30
/* Customers that share such a text at least: fewer say nothing about the next one. */
#define ECAPI_DESIGN_SHARED		5
/* Bytes of such a text at most, so that a design is small; a longer one is "other". */
#define ECAPI_DESIGN_TEXT		128

/* The columns of a row.  Names are for reports; they are the caller's and outlive the design. */
typedef struct EcapiDesignColumns
{
	int			numerics;		/* at most ECAPI_DESIGN_NUMERIC */
	const char *const *numeric;
	int			categories;		/* at most ECAPI_DESIGN_CATEGORIES */
	const char *const *category;
} EcapiDesignColumns;

typedef struct EcapiDesign EcapiDesign;

/*
 * Learn a design from n customers: numeric has n times columns->numerics values, row
 * after row, category n times columns->categories texts, NULL for a missing one; either
 * may be NULL where there are no such columns.  Texts are compared byte by byte.
 *
 * Returns the design, in memory of the control, that holds no reference to the rows.
 * NULL: none, and *problem, a constant text, says why: no customers, too many columns,
 * no memory.  Columns that are all constant are no problem: the intercept is left.
 */
extern EcapiDesign *ecapi_design_learn(const EcapiDesignColumns *columns, const double *numeric,
									   const char *const *category, size_t n,
									   const EcapiFitControl *control, const char **problem);

/* Members of the vector, 1 to ECAPI_DESIGN_WIDTH. */
extern int	ecapi_design_width(const EcapiDesign *design);

/* Write the vector of one customer, ecapi_design_width() members, each finite. */
extern void ecapi_design_write(const EcapiDesign *design, const double *numeric,
							   const char *const *category, double *vector);

/* What a member of the vector stands for, in a report. */
typedef struct EcapiDesignMember
{
	const char *column;			/* its name; "intercept" */
	const char *text;			/* the category that it indicates; NULL: none */
	bool		other;			/* it indicates all other texts */
	bool		missing;		/* it indicates a missing value */
	bool		logarithm;		/* g is the logarithm */
} EcapiDesignMember;

/* The member at index 0 to ecapi_design_width() - 1; its texts are the design's. */
extern EcapiDesignMember ecapi_design_member(const EcapiDesign *design, int index);

#endif							/* ECAPI_DESIGN_H */
