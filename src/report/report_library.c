/*
 * report_library.c
 *	  Entry of ecapi_report.so, the library of reports.
 *
 * It is loaded by the functions that make a page, in the session that calls them, and by
 * nothing else: the preloaded library, which every session and the worker have, links none
 * of it.  It has no settings, no hooks and no shared memory; what it shows it asks for in
 * SQL.  Of src/base and src/event it has objects of its own, which keep no state, so that it
 * works in a session that has not loaded the other library.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
