/*
 * mention.h
 *	  Which names a piece of SQL mentions, and the same SQL with another one.
 */
#ifndef ECAPI_MENTION_H
#define ECAPI_MENTION_H

#include "postgres.h"

/* Which mentions of a name ecapi_mention_rename() changes. */
typedef enum EcapiMentionPlace
{
	ECAPI_MENTION_ROW,			/* new.name and old.name, wherever they stand */
	ECAPI_MENTION_ROW_OR_BARE,	/* and name alone, outside sub-selects */
	ECAPI_MENTION_STEP			/* a step of a path of names: see step */
} EcapiMentionPlace;

/*
 * Whether text mentions an identifier (folded as the server folds, or quoted).  A
 * text that is the name as it stands mentions it.  With literals, also as the
 * whole of a string constant.
 */
extern bool ecapi_mentions(const char *text, const char *name, bool literals);

/*
 * Whether text mentions an object by its schema and name, the only form in which it is
 * found.
 * One of pg_catalog is also found by its name alone.  name NULL: any of the schema.
 */
extern bool ecapi_mentions_object(const char *text, const char *schema, const char *name);

/*
 * Whether it is a path of two or more names, joined by "." or "->", which does not
 * begin with new or old.
 */
extern bool ecapi_mention_is_path(const char *text);

/*
 * The text with one name in the place of another, in the current context;
 * NULL when nothing was to be changed.  step (0 is the first) chooses one name
 * of a path, those of stated tables counted; it matters only for ECAPI_MENTION_STEP.
 * The new name is quoted where SQL needs that.
 */
extern char *ecapi_mention_rename(const char *text, const char *from, const char *to,
								  EcapiMentionPlace place, int step);

#endif							/* ECAPI_MENTION_H */
