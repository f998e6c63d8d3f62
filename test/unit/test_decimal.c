/*
 * test_decimal.c
 *	  Scaling numbers by decimals.
 *
 *	  test_decimal [SEED [PRODUCTS]]
 *
 * Products at random (100000) are compared with those of 64-bit integers.
 */
#include "destination/decimal.h"

#include <inttypes.h>
#include <time.h>

#include "event/scan.h"
#include "unit.h"

static EcapiArena arena;

/* The product's text, "-" for none. */
static const char *
scaled(const char *number, const char *factor)
{
	EcapiDecimal decimal;
	const char *product;
	size_t		len;

	if (!ecapi_decimal_read(factor, strlen(factor), &decimal))
		return "no factor";
	product = ecapi_decimal_scale(&arena, number, strlen(number), decimal, &len);
	if (product && strlen(product) != len)
		return "wrong length";
	return product ? product : "-";
}

/* The rounded number's text, "-" for none. */
static const char *
rounded_to(const char *number, int decimals)
{
	size_t		len;
	const char *text = ecapi_decimal_round(&arena, number, strlen(number), decimals, &len);

	if (text && strlen(text) != len)
		return "wrong length";
	return text ? text : "-";
}

static void
test_round(void)
{
	check_text(rounded_to("70.29999995976686", 2), "70.3", "noise of floats");
	check_text(rounded_to("70.30", 2), "70.30", "as written where it has no more");
	check_text(rounded_to("0.005", 2), "0.01", "halves away from zero");
	check_text(rounded_to("-0.005", 2), "-0.01", "below it, too");
	check_text(rounded_to("0.00499", 2), "0", "less is nothing");
	check_text(rounded_to("1e-300", 2), "0", "or next to nothing");
	check_text(rounded_to("9.995", 2), "10", "carried out of the first digit");
	check_text(rounded_to("999.5", 0), "1000", "or of all");
	check_text(rounded_to("1.5e3", 0), "1.5e3", "an exponent");
	check_text(rounded_to("12345678901234567.891", 2), "1.23456789012346e16", "no more than fifteen digits");
	check_text(rounded_to("free", 2), "-", "no number");
}

/* Where it is written plainly, "-" where it is not. */
static const char *
plain(const char *number)
{
	static char memory[ECAPI_DECIMAL_PLAIN_SIZE];
	size_t		len;
	const char *text = ecapi_decimal_plain(number, strlen(number), memory, &len);

	if (text && strlen(text) != len)
		return "wrong length";
	return text ? text : "-";
}

static void
test_plain(void)
{
	check_text(plain("129.90"), "129.90", "as written");
	check_text(plain("0"), "0", "nothing");
	check_text(plain("-4.5"), "-4.5", "below nothing");
	check_text(plain("12345678901234567.891"), "12345678901234567.891", "every digit");
	check_text(plain("1.299e2"), "129.9", "an exponent");
	check_text(plain("5E-3"), "0.005", "one below 0");
	check_text(plain("1e-300"), "-", "next to nothing");
	check_text(plain("1e400"), "-", "no number that a receiver could keep");
	check_text(plain("9.9999999999999999e2"), "1000", "fifteen digits, carried");
	check_text(plain("1000000000000000000000000000000000000000000000000000000000000000e-50"), "-",
			   "longer than any amount");
	check_text(plain("free"), "-", "no number at all");
}

static int64_t
counted(const char *number, int decimals)
{
	int64_t		count;

	return ecapi_decimal_count(&arena, number, strlen(number), decimals, &count) ? count : -1;
}

static void
test_count(void)
{
	check(counted("129.90", 2) == 12990 && counted("129.9", 2) == 12990 && counted("129", 2) == 12900, "cents");
	check(counted("1e2", 0) == 100 && counted("0", 2) == 0 && counted("1.234", 3) == 1234, "other decimals");
	check(counted("12.345", 2) == -1 && counted("1.5", 0) == -1, "more decimals than there are");
	check(counted("-1", 2) == -1 && counted("1e300", 2) == -1 && counted("x", 2) == -1, "what is no count");
	check(counted("1234567890123.45", 2) == -1 && counted("999999999999.99", 2) == 99999999999999, "the most");
}

static void
test_read(void)
{
	static const char *const bad[] = {"", ".", ".5", "5.", "-1", "+1", "1e3", " 1", "1 ", "1,5",
		"1.2.3", "0x1", "1000000000000000", "0.0000000000000001", "nan", "1_0"};
	EcapiDecimal decimal;
	bool		taken = false;
	size_t		i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		taken |= ecapi_decimal_read(bad[i], strlen(bad[i]), &decimal);
	check(!taken, "what is no decimal is refused");
	check(ecapi_decimal_read("0.25", 4, &decimal) && decimal.digits == 25 && decimal.scale == 2 &&
		  ecapi_decimal_double(decimal) == 0.25, "0.25");
	check(ecapi_decimal_read("00012.50", 8, &decimal) && decimal.digits == 1250 &&
		  decimal.scale == 2, "zeros in front and behind");
	check(ecapi_decimal_read("999999999999999", 15, &decimal) &&
		  decimal.digits == UINT64_C(999999999999999), "fifteen digits");
	check(ecapi_decimal_read("0.1", 3, &decimal) && ecapi_decimal_double(decimal) == 0.1,
		  "the nearest double");
}

