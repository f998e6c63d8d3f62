/*
 * settings.h
 *	  The settings (GUCs) of the extension that are read as variables.
 *
 * ecapi.run_as and ecapi.context are not among them: base/run_as.h and
 * capture/context.h answer for those.
 */
#ifndef ECAPI_SETTINGS_H
#define ECAPI_SETTINGS_H

#include "postgres.h"

/* What must have an event's WAL on disk before the event is sent. */
typedef enum EcapiStandby
{
	ECAPI_STANDBY_NONE,			/* this server alone */
	ECAPI_STANDBY_SYNCHRONOUS,	/* the synchronous standbys, if any are named */
	ECAPI_STANDBY_ANY			/* at least one standby, whether synchronous or not */
} EcapiStandby;

typedef enum EcapiOnError
{
	ECAPI_ON_ERROR_RAISE,
	ECAPI_ON_ERROR_SET_ASIDE
} EcapiOnError;

extern bool ecapi_capture_enabled;
extern int	ecapi_on_error;		/* EcapiOnError */
extern int	ecapi_max_event_size;	/* kB */
extern bool ecapi_delivery;
extern char *ecapi_credential_directory;
extern int	ecapi_retention_s;	/* seconds */
extern int	ecapi_retention_limit;	/* minutes; 0: none */
extern int	ecapi_outbox_limit; /* MB; 0: none */
extern int	ecapi_outbox_share; /* per cent of that; 100: all */
extern int	ecapi_set_aside_limit;	/* MB; 0: none */
extern int	ecapi_wait_for_standby; /* EcapiStandby */
extern int	ecapi_enrich_timeout_ms;	/* of one call of an enrichment or filter */
extern int	ecapi_max_workers;	/* databases served; read only when preloaded */
extern int	ecapi_workers;		/* of a database, up to ECAPI_WORKERS */

/*
 * ecapi.default_country as an alpha-2 code in lower case, or NULL when it is
 * not set.  Constant.
 */
extern const char *ecapi_default_country(void);

/*
 * Define them, and reserve the prefix: what is "ecapi." in a file and not defined by
 * then is reported.  preloaded: the postmaster is loading the library.
 */
extern void ecapi_settings_define(bool preloaded);

#endif							/* ECAPI_SETTINGS_H */
