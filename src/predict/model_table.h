/*
 * model_table.h
 *	  What was learnt, and how good it was: the table ecapi.model.
 */
#ifndef ECAPI_MODEL_TABLE_H
#define ECAPI_MODEL_TABLE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "predict/report.h"

/* A fit. */
typedef struct EcapiModelRow
{
	Oid			relation;
	const Interval *horizon;
	const char *scores;			/* quoted name; NULL: none were asked for */
	const char *problem;		/* why scores had better not be used; NULL: they may */
	const EcapiReport *report;
	bool		replaced;		/* the scores are the model's */
} EcapiModelRow;

/* Write it down, as the extension's owner, for the current role; returns its fit_id. */
extern int64 ecapi_model_record(const EcapiModelRow *row);

#endif							/* ECAPI_MODEL_TABLE_H */
