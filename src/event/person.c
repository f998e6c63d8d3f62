/*
 * person.c
 *	  Whether an event is about a person, known by one identifier in any of its forms.
 *
 * Everything is compared as SHA-256 digests, because an identifier may be given
 * as one, and an event may hold one.  An identifier stands for the set of digests
 * that its forms have; an event yields the digests of its identifying values, each
 * by the rule of its field.  They meet when one digest is in both.
 *
 * Beside the standard's forms stand those of platforms, since a digest may have
 * come back from one of them, or been made for one: telephone numbers without "+"
 * (Meta, Pinterest, Snap), identifiers without white space (Meta), and mailboxes of Gmail
 * without dots and "+suffix" (Google), which are one mailbox however they are written,
 * at gmail.com and at googlemail.com, and ids of devices in capitals (Reddit).  Each form
 * of destination/identity.def for a field that identifies is among them, which its test
 * asks of every line.
 *
 * Some forms are loose: Microsoft's of an address drops what tells "a.b@" from "ab@", who are
 * two persons, and Reddit's also what tells "a_b@".  They meet digests alone, since what is given clear tells them apart
 * (give_loose).
 *
 * An identifier may stand in a longer text ("Ann <ann@example.com>", the query of a
 * URL), and escaped in it.  Texts are cut where an identifier cannot go on, escapes are
 * taken out level by level (embedded.c), and each piece is compared as a whole: what
 * is a part of a longer identifier is somebody else's.  In prose only pieces with a
 * digit or "@" are compared: a customer's "ann" would be a word of any text.  Of an
 * event only what identifies is searched, and the address of the page, whose query
 * often names the visitor.
 *
 * What identifies a person alone is listed below.  Names, addresses, IP
 * addresses, user agents and gender do not: they are shared by many.  Nor do
 * those of click_ids that are a time (click_ids.def).
 *
 * A telephone number that names no country is read by each country that the
 * event's addresses name, where they name none by the one given.  One that has no
 * certain form is compared as it was written.
 *
 * Recursion is as deep as the tree, which its makers bound.
 */
#include "event/person.h"

#include <stdio.h>
#include <string.h>

#include "event/ascii.h"
#include "event/click_ids.h"
#include "event/codes.h"
#include "event/embedded.h"
#include "event/mailbox.h"

/* How the texts of a field are compared. */
typedef enum Kind
{
	KIND_IDENTIFIER,			/* trim, lower case; of Gmail the mailbox, too */
	KIND_PHONE,
	KIND_EXACT					/* as it is: they differ by case, too */
} Kind;

/* Members of user_data; each a text, or an array of texts. */
static const struct
{
	const char *key;
	Kind		kind;
}			identifying[] =
{
	{"customer_identifier", KIND_IDENTIFIER},
	{"email_address", KIND_IDENTIFIER},
	{"phone_numbers", KIND_PHONE},
	{"ifa", KIND_IDENTIFIER},
	{"click_id", KIND_EXACT},
	{"impression_id", KIND_EXACT},
};

#define NIDENTIFYING	((int) (sizeof(identifying) / sizeof(identifying[0])))

/* Forms of identifiers at platforms, beside those of Gmail. */
static const EcapiRule platform_rules[] = {
	ECAPI_RULE_IDENTIFIER_COMPACT,
	ECAPI_RULE_DEVICE_UPPER,
};

/* Those that several persons may share. */
static const EcapiRule loose_rules[] = {
	ECAPI_RULE_EMAIL_PLAIN,
	ECAPI_RULE_EMAIL_ALNUM,
	ECAPI_RULE_EMAIL_LETTERS,
};

/* Numbers with fewer digits are prices, counts and years, too. */
#define SHORT_NUMBER	7

/* Countries of one event's addresses that are tried. */
#define MAX_COUNTRIES	4

/* A piece of a text that is shorter identifies nobody. */
#define MIN_PIECE		3

typedef struct Walk
{
	EcapiPersonFound found;
	void	   *arg;
	EcapiArena *arena;			/* of texts without their escapes; NULL: none are */
	int			ncountries;
	const char *countries[MAX_COUNTRIES];
	bool		given;			/* the text is what somebody gave, and of no event */
} Walk;

