/*
 * new_oids.c
 *	  Rows that name a server by its oid, after pg_upgrade gave out new ones.
 *
 * A cursor, a row of the request log and a stop name a destination by the oid of its
 * server, which stays when it is renamed, and by its name.  pg_upgrade keeps the oids of
 * tables, types, roles and databases, and no others.  The new oid of a server may be one
 * that another server had: then a destination would take another's cursor, and what was
 * sent to one would count as sent to the other.  So before anything goes by an oid all of
 * them are written again, in one statement.
 *
 * What always holds:
 *
 * (1) A cursor that another cluster has written belongs to the server of its name.  In any
 *	  other copy the oids are as they were, and nothing is done.
 * (2) What is of a server that has no cursor (it was dropped) gets no oid: another may have
 *	  that by now.  It is known by its name.
 * (3) It is done once: afterwards each cursor has the oid of its name.
 *
 * The primary key of cursors is (server, generation), and is checked row by row.  So rows
 * that get another server get generations beyond all that there are; cursor.c says what
 * generations are for.
 *
 * A refund that waits names servers by oid and name inside of the event, which nobody
 * writes again.  It may reach one more destination, if that has the oid of the one that the
 * refund is for.
 *
 * Locks: those of an update.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "records/new_oids.h"

static EcapiStatement has_new = {
	"SELECT FROM ecapi.cursor c JOIN pg_catalog.pg_foreign_server s"
	" ON s.srvname OPERATOR(pg_catalog.=) c.destination AND s.srvfdw OPERATOR(pg_catalog.=) $2"
	" WHERE c.system_identifier OPERATOR(pg_catalog.<>) $1"
	" AND c.server OPERATOR(pg_catalog.<>) s.oid LIMIT 1",
	2, {INT8OID, OIDOID}, NULL
};

#define NEW_OF(row) \
	"(SELECT n.server FROM new_oid n WHERE n.old OPERATOR(pg_catalog.=) " row ".server)"

static EcapiStatement follow = {
	"WITH new_oid AS MATERIALIZED (SELECT c.server AS old,"
	"  CASE WHEN c.system_identifier OPERATOR(pg_catalog.=) $1 THEN c.server ELSE s.oid END AS server"
	"  FROM ecapi.cursor c LEFT JOIN pg_catalog.pg_foreign_server s"
	"  ON s.srvname OPERATOR(pg_catalog.=) c.destination AND s.srvfdw OPERATOR(pg_catalog.=) $2),"
	" logged AS (UPDATE ecapi.request r SET server = coalesce(" NEW_OF("r") ", '0')"
	"  WHERE r.server OPERATOR(pg_catalog.<>) coalesce(" NEW_OF("r") ", '0')),"
	" stopped AS (UPDATE ecapi.stop t SET server = " NEW_OF("t")
	"  WHERE t.server IS NOT NULL AND t.server IS DISTINCT FROM " NEW_OF("t") ")"
	" UPDATE ecapi.cursor_row c SET server = s.oid,"
	"  generation = g.top OPERATOR(pg_catalog.+) c.generation OPERATOR(pg_catalog.+) 1,"
	"  written = (g.top OPERATOR(pg_catalog.+) c.generation OPERATOR(pg_catalog.+) 1)"
	"   OPERATOR(pg_catalog.*) 16"
	" FROM pg_catalog.pg_foreign_server s,"
	"  (SELECT pg_catalog.max(r.generation) AS top FROM ecapi.cursor_row r) g"
	" WHERE s.srvname OPERATOR(pg_catalog.=) c.destination AND s.srvfdw OPERATOR(pg_catalog.=) $2"
	"  AND c.system_identifier OPERATOR(pg_catalog.<>) $1"
	"  AND c.server OPERATOR(pg_catalog.<>) s.oid",
	2, {INT8OID, OIDOID}, NULL
};

bool
ecapi_new_oids_follow(void)
{
	NullableDatum here = ecapi_arg_int8(GetSystemIdentifier());
	NullableDatum wrapper = ecapi_arg_oid(ecapi_wrapper());

	if (ecapi_execute(&has_new, here, wrapper) == 0)
		return false;
	ecapi_execute(&follow, here, wrapper);
	ereport(LOG,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("cursors of another cluster follow the servers of their names"),
			 errdetail("pg_upgrade has given servers new oids.")));
	return true;
}
