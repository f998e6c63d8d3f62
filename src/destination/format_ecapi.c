/*
 * format_ecapi.c
 *	  The native format: the standard's own JSON.
 *
 * An event is written by walking the field table, never by copying what it
 * holds: each object's fields in the standard's order, each in the way that
 * the table prescribes for it.
 *
 * Invariants
 *	(1) A field that the table marks ECAPI_SHA256 leaves as 64 hex digits or
 *		not at all, whatever it holds and wherever it came from: capture, or an
 *		enrichment whose patch nobody validated.  There is one place that
 *		writes a field's value (write_one), and it looks at privacy first.
 *		Below ext there are no fields; see (2).
 *	(2) What the table does not know does not leave, except inside an ext
 *		object, which the standard leaves to those who agree on it.
 *	(3) The project's own conventions inside ext (click ids, consent, route, address)
 *		are instructions to us and do not leave either.
 *	(4) An event that is not shaped leaves the body as it was.  One for which
 *		the body has no room leaves it full, with a part of the event in it:
 *		the caller truncates.
 *
 * A value that has not the type its field wants is left out, as capture would
 * have left it out: it can only come from an enrichment.  So is one that has
 * no certain form.  Both are reported to the caller, by field and reason.
 * Objects and arrays that hold nothing are left out, too, and so is JSON null.
 * Digests that repeat in an array are written once: they differed only in how
 * they were typed.
 *
 * No I/O, no SQL, no state, no allocation but the body's.  Of server headers it
 * sees only what options.h needs for its types; it calls nothing of the server.
 */
#include "postgres.h"

#include "destination/country.h"
#include "destination/formats.h"
#include "destination/options.h"
#include "event/codes.h"
#include "event/digest.h"
#include "event/ext_member.h"
#include "event/fields.h"
#include "event/normalize.h"

/*
 * What one call of add carries through the walk.  country goes beside it, as
 * an argument: where a phone number or postal code belongs, or NULL.
 */
typedef struct Writer
{
	EcapiShape *shape;
	EcapiBuffer *body;
} Writer;

static bool write_object(Writer *writer, EcapiObject object,
						 const EcapiValue *const slots[ECAPI_OBJECT_MAX_FIELDS],
						 const char *country);

/* Take back what was begun; a full body stays as it is, for the caller. */
static void
undo(EcapiBuffer *body, size_t len)
{
	if (!body->full)
		ecapi_buffer_truncate(body, len);
}

/* A value is left out; returns false, as the writers do then. */
static bool
leave_out(Writer *writer, const EcapiField *field, EcapiViolationCode reason)
{
	if (writer->shape->left_out)
		writer->shape->left_out(writer->shape->arg, field, reason);
	return false;
}

static bool
leave_out_type(Writer *writer, const EcapiField *field, const EcapiValue *value)
{
	if (value->type == ECAPI_NULL || (value->type == ECAPI_STRING && value->len == 0))
		return false;
	return leave_out(writer, field, ECAPI_VIOLATION_TYPE);
}

/* Sort an object's members into the places of its fields. */
static void
fill_slots(EcapiObject object, const EcapiValue *value,
		   const EcapiValue *slots[ECAPI_OBJECT_MAX_FIELDS])
{
	const EcapiValue *member;

	memset(slots, 0, sizeof(slots[0]) * ECAPI_OBJECT_MAX_FIELDS);
	for (member = value->first; member; member = member->next)
	{
		const EcapiField *field = ecapi_field_lookup(object, member->key,
													 member->keylen);

		if (field)
			slots[field->position] = member;
	}
}

static bool
write_ext(Writer *writer, EcapiObject object, const EcapiValue *ext)
{
	EcapiBuffer *body = writer->body;
	const EcapiValue *member;
	size_t		start = body->len;
	bool		any = false;

	if (ext->type != ECAPI_OBJECT)
		return false;
	for (member = ext->first; member; member = member->next)
	{
		if (ecapi_ext_member_kind(object, member->key) != ECAPI_EXT_FREE)
			continue;			/* invariant 3 */
		ecapi_buffer_char(body, any ? ',' : '{');
		ecapi_json_string(body, member->key, member->keylen);
		ecapi_buffer_char(body, ':');
		ecapi_json_value(body, member);
		any = true;
	}
	if (!any)
	{
		undo(body, start);
		return false;
	}
	ecapi_buffer_char(body, '}');
	return true;
}

