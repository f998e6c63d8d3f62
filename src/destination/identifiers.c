/*
 * identifiers.c
 *	  What identifies the person of an event: as digests, and kept out of places
 *	  that leave clear.
 *
 * An enrichment of somebody who may not read the outbox sees digests only.  But
 * an identifier can also get into ext or properties, where nothing is hashed: by
 * an enrichment that may read it, or by an application that emits it there.  So
 * whatever equals an identifier of the same event stays behind, wherever it came
 * from.  That is judged by value, before anything is redacted, because what is
 * redacted can no longer be compared.  A receiver undoes the escapes of JSON and of
 * URLs, so a text that has some is compared without them, too.
 *
 * Names, streets and postal codes are not looked for: many people share them, and
 * a search for "Paris" is not about Ms Paris.  Nor are identifiers that are short
 * numbers, which are prices, counts and ids of other things, too.
 *
 * No locks, no state.
 */
#include "destination/identifiers.h"

#include <string.h>

#include "destination/country.h"
#include "destination/map.h"
#include "event/ascii.h"
#include "event/digest.h"
#include "event/embedded.h"

/* Numbers with fewer digits are prices, counts and years, too. */
#define SHORT_NUMBER	7

/* A text that is shorter identifies nobody. */
#define SHORT_TEXT		3

/* ---- digests ---- */

typedef struct Hashing
{
	EcapiArena *arena;
	const EcapiField *field;	/* whose values these are */
	EcapiObject object;			/* whose members these are */
	const char *country;
	const char *default_country;
} Hashing;

static const EcapiValue *
hash_text(void *arg, const EcapiValue *value)
{
	const Hashing *hashing = arg;
	char		hex[ECAPI_HEX_SIZE];

	if (value->type == ECAPI_ARRAY)
		return ecapi_value_map(hashing->arena, value, hash_text, arg);
	if (value->type != ECAPI_STRING && value->type != ECAPI_NUMBER)
		return NULL;
	(void) ecapi_digest_field(NULL, hashing->field->rule, value->text, value->len,
							  hashing->country, hex);
	return hex[0] == '\0' ? NULL
		: ecapi_value_text(hashing->arena, ECAPI_STRING, hex, ECAPI_HEX_LEN);
}

static const EcapiValue *hash_member(void *arg, const EcapiValue *member);

/* An object, or an array of them. */
static const EcapiValue *
hash_object(void *arg, const EcapiValue *value)
{
	Hashing		inner = *(const Hashing *) arg;

	if (value->type == ECAPI_ARRAY)
		return ecapi_value_map(inner.arena, value, hash_object, arg);
	if (value->type != ECAPI_OBJECT)
		return NULL;			/* whatever it is, it was not looked into */
	if (inner.object == ECAPI_OBJ_ADDRESS)
	{
		inner.country = ecapi_country_of_address(value);
		if (inner.country == NULL)
			inner.country = inner.default_country;
	}
	return ecapi_value_map(inner.arena, value, hash_member, &inner);
}

static const EcapiValue *
hash_member(void *arg, const EcapiValue *member)
{
	Hashing		inner = *(const Hashing *) arg;

	inner.field = ecapi_field_lookup(inner.object, member->key, member->keylen);
	if (inner.field == NULL)
		return member;
	if (inner.field->privacy == ECAPI_SHA256)
		return hash_text(&inner, member);
	if (inner.field->child == ECAPI_OBJ_NONE)
		return member;
	inner.object = inner.field->child;
	return hash_object(&inner, member);
}

const EcapiValue *
ecapi_identifiers_hash(EcapiArena *arena, const EcapiValue *user_data,
					   const char *default_country)
{
	Hashing		hashing = {arena, NULL, ECAPI_OBJ_USER_DATA, NULL, default_country};

	if (user_data->type != ECAPI_OBJECT)
		return user_data;
	hashing.country = ecapi_country_of_user(user_data, default_country);
	return hash_object(&hashing, user_data);
}

/* ---- what an event's identifiers are ---- */

typedef struct Identifier
{
	const char *text;
	size_t		len;
	bool		email;
	bool		phone;
} Identifier;

/* More are rare: a person has few, and the rest is found by the last of them. */
#define FEW		16

typedef struct Identifiers
{
	int			n;
	int			room;
	Identifier *list;
	Identifier	few[FEW];
} Identifiers;

/* Digits of a text that is written as telephone numbers are; 0: it is not. */
static int
phone_digits(const char *text, size_t len)
{
	int			digits = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (ecapi_is_digit(text[i]))
			digits++;
		else if (strchr(" +-/.()", text[i]) == NULL || text[i] == '\0')
			return 0;
	}
	return digits;
}

static bool
tells_a_person(const char *text, size_t len)
{
	return len >= SHORT_TEXT && (len >= SHORT_NUMBER || !ecapi_all_digits(text, len));
}

