/*
 * test_transform.c
 *	  Values told less exactly: caps, logarithms, buckets.
 *
 *	  test_transform [SEED [VALUES]]
 *
 * Values at random (20000) are transformed, and the order of what comes of them is that of
 * the values; buckets at random add up to what there was.
 */
#include "destination/transform.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

#include "event/event_type.h"
#include "event/scan.h"
#include "unit.h"

static EcapiArena arena;

/* What an option is read as, as it is written; "? x" where x was meant, "?" without. */
static const char *
read_as(const char *text)
{
	static char written[2 * ECAPI_TRANSFORM_SIZE];
	char		memory[ECAPI_TRANSFORM_SIZE];
	EcapiTransform transform;
	const char *closest;

	if (ecapi_transform_read(text, &transform, memory, &closest))
		ecapi_transform_print(transform, written);
	else
		snprintf(written, sizeof(written), closest ? "? %s" : "?", closest);
	return written;
}

static void
test_reading(void)
{
	check_text(read_as("cap 99%"), "cap 99%", "a cap");
	check_text(read_as("cap 99.50%"), "cap 99.5%", "written in one way");
	check_text(read_as("cap 99.05%"), "cap 99.05%", "with two decimals");
	check_text(read_as("cap 50%"), "cap 50%", "the lowest cap");
	check_text(read_as("cap 99.99%"), "cap 99.99%", "the highest cap");
	check_text(read_as("log"), "log", "a logarithm");
	check_text(read_as("buckets 2"), "buckets 2", "few buckets");
	check_text(read_as("buckets 100"), "buckets 100", "many buckets");
	check_text(read_as("buckets 010"), "buckets 10", "with a zero in front");

	check_text(read_as("cap 99"), "? cap 99%", "a cap without its sign");
	check_text(read_as("cap"), "? cap 99%", "a cap without its share");
	check_text(read_as("cap 0.95"), "? cap 95%", "a cap as a fraction");
	check_text(read_as("cap 100%"), "? cap 99.99%", "a cap that is none");
	check_text(read_as("cap 10%"), "? cap 50%", "a cap too low");
	check_text(read_as("cap 99.999%"), "? cap 99%", "a cap too fine");
	check_text(read_as("cap -1%"), "? cap 99%", "a cap below nothing");
	check_text(read_as("cap99%"), "? cap 99%", "a cap without a blank");
	check_text(read_as("Cap 99%"), "? cap 99%", "a cap in capitals");
	check_text(read_as("buckets"), "? buckets 10", "buckets without their number");
	check_text(read_as("bucket 10"), "? buckets 10", "a bucket");
	check_text(read_as("buckets 1"), "? buckets 2", "one bucket");
	check_text(read_as("buckets 1000"), "? buckets 100", "too many buckets");
	check_text(read_as("buckets 2.5"), "? buckets 2", "no whole number of buckets");
	check_text(read_as("buckets 99999999999999999999"), "? buckets 10", "out of all proportion");
	check_text(read_as("log10"), "? log", "another logarithm");
	check_text(read_as("ln"), "? log", "by its other name");
	check_text(read_as("log "), "? log", "with a blank");
	check_text(read_as("winsorize"), "?", "what is no transform");
	check_text(read_as(""), "?", "nothing");
	check_text(read_as("%"), "?", "a sign");
}

/* The ranks at which n values are cut, as a list. */
static const char *
ranks(EcapiTransform transform, int64_t n)
{
	static char list[512];
	int			steps = transform.kind == ECAPI_TRANSFORM_CAP ? 1 : transform.number;
	size_t		at = 0;
	int			i;

	list[0] = '\0';
	for (i = 1; i <= steps; i++)
		at += (size_t) snprintf(list + at, sizeof(list) - at, "%s%" PRId64, i > 1 ? " " : "",
								ecapi_transform_rank(transform, n, i));
	return list;
}

