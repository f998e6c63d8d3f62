/*
 * check.c
 *	  Does an event follow ECAPI 1.0?
 *
 * The walk: every member of an object must be a field that the standard gives
 * that object, once, of its type, cardinality and shape; then the object's own
 * rules (required fields, fields that need one another).  Null is no value: a
 * sender leaves out what it does not have.  What is under ext is the
 * sender's own and only has to be an object.
 *
 * The first fault ends the walk.  Frames on the C stack remember the way down
 * (place.h), so a path is only spelled out for a fault.
 */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "codes.h"
#include "fields.h"
#include "place.h"

/*
 * The plausible time of an event in epoch seconds: not before 1990 (days or
 * hours since the epoch are smaller), not more than ten minutes ahead of the
 * receiver (milliseconds are far beyond).
 */
#define OLDEST_TIMESTAMP	631152000
#define FUTURE_SECONDS		600

typedef struct Fault
{
	char	   *reason;
	size_t		size;
} Fault;

static bool check_object(Fault *fault, const RcvPlace *frame, const RcvNode *node,
						 RcvObject object);

void
rcv_check_init(void)
{
	rcv_codes_init();
	rcv_fields_init();
}

static bool
fail(Fault *fault, const RcvPlace *frame, const char *problem)
{
	size_t		used = rcv_place_spell(frame, fault->reason, fault->size, 0);

	snprintf(fault->reason + used, fault->size - used, "%s%s",
			 used > 0 ? " " : "", problem);
	return false;
}

/* fail() on a member of the frame's object that is named but not there */
static bool
fail_member(Fault *fault, const RcvPlace *frame, const char *name, const char *problem)
{
	RcvPlace	member = {frame, name, strlen(name), 0};

	return fail(fault, &member, problem);
}

static bool
check_integer(Fault *fault, const RcvPlace *frame, const RcvNode *node,
			  const RcvField *field)
{
	int64_t		value;

	if (!rcv_read_integer(node, &value))
		return fail(fault, frame, "is not an integer");
	if (value < field->min || value > field->max)
		return fail(fault, frame, "is out of range");
	return true;
}

/* One value of a field, an array of them already taken apart. */
static bool
check_single(Fault *fault, const RcvPlace *frame, const RcvNode *node,
			 const RcvField *field)
{
	const char *problem;

	if (node->type == RCV_NULL)
		return fail(fault, frame, "is null");
	switch (field->kind)
	{
		case RCV_TEXT:
		case RCV_HASH:
			if (node->type != RCV_STRING)
				return fail(fault, frame, "is not a string");
			problem = field->shape(node);
			return problem == NULL || fail(fault, frame, problem);
		case RCV_INTEGER:
			return check_integer(fault, frame, node, field);
		case RCV_FLOAT:
			problem = rcv_double_problem(node);
			return problem == NULL || fail(fault, frame, problem);
		case RCV_BOOLEAN:
			return node->type == RCV_BOOL || fail(fault, frame, "is not a boolean");
		case RCV_CHILD:
			return check_object(fault, frame, node, field->child);
		case RCV_EXT:
			return node->type == RCV_OBJECT || fail(fault, frame, "is not an object");
	}
	return false;
}

static bool
check_member(Fault *fault, const RcvPlace *frame, const RcvNode *node,
			 const RcvField *field)
{
	RcvPlace	element = {frame, NULL, 0, 0};

	if (!field->many)
		return check_single(fault, frame, node, field);
	if (node->type != RCV_ARRAY)
		return fail(fault, frame, "is not an array");
	for (const RcvNode *child = node->first; child != NULL; child = child->next)
	{
		if (!check_single(fault, &element, child, field))
			return false;
		element.index++;
	}
	return true;
}

/* Rules of the event that look at more than one field, or at the clock. */
static bool
check_event_rules(Fault *fault, const RcvPlace *frame, const RcvNode *event, time_t now)
{
	const RcvNode *type = rcv_json_get(event, "event_type");
	int64_t		timestamp;

	rcv_read_integer(rcv_json_get(event, "timestamp"), &timestamp);
	if (timestamp < OLDEST_TIMESTAMP)
		return fail_member(fault, frame, "timestamp", "is too old for epoch seconds");
	if (timestamp > now + FUTURE_SECONDS)
		return fail_member(fault, frame, "timestamp",
						   "is more than ten minutes in the future");
	if (rcv_text_is(type, "custom") && rcv_json_get(event, "custom_event") == NULL)
		return fail_member(fault, frame, "custom_event",
						   "is missing where event_type is custom");
	if (rcv_json_get(event, "value") != NULL &&
		rcv_json_get(event, "currency_code") == NULL)
		return fail_member(fault, frame, "currency_code",
						   "is missing where value is set");
	return true;
}

/* gpp_sid leaves out the header (3) and signal integrity (4) */
static bool
check_user_data_rules(Fault *fault, const RcvPlace *frame, const RcvNode *user_data)
{
	const RcvNode *sids = rcv_json_get(user_data, "gpp_sid");

	if (sids == NULL)
		return true;
	for (const RcvNode *sid = sids->first; sid != NULL; sid = sid->next)
		if (rcv_text_is(sid, "3") || rcv_text_is(sid, "4"))
			return fail_member(fault, frame, "gpp_sid",
							   "names a section that is no policy");
	return true;
}

static bool
check_object(Fault *fault, const RcvPlace *frame, const RcvNode *node, RcvObject object)
{
	int			count;
	const RcvField *fields = rcv_fields(object, &count);
	uint64_t	seen = 0;

	if (node->type != RCV_OBJECT)
		return fail(fault, frame, "is not an object");
	for (const RcvNode *child = node->first; child != NULL; child = child->next)
	{
		int			i = rcv_field_index(object, child->key, child->keylen);
		RcvPlace	member = {frame, child->key, child->keylen, 0};

		if (i < 0)
			return fail(fault, &member, "is not a field of the standard");
		if (seen >> i & 1)
			return fail(fault, &member, "is there twice");
		seen |= UINT64_C(1) << i;
		if (!check_member(fault, &member, child, &fields[i]))
			return false;
	}
	for (int i = 0; i < count; i++)
		if (fields[i].required && !(seen >> i & 1))
			return fail_member(fault, frame, fields[i].name, "is missing");
	if (object == RCV_USER_DATA)
		return check_user_data_rules(fault, frame, node);
	return true;
}

bool
rcv_check_event(const RcvNode *event, time_t now, char *reason, size_t reason_size)
{
	Fault		fault = {reason, reason_size};

	if (event->type != RCV_OBJECT)
		return fail(&fault, NULL, "event is not an object");
	return check_object(&fault, NULL, event, RCV_EVENT) &&
		check_event_rules(&fault, NULL, event, now);
}