/* Whether a field's values tell a person from others. */
static bool
tells_person(const EcapiField *field)
{
	if (field->object == ECAPI_OBJ_UIDS)
		return field->privacy == ECAPI_SHA256;
	return field->object == ECAPI_OBJ_USER_DATA &&
		((field->privacy == ECAPI_SHA256 && strcmp(field->name, "gender") != 0) ||
		 strcmp(field->name, "click_id") == 0 || strcmp(field->name, "ifa") == 0);
}

/* A text or number as a digest: nothing else leads out of here. */
static bool
write_digest(Writer *writer, const EcapiField *field, const EcapiValue *value,
			 const char *country)
{
	char		hex[ECAPI_HEX_SIZE];

	if (value->type != ECAPI_STRING && value->type != ECAPI_NUMBER)
		return leave_out_type(writer, field, value);
	switch (ecapi_digest_field(writer->shape->digests, field->rule, value->text,
							   value->len, country, hex))
	{
		case ECAPI_NORMALIZED:
		case ECAPI_NORMALIZED_DIGEST:
			ecapi_json_string(writer->body, hex, ECAPI_HEX_LEN);
			return true;
		case ECAPI_NORMALIZED_INVALID:
			return leave_out(writer, field, ECAPI_VIOLATION_FORM);
		case ECAPI_NORMALIZED_NO_COUNTRY:
			return leave_out(writer, field, ECAPI_VIOLATION_COUNTRY);
		case ECAPI_NORMALIZED_NO_MEMORY:
			ecapi_buffer_fail(writer->body);
			break;
		case ECAPI_NORMALIZED_EMPTY:
			break;
	}
	return false;
}

/* A clear text that has a normal form, such as a city. */
static bool
write_normalized(Writer *writer, const EcapiField *field,
				 const EcapiValue *value, const char *country)
{
	char		memory[ECAPI_NORMALIZED_MAX + 1];
	EcapiBuffer normal;
	EcapiNormalized result;

	ecapi_buffer_over(&normal, memory, sizeof(memory));
	result = ecapi_normalize(field->rule, value->text, value->len, country, &normal);
	if (result == ECAPI_NORMALIZED_NO_MEMORY)
		ecapi_buffer_fail(writer->body);
	if (result == ECAPI_NORMALIZED_EMPTY || result == ECAPI_NORMALIZED_NO_MEMORY)
		return false;
	if (result != ECAPI_NORMALIZED && result != ECAPI_NORMALIZED_DIGEST)
		return leave_out(writer, field, ECAPI_VIOLATION_FORM);
	ecapi_json_string(writer->body, normal.data, normal.len);
	return true;
}

static bool
type_fits(const EcapiField *field, const EcapiValue *value)
{
	switch (field->type)
	{
		case ECAPI_FT_STRING:
		case ECAPI_FT_DATE:
			return ecapi_value_is_text(value);
		case ECAPI_FT_INTEGER:
		case ECAPI_FT_FLOAT:
			return value->type == ECAPI_NUMBER;
		case ECAPI_FT_BOOLEAN:
			return value->type == ECAPI_BOOL;
		case ECAPI_FT_ENUM:
			if (field->values == NULL || field->values->numbered)
				return value->type == ECAPI_NUMBER;
			return ecapi_value_is_text(value);
		case ECAPI_FT_OBJECT:
		case ECAPI_FT_EXT:
			return value->type == ECAPI_OBJECT;
	}
	return false;
}

/* One value of a field; false when it is left out, and nothing was written. */
static bool
write_one(Writer *writer, const EcapiField *field, const EcapiValue *value,
		  const char *country)
{
	if (field->privacy == ECAPI_SHA256)
		return write_digest(writer, field, value, country);
	if (!type_fits(field, value))
		return leave_out_type(writer, field, value);
	if (field->type == ECAPI_FT_EXT)
		return write_ext(writer, field->object, value);
	if (field->type == ECAPI_FT_OBJECT)
	{
		const EcapiValue *slots[ECAPI_OBJECT_MAX_FIELDS];

		const char *default_country = writer->shape->default_country;

		if (field->child == ECAPI_OBJ_ADDRESS)
		{
			country = ecapi_country_of_address(value);
			country = country ? country : default_country;
		}
		else if (field->child == ECAPI_OBJ_USER_DATA)
			country = ecapi_country_of_user(value, default_country);
		fill_slots(field->child, value, slots);
		return write_object(writer, field->child, slots, country);
	}
	if (field->rule != ECAPI_RULE_NONE)
		return write_normalized(writer, field, value, country);
	ecapi_json_value(writer->body, value);
	return true;
}

