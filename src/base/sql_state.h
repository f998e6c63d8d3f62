/*
 * sql_state.h
 *	  Functions that keep state in the process are not for SQL that users wrote.
 */
#ifndef ECAPI_SQL_STATE_H
#define ECAPI_SQL_STATE_H

#include "postgres.h"

/*
 * While runs() is true, a function of an extension that keeps state in the process
 * raises feature_not_supported instead of being called.  To be said once for each
 * kind of run, as often as one likes; runs must not raise.
 */
extern void ecapi_sql_state_refuse(bool (*runs) (void));

#endif							/* ECAPI_SQL_STATE_H */
