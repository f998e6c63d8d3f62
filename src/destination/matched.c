/*
 * matched.c
 *	  Which identifiers of its person an event carries to a destination, and what they are
 *	  worth to find that person by.
 *
 * No format is asked: a request is made with an identifier and without it, and where the
 * two differ, it is carried.  So this holds for every format and each of its options, and
 * cannot say anything else than what is sent.
 *
 * What a destination takes at all is found out with an event of its own, in which
 * identifiers of nobody stand in place of the person's: each alone, because one can hide
 * another (a cookie the id that it wraps); each beside those that platforms want before
 * they take an event, and beside all of these but one; and all but one, because some
 * leave only together (the parts of an address).
 *
 * What an event carries is found by leaving out one after the other, from the end of the
 * table on.  What makes no difference stays out, so of two that stand for each other (an
 * id that stands there twice) one is carried, not none.
 *
 * Points.  No platform says how it gets from identifiers to its score, and part of it is
 * how many persons it knows, which is not in the event.  So the rule here is plain: each
 * kind of identifier has the points of the table, an event has at most ten, and at a platform
 * that takes less than ten points' worth the figure is in proportion.
 *
 * No locks, no state, no I/O.
 */
#include "postgres.h"

#include "destination/matched.h"

#include "destination/map.h"
#include "event/click_ids.h"

#define USER	"user_data."
#define ADDRESS	USER "address."

/* The ids of sessions tell nothing of a person, and are no row that is ever taken. */
#define SESSION_KIND	ECAPI_MATCH_KINDS

#define KIND_CLICK		ECAPI_MATCH_CLICK
#define KIND_BROWSER	ECAPI_MATCH_BROWSER
#define KIND_SESSION	SESSION_KIND

