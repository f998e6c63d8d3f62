/*
 * process.h
 *	  A process that runs users' SQL of one owner for the worker.
 */
#ifndef ECAPI_PROCESS_H
#define ECAPI_PROCESS_H

#include "postgres.h"

/* bgw_main_arg is its channel, a dsm_handle; bgw_extra its database, an Oid. */
extern PGDLLEXPORT void ecapi_enrichment_process_main(Datum arg);

#endif							/* ECAPI_PROCESS_H */
