/*
 * member.h
 *	  Members of objects by what they are; what is of another kind is as good as absent.
 *
 * Every function takes NULL for an object, as for one without the member.  Pure C: no
 * server header, no I/O, no allocation; what is returned belongs to the object's tree.
 */
#ifndef ECAPI_MEMBER_H
#define ECAPI_MEMBER_H

#include "event/value.h"

/* A text with something in it; else NULL. */
extern const EcapiValue *ecapi_member_text(const EcapiValue *object, const char *name);

/* A number that a receiver can keep; else NULL. */
extern const EcapiValue *ecapi_member_number(const EcapiValue *object, const char *name);

/* A text with something in it, or a number; else NULL. */
extern const EcapiValue *ecapi_member_scalar(const EcapiValue *object, const char *name);

extern const EcapiValue *ecapi_member_object(const EcapiValue *object, const char *name);

/* An absolute URL of the web (http, https); else NULL. */
extern const EcapiValue *ecapi_member_url(const EcapiValue *object, const char *name);

/* Whether it is the JSON value true. */
extern bool ecapi_member_is_true(const EcapiValue *object, const char *name);

/* A whole number from 0 to INT32_MAX; else otherwise. */
extern int	ecapi_member_integer(const EcapiValue *object, const char *name, int otherwise);

/*
 * The elements of an array, or the one value that stands for them:
 *
 *	for (one = ecapi_member_first(value); one; one = ecapi_member_next(value, one))
 */
extern const EcapiValue *ecapi_member_first(const EcapiValue *value);
extern const EcapiValue *ecapi_member_next(const EcapiValue *value, const EcapiValue *one);

#endif							/* ECAPI_MEMBER_H */
