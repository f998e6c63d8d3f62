/*
 * rules.c
 *	  What an object of a platform's body may hold: the walk.
 *
 * check.c does the same for the standard, whose objects are closed and whose
 * arrays are plain; platforms have open objects, "a string or a list of them",
 * and integers in strings.
 */
#include "rules.h"

#include <ctype.h>
#include <string.h>

bool
rcv_found(RcvFinding *finding, const RcvPlace *place, RcvFaultKind kind,
		  const char *problem, const char *code)
{
	finding->path[0] = '\0';
	rcv_place_spell(place, finding->path, sizeof(finding->path), 0);
	finding->kind = kind;
	finding->problem = problem;
	finding->code = code;
	return false;
}

bool
rcv_found_member(RcvFinding *finding, const RcvPlace *place, const char *name,
				 RcvFaultKind kind, const char *problem, const char *code)
{
	RcvPlace	member = {place, name, strlen(name), 0};

	return rcv_found(finding, &member, kind, problem, code);
}

static bool
is_among(const char *const *words, const RcvNode *node)
{
	for (; *words != NULL; words++)
		if (rcv_text_is(node, *words))
			return true;
	return false;
}

/* proto3 JSON: a 64-bit integer as a number, or its digits as a string. */
static bool
is_int64(const RcvNode *node)
{
	RcvNode		number = *node;
	int64_t		value;

	if (node->type == RCV_STRING)
	{
		number.type = RCV_NUMBER;
		if (node->len == 0 || !isdigit((unsigned char) node->text[node->len - 1]))
			return false;
	}
	return rcv_read_integer(&number, &value);
}

static bool
hold_text(RcvFinding *finding, const RcvPlace *place, const RcvNode *node,
		  const RcvMember *member)
{
	const char *problem;

	if (node->type != RCV_STRING)
		return rcv_found(finding, place, RCV_FAULT_TYPE, "is not a string", NULL);
	if (member->nature == RCV_OF_WORD)
		return is_among(member->words, node) ||
			rcv_found(finding, place, RCV_FAULT_WORD, "is none of the words allowed",
					  member->code);
	problem = member->shape != NULL ? member->shape(node) : NULL;
	return problem == NULL ||
		rcv_found(finding, place, RCV_FAULT_SHAPE, problem, member->code);
}

/* One value of a member, a list of them already taken apart. */
static bool
hold_value(RcvFinding *finding, const RcvPlace *place, const RcvNode *node,
		   const RcvMember *member)
{
	const char *problem = NULL;
	int64_t		integer;

	if (node->type == RCV_NULL)
		return rcv_found(finding, place, RCV_FAULT_TYPE, "is null", NULL);
	switch (member->nature)
	{
		case RCV_OF_TEXT:
		case RCV_OF_WORD:
			return hold_text(finding, place, node, member);
		case RCV_OF_INTEGER:
			if (!rcv_read_integer(node, &integer))
				problem = "is not an integer";
			break;
		case RCV_OF_INT64:
			if (!is_int64(node))
				problem = "is not a 64-bit integer";
			break;
		case RCV_OF_NUMBER:
			problem = rcv_double_problem(node);
			break;
		case RCV_OF_BOOLEAN:
			if (node->type != RCV_BOOL)
				problem = "is not a boolean";
			break;
		case RCV_OF_NAME:
			if (node->type == RCV_STRING)
				return hold_text(finding, place, node, member);
			if (!rcv_read_integer(node, &integer))
				problem = "is neither a string nor an integer";
			break;
		case RCV_OF_OBJECT:
			return rcv_rules_hold(member->rules, node, place, finding);
		case RCV_OF_ANYTHING:
			break;
	}
	return problem == NULL ||
		rcv_found(finding, place, RCV_FAULT_TYPE, problem, NULL);
}

static bool
hold_member(RcvFinding *finding, const RcvPlace *place, const RcvNode *node,
			const RcvMember *member)
{
	RcvPlace	element = {place, NULL, 0, 0};

	if (member->many == RCV_ONE ||
		(member->many == RCV_ONE_OR_LIST && node->type != RCV_ARRAY))
		return hold_value(finding, place, node, member);
	if (node->type != RCV_ARRAY)
		return rcv_found(finding, place, RCV_FAULT_TYPE, "is not an array", NULL);
	if (node->first == NULL && member->max >= 0)
		return rcv_found(finding, place, RCV_FAULT_MANY, "is an empty list", NULL);
	for (const RcvNode *child = node->first; child != NULL; child = child->next)
	{
		if (member->max > 0 && element.index >= member->max)
			return rcv_found(finding, place, RCV_FAULT_MANY, "has too many elements",
							 member->code);
		if (!hold_value(finding, &element, child, member))
			return false;
		element.index++;
	}
	return true;
}

static int
find_member(const RcvMember *members, const RcvNode *child)
{
	for (int i = 0; members[i].name != NULL; i++)
		if (strlen(members[i].name) == child->keylen &&
			memcmp(members[i].name, child->key, child->keylen) == 0)
			return i;
	return -1;
}

bool
rcv_rules_hold(const RcvRules *rules, const RcvNode *node, const RcvPlace *place,
			   RcvFinding *finding)
{
	uint64_t	seen = 0;

	if (node->type != RCV_OBJECT)
		return rcv_found(finding, place, RCV_FAULT_TYPE, "is not an object", NULL);
	for (const RcvNode *child = node->first; child != NULL; child = child->next)
	{
		RcvPlace	member = {place, child->key, child->keylen, 0};
		int			i = find_member(rules->members, child);

		if (i < 0 && rules->open)
			continue;
		if (i < 0)
			return rcv_found(finding, &member, RCV_FAULT_UNKNOWN, "is not known", NULL);
		if (seen >> i & 1)
			return rcv_found(finding, &member, RCV_FAULT_TYPE, "is there twice", NULL);
		seen |= UINT64_C(1) << i;
		if (!hold_member(finding, &member, child, &rules->members[i]))
			return false;
	}
	for (int i = 0; rules->members[i].name != NULL; i++)
		if (rules->members[i].required && !(seen >> i & 1))
			return rcv_found_member(finding, place, rules->members[i].name,
									RCV_FAULT_MISSING, "is missing",
									NULL);
	return rules->also == NULL || rules->also(finding, place, node);
}

bool
rcv_rules_need(RcvFinding *finding, const RcvPlace *place, const RcvNode *object,
			   const char *name, const char *problem)
{
	return (object != NULL && rcv_json_get(object, name) != NULL) ||
		rcv_found_member(finding, place, name, RCV_FAULT_MISSING, problem, NULL);
}

bool
rcv_rules_need_one(RcvFinding *finding, const RcvPlace *place, const RcvNode *object,
				   const char *const *names, const char *problem)
{
	for (int i = 0; object != NULL && names[i] != NULL; i++)
		if (rcv_json_get(object, names[i]) != NULL)
			return true;
	return rcv_found(finding, place, RCV_FAULT_MISSING, problem, NULL);
}

bool
rcv_rules_in_time(RcvFinding *finding, const RcvPlace *place, const RcvNode *object,
				  const char *name, int64_t oldest, int64_t latest, const char *code)
{
	int64_t		time = 0;

	rcv_read_integer(rcv_json_get(object, name), &time);
	if (time < oldest)
		return rcv_found_member(finding, place, name, RCV_FAULT_SHAPE, "is too old", code);
	if (time > latest)
		return rcv_found_member(finding, place, name, RCV_FAULT_SHAPE,
								"is in the future", NULL);
	return true;
}