/* ---- forms ---- */

/* Hand on the digest of some bytes. */
static bool
give(const Walk *walk, const char *text, size_t len)
{
	char		hex[ECAPI_HEX_SIZE];

	return walk->found(walk->arg, ecapi_sha256(text, len, hex) ? hex : NULL);
}

/* The other forms of a mailbox of Gmail: plain and as written, at each domain. */
static bool
give_gmail(const Walk *walk, const char *text, size_t len)
{
	size_t		local;

	if (!ecapi_mailbox_is_gmail((EcapiSpan) {text, len}, &local))
		return false;
	for (int form = 0; form < 2 * ECAPI_GMAIL_DOMAINS; form++)
	{
		char		memory[ECAPI_NORMALIZED_MAX + sizeof("@googlemail.com")];
		EcapiBuffer mailbox;

		ecapi_buffer_over(&mailbox, memory, sizeof(memory));
		if (form < ECAPI_GMAIL_DOMAINS)
			ecapi_mailbox_add_plain(&mailbox, (EcapiSpan) {text, local});
		else
			ecapi_buffer_add(&mailbox, text, local);
		if (mailbox.len == 0)
			continue;
		ecapi_buffer_str(&mailbox, ecapi_mailbox_gmail_domain(form % ECAPI_GMAIL_DOMAINS));
		if (mailbox.len == len && memcmp(mailbox.data, text, len) == 0)
			continue;
		if (give(walk, mailbox.data, mailbox.len))
			return true;
	}
	return false;
}

/* The forms of platforms for an identifier that is normal, where they differ from it. */
static bool
give_platform_forms(const Walk *walk, const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(platform_rules) / sizeof(platform_rules[0]); i++)
	{
		char		memory[ECAPI_NORMALIZED_MAX];
		EcapiBuffer form;
		EcapiNormalized result;

		ecapi_buffer_over(&form, memory, sizeof(memory));
		result = ecapi_normalize(platform_rules[i], text, len, NULL, &form);
		if (result == ECAPI_NORMALIZED_NO_MEMORY)
			return walk->found(walk->arg, NULL);
		if (result != ECAPI_NORMALIZED ||
			(form.len == len && memcmp(form.data, text, len) == 0))
			continue;
		if (give(walk, form.data, form.len) || give_gmail(walk, form.data, form.len))
			return true;
	}
	return false;
}

/* What stands beside a digest that only a digest on the other side may meet. */
static bool
give_apart(const Walk *walk, bool given, const char *digest)
{
	char		text[sizeof("given ") + ECAPI_HEX_LEN];

	snprintf(text, sizeof(text), "%s %.*s", given ? "given" : "found", ECAPI_HEX_LEN, digest);
	return give(walk, text, strlen(text));
}

/*
 * The forms that several persons may share, so that of two clear texts they say nothing:
 * their digests are given apart, for a digest that stands in an event or that somebody gave.
 */
static bool
give_loose(const Walk *walk, const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(loose_rules) / sizeof(loose_rules[0]); i++)
	{
		char		memory[ECAPI_NORMALIZED_MAX];
		char		hex[ECAPI_HEX_SIZE];
		EcapiBuffer form;
		EcapiNormalized result;

		ecapi_buffer_over(&form, memory, sizeof(memory));
		result = ecapi_normalize(loose_rules[i], text, len, NULL, &form);
		if (result == ECAPI_NORMALIZED_NO_MEMORY)
			return walk->found(walk->arg, NULL);
		if (result != ECAPI_NORMALIZED || (form.len == len && memcmp(form.data, text, len) == 0))
			continue;
		if (!ecapi_sha256(form.data, form.len, hex))
			return walk->found(walk->arg, NULL);
		if (give_apart(walk, walk->given, hex))
			return true;
	}
	return false;
}

/* A text that is a digest already, perhaps of a form that is loose. */
static bool
give_digest(const Walk *walk, const char *digest)
{
	return walk->found(walk->arg, digest) || give_apart(walk, !walk->given, digest);
}

