/*
 * argument.c
 *	  Arguments of functions that SQL calls.
 *
 * No state and no locks.
 */
#include "postgres.h"

#include "catalog/objectaddress.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/argument.h"
#include "base/tree.h"
#include "compat.h"
#include "event/codes.h"
#include "event/validate.h"
#include "settings.h"

char *
ecapi_argument_text(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

void
ecapi_argument_required(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
}

void
ecapi_argument_refuse(const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message),
			 hint ? errhint("%s", hint) : 0));
}

void
ecapi_argument_refuse_null(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("argument \"%s\" must not be null", name)));
}

void
ecapi_argument_own(Oid relation)
{
	if (!object_ownercheck(RelationRelationId, relation, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relation)),
					   get_rel_name(relation));
}

const char *
ecapi_argument_utf8(FunctionCallInfo fcinfo, int n, size_t *len)
{
	text	   *argument = PG_GETARG_TEXT_PP(n);
	char	   *given = VARDATA_ANY(argument);
	char	   *utf8;

	*len = VARSIZE_ANY_EXHDR(argument);
	ecapi_tree_check_text(given, (int) *len);
	utf8 = pg_server_to_any(given, (int) *len, PG_UTF8);
	if (utf8 != given)
		*len = strlen(utf8);
	return utf8;
}

/* What cannot be an id is a mistake of the caller. */
char *
ecapi_argument_event_id(FunctionCallInfo fcinfo, int n)
{
	text	   *id;

	ecapi_argument_required(fcinfo, n, "id");
	id = PG_GETARG_TEXT_PP(n);
	ecapi_tree_check_text(VARDATA_ANY(id), VARSIZE_ANY_EXHDR(id));
	if (VARSIZE_ANY_EXHDR(id) == 0 || VARSIZE_ANY_EXHDR(id) > ECAPI_MAX_ID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no event has an id of %d bytes", (int) VARSIZE_ANY_EXHDR(id)),
				 errdetail("An id has 1 to %d bytes.", ECAPI_MAX_ID)));
	return text_to_cstring(id);
}

const char *
ecapi_argument_country(FunctionCallInfo fcinfo, int n, const char *wrong)
{
	text	   *argument;
	const char *country;

	if (PG_ARGISNULL(n))
		return ecapi_default_country();
	argument = PG_GETARG_TEXT_PP(n);
	country = ecapi_country_lookup(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
	if (country == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_internal("%s", wrong),
				 errhint("Give a two-letter code such as \"de\".")));
	return country;
}