/*
 * Whether the digest at the end of the body, written from "at" on, is in the array
 * that begins at "start", too.  Every element there is as long: a bracket or
 * comma, and 64 digits in quotes.
 */
static bool
repeats_digest(const EcapiBuffer *body, size_t start, size_t at)
{
	const size_t stride = 1 + ECAPI_HEX_LEN + 2;

	if (body->full)
		return false;
	for (; start < at; start += stride)
	{
		if (memcmp(body->data + start + 1, body->data + at + 1, stride - 1) == 0)
			return true;
	}
	return false;
}

/* All of a field's values; a single one of many is an array of one. */
static bool
write_value(Writer *writer, const EcapiField *field, const EcapiValue *value,
			const char *country)
{
	EcapiBuffer *body = writer->body;
	const EcapiValue *element = value;
	size_t		start = body->len;
	bool		any = false;

	if (field->cardinality == ECAPI_ONE)
		return write_one(writer, field, value, country);

	if (value->type == ECAPI_ARRAY)
		element = value->first;
	while (element)
	{
		size_t		before = body->len;

		ecapi_buffer_char(body, any ? ',' : '[');
		if (write_one(writer, field, element, country) &&
			!(field->privacy == ECAPI_SHA256 && repeats_digest(body, start, before)))
			any = true;
		else
			undo(body, before);
		element = value->type == ECAPI_ARRAY ? element->next : NULL;
	}
	if (!any)
	{
		undo(body, start);
		return false;
	}
	ecapi_buffer_char(body, ']');
	return true;
}

/* An object from its sorted members; false when nothing of it is left. */
static bool
write_object(Writer *writer, EcapiObject object,
			 const EcapiValue *const slots[ECAPI_OBJECT_MAX_FIELDS],
			 const char *country)
{
	EcapiBuffer *body = writer->body;
	size_t		start = body->len;
	bool		any = false;
	int			n = ecapi_field_count(object);
	int			i;

	for (i = 0; i < n; i++)
	{
		const EcapiField *field;
		size_t		before = body->len;

		if (slots[i] == NULL)
			continue;
		field = ecapi_field_nth(object, i);
		ecapi_buffer_char(body, any ? ',' : '{');
		ecapi_json_string(body, field->name, field->len);
		ecapi_buffer_char(body, ':');
		if (write_value(writer, field, slots[i], country))
		{
			any = true;
			if (tells_person(field))
				writer->shape->identified = ECAPI_IDENTIFIED;
		}
		else
			undo(body, before);
	}
	if (!any)
	{
		undo(body, start);
		return false;
	}
	ecapi_buffer_char(body, '}');
	return true;
}

/* ---- the event as a whole ---- */

/*
 * What the standard lets a receiver discard is not sent: it would count as
 * delivered and be gone.  NULL, or the reason.
 */
static const char *
find_unfit(const EcapiValue *event)
{
	const EcapiValue *type = ecapi_value_get(event, "event_type");
	const EcapiValue *timestamp = ecapi_value_get(event, "timestamp");
	const EcapiValue *value = ecapi_value_get(event, "value");
	const EcapiValue *currency = ecapi_value_get(event, "currency_code");
	int			which;

	if (!ecapi_value_is_text(type))
		return "event_type missing";
	which = ecapi_event_type_lookup(type->text, type->len);
	if (which < 0)
		return "event_type unknown";
	if (which == ECAPI_EVENT_custom &&
		!ecapi_value_is_text(ecapi_value_get(event, "custom_event")))
		return "custom_event missing";
	if (timestamp == NULL || timestamp->type != ECAPI_NUMBER)
		return "timestamp missing";
	if (value && value->type == ECAPI_NUMBER)
	{
		if (!ecapi_value_is_text(currency))
			return "currency_code missing";
		if (ecapi_currency_lookup(currency->text, currency->len, NULL) == NULL)
			return "currency_code unknown";
	}
	return NULL;
}

/*
 * Choose the data set: the destination's, else the event's own; select.h lets no event
 * come here that names another than the destination's.  Returns ECAPI_SHAPED when the
 * event may go.
 */
