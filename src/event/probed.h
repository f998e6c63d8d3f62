/*
 * probed.h
 *	  What test/probe looks into.
 *
 * From 16 on the server hides the symbols of an extension's library, but for those that
 * it calls.  The libraries of test/probe call some more; each is declared with
 * ECAPI_PROBED.
 *
 * Pure C: no server header.
 */
#ifndef ECAPI_PROBED_H
#define ECAPI_PROBED_H

#define ECAPI_PROBED	__attribute__((visibility("default")))

#endif							/* ECAPI_PROBED_H */
