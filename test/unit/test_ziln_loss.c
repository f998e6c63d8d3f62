/*
 * test_ziln_loss.c
 *	  The loss of the zero-inflated lognormal regression: by hand, and its derivatives against
 *	  differences at random places.  ECAPI_SEED repeats these.
 */
#include <math.h>

#include "draw.h"
#include "model/ziln_loss.h"
#include "unit.h"

#define CUSTOMERS	200
#define WIDTH		5
#define ALL			(3 * WIDTH)

static const uint16_t places[WIDTH] = {0, 1, 2, 3, 4};
static double members[CUSTOMERS][WIDTH];
static EcapiZilnCase cases[CUSTOMERS];

static void
draw_customers(void)
{
	int			i;
	int			j;

	for (i = 0; i < CUSTOMERS; i++)
	{
		/* some lack their last members */
		EcapiZilnCase *it = &cases[i];

		*it = (EcapiZilnCase) {WIDTH - i % 3, places, members[i], draw(2) ? exp(4 + draw_normal()) : 0, 0};
		it->log = log(it->value);
		for (j = 0; j < WIDTH; j++)
			members[i][j] = j == 0 ? 1 : draw_normal();
	}
}

static void
draw_coefficients(double *x)
{
	int			i;

	for (i = 0; i < ALL; i++)
		x[i] = (i == WIDTH ? 4 : 0) + draw_normal();
}

/* The sum of losses with the penalty, and its gradient. */
static double
loss_at(const double *x, double *gradient)
{
	double		loss = ecapi_ziln_loss(cases, CUSTOMERS, WIDTH, x, gradient);
	int			i;

	for (i = 0; gradient && i < ALL; i++)
		gradient[i] *= CUSTOMERS;
	return loss * CUSTOMERS;
}

static void
test_by_hand(void)
{
	static const double x[] = {0.5, 2, -1};
	static const double member[] = {1};
	EcapiZilnCase none = {1, places, member, 0, 0};
	EcapiZilnCase ten = {1, places, member, 10, log(10)};
	double		s = ECAPI_ZILN_SIGMA + log1p(exp(-1));
	double		off = (log(10) - 2) / s;
	/* what the intercepts are known by beforehand: half a customer each, and a spread by one */
	double		alone = (log1p(exp(0.5)) + log1p(exp(-0.5))) / 2 + log(s) + 1 / (2 * s * s);

	check(fabs(ecapi_ziln_loss(&none, 1, 1, x, NULL) - alone - log1p(exp(0.5))) < 1e-12,
		  "the loss of no value is that of no value");
	check(fabs(ecapi_ziln_loss(&ten, 1, 1, x, NULL) - alone - log1p(exp(-0.5)) -
			   log(10 * s * sqrt(2 * acos(-1))) - off * off / 2) < 1e-12,
		  "the loss of a value is the published one");
}

static void
test_derivatives(void)
{
	double		worst_first = 0;
	double		worst_second = 0;
	int			round;
	int			i;
	int			j;

	for (round = 0; round < 50; round++)
	{
		double		x[ALL];
		double		gradient[ALL];
		double		any[WIDTH * WIDTH] = {0};
		double		amount[4 * WIDTH * WIDTH] = {0};

		draw_customers();
		draw_coefficients(x);
		loss_at(x, gradient);
		for (i = 0; i < CUSTOMERS; i++)
			ecapi_ziln_add_curvature(&cases[i], WIDTH, x, any, amount);
		ecapi_ziln_add_penalty_curvature(WIDTH, x, any, amount);
		for (i = 0; i < ALL; i++)
		{
			double		step = 1e-5;
			double		held = x[i];
			double		above[ALL];
			double		below[ALL];
			double		difference;

			x[i] = held + step;
			difference = loss_at(x, above);
			x[i] = held - step;
			difference -= loss_at(x, below);
			x[i] = held;
			worst_first = fmax(worst_first, fabs(difference / (2 * step) - gradient[i]) / (CUSTOMERS + fabs(gradient[i])));
			for (j = 0; j <= i; j++)
			{
				double		second = i < WIDTH ? any[i * WIDTH + j] :
					j < WIDTH ? 0 : amount[(i - WIDTH) * 2 * WIDTH + j - WIDTH];

				worst_second = fmax(worst_second, fabs((above[j] - below[j]) / (2 * step) - second) / (CUSTOMERS + fabs(second)));
			}
		}
	}
	printf("# largest difference, relative: %.1e of a first derivative, %.1e of a second one\n", worst_first, worst_second);
	check(worst_first < 1e-6, "the gradient is that of differences");
	check(worst_second < 1e-6, "the curvature is that of differences of the gradient");
}

static void
test_far(void)
{
	double		x[ALL];
	double		gradient[ALL];
	bool		finite;
	int			i;

	draw_customers();
	for (i = 0; i < ALL; i++)
		x[i] = i % 2 ? 1e4 : -1e4;
	finite = isfinite(loss_at(x, gradient));
	for (i = 0; i < ALL; i++)
		finite = finite && isfinite(gradient[i]);
	check(finite, "far from anything sensible, loss and gradient are numbers");
	check(ecapi_softplus(-800) == 0 && ecapi_softplus(800) == 800 && ecapi_logistic(-800) == 0 && ecapi_logistic(800) == 1,
		  "so are softplus and its derivative");
}

int
main(void)
{
	seed_draws();
	test_by_hand();
	test_derivatives();
	test_far();
	return unit_done();
}
