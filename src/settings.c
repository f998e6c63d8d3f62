/*
 * settings.c
 *	  The settings (GUCs) of the extension, each with its default and its reason.
 *
 * Two whose assignment changes more than a variable are defined where that is:
 * ecapi.run_as in base/run_as.c, ecapi.context in capture/context.c.
 *
 * A library that is loaded on first use in a session may define no setting of
 * level PGC_POSTMASTER: that is FATAL and would cut an application's
 * connection.  The one setting of that level is therefore defined below it
 * when the library is not preloaded; nothing reads it then.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "event/codes.h"
#include "utils/guc.h"

#include "event/closest.h"
#include "settings.h"
#include "shmem/shmem.h"

bool		ecapi_capture_enabled = true;
int			ecapi_on_error = ECAPI_ON_ERROR_RAISE;
int			ecapi_max_event_size = 256;
bool		ecapi_delivery = true;
char	   *ecapi_credential_directory = NULL;
int			ecapi_retention_s = 3 * SECS_PER_DAY;
int			ecapi_retention_limit = 30 * 24 * 60;
int			ecapi_outbox_limit = 16 * 1024;
int			ecapi_outbox_share = 50;
int			ecapi_set_aside_limit = 4 * 1024;
int			ecapi_wait_for_standby = ECAPI_STANDBY_NONE;
int			ecapi_enrich_timeout_ms = 5000;
int			ecapi_max_workers = 16;
int			ecapi_workers = 1;

static char *default_country = NULL;	/* valid, or empty */

static const struct config_enum_entry on_error_values[] = {
	{"raise", ECAPI_ON_ERROR_RAISE, false},
	{"set_aside", ECAPI_ON_ERROR_SET_ASIDE, false},
	{NULL, 0, false}
};

/* Any word for a boolean is one, as it was before there was a third value. */
static const struct config_enum_entry standby_values[] = {
	{"off", ECAPI_STANDBY_NONE, false},
	{"on", ECAPI_STANDBY_SYNCHRONOUS, false},
	{"any", ECAPI_STANDBY_ANY, false},
	{"false", ECAPI_STANDBY_NONE, true},
	{"no", ECAPI_STANDBY_NONE, true},
	{"0", ECAPI_STANDBY_NONE, true},
	{"true", ECAPI_STANDBY_SYNCHRONOUS, true},
	{"yes", ECAPI_STANDBY_SYNCHRONOUS, true},
	{"1", ECAPI_STANDBY_SYNCHRONOUS, true},
	{NULL, 0, false}
};

const char *
ecapi_default_country(void)
{
	if (default_country == NULL || default_country[0] == '\0')
		return NULL;
	return ecapi_country_lookup(default_country, strlen(default_country));
}

/* A code, as the name says; a name that means one country is only hinted at. */
static bool
check_country(char **value, void **extra, GucSource source)
{
	size_t		len = strlen(*value);
	const char *code = ecapi_country_lookup(*value, len);
	const char *name;

	if (len == 0 || (len == 2 && code != NULL && pg_strncasecmp(code, *value, 2) == 0))
		return true;
	if (code == NULL && len > 2)
	{
		name = ecapi_closest(*value, len, ecapi_country_name_nth, NULL);
		code = name != NULL ? ecapi_country_lookup(name, strlen(name)) : NULL;
	}
	GUC_check_errdetail("\"%s\" is not a two-letter country code of ISO 3166-1.", *value);
	if (code != NULL)
		GUC_check_errhint("Perhaps you meant \"%s\".", code);
	else
		GUC_check_errhint("Give a code such as \"de\", or nothing.");
	return false;
}

