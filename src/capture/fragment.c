/*
 * fragment.c
 *	  A piece of an event that anybody may have written, under what a track maps.
 *
 * The fragment of "*" and the setting ecapi.context hold what a browser sent.
 * Nothing in them may cost an order its event, or let a visitor say which event
 * it is or where it goes, at the first level or in its ext.  So a member is looked at
 * before it becomes one of the event, if it is one that could fail it; the others
 * validation leaves out, if it must.  What is no field is not even looked at.  A value
 * wants a currency, which another layer may have: that is looked at when all are there.
 *
 * The work is linear in the fragment but for sorting: the event itself has no
 * more members than the standard has fields; below, members are found by an
 * index.
 */
#include "postgres.h"

#include <time.h>

#include "capture/fragment.h"
#include "event/ext_member.h"
#include "event/members.h"
#include "event/violation.h"

/* A node that may be linked into the event. */
static EcapiValue *
own_node(EcapiDraft *draft, const EcapiFragment *fragment, EcapiValue *member)
{
	EcapiValue *node = fragment->shared ? ecapi_value_node(&draft->arena, member) : member;

	if (node == NULL)
		ecapi_draft_out_of_memory();
	return node;
}

/*
 * Members of under go below those of object.  Objects are merged only with what
 * belongs to this event alone, so a shared fragment is merged last.
 */
static void
merge_under(EcapiDraft *draft, const EcapiFragment *fragment, EcapiValue *object,
			const EcapiValue *under)
{
	EcapiMembers present;
	EcapiValue *next;

	if (!ecapi_members_index(&draft->arena, object, &present))
		ecapi_draft_out_of_memory();
	for (EcapiValue *member = under->first; member; member = next)
	{
		EcapiValue *old = ecapi_members_find(&present, member->key, member->keylen);

		next = member->next;
		if (old == NULL)
			ecapi_value_append(object, own_node(draft, fragment, member));
		else if (old->type == ECAPI_OBJECT && member->type == ECAPI_OBJECT)
			merge_under(draft, fragment, old, member);
	}
}

static bool
says_nothing(const EcapiValue *value)
{
	return value->type == ECAPI_NULL || (value->type == ECAPI_STRING && value->len == 0);
}

/* Whether this fragment may set this field of the event itself. */
static bool
may_set(const EcapiFragment *fragment, const EcapiField *field)
{
	if (strcmp(field->name, "id") == 0)
		return (fragment->takes & ECAPI_TAKES_ID) != 0;
	if (strcmp(field->name, "data_set_id") == 0)
		return (fragment->takes & ECAPI_TAKES_DATA_SET_ID) != 0;
	return true;
}

static const char not_taken[] = "not taken from a fragment";

static void
leave_out(EcapiDraft *draft, const EcapiFieldPlace *up, const EcapiValue *member,
		  const EcapiField *field, EcapiViolationCode code, const char *message)
{
	EcapiFieldPlace	place = {up, member->key, member->keylen, 0};

	ecapi_violation_add(&draft->violations, &draft->arena, &place, field, code, false,
						message, NULL);
}

/* Whether a member of an event's ext is for the owner to say. */
static bool
is_owners(const EcapiValue *member)
{
	return ecapi_ext_member_author(ECAPI_OBJ_EVENT, member->key) != ECAPI_EXT_BY_ANYBODY;
}

/* The ext of a fragment without what is not for it to say: itself, if that is all of it. */
static EcapiValue *
take_ext(EcapiDraft *draft, const EcapiFragment *fragment, EcapiValue *ext,
		 const EcapiField *field)
{
	EcapiFieldPlace	place = {NULL, field->name, field->len, 0};
	EcapiValue *first = ext->first;
	EcapiValue *taken;
	EcapiValue *next;

	while (first != NULL && !is_owners(first))
		first = first->next;
	if (first == NULL)
		return ext;
	taken = ecapi_value_node(&draft->arena, ext);
	if (taken == NULL)
		ecapi_draft_out_of_memory();
	taken->first = taken->last = NULL;
	taken->len = 0;
	for (EcapiValue *member = ext->first; member; member = next)
	{
		next = member->next;
		if (is_owners(member))
			leave_out(draft, &place, member, field, ECAPI_VIOLATION_SOURCE, not_taken);
		else
			ecapi_value_append(taken, own_node(draft, fragment, member));
	}
	return taken;
}

static void
merge_member(EcapiDraft *draft, const EcapiFragment *fragment, EcapiValue *member)
{
	const EcapiField *field = ecapi_field_lookup(ECAPI_OBJ_EVENT, member->key, member->keylen);
	EcapiValue *old;

	if (field == NULL)
	{
		leave_out(draft, NULL, member, NULL, ECAPI_VIOLATION_UNKNOWN, "unknown field");
		return;
	}
	if (strcmp(field->name, "event_type") == 0)
		return;
	if (field->type == ECAPI_FT_EXT && member->type == ECAPI_OBJECT)
		member = take_ext(draft, fragment, member, field);
	old = ecapi_value_get(draft->given, field->name);
	if (old != NULL)
	{
		if (old->type == ECAPI_OBJECT && member->type == ECAPI_OBJECT)
			merge_under(draft, fragment, old, member);
	}
	else if (!may_set(fragment, field))
		leave_out(draft, NULL, member, field, ECAPI_VIOLATION_SOURCE, not_taken);
	else if (ecapi_validate_member(&draft->arena, field, member, (int64) time(NULL),
								   &draft->violations))
		ecapi_value_append(draft->given, own_node(draft, fragment, member));
	if (draft->arena.failed)
		ecapi_draft_out_of_memory();
}

void
ecapi_fragment_merge(EcapiDraft *draft, const EcapiFragment *fragment)
{
	const EcapiValue *tree = fragment->tree;
	EcapiValue *next;

	if (tree->type == ECAPI_NULL || (tree->type == ECAPI_ARRAY && tree->first == NULL))
		return;
	if (tree->type != ECAPI_OBJECT)
	{
		ecapi_draft_lose(draft, fragment->name, NULL, ECAPI_VIOLATION_TYPE,
						 "not a JSON object");
		return;
	}
	for (EcapiValue *member = tree->first; member; member = next)
	{
		next = member->next;
		if (!says_nothing(member))
			merge_member(draft, fragment, member);
	}
}

/* Whether the event has a currency with which it may have a value. */
static bool
has_currency(EcapiDraft *draft)
{
	EcapiViolations found;

	if (ecapi_draft_lacks(draft, "currency_code"))
		return false;
	/* one that is none is reported by validation */
	ecapi_violations_init(&found, NULL, NULL);
	return ecapi_validate_member(&draft->arena,
								 ecapi_field_lookup(ECAPI_OBJ_EVENT, "currency_code", 13),
								 ecapi_value_get(draft->given, "currency_code"),
								 (int64) time(NULL), &found);
}

void
ecapi_fragment_check_value(EcapiDraft *draft)
{
	if (ecapi_draft_lacks(draft, "value") || has_currency(draft))
		return;
	ecapi_draft_set(draft, "value", ecapi_value_new(&draft->arena, ECAPI_NULL));
	ecapi_draft_lose(draft, "value", ecapi_field_lookup(ECAPI_OBJ_EVENT, "value", 5),
					 ECAPI_VIOLATION_MISSING, "value without a currency");
}
