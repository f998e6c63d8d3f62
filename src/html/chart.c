/*
 * chart.c
 *	  Charts as SVG in a page; see chart.h.
 *
 * Coordinates are in pixels of the chart's own width and are written with one digit, which
 * is as exact as a screen shows.  Bars of one series are one path, so that a chart of
 * hundreds of bars takes a few kilobytes.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "html/chart.h"
#include "html/figures.h"

/* A path of as many bars as a chart has: 400 of 30 bytes. */
#define PATH	16384

/* Below a pixel nothing is seen. */
#define THINNEST	1.2

#define LARGEST		1e200

const char *const ecapi_chart_kind_classes[ECAPI_CHART_KINDS] = {
	"k-delivered", "k-shadow", "k-filtered", "k-failed", "k-given-up", "k-erased"};

/* Drawn as nothing, or as far as sums and differences of many stay finite. */
static double
sane(double value)
{
	return isfinite(value) ? fmax(fmin(value, LARGEST), -LARGEST) : 0;
}

/* ---- pieces ---- */

static void
begin(EcapiHtml *html, const char *label, int width, double height)
{
	ecapi_html_open(html, "svg");
	ecapi_html_attr(html, "class", width == ECAPI_CHART_WIDE ? "chart wide" :
					width == ECAPI_CHART_NARROW ? "chart narrow" : "chart");
	ecapi_html_attrf(html, "viewBox", "0 0 %d %.0f", width, height);
	ecapi_html_attr(html, "role", "img");
	ecapi_html_attr(html, "focusable", "false");
	ecapi_html_attr(html, "aria-label", label);
}

static void
text_at(EcapiHtml *html, double x, double y, const char *anchor, const char *class, const char *text)
{
	ecapi_html_open(html, "text");
	ecapi_html_attrf(html, "x", "%.1f", x);
	ecapi_html_attrf(html, "y", "%.1f", y);
	if (anchor != NULL)
		ecapi_html_attr(html, "text-anchor", anchor);
	ecapi_html_attr(html, "class", class);
	ecapi_html_text(html, text);
	ecapi_html_close(html);
}

/* A name, cut to what pixels have room for: characters of 13 pixels are about 7 wide. */
static void
name_at(EcapiHtml *html, double x, double y, const char *anchor, const char *name, double room)
{
	char		text[512];

	ecapi_html_shorten(name, (int) (room / 7.2), text, sizeof(text));
	text_at(html, x, y, anchor, "name", text);
}

static void
line_at(EcapiHtml *html, double x1, double y1, double x2, double y2, const char *class)
{
	ecapi_html_open(html, "line");
	ecapi_html_attr(html, "class", class);
	ecapi_html_attrf(html, "x1", "%.1f", x1);
	ecapi_html_attrf(html, "y1", "%.1f", y1);
	ecapi_html_attrf(html, "x2", "%.1f", x2);
	ecapi_html_attrf(html, "y2", "%.1f", y2);
	ecapi_html_close(html);
}

static void
rect_at(EcapiHtml *html, double x, double y, double width, double height, const char *class)
{
	ecapi_html_open(html, "rect");
	ecapi_html_attr(html, "class", class);
	ecapi_html_attrf(html, "x", "%.1f", x);
	ecapi_html_attrf(html, "y", "%.1f", y);
	ecapi_html_attrf(html, "width", "%.1f", width);
	ecapi_html_attrf(html, "height", "%.1f", height);
	ecapi_html_close(html);
}

static void
path_of(EcapiHtml *html, const char *path, const char *class)
{
	ecapi_html_open(html, "path");
	ecapi_html_attr(html, "class", class);
	ecapi_html_attr(html, "d", path);
	ecapi_html_close(html);
}

