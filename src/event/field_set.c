/*
 * field_set.c
 *	  Sets of fields of the standard, as bits: which an event has, which a format carries.
 *
 * No I/O, no state, no memory.
 */
#include "event/field_set.h"

#include <string.h>

#include "event/ext_member.h"

int
ecapi_field_set_next(const EcapiFieldSet *set, int from)
{
	int			word = from / 64;
	uint64_t	bits;

	if (from >= ECAPI_FIELDS)
		return -1;
	bits = set->words[word] >> (from % 64) << (from % 64);
	while (bits == 0)
	{
		if (++word == ECAPI_FIELD_SET_WORDS)
			return -1;
		bits = set->words[word];
	}
	return word * 64 + __builtin_ctzll(bits);
}

/* ---- of an event ---- */

static bool
is_empty(const EcapiValue *value)
{
	switch (value->type)
	{
		case ECAPI_NULL:
			return true;
		case ECAPI_STRING:
			return value->len == 0;
		case ECAPI_ARRAY:
		case ECAPI_OBJECT:
			return value->first == NULL;
		case ECAPI_BOOL:
		case ECAPI_NUMBER:
			break;
	}
	return false;
}

/* Whether an ext has more than instructions to us. */
static bool
has_more(EcapiObject object, const EcapiValue *ext)
{
	if (ext->type != ECAPI_OBJECT)
		return true;
	for (const EcapiValue *member = ext->first; member; member = member->next)
		if (ecapi_ext_member_kind(object, member->key) != ECAPI_EXT_INSTRUCTION)
			return true;
	return false;
}

/* The members of an object, or of each of an array; events are not deeper than fields. */
static void
add_members(EcapiFieldSet *set, EcapiObject object, const EcapiValue *value)
{
	const EcapiField *field;

	if (value->type == ECAPI_ARRAY)
	{
		for (const EcapiValue *one = value->first; one; one = one->next)
			if (one->type == ECAPI_OBJECT)
				add_members(set, object, one);
		return;
	}
	if (value->type != ECAPI_OBJECT)
		return;
	for (const EcapiValue *member = value->first; member; member = member->next)
	{
		if (is_empty(member))
			continue;
		field = ecapi_field_lookup(object, member->key, member->keylen);
		if (field == NULL)
			continue;
		if (field->child != ECAPI_OBJ_NONE)
			add_members(set, field->child, member);
		else if (field->type != ECAPI_FT_EXT || has_more(object, member))
			ecapi_field_set_add(set, ecapi_field_number(field));
	}
}

EcapiFieldSet
ecapi_field_set_of(const EcapiValue *event)
{
	const EcapiField *address = ecapi_field_lookup(ECAPI_OBJ_EVENT, "data_set_id", 11);
	EcapiFieldSet set = {{0}};
	EcapiFieldSet ours = {{0}};

	add_members(&set, ECAPI_OBJ_EVENT, event);
	ecapi_field_set_add(&ours, ecapi_field_number(address));
	return ecapi_field_set_without(set, &ours);
}

/* ---- of a list ---- */

static void
add_all_of(EcapiFieldSet *set, EcapiObject object)
{
	const EcapiField *field;

	for (int i = 0; (field = ecapi_field_nth(object, i)) != NULL; i++)
	{
		if (field->child != ECAPI_OBJ_NONE)
			add_all_of(set, field->child);
		else
			ecapi_field_set_add(set, ecapi_field_number(field));
	}
}

EcapiFieldSet
ecapi_field_set_named(const char *const *paths)
{
	EcapiFieldSet set = {{0}};

	if (paths == NULL)
		add_all_of(&set, ECAPI_OBJ_EVENT);
	for (; paths && *paths; paths++)
	{
		const EcapiField *field = ecapi_field_named(*paths, strlen(*paths));

		if (field == NULL)
			continue;
		if (field->child != ECAPI_OBJ_NONE)
			add_all_of(&set, field->child);
		else
			ecapi_field_set_add(&set, ecapi_field_number(field));
	}
	return set;
}
