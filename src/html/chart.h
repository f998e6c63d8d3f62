/*
 * chart.h
 *	  Charts as SVG in a page: bars, flows, ranges, shares, points on lanes.
 *
 * Each chart is an image with a text that says what it shows; the same figures stand in a
 * table beside it.  A chart is drawn at a width: pages have two of each, and the style sheet
 * shows the one that fits, so that a text is read on a phone at its own size.
 *
 * Kinds are told by texture or shape and by a label beside colour.  The colours are classes
 * of the style sheet.
 *
 * What is not finite is drawn as nothing.  The size of a chart is bounded by the number of
 * its rows, which the callers bound.
 *
 * Pure C: no server header, no I/O.
 */
#ifndef ECAPI_CHART_H
#define ECAPI_CHART_H

#include "html/html.h"

#define ECAPI_CHART_WIDE	720
#define ECAPI_CHART_NARROW	340

/* What charts tell apart; names and classes are in chart.c. */
typedef enum EcapiChartKind
{
	ECAPI_CHART_DELIVERED,
	ECAPI_CHART_SHADOW,
	ECAPI_CHART_FILTERED,
	ECAPI_CHART_FAILED,
	ECAPI_CHART_GIVEN_UP,
	ECAPI_CHART_ERASED,
	ECAPI_CHART_KINDS
} EcapiChartKind;

extern const char *const ecapi_chart_kind_classes[ECAPI_CHART_KINDS];

/* The textures that the classes name, once in a page. */
extern void ecapi_chart_textures(EcapiHtml *html);

/* A sample of a kind, for legends. */
extern void ecapi_chart_key(EcapiHtml *html, EcapiChartKind kind);

/* Bars side by side, of one or two series, over named places. */
typedef struct EcapiBars
{
	const char *label;			/* what the chart shows, in words */
	int			n;
	const char *const *names;	/* of the places, short */
	int			nseries;		/* at most 2 */
	const double *values[2];
	EcapiChartKind kinds[2];
	int			width;
} EcapiBars;

extern void ecapi_chart_bars(EcapiHtml *html, const EcapiBars *bars);

/* Ribbons from one source to rows, and from these to kinds. */
typedef struct EcapiFlowRow
{
	const char *name;
	double		amounts[ECAPI_CHART_KINDS];
} EcapiFlowRow;

typedef struct EcapiFlow
{
	const char *label;
	const char *source;
	int			n;
	const EcapiFlowRow *rows;
	const char *const *kinds;	/* names of the kinds */
	int			width;
} EcapiFlow;

extern void ecapi_chart_flow(EcapiHtml *html, const EcapiFlow *flow);

/* Three marks a row on a logarithmic axis of milliseconds. */
typedef struct EcapiRange
{
	const char *name;
	double		ms[3];			/* rising */
} EcapiRange;

extern void ecapi_chart_ranges(EcapiHtml *html, const char *label, const EcapiRange *rows, int n, int width);

/* A bar a row, divided. */
typedef struct EcapiShares
{
	const char *name;
	const char *note;			/* stands at the right */
	double		amounts[ECAPI_CHART_KINDS];
} EcapiShares;

extern void ecapi_chart_shares(EcapiHtml *html, const char *label, const EcapiShares *rows, int n, int width);

/* Points on lanes, over a logarithmic axis of the milliseconds since a start. */
typedef struct EcapiPoint
{
	int			lane;
	double		ms;
	EcapiChartKind kind;
	bool		open;			/* not the end of it: another follows */
} EcapiPoint;

extern void ecapi_chart_lanes(EcapiHtml *html, const char *label, const char *const *lanes, int nlanes,
							  const EcapiPoint *points, int npoints, int width);

#endif							/* ECAPI_CHART_H */
