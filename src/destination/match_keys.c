/*
 * match_keys.c
 *	  Match keys: what of user_data a platform recognises a person by, in its own forms.
 *
 * Invariants
 *	(1) An identifier leaves by the rule that identity.def has for it, and no other way.
 *	(2) What repeats in an array is written once.
 *
 * No I/O, no state, no memory but the body's.
 */
#include "destination/match_keys.h"

#include <string.h>

#include "destination/country.h"
#include "destination/member.h"
#include "event/ascii.h"
#include "event/scan.h"

/* Elements of an array that later ones are compared with; a person has one or two. */
#define COMPARED	32

#define USER_DATA	"user_data."

const char *const ecapi_app_os_words[] = {"ios", "android", NULL};

void
ecapi_match_begin(EcapiMatchKeys *keys, EcapiShape *shape, EcapiWriter *writer,
				  const EcapiValue *user)
{
	memset(keys, 0, sizeof(*keys));
	if (shape->identified == ECAPI_IDENTIFIED_UNSEEN)
		shape->identified = ECAPI_IDENTIFIED_NOT;
	keys->shape = shape;
	keys->writer = writer;
	keys->rules = shape->format->name;
	keys->data = user;
	keys->ext = ecapi_member_object(user, "ext");
	keys->clicks = ecapi_member_object(keys->ext, "click_ids");
	keys->country = user ? ecapi_country_of_user(user, shape->default_country)
		: shape->default_country;
}

/*
 * ---- forms ----
 */

static void
leave_out(const EcapiMatchKeys *keys, const char *path, EcapiViolationCode reason)
{
	if (keys->shape->left_out)
		keys->shape->left_out(keys->shape->arg, ecapi_field_named(path, strlen(path)), reason);
}

/* The form of one value; false when it has none. */
static bool
form_of(EcapiMatchKeys *keys, const EcapiIdentityRule *rule, const EcapiValue *value,
		const char *country, EcapiIdentityForm *form)
{
	EcapiViolationCode reason;

	if (value->type != ECAPI_STRING && value->type != ECAPI_NUMBER)
	{
		if (value->type != ECAPI_NULL)
			leave_out(keys, rule->field, ECAPI_VIOLATION_TYPE);
		return false;
	}
	if (ecapi_identity_form(rule, keys->shape->digests, value->text, value->len, country,
							form, &reason))
	{
		if (ecapi_identity_tells_person(rule))
			ecapi_match_known(keys);
		return true;
	}
	if (form->result == ECAPI_NORMALIZED_NO_MEMORY)
		ecapi_buffer_fail(keys->writer->body);
	else if (form->result != ECAPI_NORMALIZED_EMPTY)
		leave_out(keys, rule->field, reason);
	return false;
}

/* A value or an array of them; false: take wants no more. */
static bool
each_value(EcapiMatchKeys *keys, const EcapiIdentityRule *rule, const EcapiValue *value,
		   const char *country, bool (*take) (void *arg, const EcapiIdentityForm *form),
		   void *arg)
{
	EcapiIdentityForm form;

	for (const EcapiValue *one = ecapi_member_first(value); one;
		 one = ecapi_member_next(value, one))
	{
		if (form_of(keys, rule, one, country, &form) && !take(arg, &form))
			return false;
	}
	return true;
}

/* The same of a member of an address, or of a uid. */
static bool
each_member(EcapiMatchKeys *keys, const EcapiIdentityRule *rule, const EcapiValue *object,
			const char *member, bool (*take) (void *arg, const EcapiIdentityForm *form),
			void *arg)
{
	const char *country;

	if (object->type != ECAPI_OBJECT)
		return true;
	country = ecapi_country_of_address(object);
	return each_value(keys, rule, ecapi_value_get(object, member),
					  country ? country : keys->shape->default_country, take, arg);
}

static void
each_by_rule(EcapiMatchKeys *keys, const EcapiIdentityRule *rule,
			 bool (*take) (void *arg, const EcapiIdentityForm *form), void *arg)
{
	const char *name = rule ? rule->field + strlen(USER_DATA) : "";
	const char *member = strchr(name, '.');
	const EcapiValue *list;

	if (rule == NULL || keys->data == NULL)
		return;
	if (member == NULL)
	{
		(void) each_value(keys, rule, ecapi_value_get(keys->data, name), keys->country, take, arg);
		return;
	}
	list = ecapi_value_get(keys->data, strncmp(name, "uids.", 5) == 0 ? "uids" : "address");
	for (const EcapiValue *object = ecapi_member_first(list); object;
		 object = ecapi_member_next(list, object))
	{
		if (!each_member(keys, rule, object, member + 1, take, arg))
			return;
	}
}

