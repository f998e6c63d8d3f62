/*
 * style.h
 *	  The style sheet of reports.
 */
#ifndef ECAPI_STYLE_H
#define ECAPI_STYLE_H

/* A constant without "</", in ASCII. */
extern const char ecapi_style_sheet[];

#endif							/* ECAPI_STYLE_H */