/* A mark with a shape of its own: a disc, a square, a diamond, a triangle. */
static void
mark_at(EcapiHtml *html, double x, double y, int shape, const char *class)
{
	char		path[128];

	switch (shape)
	{
		case 0:
			ecapi_html_open(html, "circle");
			ecapi_html_attr(html, "class", class);
			ecapi_html_attrf(html, "cx", "%.1f", x);
			ecapi_html_attrf(html, "cy", "%.1f", y);
			ecapi_html_attr(html, "r", "5");
			ecapi_html_close(html);
			return;
		case 1:
			rect_at(html, x - 4.5, y - 4.5, 9, 9, class);
			return;
		case 2:
			snprintf(path, sizeof(path), "M%.1f %.1fL%.1f %.1fL%.1f %.1fL%.1f %.1fZ", x, y - 6.5, x + 6.5, y,
					 x, y + 6.5, x - 6.5, y);
			break;
		default:
			snprintf(path, sizeof(path), "M%.1f %.1fL%.1f %.1fL%.1f %.1fZ", x, y - 6, x + 6, y + 5, x - 6, y + 5);
			break;
	}
	path_of(html, path, class);
}

/* ---- textures ---- */

static void
texture(EcapiHtml *html, const char *id, const char *class, const char *turned, const char *path)
{
	ecapi_html_open(html, "pattern");
	ecapi_html_attr(html, "id", id);
	ecapi_html_attr(html, "width", "6");
	ecapi_html_attr(html, "height", "6");
	ecapi_html_attr(html, "patternUnits", "userSpaceOnUse");
	ecapi_html_attr(html, "patternTransform", turned);
	rect_at(html, 0, 0, 6, 6, class);
	path_of(html, path, "grain");
	ecapi_html_close(html);
}

void
ecapi_chart_textures(EcapiHtml *html)
{
	ecapi_html_open(html, "svg");
	ecapi_html_attr(html, "class", "textures");
	ecapi_html_attr(html, "width", "0");
	ecapi_html_attr(html, "height", "0");
	ecapi_html_attr(html, "aria-hidden", "true");
	ecapi_html_attr(html, "focusable", "false");
	ecapi_html_open(html, "defs");
	texture(html, "t-filtered", "b-filtered", "rotate(45)", "M0 1L6 1");
	texture(html, "t-failed", "b-failed", "rotate(-45)", "M0 1L6 1M0 4L6 4");
	texture(html, "t-given-up", "b-given-up", "rotate(0)", "M0 1L6 1M1 0L1 6");
	texture(html, "t-shadow", "b-shadow", "rotate(90)", "M0 3L6 3");
	ecapi_html_close(html);
	ecapi_html_close(html);
}

void
ecapi_chart_key(EcapiHtml *html, EcapiChartKind kind)
{
	ecapi_html_open(html, "svg");
	ecapi_html_attr(html, "class", "key");
	ecapi_html_attr(html, "viewBox", "0 0 16 12");
	ecapi_html_attr(html, "width", "16");
	ecapi_html_attr(html, "height", "12");
	ecapi_html_attr(html, "aria-hidden", "true");
	ecapi_html_attr(html, "focusable", "false");
	rect_at(html, 0, 0, 16, 12, ecapi_chart_kind_classes[kind]);
	ecapi_html_close(html);
}

/* ---- bars ---- */

#define BARS_LEFT	46.0
#define BARS_TOP	10.0
#define BARS_HEIGHT	110.0
#define BARS_BOTTOM	24.0

/* The next of 1, 2, 4, 5 times a power of ten that is not less; half of it has one digit or two. */
static double
round_up(double value)
{
	static const double steps[] = {1, 2, 4, 5, 10};
	double		power;

	if (!(value > 0))
		return 0;
	power = pow(10, floor(log10(value)));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i] * power >= value)
			return steps[i] * power;
	return 10 * power;
}

typedef struct Scale
{
	double		low;			/* not above 0 */
	double		high;			/* not below 0 */
} Scale;

static Scale
scale_of(const EcapiBars *bars)
{
	Scale		scale = {0, 0};

	for (int s = 0; s < bars->nseries; s++)
		for (int i = 0; i < bars->n; i++)
		{
			scale.low = fmin(scale.low, sane(bars->values[s][i]));
			scale.high = fmax(scale.high, sane(bars->values[s][i]));
		}
	scale.high = round_up(scale.high);
	scale.low = -round_up(-scale.low);
	if (scale.high == scale.low)
		scale.high = 1;
	return scale;
}

