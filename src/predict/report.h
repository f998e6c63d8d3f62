/*
 * report.h
 *	  What is said of a fit: to the caller, and in ecapi.model.
 */
#ifndef ECAPI_REPORT_H
#define ECAPI_REPORT_H

#include "postgres.h"

#include "predict/early.h"
#include "predict/fitting.h"
#include "predict/holdout.h"
#include "predict/span.h"

/* What there is to say. */
typedef struct EcapiReport
{
	const char *table;			/* name of the relation */
	const char *track;			/* as it was asked for, or NULL */
	const EcapiOrders *span;
	const EcapiHoldout *holdout;
	const EcapiFitted *fitted;	/* to the whole span: what scores are made with */
	const EcapiEarly *early;
	const char *model;			/* its name */
	int64		days_with_orders;	/* orders, those of a day counted once */
	double		expected;		/* orders a day in the weeks to come, of customers and newcomers */
	double		dispersion;		/* variance of a day's orders by their mean, at least 1 */
} EcapiReport;

/*
 * Why scores had better not be used whose row of the holdout this is, as a phrase, palloc'd: the
 * baselines to which it loses, or a total that is off by more than a factor of two.  NULL:
 * they may.
 */
extern char *ecapi_report_problem(const EcapiHoldout *holdout, int row);

/* The report as lines of a table, palloc'd. */
extern char *ecapi_report_text(const EcapiReport *report);

/*
 * The same as JSON, palloc'd: parameters of each model ("calibration", "whole span"), rows
 * of the holdout, and counts of what was left out.
 */
extern char *ecapi_report_parameters(const EcapiReport *report);
extern char *ecapi_report_holdout(const EcapiReport *report);
extern char *ecapi_report_first_order(const EcapiEarly *early);
extern char *ecapi_report_left_out(const EcapiOrders *span);

#endif							/* ECAPI_REPORT_H */
