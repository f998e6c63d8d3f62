/*
 * figures.h
 *	  Figures as readers see them: grouped, short, with their unit.
 *
 * Pure C: no server header, no I/O.  The texts are UTF-8.
 */
#ifndef ECAPI_FIGURES_H
#define ECAPI_FIGURES_H

#include <stddef.h>

/* Room for any of the texts below but a grouped one. */
#define ECAPI_FIGURE_SIZE	32

/*
 * A number as numeric_out() writes it, its thousands parted by commas and its minus a real
 * one; what does not fit, or is no such number, is copied as it is, cut to size bytes.
 */
extern void ecapi_figure_grouped(const char *digits, char *out, size_t size);

/* For axes: 950, 1.2k, 34M. */
extern void ecapi_figure_compact(double value, char out[ECAPI_FIGURE_SIZE]);

/* A time: 0.4 ms, 12 ms, 1.2 s, 3.5 min, 2.1 h, 4.0 d. */
extern void ecapi_figure_time(double ms, char out[ECAPI_FIGURE_SIZE]);

/* A share: 97.2 %; of what is neither all nor nothing neither 100 nor 0 is written. */
extern void ecapi_figure_share(double part, double whole, char out[ECAPI_FIGURE_SIZE]);

#endif							/* ECAPI_FIGURES_H */