bool
ecapi_match_form(EcapiMatchKeys *keys, const char *path, const EcapiValue *value,
				 EcapiIdentityForm *form)
{
	const EcapiIdentityRule *rule = ecapi_identity_rule(keys->rules, path);

	return rule != NULL && value != NULL && form_of(keys, rule, value, keys->country, form);
}

void
ecapi_match_each(EcapiMatchKeys *keys, const char *path,
				 bool (*take) (void *arg, const EcapiIdentityForm *form), void *arg)
{
	each_by_rule(keys, ecapi_identity_rule(keys->rules, path), take, arg);
}

/*
 * ---- writing them ----
 */

/* Each form of a key's field, by the rule for the key's name. */
static void
each_of_key(EcapiMatchKeys *keys, const EcapiMatchKey *key,
			bool (*take) (void *arg, const EcapiIdentityForm *form), void *arg)
{
	each_by_rule(keys, ecapi_identity_rule_as(keys->rules, key->path, key->name), take, arg);
}

/* What is written at the moment, for take. */
typedef struct Written
{
	EcapiMatchKeys *keys;
	const EcapiMatchKey *key;
	bool		done;			/* of a text: it has its value */
	int			n;				/* of an array: its elements, and where they begin */
	size_t		starts[COMPARED];
} Written;

static bool
write_text(void *arg, const EcapiIdentityForm *form)
{
	Written    *written = arg;

	ecapi_write_text_len(written->keys->writer, written->key->name, form->text, form->len);
	written->keys->has |= written->key->has;
	written->done = true;
	return false;
}

/* Whether the element from start to the end of the body stands there already. */
static bool
stands_there(const Written *written, size_t start)
{
	const EcapiBuffer *body = written->keys->writer->body;
	size_t		len = body->len - start;

	for (int i = 0; i < written->n; i++)
	{
		/* the closing quote is part of it, so none is the beginning of another */
		if (written->starts[i] + len < start &&
			memcmp(body->data + written->starts[i], body->data + start, len) == 0)
			return true;
	}
	return false;
}

static bool
write_element(void *arg, const EcapiIdentityForm *form)
{
	Written    *written = arg;
	EcapiWriter *writer = written->keys->writer;
	EcapiBuffer *body = writer->body;
	size_t		before = body->len;
	size_t		start = before + (writer->any ? 1 : 0);

	ecapi_write_text_len(writer, NULL, form->text, form->len);
	written->keys->has |= written->key->has;
	if (body->full || body->failed)
		return false;
	if (stands_there(written, start))
		ecapi_buffer_truncate(body, before);
	else if (written->n < COMPARED)
		written->starts[written->n++] = start;
	return true;
}

/* Neighbours of one name from table[i] on, as one array; returns the next. */
static int
write_array(EcapiMatchKeys *keys, const EcapiMatchKey *table, int n, int i)
{
	const char *name = table[i].name;
	EcapiOpen	open = ecapi_write_open(keys->writer, name, '[');
	Written		written;

	written.keys = keys;
	written.n = 0;
	for (; i < n && strcmp(table[i].name, name) == 0; i++)
	{
		written.key = &table[i];
		each_of_key(keys, &table[i], write_element, &written);
	}
	(void) ecapi_write_close(keys->writer, open, ']', false);
	return i;
}

/* The first of neighbours of one name that has a form; returns the next name's. */
static int
write_one(EcapiMatchKeys *keys, const EcapiMatchKey *table, int n, int i)
{
	const char *name = table[i].name;
	Written		written;

	written.keys = keys;
	written.done = false;
	for (; i < n && strcmp(table[i].name, name) == 0; i++)
	{
		written.key = &table[i];
		if (!written.done)
			each_of_key(keys, &table[i], write_text, &written);
	}
	return i;
}

