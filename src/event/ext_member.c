/*
 * ext_member.c
 *	  Members of ext objects that are the project's own conventions.
 *
 * No I/O, no state, no memory.
 */
#include "event/ext_member.h"

#include <string.h>

#include "event/amended.h"
#include "event/refund.h"

static const struct
{
	EcapiObject object;
	const char *name;
	EcapiExtKind kind;
}			members[] = {
	{ECAPI_OBJ_EVENT, "route", ECAPI_EXT_INSTRUCTION},
	{ECAPI_OBJ_EVENT, ECAPI_REFUND_FOR, ECAPI_EXT_INSTRUCTION},
	{ECAPI_OBJ_EVENT, ECAPI_AMENDS, ECAPI_EXT_INSTRUCTION},
	{ECAPI_OBJ_USER_DATA, "click_ids", ECAPI_EXT_IDS},
	{ECAPI_OBJ_USER_DATA, "consent", ECAPI_EXT_INSTRUCTION}
};

EcapiExtKind
ecapi_ext_member_kind(EcapiObject object, const char *name)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].object == object && strcmp(members[i].name, name) == 0)
			return members[i].kind;
	return ECAPI_EXT_FREE;
}
