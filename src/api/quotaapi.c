/*
 * quotaapi.c
 *	  ecapi_internal.role_use(): which role holds how much, and whose events are lost.
 *
 * Behind the view ecapi.role_use.  Each look samples the outbox and what is set aside
 * (outbox/holders.c); it writes nothing.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "outbox/limit.h"
#include "outbox/quota.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(ecapi_list_role_uses);

#define COLUMNS	9

/*
 * ecapi_internal.role_use(): a row for each role, see the columns of the view.  Raises
 * what reading a block of a sample raises.
 */
Datum
ecapi_list_role_uses(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	EcapiRoleUse uses[ECAPI_ROLE_USES];
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	n = ecapi_limit_uses(GetCurrentTimestamp(), uses);
	for (int i = 0; i < n; i++)
	{
		Datum		values[COLUMNS];
		bool		nulls[COLUMNS] = {false};

		values[0] = ObjectIdGetDatum(uses[i].role);
		values[1] = Int64GetDatum(uses[i].bytes);
		values[2] = Int64GetDatum(ecapi_quota_share());
		nulls[2] = ecapi_quota_share() == 0;
		values[3] = BoolGetDatum(uses[i].is_dropped);
		values[4] = Int64GetDatum(uses[i].dropped);
		values[5] = Int64GetDatum(uses[i].set_aside);
		values[6] = Int64GetDatum((int64) ecapi_set_aside_limit * 1024 * 1024);
		nulls[6] = ecapi_set_aside_limit == 0;
		values[7] = BoolGetDatum(uses[i].is_not_kept);
		values[8] = Int64GetDatum(uses[i].not_kept);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