static double
height_at(const Scale *scale, double value)
{
	return BARS_TOP + BARS_HEIGHT * (scale->high - value) / (scale->high - scale->low);
}

static void
bars_grid(EcapiHtml *html, const EcapiBars *bars, const Scale *scale)
{
	double		ticks[4] = {scale->low, 0, scale->high / 2, scale->high};
	char		text[ECAPI_FIGURE_SIZE];

	for (int i = scale->low < 0 ? 0 : 1; i < 4; i++)
	{
		double		y = height_at(scale, ticks[i]);

		if (i > 1 && scale->high == 0)
			break;
		line_at(html, BARS_LEFT, y, bars->width, y, ticks[i] == 0 ? "base" : "grid");
		ecapi_figure_compact(ticks[i], text);
		text_at(html, BARS_LEFT - 6, y + 4, "end", "tick", text);
	}
}

/* Names under their bars, as many as have room. */
static void
bars_names(EcapiHtml *html, const EcapiBars *bars, double band)
{
	double		y = BARS_TOP + BARS_HEIGHT + 17;
	double		free_from = 0;
	int			longest = 1;
	int			step;

	for (int i = 0; i < bars->n; i++)
	{
		int			width = ecapi_html_width(bars->names[i]);

		longest = width > longest ? width : longest;
	}
	step = (int) ceil((longest * 6.4 + 10) / band);
	for (int i = 0; i < bars->n; i += step)
	{
		double		x = BARS_LEFT + band * (i + 0.5);
		double		half = ecapi_html_width(bars->names[i]) * 3.2;

		/* inside of the chart, and not upon the one before */
		x = fmax(fmin(x, bars->width - half), half);
		if (x - half < free_from)
			continue;
		text_at(html, x, y, "middle", "tick", bars->names[i]);
		free_from = x + half + 8;
	}
}

void
ecapi_chart_bars(EcapiHtml *html, const EcapiBars *bars)
{
	Scale		scale = scale_of(bars);
	double		band = (bars->width - BARS_LEFT) / (bars->n > 0 ? bars->n : 1);
	double		each = fmin(band * 0.82 / bars->nseries, 26);
	double		base = height_at(&scale, 0);

	begin(html, bars->label, bars->width, BARS_TOP + BARS_HEIGHT + BARS_BOTTOM);
	bars_grid(html, bars, &scale);
	for (int s = 0; s < bars->nseries; s++)
	{
		char		memory[PATH];
		EcapiBuffer path;

		ecapi_buffer_over(&path, memory, sizeof(memory));
		memory[0] = '\0';
		for (int i = 0; i < bars->n; i++)
		{
			double		value = sane(bars->values[s][i]);
			double		x = BARS_LEFT + band * (i + 0.5) + each * (s - bars->nseries / 2.0);
			double		y = height_at(&scale, value);
			char		bar[96];

			if (value == 0)
				continue;
			if (fabs(y - base) < THINNEST)
				y = base + (value > 0 ? -THINNEST : THINNEST);
			snprintf(bar, sizeof(bar), "M%.1f %.1fV%.1fH%.1fV%.1fZ", x, base, y, x + each * 0.92, base);
			ecapi_buffer_str(&path, bar);
		}
		if (path.len > 0)
			path_of(html, memory, ecapi_chart_kind_classes[bars->kinds[s]]);
	}
	bars_names(html, bars, band);
	ecapi_html_close(html);
}

/* ---- flows ---- */

#define FLOW_BAR	10.0		/* width of a node */
#define FLOW_LABEL	38.0		/* two lines of text above a node */
#define FLOW_GAP	12.0
#define FLOW_LARGEST 96.0		/* height of the largest row */
#define FLOW_NAMES	108.0		/* room at the right */

typedef struct FlowPlan
{
	double		by;				/* pixels an event */
	double		height;
	double		x1;				/* of rows */
	double		x2;				/* of kinds */
	double		kind_y[ECAPI_CHART_KINDS];
	double		kind_height[ECAPI_CHART_KINDS];
	double		source_height;
} FlowPlan;

static double
thick(const FlowPlan *plan, double amount)
{
	return sane(amount) > 0 ? fmax(amount * plan->by, THINNEST) : 0;
}

