/*
 * consent.c
 *	  What a consent string costs: decoded, and decided by, for a destination for ads.
 *
 *	  consent
 *
 * A line for each kind of string: its name, and nanoseconds of processor time for one.  The
 * TC strings have 900 vendors, as bits and as ranges of two; of the ranges the vendor that is
 * asked for is the last, which is read through all of them.
 */
#include <stdio.h>
#include <time.h>

#include "consent/decide.h"
#include "consent/gpp.h"
#include "../unit/sixbit.h"

#define TIMES	200000
#define VENDORS	900

static double
now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return at.tv_sec * 1e9 + at.tv_nsec;
}

/* A TC string that consents to everything; ranges: every third vendor is left out. */
static void
put_tc_string(Text *text, bool ranges)
{
	put_bits(text, 2, 6);
	put_bits(text, UINT64_C(17040672000), 36);
	put_bits(text, UINT64_C(17040672000), 36);
	put_bits(text, 0, 30);
	put_bits(text, 4 << 6 | 13, 12);
	put_bits(text, 0, 12);
	put_bits(text, 4, 6);
	put_bits(text, 2, 2);
	put_bits(text, 0, 12);
	put_bits(text, 0xffffff, 24);
	put_bits(text, 0, 24);
	put_bits(text, 3 << 6 | 4, 13);
	put_bits(text, VENDORS, 16);
	put_bits(text, ranges, 1);
	if (ranges)
		put_bits(text, VENDORS / 3, 12);
	for (int id = 1; id <= VENDORS; id++)
	{
		if (!ranges)
			put_bits(text, id % 3 != 0 || id == VENDORS, 1);
		else if (id % 3 == 0)
		{
			put_bits(text, 1, 1);
			put_bits(text, (unsigned) id - 1, 16);
			put_bits(text, (unsigned) id, 16);
		}
	}
	put_bits(text, 0, 17);
	put_bits(text, 0, 12);
}

static void
measure(const char *name, const char *string)
{
	static const EcapiConsentTerms terms = {
		.gpp = ECAPI_GPP_REQUIRED,
		.uses = ECAPI_USE_SALE_OR_SHARE | ECAPI_USE_TARGETED_ADS | ECAPI_USE_MEASUREMENT,
		.mspa_signatory = true,
		.tcf_vendor_id = VENDORS,
		.tcf_purposes = 1 << 1 | 1 << 7
	};
	size_t		len = strlen(string);
	double		began;
	int			sent = 0;

	for (int i = 0; i < TIMES / 10; i++)
		sent += ecapi_consent_decide(&terms, string, len, NULL, 0).outcome == ECAPI_CONSENT_SEND;
	began = now();
	for (int i = 0; i < TIMES; i++)
		sent += ecapi_consent_decide(&terms, string, len, NULL, 0).outcome == ECAPI_CONSENT_SEND;
	if (sent != TIMES + TIMES / 10)
	{
		fprintf(stderr, "%s: it does not allow what is measured\n", name);
		exit(1);
	}
	printf("%s %.0f\n", name, (now() - began) / TIMES);
}

int
main(void)
{
	Text		bits = {.bits = 0};
	Text		ranges = {.bits = 0};

	put_tc_string(&bits, false);
	put_tc_string(&ranges, true);
	measure("bits", bits.text);
	measure("ranges", ranges.text);
	/* all notices given, nothing opted out of, and the segment of the GPC signal */
	measure("usnat", "DBABLA~BVQqAAAAAgA.QA");
	return 0;
}