/* The form in which letter case stays, where it differs from the normal one. */
static bool
give_cased(const Walk *walk, const char *text, size_t len, const EcapiBuffer *normal)
{
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer form;
	EcapiNormalized result;

	ecapi_buffer_over(&form, memory, sizeof(memory));
	result = ecapi_normalize(ECAPI_RULE_IDENTIFIER_CASED, text, len, NULL, &form);
	if (result == ECAPI_NORMALIZED_NO_MEMORY)
		return walk->found(walk->arg, NULL);
	return result == ECAPI_NORMALIZED &&
		(form.len != normal->len || memcmp(form.data, normal->data, form.len) != 0) &&
		give(walk, form.data, form.len);
}

/*
 * The digests of a text under the rule of identifiers, which email addresses
 * share, and under those of platforms.  A text that is a digest is handed on as it is.
 */
static bool
give_identifier(const Walk *walk, const char *text, size_t len)
{
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer normal;
	EcapiNormalized result;

	ecapi_buffer_over(&normal, memory, sizeof(memory));
	result = ecapi_normalize(ECAPI_RULE_IDENTIFIER, text, len, NULL, &normal);
	if (result == ECAPI_NORMALIZED_DIGEST)
		return give_digest(walk, normal.data);
	if (result == ECAPI_NORMALIZED_NO_MEMORY)
		return walk->found(walk->arg, NULL);
	if (result != ECAPI_NORMALIZED)
		return false;
	return give(walk, normal.data, normal.len) ||
		give_gmail(walk, normal.data, normal.len) ||
		give_platform_forms(walk, normal.data, normal.len) ||
		give_loose(walk, normal.data, normal.len) ||
		give_cased(walk, text, len, &normal);
}

/*
 * The digests of a telephone number, with and without "+", as each country that may be
 * meant reads it.  certain tells whether it had a form at all.
 */
static bool
give_phone(const Walk *walk, const char *text, size_t len, bool *certain)
{
	*certain = false;
	for (int i = 0; i < walk->ncountries || i == 0; i++)
	{
		char		memory[ECAPI_NORMALIZED_MAX];
		EcapiBuffer normal;
		EcapiNormalized result;

		ecapi_buffer_over(&normal, memory, sizeof(memory));
		result = ecapi_normalize(ECAPI_RULE_PHONE, text, len,
								 walk->ncountries > 0 ? walk->countries[i] : NULL, &normal);
		*certain |= result == ECAPI_NORMALIZED || result == ECAPI_NORMALIZED_DIGEST;
		if (result == ECAPI_NORMALIZED_DIGEST)
			return walk->found(walk->arg, normal.data);
		if (result == ECAPI_NORMALIZED_NO_MEMORY)
			return walk->found(walk->arg, NULL);
		if (result == ECAPI_NORMALIZED &&
			(give(walk, normal.data, normal.len) ||
			 give(walk, normal.data + 1, normal.len - 1)))
			return true;
	}
	return false;
}

/*
 * Whether a text may be meant as a telephone number.  The rule for numbers takes the
 * digits out of anything, so a customer's "C-0711123456" would have one's form.
 */
static bool
may_be_phone(const char *text, size_t len)
{
	ecapi_trim(&text, &len);
	if (len > 0 && text[0] == '+')
		return true;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char) text[i] < 0x80 &&
			(text[i] < '0' || text[i] > '9') && strchr(" \t+-/.()", text[i]) == NULL)
			return false;
	return true;
}

/* ---- longer texts ---- */

typedef bool (*Look) (const Walk *walk, const char *text, size_t len);

/*
 * Look at a text, and at what it is without its escapes, level by level.  The copy
 * is made once: taking escapes out shortens it.
 */
static bool
look_through(const Walk *walk, const char *text, size_t len, Look look)
{
	char	   *copy;

	if (look(walk, text, len))
		return true;
	if (walk->arena == NULL || !ecapi_embedded_has_escapes(text, len))
		return false;
	copy = ecapi_arena_copy(walk->arena, text, len);
	if (copy == NULL)
		return walk->found(walk->arg, NULL);
	for (int i = 0; i < ECAPI_EMBEDDED_LEVELS && ecapi_embedded_unescape(copy, &len); i++)
		if (look(walk, copy, len))
			return true;
	return false;
}