static double
row_height(const FlowPlan *plan, const EcapiFlowRow *row)
{
	double		height = 0;

	for (int k = 0; k < ECAPI_CHART_KINDS; k++)
		height += thick(plan, row->amounts[k]);
	return height;
}

static double
row_total(const EcapiFlowRow *row)
{
	double		total = 0;

	for (int k = 0; k < ECAPI_CHART_KINDS; k++)
		total += fmax(sane(row->amounts[k]), 0);
	return total;
}

static FlowPlan
flow_plan(const EcapiFlow *flow)
{
	FlowPlan	plan = {0};
	double		largest = 1;
	double		rows = 0;
	double		kinds = 0;
	double		y;

	for (int i = 0; i < flow->n; i++)
		largest = fmax(largest, row_total(&flow->rows[i]));
	plan.by = FLOW_LARGEST / largest;
	plan.x1 = flow->width * (flow->width < 500 ? 0.22 : 0.36);
	plan.x2 = flow->width - FLOW_NAMES - FLOW_BAR;
	for (int i = 0; i < flow->n; i++)
	{
		plan.source_height += row_height(&plan, &flow->rows[i]);
		rows += FLOW_LABEL + row_height(&plan, &flow->rows[i]) + FLOW_GAP;
		for (int k = 0; k < ECAPI_CHART_KINDS; k++)
			plan.kind_height[k] += thick(&plan, flow->rows[i].amounts[k]);
	}
	for (int k = 0; k < ECAPI_CHART_KINDS; k++)
		if (plan.kind_height[k] > 0)
			kinds += fmax(plan.kind_height[k], 32) + FLOW_GAP;
	plan.height = fmax(fmax(rows, kinds), plan.source_height + FLOW_LABEL);
	y = (plan.height - kinds) / 2 + FLOW_GAP / 2;
	for (int k = 0; k < ECAPI_CHART_KINDS; k++)
		if (plan.kind_height[k] > 0)
		{
			double		slot = fmax(plan.kind_height[k], 32);

			plan.kind_y[k] = y + (slot - plan.kind_height[k]) / 2;
			y += slot + FLOW_GAP;
		}
	return plan;
}

static void
ribbon(EcapiHtml *html, double x1, double y1, double x2, double y2, double height, const char *class)
{
	double		mid = (x1 + x2) / 2;
	char		path[256];

	snprintf(path, sizeof(path), "M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1fV%.1fC%.1f %.1f %.1f %.1f %.1f %.1fZ",
			 x1, y1, mid, y1, mid, y2, x2, y2, y2 + height, mid, y2 + height, mid, y1 + height, x1, y1 + height);
	path_of(html, path, class);
}

static void
grouped_at(EcapiHtml *html, double x, double y, double count)
{
	char		digits[32];
	char		text[48];

	snprintf(digits, sizeof(digits), "%.0f", count);
	ecapi_figure_grouped(digits, text, sizeof(text));
	text_at(html, x, y, NULL, "count", text);
}

/* Nodes and labels stand above all ribbons, so they are drawn in a second pass. */
static void
flow_rows(EcapiHtml *html, const EcapiFlow *flow, const FlowPlan *plan, bool labels)
{
	double		kind_y[ECAPI_CHART_KINDS];
	double		source_y = (plan->height + FLOW_LABEL - plan->source_height) / 2;
	double		used = 0;
	double		y;

	memcpy(kind_y, plan->kind_y, sizeof(kind_y));
	for (int i = 0; i < flow->n; i++)
		used += FLOW_LABEL + row_height(plan, &flow->rows[i]) + FLOW_GAP;
	y = (plan->height - used) / 2;
	for (int i = 0; i < flow->n; i++)
	{
		const EcapiFlowRow *row = &flow->rows[i];
		double		height = row_height(plan, row);
		double		at;

		y += FLOW_LABEL;
		at = y;
		if (labels)
		{
			rect_at(html, plan->x1, y, FLOW_BAR, fmax(height, THINNEST), "node");
			name_at(html, plan->x1, y - 20, NULL, row->name, plan->x2 - plan->x1 - 8);
			grouped_at(html, plan->x1, y - 6, row_total(row));
		}
		else if (height > 0)
			ribbon(html, FLOW_BAR, source_y, plan->x1, y, height, "ribbon");
		source_y += height;
		for (int k = 0; k < ECAPI_CHART_KINDS; k++)
		{
			double		part = thick(plan, row->amounts[k]);

			if (part > 0 && !labels)
				ribbon(html, plan->x1 + FLOW_BAR, at, plan->x2, kind_y[k], part,
					   ecapi_chart_kind_classes[k]);
			at += part;
			kind_y[k] += part;
		}
		y += height + FLOW_GAP;
	}
}

