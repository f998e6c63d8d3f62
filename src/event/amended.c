/*
 * amended.c
 *	  Which event an amendment is of; amend.c says what ext holds.
 *
 * An event whose address of the original cannot be read is an amendment, too, of nothing
 * that anybody has: it must not leave as another event of its type.
 *
 * No I/O, no state, no memory.
 */
#include "event/amended.h"

#include <stdlib.h>
#include <string.h>

const EcapiValue *
ecapi_amend_original(const EcapiValue *event)
{
	static const EcapiValue nothing = {.type = ECAPI_OBJECT};
	const EcapiValue *ext = ecapi_value_get(event, "ext");
	const EcapiValue *original;

	if (ext == NULL || ecapi_value_get(ext, ECAPI_AMENDS) == NULL)
		return NULL;
	original = ecapi_value_get(ext, ECAPI_ORIGINAL);
	return original != NULL && original->type == ECAPI_OBJECT ? original : &nothing;
}

/* A member that is a text of digits alone; false when it is none. */
static bool
read_number(const EcapiValue *object, const char *key, uint64_t *number)
{
	const EcapiValue *member = ecapi_value_get(object, key);

	if (!ecapi_value_is_text(member) || strspn(member->text, "0123456789") != member->len ||
		member->len > 20)
		return false;
	*number = strtoull(member->text, NULL, 10);
	return true;
}

bool
ecapi_amend_of(const EcapiValue *event, EcapiAmended *original)
{
	const EcapiValue *said = ecapi_amend_original(event);
	const EcapiValue *amends = ecapi_value_get(ecapi_value_get(event, "ext"), ECAPI_AMENDS);
	uint64_t	seq;

	if (said == NULL || !read_number(amends, "xid", &original->xid) ||
		!read_number(amends, "seq", &seq) || seq > INT64_MAX)
		return false;
	original->seq = (int64_t) seq;
	original->id = ecapi_value_get(said, "id");
	if (!ecapi_value_is_text(original->id))
		original->id = NULL;
	return true;
}