/* False when the arena failed. */
static bool
make_room(Identifiers *identifiers, EcapiArena *arena)
{
	Identifier *more;

	if (identifiers->n < identifiers->room)
		return true;
	more = ecapi_arena_alloc(arena, sizeof(Identifier) * 2 * (size_t) identifiers->room);
	if (more == NULL)
		return false;
	memcpy(more, identifiers->list, sizeof(Identifier) * (size_t) identifiers->n);
	identifiers->list = more;
	identifiers->room *= 2;
	return true;
}

static void
add_identifier(Identifiers *identifiers, EcapiArena *arena, const EcapiValue *value)
{
	Identifier	one;

	if (value->type != ECAPI_STRING && value->type != ECAPI_NUMBER)
		return;
	one.text = value->text;
	one.len = value->len;
	ecapi_trim(&one.text, &one.len);
	if (!tells_a_person(one.text, one.len) || !make_room(identifiers, arena))
		return;
	one.email = memchr(one.text, '@', one.len) != NULL;
	one.phone = phone_digits(one.text, one.len) >= SHORT_NUMBER;
	identifiers->list[identifiers->n++] = one;
}

/* A value, or an array of them; with key, that member of each. */
static void
add_values(Identifiers *identifiers, EcapiArena *arena, const EcapiValue *value,
		   const char *key)
{
	if (value == NULL)
		return;
	if (value->type == ECAPI_ARRAY)
	{
		for (const EcapiValue *child = value->first; child; child = child->next)
			add_values(identifiers, arena, child, key);
	}
	else if (key == NULL)
		add_identifier(identifiers, arena, value);
	else if (value->type == ECAPI_OBJECT)
		add_values(identifiers, arena, ecapi_value_get(value, key), NULL);
}

static void
collect(Identifiers *identifiers, EcapiArena *arena, const EcapiValue *user_data)
{
	identifiers->n = 0;
	identifiers->room = FEW;
	identifiers->list = identifiers->few;
	add_values(identifiers, arena, ecapi_value_get(user_data, "email_address"), NULL);
	add_values(identifiers, arena, ecapi_value_get(user_data, "phone_numbers"), NULL);
	add_values(identifiers, arena, ecapi_value_get(user_data, "customer_identifier"), NULL);
	add_values(identifiers, arena, ecapi_value_get(user_data, "uids"), "id");
}

/* ---- does a text carry one? ---- */

static bool
equals(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (ecapi_lower(a[i]) != ecapi_lower(b[i]))
			return false;
	}
	return true;
}

/* Whether text contains the email address. */
static bool
contains_email(const char *text, size_t len, const Identifier *email)
{
	size_t		before = (size_t) ((const char *) memchr(email->text, '@', email->len) - email->text);
	const char *at = memchr(text, '@', len);

	while (at != NULL)
	{
		size_t		place = (size_t) (at - text);

		if (place >= before && email->len - before <= len - place &&
			equals(at - before, email->text, email->len))
			return true;
		at = memchr(at + 1, '@', len - place - 1);
	}
	return false;
}

/* Whether two texts, written as telephone numbers, are the same digits. */
static bool
same_digits(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t		i = 0;
	size_t		k = 0;

	for (;;)
	{
		while (i < alen && !ecapi_is_digit(a[i]))
			i++;
		while (k < blen && !ecapi_is_digit(b[k]))
			k++;
		if (i == alen || k == blen)
			return i == alen && k == blen;
		if (a[i++] != b[k++])
			return false;
	}
}

/* Whether a text, as it is written, is an identifier or contains an email address. */
static bool
shows_identifier(const Identifiers *identifiers, const char *text, size_t len)
{
	bool		email;
	bool		phone;

	ecapi_trim(&text, &len);
	if (!tells_a_person(text, len))
		return false;
	email = memchr(text, '@', len) != NULL;
	phone = phone_digits(text, len) >= SHORT_NUMBER;
	for (int i = 0; i < identifiers->n; i++)
	{
		const Identifier *one = &identifiers->list[i];

		if ((one->len == len && equals(one->text, text, len)) ||
			(email && one->email && contains_email(text, len, one)) ||
			(phone && one->phone && same_digits(text, len, one->text, one->len)))
			return true;
	}
	return false;
}

/*
 * The same of a text and of what its escapes hide, level by level: who reads
 * "ann%40example.com" reads the address.  Few texts have escapes, and those alone are
 * copied.  Without memory the arena says so, and nothing leaves.
 */
static bool
carries_identifier(const Identifiers *identifiers, EcapiArena *arena, const char *text, size_t len)
{
	char	   *copy;

	if (shows_identifier(identifiers, text, len))
		return true;
	if (len < SHORT_TEXT || !ecapi_embedded_has_escapes(text, len))
		return false;
	copy = ecapi_arena_copy(arena, text, len);
	if (copy == NULL)
		return false;
	for (int i = 0; i < ECAPI_EMBEDDED_LEVELS && ecapi_embedded_unescape(copy, &len); i++)
	{
		if (shows_identifier(identifiers, copy, len))
			return true;
	}
	return false;
}