static const EcapiMatchable matchables[] = {
	{USER "email_address", ECAPI_MATCH_EMAIL},
	{USER "phone_numbers", ECAPI_MATCH_PHONE},
	{USER "customer_identifier", ECAPI_MATCH_CUSTOMER},
	{USER "uids.id", ECAPI_MATCH_CUSTOMER},
#define ECAPI_CLICK_ID(key, platform, parameter, cookie, kind, wrapped, ...) \
	{ECAPI_CLICK_IDS_PATH #key, KIND_##kind},
#include "event/click_ids.def"
#undef ECAPI_CLICK_ID
	{USER "click_id", ECAPI_MATCH_CLICK},
	{USER "ifa", ECAPI_MATCH_DEVICE},
	{ADDRESS "first_name", ECAPI_MATCH_NAME},
	{ADDRESS "last_name", ECAPI_MATCH_NAME},
	{ADDRESS "postal_code", ECAPI_MATCH_PLACE},
	{ADDRESS "city", ECAPI_MATCH_PLACE},
	{ADDRESS "street", ECAPI_MATCH_OTHER},
	{ADDRESS "state", ECAPI_MATCH_OTHER},
	{ADDRESS "country_code", ECAPI_MATCH_OTHER},
	{USER "gender", ECAPI_MATCH_OTHER},
	{USER "event_ip_address", ECAPI_MATCH_NETWORK},
	{USER "event_user_agent", ECAPI_MATCH_NETWORK},
	{USER "landing_ip_address", ECAPI_MATCH_NETWORK},
	{USER "landing_user_agent", ECAPI_MATCH_NETWORK}
};

#define NMATCHABLES	((int) (sizeof(matchables) / sizeof(matchables[0])))

StaticAssertDecl(NMATCHABLES < 64, "a set is a number of 64 bits");

static const struct
{
	const char *name;
	int			points;
}			kinds[ECAPI_MATCH_KINDS] = {
	[ECAPI_MATCH_OTHER] = {NULL, 0},
	[ECAPI_MATCH_EMAIL] = {"email address", 4},
	[ECAPI_MATCH_PHONE] = {"telephone number", 3},
	[ECAPI_MATCH_CUSTOMER] = {"customer id", 2},
	[ECAPI_MATCH_CLICK] = {"click id", 3},
	[ECAPI_MATCH_DEVICE] = {"device id", 2},
	[ECAPI_MATCH_BROWSER] = {"browser id", 2},
	[ECAPI_MATCH_NAME] = {"name", 1},
	[ECAPI_MATCH_PLACE] = {"postal code or city", 1},
	[ECAPI_MATCH_NETWORK] = {"IP address and browser", 1}
};

const EcapiMatchable *
ecapi_matchable_nth(int i)
{
	return i >= 0 && i < NMATCHABLES ? &matchables[i] : NULL;
}

const char *
ecapi_match_kind_name(EcapiMatchKind kind)
{
	return kinds[kind].name;
}

int
ecapi_match_kind_points(EcapiMatchKind kind)
{
	return kinds[kind].points;
}

static EcapiMatchSet
bit(int i)
{
	return UINT64CONST(1) << i;
}

/* ---- identifiers in a tree ---- */

/* The first step of a path: its name; returns what is behind it, NULL: nothing. */
static const char *
first_step(const char *path, char *name, size_t size)
{
	const char *point = strchr(path, '.');
	size_t		len = point ? (size_t) (point - path) : strlen(path);

	if (len >= size)
		len = size - 1;
	memcpy(name, path, len);
	name[len] = '\0';
	return point ? point + 1 : NULL;
}

#define STEP_SIZE	32

static bool
has_path(const EcapiValue *value, const char *path)
{
	char		name[STEP_SIZE];
	const char *rest;

	if (value == NULL || value->type == ECAPI_NULL)
		return false;
	if (value->type == ECAPI_ARRAY)
	{
		for (const EcapiValue *one = value->first; one; one = one->next)
			if (has_path(one, path))
				return true;
		return false;
	}
	if (path == NULL)
		return value->type != ECAPI_STRING || value->len > 0;
	if (value->type != ECAPI_OBJECT)
		return false;
	rest = first_step(path, name, sizeof(name));
	return has_path(ecapi_value_get(value, name), rest);
}

/* What is being done to a tree. */
typedef struct Change
{
	EcapiArena *arena;
	const char *path;
} Change;

static const EcapiValue *without(EcapiArena *arena, const EcapiValue *value, const char *path);

static const EcapiValue *
element_without(void *arg, const EcapiValue *element)
{
	const Change *change = arg;

	return without(change->arena, element, change->path);
}

/* A value without what stands at a path in it, of arrays in each of their elements. */
static const EcapiValue *
without(EcapiArena *arena, const EcapiValue *value, const char *path)
{
	Change		change = {arena, path};
	const EcapiValue *member;
	char		name[STEP_SIZE];
	const char *rest;

	if (value->type == ECAPI_ARRAY)
		return ecapi_value_map(arena, value, element_without, &change);
	if (value->type != ECAPI_OBJECT)
		return value;
	rest = first_step(path, name, sizeof(name));
	member = ecapi_value_get(value, name);
	if (member == NULL)
		return value;
	return ecapi_value_with(arena, value, member->key,
							rest ? without(arena, member, rest) : NULL);
}

/* The same with a text at the path; objects on the way are made, and none is an array. */
static const EcapiValue *
with_text(EcapiArena *arena, const EcapiValue *object, const char *path, const char *text)
{
	char		name[STEP_SIZE];
	const char *rest = first_step(path, name, sizeof(name));
	const EcapiValue *member;
	char	   *key;

	if (object == NULL || object->type != ECAPI_OBJECT)
		object = ecapi_value_new(arena, ECAPI_OBJECT);
	key = ecapi_arena_copy(arena, name, strlen(name));
	if (object == NULL || key == NULL)
		return object;
	member = rest ? with_text(arena, ecapi_value_get(object, name), rest, text) :
		ecapi_value_text(arena, ECAPI_STRING, text, strlen(text));
	return member ? ecapi_value_with(arena, object, key, member) : object;
}

/* ---- requests ---- */

/* The request of one event, as bytes: nothing of an event that is not taken. */
static void
shape_alone(EcapiBody *body, EcapiArena *arena, const EcapiValue *event)
{
	EcapiShape *shape = &body->shape;
	const char *reason;

	ecapi_buffer_truncate(&body->buffer, 0);
	ecapi_body_open(body);
	if (shape->format->key && !shape->format->key(shape->options, event, &shape->key))
	{
		ecapi_buffer_fail(&body->buffer);
		return;
	}
	if (shape->format->add(shape, arena, event, &body->buffer, &reason) != ECAPI_SHAPED ||
		body->buffer.full)
	{
		if (!body->buffer.failed)
			ecapi_buffer_truncate(&body->buffer, 0);
		return;
	}
	shape->events++;
	(void) ecapi_body_close(body);
}

static bool
is_same(const EcapiBody *a, const EcapiBody *b)
{
	return a->buffer.len == b->buffer.len &&
		(a->buffer.len == 0 || memcmp(a->buffer.data, b->buffer.data, a->buffer.len) == 0);
}

/* Whether an event makes another request than the one in matching->body. */
static bool
differs(EcapiMatching *matching, EcapiArena *arena, const EcapiValue *event)
{
	shape_alone(&matching->other, arena, event);
	return !is_same(&matching->body, &matching->other);
}

static void
begin(EcapiMatching *matching)
{
	matching->body.shape.left_out = NULL;
	matching->other.shape = matching->body.shape;
}

/* ---- what is taken ---- */

/* What stands for an identifier of a person: of nobody, in a form that every platform takes. */
static const char *
sample_of(const char *path)
{
	static const struct
	{
		const char *end;
		const char *text;
	}			samples[] = {
		{".email_address", "nobody@example.com"},
		{".phone_numbers", "+14155550101"},
		{".first_name", "Ann"},
		{".last_name", "Smith"},
		{".street", "1 Main Street"},
		{".city", "Springfield"},
		{".state", "CA"},
		{".country_code", "US"},
		{".postal_code", "94105"},
		{".gender", "f"},
		{".click_id", "0123456789abcdef0123456789abcde2"},
		{".ifa", "f1a2b3c4-0000-4000-8000-00000000abc1"},
		{".event_ip_address", "203.0.113.7"},
		{".landing_ip_address", "203.0.113.8"},
		{".event_user_agent", "Mozilla/5.0"},
		{".landing_user_agent", "Mozilla/5.1"},
		{".fbc", "fb.1.1789999000000.AbC1"},
		{".fbp", "fb.1.1789999000000.1234561"}
	};
	const char *end = strrchr(path, '.');

	for (size_t i = 0; i < lengthof(samples); i++)
		if (strcmp(samples[i].end, end) == 0)
			return samples[i].text;
	return "0123456789abcdef0123456789abcde1";
}

/* Those that make another request of an event that lacks them. */
static EcapiMatchSet
taken_beside(EcapiMatching *matching, EcapiArena *arena, const EcapiValue *event)
{
	EcapiMatchSet taken = 0;

	shape_alone(&matching->body, arena, event);
	for (int i = 0; i < NMATCHABLES; i++)
		if (!has_path(event, matchables[i].path) &&
			differs(matching, arena, with_text(arena, event, matchables[i].path,
											   sample_of(matchables[i].path))))
			taken |= bit(i);
	return taken;
}

EcapiMatchSet
ecapi_match_taken(EcapiMatching *matching, EcapiArena *arena, const EcapiValue *event)
{
	static const char *const wanted[] = {
		USER "email_address", USER "event_ip_address", USER "event_user_agent",
		ECAPI_CLICK_IDS_PATH "ga_client_id", ECAPI_CLICK_IDS_PATH "ga_app_instance_id"
	};
	const EcapiValue *none = event;
	const EcapiValue *all;
	const EcapiValue *few;
	EcapiMatchSet taken = 0;

	begin(matching);
	/* the address as a whole: what stays of one that is an array is no place for samples */
	none = without(arena, none, USER "address");
	none = without(arena, none, USER "uids");
	for (int i = 0; i < NMATCHABLES; i++)
		none = without(arena, none, matchables[i].path);
	all = few = none;
	for (int i = 0; i < NMATCHABLES; i++)
		all = with_text(arena, all, matchables[i].path, sample_of(matchables[i].path));
	for (size_t i = 0; i < lengthof(wanted); i++)
		few = with_text(arena, few, wanted[i], sample_of(wanted[i]));
	if (arena->failed)
		return 0;
	taken = taken_beside(matching, arena, none) | taken_beside(matching, arena, few);
	for (size_t i = 0; i < lengthof(wanted); i++)
		taken |= taken_beside(matching, arena, without(arena, few, wanted[i]));
	shape_alone(&matching->body, arena, all);
	for (int i = 0; i < NMATCHABLES; i++)
		if ((taken & bit(i)) == 0 && differs(matching, arena, without(arena, all, matchables[i].path)))
			taken |= bit(i);
	for (int i = 0; i < NMATCHABLES; i++)
		if (matchables[i].kind == SESSION_KIND)
			taken &= ~bit(i);
	return taken;
}

/* ---- what an event carries ---- */

EcapiMatchSet
ecapi_match_present(const EcapiValue *event, EcapiMatchSet taken)
{
	EcapiMatchSet present = 0;

	for (int i = 0; i < NMATCHABLES; i++)
		if ((taken & bit(i)) != 0 && has_path(event, matchables[i].path))
			present |= bit(i);
	return present;
}

EcapiMatchSet
ecapi_match_carried(EcapiMatching *matching, EcapiArena *arena, const EcapiValue *event,
					EcapiMatchSet taken)
{
	EcapiMatchSet present = ecapi_match_present(event, taken);
	EcapiMatchSet carried = 0;

	begin(matching);
	shape_alone(&matching->body, arena, event);
	for (int i = NMATCHABLES - 1; i >= 0 && matching->body.buffer.len > 0; i--)
	{
		const EcapiValue *less;

		if ((present & bit(i)) == 0)
			continue;
		less = without(arena, event, matchables[i].path);
		if (differs(matching, arena, less))
			carried |= bit(i);
		else
			event = less;
	}
	return carried;
}

/* ---- points ---- */

static bool
ends_with(const char *path, const char *end)
{
	size_t		len = strlen(path);

	return len >= strlen(end) && strcmp(path + len - strlen(end), end) == 0;
}

/* Identifiers of a kind whose paths end so. */
static EcapiMatchSet
of_kind(EcapiMatchKind kind, const char *end)
{
	EcapiMatchSet set = 0;

	for (int i = 0; i < NMATCHABLES; i++)
		if (matchables[i].kind == kind && ends_with(matchables[i].path, end))
			set |= bit(i);
	return set;
}

/* Whether it has one of these, where any of them is taken. */
static bool
has_part(EcapiMatchSet set, EcapiMatchSet taken, EcapiMatchSet part)
{
	return (taken & part) == 0 || (set & part) != 0;
}

bool
ecapi_match_has_kind(EcapiMatchSet set, EcapiMatchSet taken, EcapiMatchKind kind)
{
	if ((set & taken & of_kind(kind, "")) == 0)
		return false;
	if (kind == ECAPI_MATCH_NAME)
		return has_part(set, taken, of_kind(kind, "first_name")) &&
			has_part(set, taken, of_kind(kind, "last_name"));
	if (kind == ECAPI_MATCH_NETWORK)
		return has_part(set, taken, of_kind(kind, "ip_address")) &&
			has_part(set, taken, of_kind(kind, "user_agent"));
	return true;
}

static int
sum_points(EcapiMatchSet set, EcapiMatchSet taken, EcapiMatchKind more)
{
	int			points = 0;

	for (EcapiMatchKind kind = ECAPI_MATCH_OTHER; kind < ECAPI_MATCH_KINDS; kind++)
		if (kind == more || ecapi_match_has_kind(set, taken, kind))
			points += kinds[kind].points;
	return points < ECAPI_MATCH_POINTS ? points : ECAPI_MATCH_POINTS;
}

int
ecapi_match_points(EcapiMatchSet set, EcapiMatchSet taken)
{
	return sum_points(set, taken, ECAPI_MATCH_OTHER);
}

double
ecapi_match_score(EcapiMatchSet set, EcapiMatchSet taken, EcapiMatchKind more)
{
	int			most = ecapi_match_points(taken, taken);
	int			points = sum_points(set, taken, more);

	return most == 0 ? 0 : (double) ECAPI_MATCH_POINTS * (points < most ? points : most) / most;
}