/* The e-mail addresses in a text, but the text itself. */
static bool
give_addresses(const Walk *walk, const char *text, size_t len)
{
	size_t		from = 0;
	EcapiSpan	address;

	while (ecapi_embedded_address((EcapiSpan) {text, len}, &from, &address))
		if (address.len < len && give_identifier(walk, address.text, address.len))
			return true;
	return false;
}

/* The bare id of a click or a browser, where a text wraps one as a cookie does. */
static bool
give_unwrapped(const Walk *walk, const char *text, size_t len)
{
	size_t		start;

	return ecapi_click_id_unwrap(text, len, &start) && give(walk, text + start, len - start);
}

static bool
give_text(const Walk *walk, Kind kind, const char *text, size_t len)
{
	bool		certain;

	if (kind == KIND_EXACT)
	{
		ecapi_trim(&text, &len);
		if (len == 0)
			return false;
		if (give(walk, text, len) || give_unwrapped(walk, text, len))
			return true;
		return len == ECAPI_HEX_LEN && give_identifier(walk, text, len);
	}
	if (kind == KIND_PHONE)
	{
		if (give_phone(walk, text, len, &certain))
			return true;
		if (certain)
			return false;
	}
	return give_identifier(walk, text, len) ||
		look_through(walk, text, len, give_addresses);
}

/* ---- an event ---- */

/* A text or number, or an array of them. */
static bool
walk_value(const Walk *walk, Kind kind, const EcapiValue *value)
{
	if (value == NULL)
		return false;
	if (value->type == ECAPI_STRING || value->type == ECAPI_NUMBER)
		return give_text(walk, kind, value->text, value->len);
	if (value->type == ECAPI_ARRAY)
		for (const EcapiValue *child = value->first; child != NULL; child = child->next)
			if ((child->type == ECAPI_STRING || child->type == ECAPI_NUMBER) &&
				give_text(walk, kind, child->text, child->len))
				return true;
	return false;
}

/* Member key of an object; NULL for anything else. */
static const EcapiValue *
member(const EcapiValue *object, const char *key)
{
	return object != NULL && object->type == ECAPI_OBJECT ? ecapi_value_get(object, key) : NULL;
}

/* The elements of an array of objects, or the one object that stands for it. */
static const EcapiValue *
first_object(const EcapiValue *value)
{
	return value != NULL && value->type == ECAPI_ARRAY ? value->first : value;
}

static const EcapiValue *
next_object(const EcapiValue *list, const EcapiValue *object)
{
	return list->type == ECAPI_ARRAY ? object->next : NULL;
}

static void
add_country(Walk *walk, const char *country)
{
	if (country == NULL)
		return;
	for (int i = 0; i < walk->ncountries; i++)
		if (strcmp(walk->countries[i], country) == 0)
			return;
	walk->countries[walk->ncountries++] = country;
}

/* The countries that phone numbers of an event may be of. */
static void
find_countries(Walk *walk, const EcapiValue *user_data, const char *country)
{
	const EcapiValue *addresses = member(user_data, "address");

	for (const EcapiValue *address = first_object(addresses);
		 address != NULL && walk->ncountries < MAX_COUNTRIES;
		 address = next_object(addresses, address))
	{
		const EcapiValue *code = member(address, "country_code");

		if (code != NULL && code->type == ECAPI_STRING)
			add_country(walk, ecapi_country_lookup(code->text, code->len));
	}
	if (walk->ncountries == 0)
		add_country(walk, country);
}

static bool
walk_click_ids(const Walk *walk, const EcapiValue *click_ids)
{
	if (click_ids == NULL || click_ids->type != ECAPI_OBJECT)
		return false;
	for (const EcapiValue *id = click_ids->first; id != NULL; id = id->next)
		if (ecapi_click_id_identifies(id->key) && walk_value(walk, KIND_EXACT, id))
			return true;
	return false;
}