static EcapiShaped
choose_data_set(const EcapiOptions *options, const EcapiValue *event,
				EcapiValue *chosen, const char **reason)
{
	const EcapiValue *own = ecapi_value_get(event, "data_set_id");
	const char *text = options->data_set_id;

	memset(chosen, 0, sizeof(*chosen));
	if (text == NULL && ecapi_value_is_text(own))
		text = own->text;
	if (text != NULL)
	{
		chosen->type = ECAPI_STRING;
		chosen->text = text;
		chosen->len = (uint32_t) strlen(text);
		return ECAPI_SHAPED;
	}
	if (!options->format->needs_data_set)
	{
		chosen->type = ECAPI_NULL;
		return ECAPI_SHAPED;
	}
	*reason = "an event has no data set: set the option data_set_id, "
		"or give every event its own";
	return ECAPI_LACKING;
}

static int
position_of(const char *name)
{
	return ecapi_field_lookup(ECAPI_OBJ_EVENT, name, strlen(name))->position;
}

static EcapiShaped
native_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
		   EcapiBuffer *body, const char **reason)
{
	const EcapiValue *slots[ECAPI_OBJECT_MAX_FIELDS];
	const EcapiValue *type;
	EcapiValue	data_set;
	EcapiShaped shaped;
	Writer		writer = {shape, body};

	*reason = NULL;
	if (event->type != ECAPI_OBJECT)
	{
		*reason = "not an object";
		return ECAPI_UNFIT;
	}
	shaped = choose_data_set(shape->options, event, &data_set, reason);
	if (shaped != ECAPI_SHAPED)
		return shaped;
	*reason = find_unfit(event);
	if (*reason)
		return ECAPI_UNFIT;

	fill_slots(ECAPI_OBJ_EVENT, event, slots);
	slots[position_of("data_set_id")] = data_set.type == ECAPI_NULL ? NULL : &data_set;
	type = slots[position_of("event_type")];
	if (ecapi_event_type_lookup(type->text, type->len) != ECAPI_EVENT_custom)
		slots[position_of("custom_event")] = NULL;

	if (shape->events > 0)
		ecapi_buffer_char(body, ',');
	shape->identified = ECAPI_IDENTIFIED_NOT;
	write_object(&writer, ECAPI_OBJ_EVENT, slots, NULL);
	return ECAPI_SHAPED;
}

/* A receiver that takes one event a request gets it bare. */
static bool
is_bare(const EcapiOptions *options)
{
	return options->batch_size == 1;
}

static void
native_open(EcapiShape *shape, EcapiBuffer *body)
{
	const EcapiOptions *options = shape->options;

	if (is_bare(options))
		return;
	if (options->wrapper == ECAPI_WRAP_KEY)
	{
		ecapi_buffer_char(body, '{');
		ecapi_json_string(body, options->wrapper_key, strlen(options->wrapper_key));
		ecapi_buffer_char(body, ':');
	}
	ecapi_buffer_char(body, '[');
}

static void
native_close(EcapiShape *shape, EcapiBuffer *body)
{
	if (is_bare(shape->options))
		return;
	ecapi_buffer_char(body, ']');
	if (shape->options->wrapper == ECAPI_WRAP_KEY)
		ecapi_buffer_char(body, '}');
}

/*
 * Limits: the standard names none.  Ten thousand events, or 4 MB, is what
 * large receivers of this kind take; both are also what one page holds.  A
 * thousand by default: the cost of a round trip is then far below that of
 * the events, and more would only make each retry repeat more and each
 * bisection take longer.  No linger: without a backlog an event goes out alone,
 * at once; under load batches fill by themselves while others are in flight.
 * No age window either: the standard takes events of any age.  Nor has it a test
 * mode, so tests go to another url, nor names of its own for event types.
 */
const EcapiFormat ecapi_format_native = {
	.name = "ecapi",
	.uses = ECAPI_USE_MEASUREMENT,
	.gets_consent = true,
	.restricted_mode = "mmt_only",
	.what = "The IAB Tech Lab's ECAPI 1.0, for receivers that take the standard itself.",
	.outcomes = ECAPI_OUTCOMES_WHOLE,
	.max_batch = 10000,
	.max_body = 4 * 1024 * 1024,
	.default_batch = 1000,
	.takes_wrapper = true,
	.needs_data_set = true,
	.open = native_open,
	.add = native_add,
	.close = native_close
};