void
ecapi_chart_flow(EcapiHtml *html, const EcapiFlow *flow)
{
	FlowPlan	plan = flow_plan(flow);
	double		source_y = (plan.height + FLOW_LABEL - plan.source_height) / 2;
	double		total = 0;

	begin(html, flow->label, flow->width, plan.height + 6);
	ecapi_html_open(html, "g");
	ecapi_html_attr(html, "class", "ribbons");
	flow_rows(html, flow, &plan, false);
	ecapi_html_close(html);
	for (int i = 0; i < flow->n; i++)
		total += row_total(&flow->rows[i]);
	rect_at(html, 0, source_y, FLOW_BAR, fmax(plan.source_height, THINNEST), "node");
	name_at(html, 0, source_y - 20, NULL, flow->source, plan.x1 - 6);
	grouped_at(html, 0, source_y - 6, total);
	flow_rows(html, flow, &plan, true);
	for (int k = 0; k < ECAPI_CHART_KINDS; k++)
	{
		double		middle = plan.kind_y[k] + plan.kind_height[k] / 2;
		double		sum = 0;

		if (plan.kind_height[k] == 0)
			continue;
		for (int i = 0; i < flow->n; i++)
			sum += fmax(sane(flow->rows[i].amounts[k]), 0);
		rect_at(html, plan.x2, plan.kind_y[k], FLOW_BAR, plan.kind_height[k], ecapi_chart_kind_classes[k]);
		name_at(html, plan.x2 + FLOW_BAR + 8, middle - 2, NULL, flow->kinds[k], FLOW_NAMES - 8);
		grouped_at(html, plan.x2 + FLOW_BAR + 8, middle + 13, sum);
	}
	ecapi_html_close(html);
}

/* ---- a logarithmic axis of time ---- */

#define AXIS_TOP	22.0
#define AXIS_ROW	46.0
#define AXIS_EDGE	26.0		/* half of a label of the axis */

typedef struct Axis
{
	double		low;			/* powers of ten of milliseconds */
	double		high;
	int			width;
} Axis;

static double
axis_x(const Axis *axis, double ms)
{
	double		power = ms > 0 && isfinite(ms) ? log10(ms) : axis->low;

	power = fmax(axis->low, fmin(axis->high, power));
	return AXIS_EDGE + (axis->width - 2 * AXIS_EDGE) * (power - axis->low) / (axis->high - axis->low);
}

static Axis
axis_of(double least, double most, int width)
{
	Axis		axis = {0, 1, width};

	axis.low = floor(log10(fmax(least, 0.1)));
	axis.high = ceil(log10(fmax(most, 1)));
	/* ten years in milliseconds have twelve digits */
	axis.high = fmin(axis.high, 14);
	axis.low = fmin(axis.low, axis.high - 1);
	return axis;
}

static void
axis_grid(EcapiHtml *html, const Axis *axis, double height)
{
	int			step = (int) ceil((axis->high - axis->low) * 58 / (axis->width - 2 * AXIS_EDGE));

	for (double power = axis->low; power <= axis->high; power += step < 1 ? 1 : step)
	{
		double		x = axis_x(axis, pow(10, power));
		char		text[ECAPI_FIGURE_SIZE];

		line_at(html, x, AXIS_TOP - 4, x, height, "grid");
		/* a power of ten reads best as one */
		if (power < 3)
			snprintf(text, sizeof(text), "%.3g ms", pow(10, power));
		else if (power < 6)
			snprintf(text, sizeof(text), "%.0f s", pow(10, power - 3));
		else
			ecapi_figure_time(pow(10, power), text);
		text_at(html, x, AXIS_TOP - 9, "middle", "tick", text);
	}
}

