/*
 * instant.c
 *	  An event's timestamp as text.
 *
 * No locks, no state.
 */
#include "destination/instant.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* 9999-12-31 23:59:59; RFC 3339 has four digits for a year. */
#define INSTANT_MAX		253402300799.0

bool
ecapi_instant_text(const EcapiValue *timestamp, char text[ECAPI_INSTANT_SIZE])
{
	double		seconds;
	time_t		at;
	struct tm	parts;

	if (timestamp == NULL || timestamp->type != ECAPI_NUMBER)
		return false;
	seconds = floor(strtod(timestamp->text, NULL));
	if (!(seconds >= 0 && seconds <= INSTANT_MAX))
		return false;
	at = (time_t) seconds;
	return gmtime_r(&at, &parts) != NULL &&
		strftime(text, ECAPI_INSTANT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0;
}
