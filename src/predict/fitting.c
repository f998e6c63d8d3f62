/*
 * fitting.c
 *	  Models of history, fitted to one set of customers, and what they predict.
 *
 * Where the values of repeat orders have no distribution (all are the same, or nobody
 * has ordered twice for money) an order is worth the mean, and the name of the model
 * says so.
 *
 * No state and no locks.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "model/gammagamma.h"
#include "predict/control.h"
#include "predict/fitting.h"

/*
 * Customers that are predicted between two looks at interrupts: some milliseconds of work.  A
 * model prepares what customers have in common at each call, so less would cost more.
 */
#define FORECASTS	8192

void
ecapi_fit_frequency(const EcapiFrequencyModel *model, const EcapiCustomer *histories, size_t n,
					EcapiFit *fit)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecapi fit",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiFitControl control = ecapi_control(context);

	model->fit(histories, n, &control, fit);
	ecapi_control_check(fit->stopped);
	MemoryContextDelete(context);
}

void
ecapi_fit_value(const EcapiCustomer *histories, size_t n, EcapiFit *fit)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecapi fit",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiFitControl control = ecapi_control(context);

	ecapi_gammagamma_fit(histories, n, &control, fit);
	ecapi_control_check(fit->stopped);
	MemoryContextDelete(context);
}

static void
check_number(const EcapiFitted *fitted, double number, double most)
{
	if (isfinite(number) && number >= 0 && number <= most)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("model %s predicts what is no number of orders, value or probability",
					fitted->model->name),
			 errhint("Look for orders of extraordinary value or customers with extraordinarily many orders in ecapi.history().")));
}

static EcapiOutlook
outlook_of(const EcapiFitted *fitted, const EcapiCustomer *history, const EcapiForecast *forecast)
{
	EcapiOutlook outlook;

	outlook.orders = forecast->expected;
	outlook.any = forecast->any;
	outlook.alive = forecast->alive;
	outlook.value = forecast->expected * (fitted->value.converged
										  ? ecapi_gammagamma_mean(&fitted->value, history)
										  : fitted->mean_value);
	check_number(fitted, outlook.orders, INFINITY);
	check_number(fitted, outlook.value, INFINITY);
	check_number(fitted, outlook.any, 1);
	check_number(fitted, outlook.alive, 1);
	return outlook;
}

void
ecapi_fitted_outlooks(const EcapiFitted *fitted, const EcapiCustomer *histories, size_t n,
					  double weeks, EcapiOutlook *outlooks)
{
	EcapiForecast *forecasts = palloc(sizeof(EcapiForecast) * FORECASTS);

	for (size_t begin = 0; begin < n; begin += FORECASTS)
	{
		size_t		some = Min(n - begin, FORECASTS);

		ecapi_control_check(false);
		fitted->model->forecasts(&fitted->frequency, &histories[begin], some, weeks, forecasts);
		for (size_t i = 0; i < some; i++)
			outlooks[begin + i] = outlook_of(fitted, &histories[begin + i], &forecasts[i]);
	}
	pfree(forecasts);
}

const char *
ecapi_fitted_name(const EcapiFitted *fitted)
{
	return psprintf("%s, %s", fitted->model->name,
					fitted->value.converged ? "Gamma-Gamma" : "mean value");
}
