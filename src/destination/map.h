/*
 * map.h
 *	  A tree with some of its children replaced or left out.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_MAP_H
#define ECAPI_MAP_H

#include "event/value.h"

/* What stands in place of a child: itself, another value, or nothing (NULL). */
typedef const EcapiValue *(*EcapiMapChild) (void *arg, const EcapiValue *child);

/*
 * value (array or object) with each child replaced by what map says of it, under
 * the child's key.  value itself when no child changed; else a new node whose
 * children share what is below them with what map returned.  Other types are
 * returned as they are.  When the arena fails (arena->failed) children are missing.
 */
extern const EcapiValue *ecapi_value_map(EcapiArena *arena, const EcapiValue *value,
										 EcapiMapChild map, void *arg);

/*
 * object with its member of that name replaced by member, wherever it stands, or
 * with it added at the end; without it when member is NULL.  name is a constant.
 */
extern const EcapiValue *ecapi_value_with(EcapiArena *arena, const EcapiValue *object,
										  const char *name, const EcapiValue *member);

#endif							/* ECAPI_MAP_H */
