/*
 * openmetrics.c
 *	  Text in the forms that Prometheus reads: OpenMetrics 1.0, and its own of before.
 *
 * A value of a label may be any name of SQL: what would end it is written behind a
 * backslash (a quote, a backslash, the end of a line), and of a text that is not UTF-8
 * all but ASCII is replaced by question marks, for a reader refuses the whole page for one
 * such byte.  Numbers are whole or have a fixed number of digits behind the point, so no
 * locale takes part and nothing is rounded.
 *
 * Pure functions; memory is the buffer's.
 */
#include "stat/openmetrics.h"

#include <stdio.h>
#include <string.h>

#include "event/unicode.h"

static void
escape(EcapiBuffer *out, const char *text, size_t len)
{
	EcapiSpan	span = {text, len};
	bool		valid = true;

	(void) ecapi_unicode_is_ascii(span, &valid);
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c == '\\' || c == '"')
		{
			ecapi_buffer_char(out, '\\');
			ecapi_buffer_char(out, (char) c);
		}
		else if (c == '\n')
			ecapi_buffer_str(out, "\\n");
		else if (c == '\0' || (c >= 0x80 && !valid))
			ecapi_buffer_char(out, '?');
		else
			ecapi_buffer_char(out, (char) c);
	}
}

static void
line(EcapiExposition *metrics, const char *what, const char *suffix, const char *text)
{
	EcapiBuffer *out = metrics->out;

	ecapi_buffer_str(out, "# ");
	ecapi_buffer_str(out, what);
	ecapi_buffer_char(out, ' ');
	ecapi_buffer_str(out, metrics->family);
	ecapi_buffer_str(out, suffix);
	ecapi_buffer_char(out, ' ');
	escape(out, text, strlen(text));
	ecapi_buffer_char(out, '\n');
}

void
ecapi_metrics_family(EcapiExposition *metrics, const char *name, const char *type,
					 const char *unit, const char *help)
{
	const char *suffix = metrics->older && strcmp(type, "counter") == 0 ? "_total" : "";

	metrics->family = name;
	line(metrics, "TYPE", suffix, metrics->older && strcmp(type, "stateset") == 0 ? "gauge" : type);
	if (unit != NULL && !metrics->older)
		line(metrics, "UNIT", suffix, unit);
	line(metrics, "HELP", suffix, help);
}

void
ecapi_metrics_sample(EcapiExposition *metrics, const char *suffix)
{
	ecapi_buffer_str(metrics->out, metrics->family);
	ecapi_buffer_str(metrics->out, suffix);
	metrics->labels = false;
	if (metrics->database != NULL)
		ecapi_metrics_label(metrics, "datname", metrics->database, strlen(metrics->database));
}

void
ecapi_metrics_label(EcapiExposition *metrics, const char *name, const char *value, size_t len)
{
	EcapiBuffer *out = metrics->out;

	ecapi_buffer_char(out, metrics->labels ? ',' : '{');
	metrics->labels = true;
	ecapi_buffer_str(out, name);
	ecapi_buffer_str(out, "=\"");
	escape(out, value, len);
	ecapi_buffer_char(out, '"');
}

/* number / 10^digits, without zeros at its end. */
static void
decimal(EcapiBuffer *out, uint64_t number, int digits)
{
	char		text[24];
	int			len;
	int			point;

	len = snprintf(text, sizeof(text), "%0*llu", digits + 1, (unsigned long long) number);
	point = len - digits;
	while (len > point && text[len - 1] == '0')
		len--;
	ecapi_buffer_add(out, text, point);
	if (len == point)
		return;
	ecapi_buffer_char(out, '.');
	ecapi_buffer_add(out, text + point, len - point);
}

void
ecapi_metrics_value(EcapiExposition *metrics, uint64_t number, int digits)
{
	if (metrics->labels)
		ecapi_buffer_char(metrics->out, '}');
	ecapi_buffer_char(metrics->out, ' ');
	decimal(metrics->out, number, digits);
	ecapi_buffer_char(metrics->out, '\n');
}

/* Bounds are numbers with a point in them, as the standard wants them. */
static void
label_bound(EcapiExposition *metrics, int64_t us)
{
	char		memory[32];
	EcapiBuffer text;

	ecapi_buffer_over(&text, memory, sizeof(memory));
	decimal(&text, (uint64_t) us, 6);
	if (us % 1000000 == 0)
		ecapi_buffer_str(&text, ".0");
	ecapi_metrics_label(metrics, "le", text.data, text.len);
}

void
ecapi_metrics_histogram(EcapiExposition *metrics, const char *label, const char *value,
						const int64_t *bounds, int nbounds, const uint64_t *counts,
						uint64_t sum)
{
	uint64_t	all = 0;

	for (int i = 0; i <= nbounds; i++)
	{
		all += counts[i];
		ecapi_metrics_sample(metrics, "_bucket");
		ecapi_metrics_label(metrics, label, value, strlen(value));
		if (i < nbounds)
			label_bound(metrics, bounds[i]);
		else
			ecapi_metrics_label(metrics, "le", "+Inf", 4);
		ecapi_metrics_value(metrics, all, 0);
	}
	ecapi_metrics_sample(metrics, "_count");
	ecapi_metrics_label(metrics, label, value, strlen(value));
	ecapi_metrics_value(metrics, all, 0);
	ecapi_metrics_sample(metrics, "_sum");
	ecapi_metrics_label(metrics, label, value, strlen(value));
	ecapi_metrics_value(metrics, sum, 6);
}

void
ecapi_metrics_end(EcapiExposition *metrics)
{
	if (!metrics->older)
		ecapi_buffer_str(metrics->out, "# EOF\n");
}
