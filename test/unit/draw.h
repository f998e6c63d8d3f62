/*
 * draw.h
 *	  Random numbers of tests; the seed is printed, and ECAPI_SEED repeats it.
 */
#ifndef DRAW_H
#define DRAW_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state;

static inline unsigned
draw(unsigned below)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned) (state >> 33) % below;
}

/* Above 0, below 1. */
static inline double
draw_uniform(void)
{
	return (draw(1u << 30) + 0.5) / (1u << 30);
}

/* Of mean 0 and deviation 1. */
static inline double
draw_normal(void)
{
	double		length = sqrt(-2 * log(draw_uniform()));

	return length * cos(6.28318530717958648 * draw_uniform());
}

/* From low to high, evenly by the logarithm. */
static inline double
draw_log_uniform(double low, double high)
{
	return low * exp(draw_uniform() * log(high / low));
}

/* By Marsaglia and Tsang (2000). */
static inline double
draw_gamma(double shape, double scale)
{
	double		d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
	double		c = 1 / sqrt(9 * d);
	double		boost = shape < 1 ? pow(draw_uniform(), 1 / shape) : 1;

	for (;;)
	{
		double		normal = draw_normal();
		double		v = pow(1 + c * normal, 3);

		if (v > 0 && log(draw_uniform()) < normal * normal / 2 + d - d * v + d * log(v))
			return d * v * boost * scale;
	}
}

static inline double
draw_exponential(double rate)
{
	return -log(draw_uniform()) / rate;
}

static inline void
seed_draws(void)
{
	const char *seed = getenv("ECAPI_SEED");

	state = seed ? strtoull(seed, NULL, 10) : (uint64_t) time(NULL);
	printf("# ECAPI_SEED %llu\n", (unsigned long long) state);
}

#endif							/* DRAW_H */
