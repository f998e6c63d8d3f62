/*
 * frequency.c
 *	  The table of frequency models.
 */
#include "model/bgnbd.h"
#include "model/frequency.h"
#include "model/pareto.h"

const EcapiFrequencyModel ecapi_frequency_models[ECAPI_FREQUENCY_MODELS] = {
	{
		.name = "BG/NBD",
		.nparams = ECAPI_BGNBD_PARAMS,
		.params = {"r", "alpha", "a", "b"},
		.fit = ecapi_bgnbd_fit,
		.forecast = ecapi_bgnbd_forecast,
		.forecasts = ecapi_bgnbd_forecasts,
		.expected = ecapi_bgnbd_expected,
		.alive = ecapi_bgnbd_alive,
		.any = ecapi_bgnbd_any,
	},
	{
		.name = "Pareto/NBD",
		.nparams = ECAPI_PARETO_PARAMS,
		.params = {"r", "alpha", "s", "beta"},
		.fit = ecapi_pareto_fit,
		.forecast = ecapi_pareto_forecast,
		.forecasts = ecapi_pareto_forecasts,
		.expected = ecapi_pareto_expected,
		.alive = ecapi_pareto_alive,
		.any = ecapi_pareto_any,
	},
};