static void
test_ranks(void)
{
	EcapiTransform cap = {ECAPI_TRANSFORM_CAP, 9900};
	EcapiTransform fine = {ECAPI_TRANSFORM_CAP, 9999};
	EcapiTransform half = {ECAPI_TRANSFORM_CAP, 5000};
	EcapiTransform buckets = {ECAPI_TRANSFORM_BUCKETS, 4};
	EcapiTransform logarithm = {ECAPI_TRANSFORM_LOG, 0};
	int			number;
	bool		good = true;

	check(ecapi_transform_values_min(cap) == 1000, "a cap of 99% takes a thousand values");
	check(ecapi_transform_values_min(fine) == 100000, "one of 99.99% takes a hundred thousand");
	check(ecapi_transform_values_min(half) == 20, "one of 50% takes twenty");
	check(ecapi_transform_values_min(buckets) == 40, "four buckets take forty");
	check(ecapi_transform_values_min(logarithm) == 0, "a logarithm takes none");
	check_text(ranks(cap, 1000), "990", "ten values lie above a cap");
	check_text(ranks(cap, 1001), "991", "and no more than its share");
	check_text(ranks(buckets, 40), "10 20 30 40", "buckets of one size");
	check_text(ranks(buckets, 42), "11 21 32 42", "or nearly");
	check_text(ranks(cap, INT64_C(4000000000000000000)), "3960000000000000000", "of very many");
	for (number = ECAPI_CAP_MIN; number <= ECAPI_CAP_MAX; number++)
	{
		EcapiTransform any = {ECAPI_TRANSFORM_CAP, number};
		int64_t		n = ecapi_transform_values_min(any);

		good &= n - ecapi_transform_rank(any, n, 1) >= ECAPI_TRANSFORM_VALUES_MIN;
		good &= n - 1 - ecapi_transform_rank(any, n - 1, 1) < ECAPI_TRANSFORM_VALUES_MIN;
	}
	check(good, "every cap takes just as many as leave ten above it");
}

/* ---- what is measured ---- */

static const double three_bounds[] = {10, 99.9};
static const char *const three_amounts[] = {"5.5", "40.3333333333333333", "700"};
static const double cap_bounds[] = {129.9};
static const char *const cap_amounts[] = {"129.90"};
static const EcapiMeasuredKind bucket_kinds[] = {
	{ECAPI_EVENT_purchase, "EUR", 2, three_bounds, 3, three_amounts},
	{ECAPI_EVENT_purchase, "CHF", 0, NULL, 0, NULL},
};
static const EcapiMeasuredKind cap_kinds[] = {
	{ECAPI_EVENT_purchase, "EUR", 1, cap_bounds, 1, cap_amounts},
};
static const EcapiMeasured in_buckets = {2, bucket_kinds};
static const EcapiMeasured capped = {1, cap_kinds};

/* A number transformed, or why it is not. */
static const char *
applied(EcapiTransform transform, const EcapiMeasured *measured, const char *currency,
		const char *text)
{
	const char *reason;
	size_t		len;
	const char *result = ecapi_transform_apply(transform, measured, &arena, ECAPI_EVENT_purchase,
											   currency, text, strlen(text), &len, &reason);

	if (result == NULL)
		return reason ? reason : "(no memory)";
	if (strlen(result) != len)
		return "wrong length";
	return result;
}

static const char *
logged(const char *text)
{
	return applied((EcapiTransform) {ECAPI_TRANSFORM_LOG, 0}, NULL, NULL, text);
}

static void
test_log(void)
{
	check_text(logged("0"), "0", "nothing is nothing");
	check_text(logged("-0.0"), "0", "and has no sign");
	check_text(logged("1.718281828459045"), "1", "e less 1");
	check_text(logged("9"), "2.302585093", "nine decimals");
	check_text(logged("99.00"), "4.605170186", "a hundred");
	check_text(logged("1e2"), "4.615120517", "an exponent");
	check_text(logged("-9"), "-2.302585093", "a loss is mirrored");
	check_text(logged("1e-12"), "0", "next to nothing");
	check_text(logged("-1e-12"), "0", "on both sides");
	check_text(logged("9e18"), "43.643756251", "very large");
	check_text(logged("1e309"), "value out of range", "beyond what can be kept");
	check_text(logged("x"), "value out of range", "no number");
}