void
ecapi_match_write(EcapiMatchKeys *keys, const EcapiMatchKey *table, int n, bool many)
{
	int			i = 0;

	while (i < n)
		i = many ? write_array(keys, table, n, i) : write_one(keys, table, n, i);
}

static void
write_address(EcapiMatchKeys *keys, const EcapiMatchKey *table, int n,
			  const EcapiValue *address)
{
	EcapiOpen	open = ecapi_write_open(keys->writer, NULL, '{');
	Written		written;

	written.keys = keys;
	for (int i = 0; i < n; i++)
	{
		const EcapiIdentityRule *rule = ecapi_identity_rule(keys->rules, table[i].path);

		written.key = &table[i];
		if (rule != NULL)
			(void) each_member(keys, rule, address, strrchr(table[i].path, '.') + 1,
							   write_text, &written);
	}
	(void) ecapi_write_close(keys->writer, open, '}', false);
}

void
ecapi_match_addresses(EcapiMatchKeys *keys, const char *name, const EcapiMatchKey *table, int n)
{
	const EcapiValue *list = ecapi_value_get(keys->data, "address");
	EcapiOpen	open = ecapi_write_open(keys->writer, name, '[');

	for (const EcapiValue *address = ecapi_member_first(list); address;
		 address = ecapi_member_next(list, address))
		write_address(keys, table, n, address);
	(void) ecapi_write_close(keys->writer, open, ']', false);
}

void
ecapi_match_clear(EcapiMatchKeys *keys, const char *name, const EcapiValue *value,
				  unsigned has)
{
	if (value == NULL)
		return;
	ecapi_write_text_len(keys->writer, name, value->text, value->len);
	keys->has |= has;
}

void
ecapi_match_own_id(EcapiMatchKeys *keys, const char *name, const EcapiValue *value,
				   unsigned has)
{
	ecapi_match_clear(keys, name, value, has);
	if (value != NULL)
		ecapi_match_known(keys);
}

/*
 * ---- what leaves as it is ----
 */

const EcapiValue *
ecapi_match_cookie(const EcapiMatchKeys *keys, const char *name)
{
	return ecapi_member_text(keys->clicks, name);
}

const EcapiValue *
ecapi_match_click(const EcapiMatchKeys *keys, const char *name)
{
	const EcapiValue *click = ecapi_match_cookie(keys, name);

	if (click != NULL)
		return click;
	click = ecapi_member_text(keys->data, "click_id");
	if (click == NULL || keys->clicks == NULL)
		return click;
	/* the standard has one id for all platforms: this may be another's */
	for (const EcapiValue *other = keys->clicks->first; other; other = other->next)
	{
		if (other->type == ECAPI_STRING && strcmp(other->text, click->text) == 0)
			return NULL;
	}
	return click;
}

const EcapiValue *
ecapi_match_ip(const EcapiMatchKeys *keys)
{
	static const char *const names[] = {"event_ip_address", "landing_ip_address"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const EcapiValue *address = ecapi_member_text(keys->data, names[i]);

		if (address != NULL && ecapi_scan_ip(address->text, address->len))
			return address;
	}
	return NULL;
}

const EcapiValue *
ecapi_match_agent(const EcapiMatchKeys *keys)
{
	const EcapiValue *agent = ecapi_member_text(keys->data, "event_user_agent");

	return agent ? agent : ecapi_member_text(keys->data, "landing_user_agent");
}

bool
ecapi_match_is_id(const char *text, size_t len)
{
	return len > 0 && len <= ECAPI_MATCH_ID_MAX && ecapi_all_alphanumeric(text, len, "-_.");
}

const EcapiValue *
ecapi_match_id(const EcapiValue *text)
{
	return text && ecapi_match_is_id(text->text, text->len) ? text : NULL;
}

const EcapiValue *
ecapi_match_ifa(const EcapiMatchKeys *keys)
{
	return ecapi_match_id(ecapi_member_text(keys->data, "ifa"));
}

const char *
ecapi_match_lower(const EcapiValue *id, char lower[ECAPI_MATCH_ID_MAX + 1])
{
	size_t		i;

	for (i = 0; i < id->len && i < ECAPI_MATCH_ID_MAX; i++)
		lower[i] = ecapi_lower(id->text[i]);
	lower[i] = '\0';
	return lower;
}