/* ---- withhold ---- */

typedef struct Withholding
{
	EcapiArena *arena;
	const Identifiers *identifiers;
	EcapiObject object;			/* whose members these are; NONE: below ext */
	const EcapiField *field;	/* the innermost field around */
	void		(*left_out) (void *arg, const EcapiField *field, EcapiViolationCode reason);
	void	   *arg;
} Withholding;

static const EcapiValue *
withhold(const Withholding *withholding, const EcapiField *field)
{
	if (withholding->left_out && field)
		withholding->left_out(withholding->arg, field, ECAPI_VIOLATION_IDENTIFIER);
	return NULL;
}

static const EcapiValue *
check_child(void *arg, const EcapiValue *child)
{
	Withholding inner = *(const Withholding *) arg;

	if (child->key != NULL && inner.object != ECAPI_OBJ_NONE)
	{
		/* looked up where it matters only: this is done for every event */
		if (child->type == ECAPI_STRING || child->type == ECAPI_NUMBER)
		{
			if (!carries_identifier(inner.identifiers, inner.arena, child->text, child->len))
				return child;
			return withhold(&inner, ecapi_field_lookup(inner.object, child->key, child->keylen));
		}
		if (child->type != ECAPI_ARRAY && child->type != ECAPI_OBJECT)
			return child;
		inner.field = ecapi_field_lookup(inner.object, child->key, child->keylen);
		if (inner.field == NULL)
			return child;
		inner.object = inner.field->child;
		return ecapi_value_map(inner.arena, child, check_child, &inner);
	}
	if (child->key != NULL && carries_identifier(inner.identifiers, inner.arena, child->key, child->keylen))
		return withhold(&inner, inner.field);
	if (child->type == ECAPI_STRING || child->type == ECAPI_NUMBER)
		return !carries_identifier(inner.identifiers, inner.arena, child->text, child->len) ? child
			: withhold(&inner, inner.field);
	return ecapi_value_map(inner.arena, child, check_child, &inner);
}

/* A member of the event or of user_data, and all that is below it. */
static const EcapiValue *
check_member(const Withholding *withholding, EcapiObject object, const EcapiValue *holder,
			 const char *name)
{
	const EcapiValue *member = ecapi_value_get(holder, name);
	const EcapiValue *checked;
	Withholding inner = *withholding;

	if (member == NULL || (member->type != ECAPI_OBJECT && member->type != ECAPI_ARRAY))
		return holder;
	inner.field = ecapi_field_lookup(object, name, strlen(name));
	inner.object = inner.field->child;
	checked = ecapi_value_map(inner.arena, member, check_child, &inner);
	return checked == member ? holder
		: ecapi_value_with(inner.arena, holder, name, checked);
}

/* The ext of each object of a list, or of the one that stands for it. */
static const EcapiValue *
check_ext_of(void *arg, const EcapiValue *value)
{
	const Withholding *withholding = arg;

	if (value->type == ECAPI_ARRAY)
		return ecapi_value_map(withholding->arena, value, check_ext_of, arg);
	if (value->type != ECAPI_OBJECT)
		return value;
	return check_member(withholding, withholding->object, value, "ext");
}

static const EcapiValue *
check_user_data(Withholding *withholding, const EcapiValue *user_data)
{
	static const char *const names[] = {"uids", "address"};

	user_data = check_member(withholding, ECAPI_OBJ_USER_DATA, user_data, "customer_segments");
	user_data = check_member(withholding, ECAPI_OBJ_USER_DATA, user_data, "ext");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const EcapiValue *list = ecapi_value_get(user_data, names[i]);
		const EcapiValue *checked;

		if (list == NULL)
			continue;
		withholding->object = ecapi_field_lookup(ECAPI_OBJ_USER_DATA, names[i],
												 strlen(names[i]))->child;
		checked = check_ext_of(withholding, list);
		if (checked != list)
			user_data = ecapi_value_with(withholding->arena, user_data, names[i], checked);
	}
	return user_data;
}

const EcapiValue *
ecapi_identifiers_withhold(EcapiArena *arena, const EcapiValue *event,
						   void (*left_out) (void *arg, const EcapiField *field,
											 EcapiViolationCode reason),
						   void *arg)
{
	const EcapiValue *user_data = ecapi_value_get(event, "user_data");
	const EcapiValue *checked;
	Identifiers identifiers;
	Withholding withholding = {arena, &identifiers, ECAPI_OBJ_NONE, NULL, left_out, arg};

	if (user_data == NULL || user_data->type != ECAPI_OBJECT)
		return event;
	collect(&identifiers, arena, user_data);
	if (identifiers.n == 0)
		return event;
	event = check_member(&withholding, ECAPI_OBJ_EVENT, event, "properties");
	event = check_member(&withholding, ECAPI_OBJ_EVENT, event, "ext");
	checked = check_user_data(&withholding, user_data);
	return checked == user_data ? event : ecapi_value_with(arena, event, "user_data", checked);
}