void
ecapi_settings_define(bool preloaded)
{
	DefineCustomEnumVariable("ecapi.on_error",
							 "What happens to an event that is not valid.",
							 "\"raise\" fails the statement; \"set_aside\" keeps the "
							 "event in ecapi.failed_event and lets the statement go on.",
							 &ecapi_on_error, ECAPI_ON_ERROR_RAISE, on_error_values,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("ecapi.capture",
							 "Turn changes of tracked tables into events.",
							 "Off silences all tracks; for imports and restores.",
							 &ecapi_capture_enabled, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);

	/*
	 * Platforms take bodies of 1 to 5 MB with up to a thousand events.  An
	 * order with hundreds of items stays below 100 kB.
	 */
	DefineCustomIntVariable("ecapi.max_event_size",
							"Largest event, as JSON text.",
							NULL, &ecapi_max_event_size, 256, 1, 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);

	DefineCustomBoolVariable("ecapi.delivery",
							 "Deliver events to destinations.",
							 "Off keeps events waiting; for copies of a cluster.",
							 &ecapi_delivery, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable("ecapi.credential_directory",
							   "Directory of the files that destinations name for their "
							   "credentials and certificate authorities.",
							   NULL, &ecapi_credential_directory, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);

	/*
	 * It decides what the worker hashes, and what ecapi.normalize() and
	 * ecapi.digest() show that it would.  Were it settable in a session, or
	 * for a database, they could differ: a session would show digests that are
	 * never sent, and the worker would learn of ALTER DATABASE at its next
	 * start.  So every process has the one of the configuration file.  A shop
	 * in several countries stores each customer's with the address.
	 */
	DefineCustomStringVariable("ecapi.default_country",
							   "Country of telephone numbers and postal codes that come without one.",
							   "A two-letter code of ISO 3166-1; empty for none.",
							   &default_country, "",
							   PGC_SIGHUP, 0, check_country, NULL, NULL);

	/*
	 * Below some hours it is of use to tests alone: a slot of the ring then
	 * serves for a few seconds, and rotates while a test looks on.
	 */
	DefineCustomIntVariable("ecapi.retention",
							"How long events stay in the outbox after they were emitted.",
							"An event that a destination has yet to dispose of stays longer.",
							&ecapi_retention_s, 3 * SECS_PER_DAY, 8, 90 * SECS_PER_DAY,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomIntVariable("ecapi.retention_limit",
							"How long an event may wait for a destination.",
							"Then it is given up there. 0 means no limit; less than "
							"ecapi.retention counts as that.",
							&ecapi_retention_limit, 30 * 24 * 60, 0, 3650 * 24 * 60,
							PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);

	/*
	 * For the whole server: what one session may append another must not be
	 * dropped for.
	 */
	DefineCustomIntVariable("ecapi.outbox_limit",
							"Largest size of a database's outbox; beyond it events are dropped.",
							"0 means no limit.",
							&ecapi_outbox_limit, 16 * 1024, 0, PG_INT32_MAX,
							PGC_SIGHUP, GUC_UNIT_MB, NULL, NULL, NULL);

	/*
	 * Half: one role's flood leaves the others as much as it takes.  Not below a
	 * tenth: a sample distinguishes sixteen roles (outbox/quota.c).
	 */
	DefineCustomIntVariable("ecapi.outbox_share",
							"Part of ecapi.outbox_limit, in per cent, that one role's events may take while others emit.",
							"It counts when the outbox is nearly full. 100 means no such limit.",
							&ecapi_outbox_share, 50, 10, 100,
							PGC_SIGHUP, 0, NULL, NULL, NULL);

	/*
	 * A quarter of the outbox: a track that fails on each of ten rows a second keeps
	 * them over a long weekend of four days, at 1.2 kB a row.
	 */
	DefineCustomIntVariable("ecapi.set_aside_limit",
							"Largest size of what is set aside of one role's events and rows, while others emit.",
							"What is beyond is counted and not kept. 0 means no limit.",
							&ecapi_set_aside_limit, 4 * 1024, 0, PG_INT32_MAX,
							PGC_SIGHUP, GUC_UNIT_MB, NULL, NULL, NULL);

	DefineCustomEnumVariable("ecapi.wait_for_standby",
							 "Send an event only after a standby has it.",
							 "\"on\" waits for the synchronous standbys, \"any\" for at least "
							 "one standby, whether synchronous or not.",
							 &ecapi_wait_for_standby, ECAPI_STANDBY_NONE, standby_values,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);

	/*
	 * One function that is slow holds up the destinations of its owner; the process that
	 * runs it ends when it is still at work after twice the time.
	 */
	DefineCustomIntVariable("ecapi.enrich_timeout",
							"How long an enrichment or a filter may take for a page of events.",
							NULL, &ecapi_enrich_timeout_ms, 5000, 10, 5 * 60 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);

	/*
	 * Shared memory is sized by it.  Where there is none it is still known, so
	 * that a line in postgresql.conf draws no warning.
	 */
	DefineCustomIntVariable("ecapi.max_workers",
							"Largest number of databases that are served at once.",
							NULL, &ecapi_max_workers, 16, 1, 1000,
							preloaded ? PGC_POSTMASTER : PGC_SIGHUP,
							0, NULL, NULL, NULL);

	DefineCustomIntVariable("ecapi.workers",
							"Largest number of workers over which a database spreads its destinations.",
							NULL, &ecapi_workers, 1, 1, ECAPI_WORKERS,
							PGC_SIGHUP, 0, NULL, NULL, NULL);

	MarkGUCPrefixReserved("ecapi");
}
