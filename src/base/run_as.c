/*
 * run_as.c
 *	  Whose rights users' SQL on a role's objects has.
 *
 * SQL of a track or an enrichment runs as the owner of the table or server, and
 * never with a superuser's rights.  For superusers' objects the setting
 * ecapi.run_as names the role that stands in.  It is set for a database, by a
 * superuser, or by a role to which a superuser has granted that; a session of another
 * role cannot change it.  A superuser that sets it in a session gains no rights by
 * it.
 *
 * What always holds:
 *
 * (1) The role is checked whenever it is used, as roles change at any
 *	  time: it exists, is no superuser, and is a member of none, directly or
 *	  through roles, whether or not it inherits.  A role that fails stands in for
 *	  nobody.
 * (2) What was found is kept, and forgotten with any change of a role, of a
 *	  membership, or of the setting.  A change that comes while it is looked up
 *	  counts, too.
 *
 * No locks are kept.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "base/run_as.h"

typedef enum Fault
{
	NONE_NAMED,
	NO_FAULT,
	MISSING,
	SUPERUSER,
	MEMBER
} Fault;

static char *run_as_name = NULL;

/* What is known of the role that the setting names. */
static struct
{
	bool		valid;
	uint64		changes;		/* that were heard of */
	Fault		fault;
	Oid			role;
} known;

static bool watching = false;

static void
changed(void)
{
	known.valid = false;
	known.changes++;
}

static void
role_changed(Datum arg, int cache, uint32 hash)
{
	changed();
}

/* Whether the role may stand in is looked up at each use, not here: see (1). */
static void
assign(const char *value, void *extra)
{
	changed();
}

void
ecapi_run_as_define(void)
{
	/*
	 * Not of the configuration file alone: a role belongs to the owners of one
	 * database.  Not of everybody: it decides whose rights SQL has.
	 */
	DefineCustomStringVariable("ecapi.run_as",
							   "Role whose rights SQL of tracks and enrichments has where a "
							   "superuser owns the table or the server.",
							   "Empty for none. Set it with ALTER DATABASE.",
							   &run_as_name, "",
							   PGC_SUSET, 0, NULL, assign, NULL);
}

/* Superusers are few, but nothing finds them but a look at all roles. */
static bool
is_member_of_superuser(Oid role)
{
	Relation	roles = table_open(AuthIdRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(roles, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	bool		found = false;

	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_authid form = (Form_pg_authid) GETSTRUCT(tuple);

		found = form->rolsuper && is_member_of_role_nosuper(role, form->oid);
	}
	systable_endscan(scan);
	table_close(roles, AccessShareLock);
	return found;
}

static Fault
fault_of(const char *name, Oid *role)
{
	*role = InvalidOid;
	if (name == NULL || name[0] == '\0')
		return NONE_NAMED;
	*role = get_role_oid(name, true);
	if (!OidIsValid(*role))
		return MISSING;
	if (superuser_arg(*role))
		return SUPERUSER;
	return is_member_of_superuser(*role) ? MEMBER : NO_FAULT;
}

static Fault
look_up(Oid *role)
{
	uint64		changes;

	if (!watching)
	{
		CacheRegisterSyscacheCallback(AUTHOID, role_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, role_changed, (Datum) 0);
		watching = true;
	}
	if (!known.valid)
	{
		changes = known.changes;
		known.fault = fault_of(run_as_name, &known.role);
		known.valid = changes == known.changes;
	}
	*role = known.role;
	return known.fault;
}

Oid
ecapi_run_as_role(void)
{
	Oid			role;

	return look_up(&role) == NO_FAULT ? role : InvalidOid;
}

Oid
ecapi_run_as(Oid owner)
{
	Oid			role;

	if (!superuser_arg(owner))
		return owner;
	role = ecapi_run_as_role();
	return OidIsValid(role) ? role : owner;
}

char *
ecapi_run_as_hint(const char *what)
{
	Oid			role;

	switch (look_up(&role))
	{
		case NONE_NAMED:
		case NO_FAULT:
			break;
		case MISSING:
			return psprintf("%s, or correct ecapi.run_as: role \"%s\" does not exist.",
							what, run_as_name);
		case SUPERUSER:
			return psprintf("%s, or correct ecapi.run_as: role \"%s\" is a superuser.",
							what, run_as_name);
		case MEMBER:
			return psprintf("%s, or correct ecapi.run_as: role \"%s\" is a member of a superuser.",
							what, run_as_name);
	}
	return psprintf("%s, or name one with ALTER DATABASE ... SET ecapi.run_as.", what);
}
