/*
 * click_ids.h
 *	  The members of user_data.ext.click_ids, by the table click_ids.def.
 *
 * Members that the table does not have are kept, too, and taken for a person's.
 *
 * Pure C: no server header, no I/O, no allocation; what is returned is constant, or a part
 * of the text that was given.
 */
#ifndef ECAPI_CLICK_IDS_H
#define ECAPI_CLICK_IDS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum EcapiClickIdKind
{
	ECAPI_CLICK_ID_CLICK,
	ECAPI_CLICK_ID_BROWSER,
	ECAPI_CLICK_ID_SESSION		/* a time: it tells no person from another */
} EcapiClickIdKind;

#define ECAPI_CLICK_IDS_PATH	"user_data.ext.click_ids."

typedef struct EcapiClickId
{
	const char *key;
	const char *path;			/* ECAPI_CLICK_IDS_PATH and the key */
	const char *platform;
	const char *parameter;		/* of an address; "": none */
	const char *cookie;			/* "": none */
	EcapiClickIdKind kind;
	const char *wrapped;		/* see click_ids.c; "": never */
	const char *const *names;	/* of columns; NULL behind the last */
} EcapiClickId;

/* Row i of the table, from 0; NULL at the end. */
extern const EcapiClickId *ecapi_click_id_nth(int i);

/* The row of a key; NULL: none. */
extern const EcapiClickId *ecapi_click_id_lookup(const char *key);

/*
 * The row that a name (len bytes) of a parameter, a cookie or a column stands for, in any
 * letter case; NULL: none.
 */
extern const EcapiClickId *ecapi_click_id_named(const char *name, size_t len);

/* Whether a member of click_ids is a person's. */
extern bool ecapi_click_id_identifies(const char *key);

/*
 * The bare id in a text that wraps one: "AbC" of "fb.1.1795777200000.AbC".  It is the end
 * of the text, and *start is where it begins.  False for a text that wraps none.
 */
extern bool ecapi_click_id_unwrap(const char *text, size_t len, size_t *start);

#endif							/* ECAPI_CLICK_IDS_H */
