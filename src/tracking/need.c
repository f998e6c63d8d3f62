/*
 * need.c
 *	  Which tracks need something that DDL changes.
 *
 * A track names things in texts.  Names are looked up in pg_catalog alone
 * (sql_scope.c), so what else a track uses is written with its schema, and an object
 * of another schema is not meant.  Which relation a column or a key belongs to is
 * decided by the caller (reads.c).
 *
 * The answers err towards "needs": they decide only which tracks are looked at
 * (before.c, affected.c).
 */
#include "postgres.h"

#include "rowsql/mention.h"
#include "tracking/need.h"

/* Whether a source of a track needs it. */
static bool
source_needs(const char *source, const EcapiChange *change)
{
	if (source == NULL)
		return false;
	switch (change->kind)
	{
		case ECAPI_CHANGE_COLUMN:
		case ECAPI_CHANGE_ATTRIBUTE:
			return ecapi_mentions(source, change->name, false);
		case ECAPI_CHANGE_VALUE:
			return ecapi_mentions(source, change->name, true);
		case ECAPI_CHANGE_OBJECT:
			return ecapi_mentions_object(source, change->schema, change->name);
		case ECAPI_CHANGE_SCHEMA:
			return ecapi_mentions_object(source, change->name, NULL);
		case ECAPI_CHANGE_CONSTRAINT:
			return ecapi_mention_is_path(source);
		case ECAPI_CHANGE_JOIN:
			return strstr(source, "->") != NULL && ecapi_mention_is_path(source);
	}
	return false;
}

static bool
names_need(const char **names, int n, const EcapiChange *change)
{
	for (int i = 0; i < n; i++)
		if (change->kind == ECAPI_CHANGE_COLUMN && strcmp(names[i], change->name) == 0)
			return true;
	return false;
}

/* Whether default ids are made of what is gone. */
static bool
key_needs(const EcapiTrack *track, const EcapiChange *change)
{
	return names_need(track->keys, track->nkeys, change) ||
		(change->kind == ECAPI_CHANGE_CONSTRAINT && track->nkeys == 0);
}

bool
ecapi_track_mentions(const EcapiTrack *track, const EcapiChange *change)
{
	if (source_needs(track->condition, change) || key_needs(track, change) ||
		names_need(track->changes, track->nchanges, change))
		return true;
	for (int i = 0; i < track->nmapped; i++)
		if (source_needs(track->mapped[i].source, change))
			return true;
	return false;
}

/* Whether a name is in a text, letter case aside. */
static bool
has_name(const char *text, const char *name)
{
	size_t		len = strlen(name);
	char		first[] = {pg_tolower(*name), pg_toupper(*name), '\0'};

	for (const char *at = text; (at = strpbrk(at, first)) != NULL; at++)
		if (pg_strncasecmp(at, name, len) == 0)
			return true;
	return false;
}

/*
 * A name stands in the argument as it is, but for letter case, unless
 * one of them is written with escapes or has letters that are not ASCII.
 */
bool
ecapi_may_mention(const EcapiDeclared *declared, const EcapiChange *change)
{
	const char *name = change->name;

	if (declared->argument == NULL)
		return false;
	if (change->kind == ECAPI_CHANGE_JOIN)
		return strstr(declared->argument, "->") != NULL;
	if (name == NULL || strchr(declared->argument, '\\') != NULL)
		return true;
	for (const char *c = name; *c; c++)
		if (IS_HIGHBIT_SET(*c))
			return true;
	return has_name(declared->argument, name);
}
