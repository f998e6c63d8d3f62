/*
 * paths.h
 *	  Paths of fields: reading them, and sets of them.
 *
 * A path names a field of the standard as ecapi_field_path() does ("value",
 * "user_data.address.city"), without indices, so it means that field of every
 * element; a field that holds objects means all that is below it.  Below an ext it
 * goes on with names of members ("ext.margin", "user_data.ext.foo.bar"), again
 * with all that is below.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_PATHS_H
#define ECAPI_PATHS_H

#include "event/fields.h"
#include "event/value.h"

/* Bytes of a path, and paths of a set: beyond any real list. */
#define ECAPI_PATH_MAX		255
#define ECAPI_PATHS_MAX		200

typedef struct EcapiPath
{
	const EcapiField *field;
	const char *rest;			/* of an ext: the member's path, restlen bytes, in
								 * the text that was read; NULL: all of it */
	size_t		restlen;
} EcapiPath;

/* A path below an ext, of a set. */
typedef struct EcapiMemberPath
{
	int			field;			/* number of the ext */
	const char *rest;
} EcapiMemberPath;

/* Fields are sets of bits, by number (ecapi_field_number). */
#define ECAPI_PATHS_WORDS	((ECAPI_FIELDS + 63) / 64)

typedef struct EcapiPaths
{
	uint64_t	whole[ECAPI_PATHS_WORDS];	/* fields named, with all below */
	uint64_t	part[ECAPI_PATHS_WORDS];	/* those that hold something named */
	bool		country;		/* the country of addresses is among them */
	int			nmembers;
	EcapiMemberPath *members;	/* room for one beyond those of the list */
} EcapiPaths;

/* How a path below an ext meets the key of a member. */
typedef enum EcapiPathMatch
{
	ECAPI_PATH_APART,
	ECAPI_PATH_INSIDE,			/* it goes on inside of that member, at *rest */
	ECAPI_PATH_REACHED			/* it names that member, or what that is below of */
} EcapiPathMatch;

/* What is wrong with a path: sentences. */
typedef struct EcapiPathProblem
{
	char		detail[256];
	char		hint[256];		/* or "" */
} EcapiPathProblem;

/*
 * Read one path (len bytes, no blanks around).  False when it names nothing; then
 * problem says why, and what was meant if that is known.
 */
extern bool ecapi_path_read(const char *text, size_t len, EcapiPath *path,
							EcapiPathProblem *problem);

/*
 * Read a list of paths, separated by commas, into a set in the arena.  NULL when
 * one is wrong (then problem says why), or when the arena failed.
 */
extern EcapiPaths *ecapi_paths_read(EcapiArena *arena, const char *list,
									EcapiPathProblem *problem);

/*
 * Complete a set of what leaves: by what the standard requires of every event (of
 * custom and of value, too), and by what limits the use of an event, which it must
 * not lose on its way: mmt_only, gpp_string, gpp_sid and the convention ext.consent.
 */
extern void ecapi_paths_complete(EcapiPaths *paths);

/*
 * What of a set may not be taken away from events, or NULL: a constant sentence
 * about the first.
 */
extern const char *ecapi_paths_forbidden(const EcapiPaths *paths);

/* Whether the set holds a field: as a whole, or something below it. */
extern bool ecapi_paths_whole(const EcapiPaths *paths, const EcapiField *field);
extern bool ecapi_paths_part(const EcapiPaths *paths, const EcapiField *field);

/*
 * Compare a path with the key of a member.  Keys may hold points themselves, so
 * the path "a.b" reaches both {"a": {"b": …}} and {"a.b": …}, and "a" reaches the
 * latter, too.
 */
extern EcapiPathMatch ecapi_path_match(const char *path, const char *key, size_t keylen,
									   const char **rest);

/* ---- prune.c ---- */

/*
 * The event with only what is in keep; without what is in redact.  The event itself when nothing changes; shares nodes with it.
 * Members that are no field of the standard, outside ext, go when they are met.
 * When the arena fails (arena->failed), the result is not to be used.
 */
extern const EcapiValue *ecapi_paths_keep(const EcapiPaths *keep, EcapiArena *arena,
										  const EcapiValue *event);
extern const EcapiValue *ecapi_paths_redact(const EcapiPaths *redact, EcapiArena *arena,
											const EcapiValue *event);

/*
 * The first value at a path (of EcapiPath's text) below an event, by the names of
 * members alone; nothing inside of arrays.  NULL when there is none.
 */
extern const EcapiValue *ecapi_path_find(const char *path, const EcapiValue *event);

#endif							/* ECAPI_PATHS_H */
