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
	EcapiExtAuthor author;
}			members[] = {
	{ECAPI_OBJ_EVENT, "route", ECAPI_EXT_INSTRUCTION, ECAPI_EXT_BY_OWNER},
	{ECAPI_OBJ_EVENT, ECAPI_REFUND_FOR, ECAPI_EXT_INSTRUCTION, ECAPI_EXT_BY_US},
	{ECAPI_OBJ_EVENT, ECAPI_AMENDS, ECAPI_EXT_INSTRUCTION, ECAPI_EXT_BY_US},
	/* Meta takes an event that has it for a part of another one */
	{ECAPI_OBJ_EVENT, ECAPI_ORIGINAL, ECAPI_EXT_FREE, ECAPI_EXT_BY_OWNER},
	{ECAPI_OBJ_USER_DATA, "click_ids", ECAPI_EXT_IDS, ECAPI_EXT_BY_ANYBODY},
	/* the visitor's own answer */
	{ECAPI_OBJ_USER_DATA, "consent", ECAPI_EXT_INSTRUCTION, ECAPI_EXT_BY_ANYBODY}
};

/* The place of a member among them, or -1. */
static int
place_of(EcapiObject object, const char *name)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].object == object && strcmp(members[i].name, name) == 0)
			return (int) i;
	return -1;
}

EcapiExtKind
ecapi_ext_member_kind(EcapiObject object, const char *name)
{
	int			place = place_of(object, name);

	return place < 0 ? ECAPI_EXT_FREE : members[place].kind;
}

EcapiExtAuthor
ecapi_ext_member_author(EcapiObject object, const char *name)
{
	int			place = place_of(object, name);

	return place < 0 ? ECAPI_EXT_BY_ANYBODY : members[place].author;
}
