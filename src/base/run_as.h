/*
 * run_as.h
 *	  Whose rights users' SQL on a role's objects has, and the setting
 *	  ecapi.run_as, which names that role for superusers' objects.
 */
#ifndef ECAPI_RUN_AS_H
#define ECAPI_RUN_AS_H

#include "postgres.h"

/*
 * The role of ecapi.run_as, if it may stand in for superusers: it exists, is none
 * and is no member of one.  Else InvalidOid.  In a transaction.
 */
extern Oid	ecapi_run_as_role(void);

/*
 * The role whose rights SQL of users on an object has: the object's owner; if that
 * is a superuser, the role above.  Where there is none, the owner, who is a
 * superuser: then hardly any SQL may run.  In a transaction.
 */
extern Oid	ecapi_run_as(Oid owner);

/*
 * A hint for an error about SQL that a superuser may not run: what, which says to
 * give the object to another role ("Give ... OWNER TO"), and what to do with the
 * setting, or what is wrong with its role.  palloc'd.  In a transaction.
 */
extern char *ecapi_run_as_hint(const char *what);

/* Define the setting. */
extern void ecapi_run_as_define(void);

#endif							/* ECAPI_RUN_AS_H */