bool
ecapi_person_walk(const EcapiValue *event, const char *country, EcapiArena *arena,
				  EcapiPersonFound found, void *arg)
{
	const EcapiValue *page = member(member(event, "properties"), "page_url");
	const EcapiValue *user_data = member(event, "user_data");
	const EcapiValue *uids = member(user_data, "uids");
	Walk		walk = {.found = found, .arg = arg, .arena = arena};

	if (page != NULL && page->type == ECAPI_STRING &&
		look_through(&walk, page->text, page->len, give_addresses))
		return true;
	if (user_data == NULL || user_data->type != ECAPI_OBJECT)
		return false;
	find_countries(&walk, user_data, country);
	for (int i = 0; i < NIDENTIFYING; i++)
		if (walk_value(&walk, identifying[i].kind, member(user_data, identifying[i].key)))
			return true;
	for (const EcapiValue *uid = first_object(uids); uid != NULL; uid = next_object(uids, uid))
		if (walk_value(&walk, KIND_IDENTIFIER, member(uid, "id")))
			return true;
	return walk_click_ids(&walk, member(member(user_data, "ext"), "click_ids"));
}

bool
ecapi_person_identified_by(const char *path)
{
	static const char prefix[] = "user_data.";

	if (strcmp(path, "user_data.uids.id") == 0)
		return true;
	if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
		return false;
	for (int i = 0; i < NIDENTIFYING; i++)
		if (strcmp(path + sizeof(prefix) - 1, identifying[i].key) == 0)
			return true;
	return false;
}

/* ---- a person ---- */

static bool
has_digest(const EcapiPerson *person, const char *digest)
{
	for (int i = 0; i < person->n; i++)
		if (memcmp(person->digests[i], digest, ECAPI_HEX_LEN) == 0)
			return true;
	return false;
}

static bool
add_digest(void *arg, const char *digest)
{
	EcapiPerson *person = arg;

	if (digest == NULL)
		return person->failed = true;
	if (person->n < ECAPI_PERSON_FORMS && !has_digest(person, digest))
	{
		memcpy(person->digests[person->n], digest, ECAPI_HEX_LEN);
		person->digests[person->n++][ECAPI_HEX_LEN] = '\0';
	}
	return false;
}

static bool
is_of_person(void *arg, const char *digest)
{
	EcapiPerson *person = arg;

	if (digest == NULL)
		return person->failed = true;
	return has_digest(person, digest);
}

static bool
is_short_number(const char *text, size_t len)
{
	size_t		digits = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (ecapi_is_digit(text[i]))
			digits++;
		else if (strchr("+-., ", text[i]) == NULL)
			return false;
	}
	return digits < SHORT_NUMBER;
}

EcapiPersonGiven
ecapi_person_init(EcapiPerson *person, const char *text, size_t len, const char *country)
{
	Walk		walk = {.found = add_digest, .arg = person, .given = true};
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer normal;
	EcapiNormalized result;
	bool		certain;

	memset(person, 0, sizeof(*person));
	person->country = country;
	add_country(&walk, country);

	ecapi_buffer_over(&normal, memory, sizeof(memory));
	result = ecapi_normalize(ECAPI_RULE_IDENTIFIER, text, len, NULL, &normal);
	if (result == ECAPI_NORMALIZED_EMPTY)
		return ECAPI_PERSON_EMPTY;
	if (result == ECAPI_NORMALIZED_NO_MEMORY)
		return ECAPI_PERSON_NO_MEMORY;
	if (result != ECAPI_NORMALIZED && result != ECAPI_NORMALIZED_DIGEST)
		return ECAPI_PERSON_INVALID;
	(void) give_identifier(&walk, text, len);
	if (result == ECAPI_NORMALIZED)
	{
		(void) give_text(&walk, KIND_EXACT, text, len);
		person->short_number = is_short_number(normal.data, normal.len);
		if (may_be_phone(text, len))
			(void) give_phone(&walk, text, len, &certain);
		person->lacks_country = may_be_phone(text, len) &&
			ecapi_normalize(ECAPI_RULE_PHONE, text, len, country, &normal) ==
			ECAPI_NORMALIZED_NO_COUNTRY;
	}
	if (person->failed)
		return ECAPI_PERSON_NO_MEMORY;
	return person->n > 0 ? ECAPI_PERSON_KNOWN : ECAPI_PERSON_INVALID;
}

