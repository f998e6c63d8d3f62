/*
 * model_table.c
 *	  What was learnt, and how good it was: the table ecapi.model.
 *
 * A row is only ever added: how models did over time stays to be seen.  Rows are written
 * as the extension's owner, for who may fit has no right on the table but to read the rows
 * about own tables (row security, see the install script).
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/date.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "predict/model_table.h"

static EcapiStatement record = {
	"INSERT INTO ecapi.model (relation, track, scores, fitted_by, span_begin, learnt_until, span_end,"
	" horizon, currency, customers, orders, left_out, model, parameters, holdout, first_order, problem, replaced,"
	" orders_a_day, orders_dispersion, orders_error)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, $14::jsonb, $15::jsonb, $16::jsonb, $17, $18,"
	" $19, $20, $21)"
	" RETURNING fit_id",
	21, {REGCLASSOID, TEXTOID, TEXTOID, NAMEOID, DATEOID, DATEOID, DATEOID, INTERVALOID, TEXTOID,
	INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID,
	FLOAT8OID, FLOAT8OID, FLOAT8OID}, NULL
};

int64
ecapi_model_record(const EcapiModelRow *row)
{
	const EcapiReport *report = row->report;
	const EcapiOrders *span = report->span;
	NullableDatum role = ecapi_arg_name(GetUserNameFromId(GetUserId(), false));
	NullableDatum left_out = ecapi_arg_text(ecapi_report_left_out(span));
	NullableDatum parameters = ecapi_arg_text(ecapi_report_parameters(report));
	NullableDatum holdout = ecapi_arg_text(ecapi_report_holdout(report));
	NullableDatum first_order = ecapi_arg_text(ecapi_report_first_order(report->early));
	double		error = report->holdout->rows[report->holdout->chosen_row].orders.total_error;
	EcapiOwnerScope scope;
	int64		fit_id;

	ecapi_become_owner(&scope);
	if (ecapi_execute(&record, ecapi_arg_oid(row->relation), ecapi_arg_text(report->track),
					  ecapi_arg_text(row->scores), role,
					  ecapi_arg(DateADTGetDatum(span->begin)), ecapi_arg(DateADTGetDatum(span->cut)),
					  ecapi_arg(DateADTGetDatum(span->end)),
					  ecapi_arg(IntervalPGetDatum(row->horizon)), ecapi_arg_text(span->currency),
					  ecapi_arg_int8(span->n), ecapi_arg_int8(report->days_with_orders), left_out,
					  ecapi_arg_text(report->model), parameters, holdout, first_order,
					  ecapi_arg_text(row->problem), ecapi_arg_bool(row->replaced),
					  ecapi_arg_float8(report->expected), ecapi_arg_float8(report->dispersion),
					  ecapi_arg_null_if(!isfinite(error), Float8GetDatum(fabs(error)))) != 1)
		elog(ERROR, "could not write down a fit");
	fit_id = ecapi_column_int8(0, 1);
	ecapi_become_caller(&scope);
	return fit_id;
}
