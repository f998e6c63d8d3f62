/*
 * forgotten.h
 *	  Who asked to be forgotten: rows of ecapi.forgotten, and asking for them.
 */
#ifndef ECAPI_FORGOTTEN_H
#define ECAPI_FORGOTTEN_H

#include "postgres.h"

#include "event/person.h"
#include "event/value.h"

/* Events of a page that are to be asked for. */
typedef struct EcapiForgotten EcapiForgotten;

/*
 * Locks to the end of the transaction, not in recovery.  The first is for who
 * forgets: it waits for pages of history that are being made.  The second is for
 * such a page: it waits for transactions that forget.
 */
extern void ecapi_forgotten_lock(void);
extern void ecapi_forgotten_share(void);

/* The second without waiting, for the worker: false when somebody is being forgotten. */
extern bool ecapi_forgotten_share_now(void);

/*
 * Something to ask with, in the current context, which outlives it; NULL when
 * nobody is forgotten.  country as of ecapi_person_walk(): constant.
 */
extern EcapiForgotten *ecapi_forgotten_begin(const char *country);

/*
 * Note an event (texts in the server encoding), to be asked for as number event.
 * Runs no SQL, so it may run confined.  Raises out of memory, and
 * ERRCODE_EXTERNAL_ROUTINE_EXCEPTION where libcrypto computes no keyed hash.
 */
extern void ecapi_forgotten_note(EcapiForgotten *asked, const EcapiValue *event, int number);

/*
 * Which of the events noted since the last call are of forgotten persons: is_forgotten,
 * of n elements, is filled in.  Returns how many.  Reads as the extension's owner,
 * under a snapshot of its own.
 */
extern int	ecapi_forgotten_ask(EcapiForgotten *asked, int n, bool *is_forgotten);

/* Forget a person; a key is made if there is none.  The caller is the owner. */
extern void ecapi_forgotten_add(const EcapiPerson *person);

/* No longer; false when none of its forms was on the list.  The caller is the owner. */
extern bool ecapi_forgotten_remove(const EcapiPerson *person);

#endif							/* ECAPI_FORGOTTEN_H */