static void
test_cap(void)
{
	EcapiTransform cap = {ECAPI_TRANSFORM_CAP, 9900};

	check_text(applied(cap, &capped, "EUR", "129.89"), "129.89", "below the cap");
	check_text(applied(cap, &capped, "EUR", "129.900"), "129.900", "at the cap, as written");
	check_text(applied(cap, &capped, "EUR", "129.91"), "129.90", "above it");
	check_text(applied(cap, &capped, "EUR", "1e9"), "129.90", "a whale");
	check_text(applied(cap, &capped, "EUR", "-5"), "-5", "a loss");
	check_text(applied(cap, &capped, "USD", "5"), "value not measured", "another currency");
	check_text(applied(cap, &capped, NULL, "5"), "value not measured", "none");
	check_text(applied(cap, NULL, "EUR", "5"), "value not measured", "without a measurement");
	check_text(applied(cap, &in_buckets, "EUR", "5"), "value not measured", "with one of buckets");
}

static void
test_buckets(void)
{
	EcapiTransform buckets = {ECAPI_TRANSFORM_BUCKETS, 3};

	check_text(applied(buckets, &in_buckets, "EUR", "-1e6"), "5.5", "below all that there was");
	check_text(applied(buckets, &in_buckets, "EUR", "10.00"), "5.5", "at the end of a bucket");
	check_text(applied(buckets, &in_buckets, "EUR", "10.01"), "40.3333333333333333", "behind it");
	check_text(applied(buckets, &in_buckets, "EUR", "99.90"), "40.3333333333333333", "at the next end");
	check_text(applied(buckets, &in_buckets, "EUR", "1e9"), "700", "above all that there was");
	check_text(applied(buckets, &in_buckets, "CHF", "5"), "value not measured", "where there was too little");
	check_text(applied(buckets, &capped, "EUR", "5"), "value not measured", "with a measured cap");
	check_text(applied((EcapiTransform) {ECAPI_TRANSFORM_NONE, 0}, NULL, NULL, "5.00"), "5.00", "none");
}

/* The order of values is kept, by each transform. */
static void
test_order(unsigned int seed, int values)
{
	EcapiTransform transforms[] = {{ECAPI_TRANSFORM_LOG, 0}, {ECAPI_TRANSFORM_CAP, 9900},
	{ECAPI_TRANSFORM_BUCKETS, 3}};
	const EcapiMeasured *measured[] = {NULL, &capped, &in_buckets};
	bool		good = true;
	int			i;

	printf("# seed %u\n", seed);
	srand(seed);
	for (i = 0; i < values; i++)
	{
		int			which = rand() % 3;
		char		a[32];
		char		b[32];
		double		left = (rand() % 40000 - 10000) / 100.0;
		double		right = (rand() % 40000 - 10000) / 100.0;

		snprintf(a, sizeof(a), "%.2f", left);
		snprintf(b, sizeof(b), "%.2f", right);
		if (left > right)
			continue;
		good &= strtod(applied(transforms[which], measured[which], "EUR", a), NULL) <=
			strtod(applied(transforms[which], measured[which], "EUR", b), NULL);
	}
	check(good, "the order of values is kept");
}

static void *
grab_nothing(void *owner, size_t size)
{
	(void) owner;
	(void) size;
	return NULL;
}

int
main(int argc, char **argv)
{
	EcapiArena	none;
	const char *reason;
	size_t		len;

	ecapi_arena_init(&arena, unit_grab, NULL);
	test_reading();
	test_ranks();
	test_log();
	test_cap();
	test_buckets();
	test_order(argc > 1 ? (unsigned int) strtoul(argv[1], NULL, 10) : (unsigned int) time(NULL),
			   argc > 2 ? atoi(argv[2]) : 20000);
	ecapi_arena_init(&none, grab_nothing, NULL);
	check(ecapi_transform_apply((EcapiTransform) {ECAPI_TRANSFORM_LOG, 0}, NULL, &none, 0, NULL, "9", 1,
								&len, &reason) == NULL && reason == NULL && none.failed,
		  "without memory there is no result, and no reason in the event");
	unit_free();
	return unit_done();
}
