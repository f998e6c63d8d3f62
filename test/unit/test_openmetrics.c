/*
 * test_openmetrics.c
 *	  Metrics as text: families, labels of any bytes, numbers, histograms.  What is written
 *	  for random names is read back by a reader of its own.
 */
#include "stat/openmetrics.h"
#include "unit.h"

static EcapiBuffer out;

static EcapiExposition
begin(const char *database)
{
	ecapi_buffer_truncate(&out, 0);
	return (EcapiExposition) {.out = &out, .database = database};
}

static void
check_sample(const char *label, uint64_t number, int digits, const char *wanted)
{
	EcapiExposition metrics = begin(NULL);

	metrics.family = "m";
	ecapi_metrics_sample(&metrics, "");
	if (label != NULL)
		ecapi_metrics_label(&metrics, "l", label, strlen(label));
	ecapi_metrics_value(&metrics, number, digits);
	check_text(out.data, wanted, wanted);
}

/* The bytes of the first label's value, unescaped; -1 for what is no such line. */
static int
read_label(const char *text, char *value, size_t size)
{
	size_t		n = 0;

	if (strncmp(text, "m{l=\"", 5) != 0)
		return -1;
	for (text += 5; *text != '"'; text++)
	{
		if (*text == '\0' || *text == '\n' || n == size)
			return -1;
		if (*text == '\\')
		{
			text++;
			if (*text != 'n' && *text != '\\' && *text != '"')
				return -1;
			value[n++] = *text == 'n' ? '\n' : *text;
		}
		else
			value[n++] = *text;
	}
	return strcmp(text, "\"} 1\n") == 0 ? (int) n : -1;
}

static void
check_random(void)
{
	static const char *const pieces[] = {"a", "\"", "\\", "\n", "<script>", "}", "{", ",", "=", " ", "\r", "\t",
		"\xe5\xba\x97", "\xf0\x9f\x98\x80", "n", "\\n", "# EOF"};
	char		value[400];
	char		read[400];
	bool		same = true;

	srand(7);
	for (int round = 0; round < 20000; round++)
	{
		EcapiExposition metrics = begin(NULL);

		value[0] = '\0';
		for (int n = rand() % 12; n > 0; n--)
			strcat(value, pieces[rand() % (int) (sizeof(pieces) / sizeof(pieces[0]))]);
		metrics.family = "m";
		ecapi_metrics_sample(&metrics, "");
		ecapi_metrics_label(&metrics, "l", value, strlen(value));
		ecapi_metrics_value(&metrics, 1, 0);
		same &= read_label(out.data, read, sizeof(read)) == (int) strlen(value) &&
			memcmp(read, value, strlen(value)) == 0;
	}
	check(same, "any name is read back as it was");
}

int
main(void)
{
	static const int64_t bounds[] = {5000, 2500000};
	static const uint64_t counts[] = {3, 0, 2};
	char		small[16];
	EcapiBuffer full;
	EcapiExposition metrics;

	ecapi_buffer_init(&out, 100000, unit_resize, NULL);
	metrics = begin("shop");
	ecapi_metrics_family(&metrics, "a_seconds", "counter", "seconds", "what\\ it\nis");
	ecapi_metrics_sample(&metrics, "_total");
	ecapi_metrics_label(&metrics, "x", "1", 1);
	ecapi_metrics_value(&metrics, 1500000, 6);
	ecapi_metrics_end(&metrics);
	check_text(out.data, "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds what\\\\ it\\nis\n"
			   "a_seconds_total{datname=\"shop\",x=\"1\"} 1.5\n# EOF\n", "a family");
	metrics = begin(NULL);
	metrics.older = true;
	ecapi_metrics_family(&metrics, "a_seconds", "counter", "seconds", "a");
	ecapi_metrics_family(&metrics, "b", "stateset", NULL, "b");
	ecapi_metrics_family(&metrics, "c_bytes", "gauge", "bytes", "c");
	ecapi_metrics_end(&metrics);
	check_text(out.data, "# TYPE a_seconds_total counter\n# HELP a_seconds_total a\n# TYPE b gauge\n# HELP b b\n"
			   "# TYPE c_bytes gauge\n# HELP c_bytes c\n", "the older form");
	check_sample(NULL, 0, 0, "m 0\n");
	check_sample(NULL, 0, 6, "m 0\n");
	check_sample(NULL, 1, 9, "m 0.000000001\n");
	check_sample(NULL, 1000000, 6, "m 1\n");
	check_sample(NULL, 1000100, 6, "m 1.0001\n");
	check_sample(NULL, UINT64_MAX, 0, "m 18446744073709551615\n");
	check_sample(NULL, UINT64_MAX, 9, "m 18446744073.709551615\n");
	check_sample("a\"b\\c\n<script>", 1, 0, "m{l=\"a\\\"b\\\\c\\n<script>\"} 1\n");
	check_sample("", 1, 0, "m{l=\"\"} 1\n");
	check_sample("caf\xe9 \"", 1, 0, "m{l=\"caf? \\\"\"} 1\n");
	check_sample("caf\xc3\xa9", 1, 0, "m{l=\"caf\xc3\xa9\"} 1\n");
	metrics = begin(NULL);
	ecapi_metrics_family(&metrics, "h", "histogram", NULL, "h");
	ecapi_metrics_histogram(&metrics, "d", "x", bounds, 2, counts, 7000001);
	check_text(out.data, "# TYPE h histogram\n# HELP h h\nh_bucket{d=\"x\",le=\"0.005\"} 3\nh_bucket{d=\"x\",le=\"2.5\"} 3\n"
			   "h_bucket{d=\"x\",le=\"+Inf\"} 5\nh_count{d=\"x\"} 5\nh_sum{d=\"x\"} 7.000001\n", "a histogram");
	check_random();
	ecapi_buffer_over(&full, small, sizeof(small));
	metrics = (EcapiExposition) {.out = &full};
	ecapi_metrics_family(&metrics, "a_long_name", "counter", NULL, "a");
	check(full.full, "what does not fit is told");
	free(out.data);
	return unit_done();
}