void
ecapi_chart_ranges(EcapiHtml *html, const char *label, const EcapiRange *rows, int n, int width)
{
	double		least = INFINITY;
	double		most = 1;
	double		height = AXIS_TOP + n * AXIS_ROW + 4;
	Axis		axis;

	for (int i = 0; i < n; i++)
	{
		least = fmin(least, sane(rows[i].ms[0]));
		most = fmax(most, sane(rows[i].ms[2]));
	}
	axis = axis_of(isfinite(least) ? least : 1, most, width);
	begin(html, label, width, height);
	axis_grid(html, &axis, height);
	for (int i = 0; i < n; i++)
	{
		double		y = AXIS_TOP + i * AXIS_ROW + 30;

		name_at(html, 0, y - 13, NULL, rows[i].name, width - 8);
		line_at(html, axis_x(&axis, rows[i].ms[0]), y, axis_x(&axis, rows[i].ms[2]), y, "span");
		for (int k = 2; k >= 0; k--)
			mark_at(html, axis_x(&axis, rows[i].ms[k]), y, k, k == 0 ? "m50" : k == 1 ? "m90" : "m99");
	}
	ecapi_html_close(html);
}

/* ---- shares ---- */

#define SHARES_ROW	44.0

void
ecapi_chart_shares(EcapiHtml *html, const char *label, const EcapiShares *rows, int n, int width)
{
	begin(html, label, width, n * SHARES_ROW);
	for (int i = 0; i < n; i++)
	{
		const EcapiShares *row = &rows[i];
		double		y = i * SHARES_ROW;
		double		total = 0;
		double		x = 0;

		for (int k = 0; k < ECAPI_CHART_KINDS; k++)
			total += fmax(sane(row->amounts[k]), 0);
		name_at(html, 0, y + 14, NULL, row->name, width * 0.62);
		text_at(html, width, y + 14, "end", "count", row->note);
		for (int k = 0; k < ECAPI_CHART_KINDS && total > 0; k++)
		{
			double		part = fmax(sane(row->amounts[k]), 0) / total * width;

			if (part <= 0)
				continue;
			part = fmax(part, THINNEST);
			rect_at(html, fmin(x, width - part), y + 21, part, 12, ecapi_chart_kind_classes[k]);
			x += part;
		}
	}
	ecapi_html_close(html);
}

/* ---- lanes ---- */

/* Discs arrived, diamonds wait, squares ended without an arrival, triangles failed. */
static int
shape_of(const EcapiPoint *point)
{
	if (point->open)
		return 2;
	if (point->kind == ECAPI_CHART_DELIVERED || point->kind == ECAPI_CHART_SHADOW)
		return 0;
	return point->kind == ECAPI_CHART_FAILED ? 3 : 1;
}

void
ecapi_chart_lanes(EcapiHtml *html, const char *label, const char *const *lanes, int nlanes,
				  const EcapiPoint *points, int npoints, int width)
{
	double		most = 1;
	double		height = AXIS_TOP + nlanes * AXIS_ROW + 4;
	Axis		axis;

	for (int i = 0; i < npoints; i++)
		most = fmax(most, sane(points[i].ms));
	axis = axis_of(1, most, width);
	begin(html, label, width, height);
	axis_grid(html, &axis, height);
	for (int i = 0; i < nlanes; i++)
	{
		double		y = AXIS_TOP + i * AXIS_ROW + 30;
		double		last = axis.low;

		for (int k = 0; k < npoints; k++)
			if (points[k].lane == i)
				last = fmax(last, axis_x(&axis, points[k].ms));
		name_at(html, 0, y - 13, NULL, lanes[i], width - 8);
		line_at(html, 0, y, fmax(last, 1), y, "span");
		for (int k = 0; k < npoints; k++)
			if (points[k].lane == i)
				mark_at(html, axis_x(&axis, points[k].ms), y, shape_of(&points[k]),
						points[k].open ? "open" : ecapi_chart_kind_classes[points[k].kind]);
	}
	ecapi_html_close(html);
}