static void
test_known(void)
{
	check_text(scaled("129.90", "0.1"), "12.99", "no noise of floats");
	check_text(scaled("129.90", "0.7"), "90.93", "90.93");
	check_text(scaled("19.99", "0.333"), "6.65667", "exact while fifteen digits will do");
	check_text(scaled("100", "0.5"), "50", "whole");
	check_text(scaled("-12.5", "0.5"), "-6.25", "negative");
	check_text(scaled("0", "3"), "0", "zero");
	check_text(scaled("-0.00", "3"), "0", "minus zero");
	check_text(scaled("0.001", "0.001"), "0.000001", "small");
	check_text(scaled("1e-6", "0.01"), "1e-8", "too small to be written plainly");
	check_text(scaled("1.5E3", "2"), "3000", "an exponent is worked out");
	check_text(scaled("12e-1", "1"), "1.2", "a negative one, too");
	check_text(scaled("9223372036854775807", "1"), "9.22337203685478e18", "rounded to fifteen digits");
	check_text(scaled("123456789012345", "1"), "123456789012345", "fifteen digits stay");
	check_text(scaled("0.1234567890123445", "1"), "0.123456789012345", "a half is rounded away from zero");
	check_text(scaled("-0.1234567890123445", "1"), "-0.123456789012345", "in both directions");
	check_text(scaled("0.12345678901234449999999999999999999999999999999999999", "1"),
			   "0.123456789012344", "less than a half is not, however little");
	check_text(scaled("9999999999999999e-2", "1"), "100000000000000", "nines carry");
	check_text(scaled("1e307", "0.5"), "5e306", "nearly as large as a double");
	check_text(scaled("1e307", "1000000"), "-", "a product that none can keep is none");
	check_text(scaled("1e-999999", "0.5"), "5e-1000000", "nearly nothing");
	check_text(scaled("1e-99999999999999999999", "0.5"), scaled("1e-99999999999999999999", "0.5"),
			   "an absurd exponent does not overflow");
	check_text(scaled("abc", "2"), "-", "no number");
	check_text(scaled("1.", "2"), "-", "nor is this");
	check_text(scaled("", "2"), "-", "nor nothing");
}

static uint64_t chance;

static uint64_t
draw(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance >> 8;
}

/* digits with that many of them behind the point */
static void
print_decimal(char *to, uint64_t digits, int scale)
{
	char		all[40];
	int			n = snprintf(all, sizeof(all), "%0*" PRIu64, scale + 1, digits);

	sprintf(to, "%.*s%s%s", n - scale, all, scale > 0 ? "." : "", all + n - scale);
}

/* What a result says, as an integer and a power of ten without zeros at its end. */
static void
take_apart(const char *text, uint64_t *digits, int *exponent)
{
	const char *e = strchr(text, 'e');
	const char *point = strchr(text, '.');

	*digits = 0;
	*exponent = e ? atoi(e + 1) : 0;
	for (; *text != '\0' && *text != 'e'; text++)
	{
		if (*text != '.')
			*digits = *digits * 10 + (uint64_t) (*text - '0');
		if (point && text > point)
			(*exponent)--;
	}
	while (*digits > 0 && *digits % 10 == 0)
	{
		*digits /= 10;
		(*exponent)++;
	}
}

static void
test_random(long products)
{
	long		wrong = 0;
	long		rounded = 0;
	long		i;

	for (i = 0; i < products; i++)
	{
		uint64_t	a = draw() % (draw() % 2 ? 1000 : 1000000000);
		uint64_t	b = 1 + draw() % (draw() % 2 ? 1000 : 1000000000);
		int			a_scale = (int) (draw() % 10);
		int			b_scale = (int) (draw() % 10);
		uint64_t	wanted = a * b;
		uint64_t	divisor = 1;
		int			wanted_exponent = -a_scale - b_scale;
		uint64_t	got;
		int			got_exponent;
		char		a_text[64];
		char		b_text[64];
		const char *product;

		while (wanted / divisor >= UINT64_C(1000000000000000))
		{
			divisor *= 10;
			wanted_exponent++;
		}
		rounded += wanted % divisor != 0;
		wanted = (wanted + divisor / 2) / divisor;
		while (wanted > 0 && wanted % 10 == 0)
		{
			wanted /= 10;
			wanted_exponent++;
		}

		print_decimal(a_text, a, a_scale);
		print_decimal(b_text, b, b_scale);
		product = scaled(a_text, b_text);
		take_apart(product, &got, &got_exponent);
		if ((got != wanted || (got > 0 && got_exponent != wanted_exponent)) && wrong++ < 3)
			fprintf(stderr, "# %s * %s: %s\n", a_text, b_text, product);
		if (i % 1000 == 0)
		{
			unit_free();
			ecapi_arena_init(&arena, unit_grab, NULL);
		}
	}
	check(wrong == 0, "products are those of integers");
	check(rounded > products / 100, "some of them were rounded");
}

int
main(int argc, char **argv)
{
	uint64_t	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t) time(NULL);
	long		products = argc > 2 ? atol(argv[2]) : 100000;

	printf("# seed %" PRIu64 ", %ld products\n", seed, products);
	chance = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
	ecapi_arena_init(&arena, unit_grab, NULL);
	test_read();
	test_known();
	test_round();
	test_plain();
	test_count();
	test_random(products);
	if (unit_failed > 0)
		fprintf(stderr, "# seed %" PRIu64 "\n", seed);
	unit_free();
	return unit_done();
}
