/*
 * equality.c
 *	  Whether two values of a column are equal, as SQL means it.
 *
 * The key of a value is one text for all that are equal where we write the type
 * ourselves.  Other types have values that look different and are equal: '24 hours'
 * and '1 day', citext of another case, ranges of 1.0 and 1.00, texts under a
 * collation that is not deterministic, and all of those inside of arrays and
 * composites.  For them the type's own default equality is asked, that of its
 * indexes, as IS DISTINCT FROM would.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "rowsql/equality.h"

struct EcapiEquality
{
	FmgrInfo	function;
	Oid			collation;
};

/* Whether a value of the type holds values of others, which have their own equality. */
static bool
is_container(Oid type)
{
	return OidIsValid(get_element_type(type)) || type_is_rowtype(type) ||
		type_is_range(type) || type_is_multirange(type);
}

/* Whether the comparison of a type's values may run what is not the server's own. */
static bool
runs_users_code(Oid type)
{
	Oid			element = get_element_type(type);

	if (OidIsValid(element))
		return runs_users_code(getBaseType(element));
	return type >= FirstNormalObjectId || type_is_rowtype(type);
}

/* Whether all equal values of the type have one key, that of ecapi_datum_key(). */
static bool
has_one_key(Oid type, Oid collation)
{
	if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
		return false;
	return type < FirstNormalObjectId && !is_container(type) && type != INTERVALOID &&
		type != TIMETZOID;
}

EcapiEquality *
ecapi_equality(Form_pg_attribute attribute, bool superuser, MemoryContext context,
			   bool *needs_confining)
{
	Oid			type = getBaseType(attribute->atttypid);
	EcapiEquality *equality;
	TypeCacheEntry *entry;
	Oid			operator;

	*needs_confining = false;
	if (get_typtype(type) == TYPTYPE_ENUM || has_one_key(type, attribute->attcollation) ||
		(superuser && runs_users_code(type)))
		return NULL;
	entry = lookup_type_cache(type, TYPECACHE_EQ_OPR);
	operator = entry->eq_opr;
	if (!OidIsValid(operator))
		return NULL;
	equality = MemoryContextAlloc(context, sizeof(EcapiEquality));
	fmgr_info_cxt(get_opcode(operator), &equality->function, context);
	equality->collation = attribute->attcollation;
	*needs_confining = true;
	return equality;
}

bool
ecapi_equality_holds(EcapiEquality *equality, Datum a, Datum b)
{
	return DatumGetBool(FunctionCall2Coll(&equality->function, equality->collation, a, b));
}
