/*
 * worker.h
 *	  Entry points of the launcher and the workers, for the library's entry.
 */
#ifndef ECAPI_WORKER_H
#define ECAPI_WORKER_H

#include "postgres.h"

extern void ecapi_launcher_register(void);
extern PGDLLEXPORT void ecapi_launcher_main(Datum arg);
extern PGDLLEXPORT void ecapi_worker_main(Datum arg);

/* database DDL, from the ProcessUtility hook */
extern void ecapi_worker_stop(Oid database);

#endif							/* ECAPI_WORKER_H */