bool
ecapi_person_in_event(EcapiPerson *person, const EcapiValue *event, EcapiArena *arena)
{
	return ecapi_person_walk(event, person->country, arena, is_of_person, person);
}

/* ---- any tree ---- */

static bool
in_text(const Walk *walk, const char *text, size_t len)
{
	bool		certain;

	return len >= MIN_PIECE && len <= ECAPI_NORMALIZE_MAX && !is_short_number(text, len) &&
		(give_identifier(walk, text, len) ||
		 give_text(walk, KIND_EXACT, text, len) ||
		 (may_be_phone(text, len) && give_phone(walk, text, len, &certain)));
}

static bool
has_digit(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (ecapi_is_digit(text[i]))
			return true;
	return false;
}

/* What e-mail addresses are made of goes on at other places: see give_addresses(). */
static bool
is_address_like(const char *text, size_t len)
{
	return memchr(text + 1, '@', len - 1) != NULL;
}

/*
 * Its pieces between any of some characters, but the text as a whole, and e-mail
 * addresses.  prose: those that are no words alone, without the end of a sentence.
 */
static bool
in_pieces(const Walk *walk, const char *text, size_t len, const char *separators, bool prose)
{
	size_t		start = 0;

	for (size_t i = 0; i <= len; i++)
	{
		size_t		n = i - start;

		if (i < len && (text[i] == '\0' || strchr(separators, text[i]) == NULL))
			continue;
		while (prose && n > 0 && strchr(".!", text[start + n - 1]) != NULL)
			n--;
		if (n > 0 && n < len && !is_address_like(text + start, n) &&
			(!prose || has_digit(text + start, n)) &&
			in_text(walk, text + start, n))
			return true;
		start = i + 1;
	}
	return false;
}

static bool
in_phones(const Walk *walk, const char *text, size_t len)
{
	size_t		from = 0;
	EcapiSpan	phone;
	bool		certain;

	while (ecapi_embedded_phone((EcapiSpan) {text, len}, &from, &phone))
		if (phone.len < len && phone.len <= ECAPI_NORMALIZE_MAX &&
			give_phone(walk, phone.text, phone.len, &certain))
			return true;
	return false;
}

/*
 * A row's image holds columns as texts: an array, a composite value or JSON is
 * one text.
 */
static bool
in_leaf(const Walk *walk, const char *text, size_t len)
{
	return in_text(walk, text, len) ||
		in_pieces(walk, text, len, "\"", false) ||
		in_pieces(walk, text, len, "\"'{}[](),;:<>=&?#", false) ||
		in_pieces(walk, text, len, "\"'{}[](),;:<>=&?#/| \t\n\v\f\r", true) ||
		give_addresses(walk, text, len) ||
		in_phones(walk, text, len);
}

/* A key names what stands behind it; one with a digit or "@" may be an identifier. */
static bool
in_key(const Walk *walk, const char *key, size_t len)
{
	return (has_digit(key, len) || memchr(key, '@', len) != NULL) &&
		look_through(walk, key, len, in_leaf);
}

static bool
in_tree(const Walk *walk, const EcapiValue *value)
{
	if (value->type == ECAPI_STRING || value->type == ECAPI_NUMBER)
		return look_through(walk, value->text, value->len, in_leaf);
	for (const EcapiValue *child = value->first; child != NULL; child = child->next)
		if ((child->key != NULL && in_key(walk, child->key, child->keylen)) ||
			in_tree(walk, child))
			return true;
	return false;
}

bool
ecapi_person_in_texts(EcapiPerson *person, const EcapiValue *value, EcapiArena *arena)
{
	Walk		walk = {.found = is_of_person, .arg = person, .arena = arena};

	if (person->short_number)
		return false;
	add_country(&walk, person->country);
	return in_tree(&walk, value);
}
