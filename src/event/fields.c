/*
 * fields.c
 *	  Looking things up in the field table.
 *
 * The facts are in the .def files beside this one; they become constant
 * tables here.  A field is found by a hash table of the numbers of the rows,
 * filled on first use: about 10 ns a look-up, which is once for each member of
 * each event.
 *
 * Ownership: the tables are static and, after the first use, never change.
 * The first use is not guarded against threads: the server has none, and a
 * program that has calls ecapi_field_lookup() once before it starts them.
 */
#include "event/fields.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "event/ascii.h"
#include "event/click_ids.h"
#include "event/name_hash.h"

/* Enumerations: a name list and a descriptor for each. */
#define ECAPI_VALUES(name, numbered, ...) \
	static const char *const name##_names[] = {__VA_ARGS__, NULL}; \
	static const EcapiEnumeration name##_enumeration = {numbered, name##_names};
#include "event/enumerations.def"
#undef ECAPI_VALUES

#define VALUES_NONE NULL
#define VALUES_OPEN NULL
#define VALUES_source &source_enumeration
#define VALUES_age_range &age_range_enumeration
#define VALUES_address_type &address_type_enumeration
#define VALUES_availability &availability_enumeration
#define VALUES_body_style &body_style_enumeration
#define VALUES_condition_of_vehicle &condition_of_vehicle_enumeration
#define VALUES_drivetrain &drivetrain_enumeration
#define VALUES_fuel_type &fuel_type_enumeration
#define VALUES_listing_type &listing_type_enumeration
#define VALUES_transmission &transmission_enumeration

static EcapiField fields[] = {
#define ECAPI_FIELD(object, name, type, cardinality, presence, privacy, rule, check, values, child) \
	{ECAPI_OBJ_##object, #name, sizeof(#name) - 1, ECAPI_FT_##type, \
	 ECAPI_##cardinality, ECAPI_##presence, ECAPI_##privacy, \
	 ECAPI_RULE_##rule, ECAPI_CHECK_##check, VALUES_##values, \
	 ECAPI_OBJ_##child, 0},
#include "event/fields.def"
#undef ECAPI_FIELD
};

#define NFIELDS ((int) (sizeof(fields) / sizeof(fields[0])))

_Static_assert(sizeof(fields) / sizeof(fields[0]) == ECAPI_FIELDS,
			   "ECAPI_FIELDS does not count the lines of fields.def");

static const char *const object_names[ECAPI_OBJECTS] = {
	"event", "user_data", "uids", "address", "properties", "item"
};

/* Where an object stands in an event. */
static const char *const object_paths[ECAPI_OBJECTS] = {
	"", "user_data.", "user_data.uids.", "user_data.address.", "properties.",
	"properties.items."
};

/* What a field's short name begins with. */
static const char *const object_prefixes[ECAPI_OBJECTS] = {
	"", "user_data.", "uids.", "address.", "properties.", "item."
};

#define NAME_SIZE 64

static char field_paths[ECAPI_FIELDS][NAME_SIZE];
static char short_names[ECAPI_FIELDS][NAME_SIZE];

/*
 * The hash table: open addressing, 0 for free, else row number + 1.  Four
 * times as many slots as rows keep runs short.
 */
#define FIELD_SLOTS 512

static uint8_t field_slots[FIELD_SLOTS];
static int	object_first[ECAPI_OBJECTS];
static int	object_count[ECAPI_OBJECTS];
static bool built = false;

_Static_assert(sizeof(fields) / sizeof(fields[0]) < 255, "a slot is one byte");

static void
name_field(int i)
{
	snprintf(field_paths[i], NAME_SIZE, "%s%s", object_paths[fields[i].object],
			 fields[i].name);
	snprintf(short_names[i], NAME_SIZE, "%s%s", object_prefixes[fields[i].object],
			 fields[i].name);
}

static void
build(void)
{
	for (int i = 0; i < NFIELDS; i++)
	{
		EcapiField *field = &fields[i];
		uint32_t	slot = ecapi_name_hash(field->object, field->name, field->len);

		if (object_count[field->object] == 0)
			object_first[field->object] = i;
		field->position = object_count[field->object]++;

		while (field_slots[slot % FIELD_SLOTS] != 0)
			slot++;
		field_slots[slot % FIELD_SLOTS] = (uint8_t) (i + 1);
		name_field(i);
	}
	built = true;
}

const char *
ecapi_object_name(EcapiObject object)
{
	if (object < 0 || object >= ECAPI_OBJECTS)
		return NULL;
	return object_names[object];
}

const EcapiField *
ecapi_field_lookup(EcapiObject object, const char *name, size_t len)
{
	uint32_t	slot;
	uint8_t		row;

	if (!built)
		build();
	slot = ecapi_name_hash(object, name, len);
	while ((row = field_slots[slot++ % FIELD_SLOTS]) != 0)
	{
		const EcapiField *field = &fields[row - 1];

		if (field->object == object && field->len == len &&
			memcmp(field->name, name, len) == 0)
			return field;
	}
	return NULL;
}

const EcapiField *
ecapi_field_nth(EcapiObject object, int i)
{
	if (!built)
		build();
	if (object < 0 || object >= ECAPI_OBJECTS || i < 0 || i >= object_count[object])
		return NULL;
	return &fields[object_first[object] + i];
}

int
ecapi_field_count(EcapiObject object)
{
	if (!built)
		build();
	return object < 0 || object >= ECAPI_OBJECTS ? 0 : object_count[object];
}

const char *
ecapi_field_name_nth(int i, void *arg)
{
	const EcapiField *field = ecapi_field_nth(*(EcapiObject *) arg, i);

	return field ? field->name : NULL;
}

const EcapiField *
ecapi_field_numbered(int number)
{
	if (!built)
		build();
	return number < 0 || number >= NFIELDS ? NULL : &fields[number];
}

int
ecapi_field_number(const EcapiField *field)
{
	return (int) (field - fields);
}

const char *
ecapi_field_path(const EcapiField *field)
{
	if (!built)
		build();
	return field_paths[ecapi_field_number(field)];
}

const char *
ecapi_field_short_name(const EcapiField *field)
{
	if (!built)
		build();
	return short_names[ecapi_field_number(field)];
}

const EcapiField *
ecapi_field_named(const char *name, size_t len)
{
	if (!built)
		build();
	for (int i = 0; i < NFIELDS; i++)
	{
		if ((strlen(short_names[i]) == len && memcmp(short_names[i], name, len) == 0) ||
			(strlen(field_paths[i]) == len && memcmp(field_paths[i], name, len) == 0))
			return &fields[i];
	}
	return NULL;
}

/* What a name means that is none of the standard's: see meant.def. */
static const struct
{
	const char *name;
	const char *path;
}			meant[] =
{
#define MEANT(name, path) {name, path},
#include "event/meant.def"
#undef MEANT
};

static bool
same_word(const char *a, const char *b, size_t blen)
{
	return strlen(a) == blen && strncasecmp(a, b, blen) == 0;
}

const char *
ecapi_field_meant(const char *name, size_t len)
{
	const EcapiClickId *click_id;

	if (!built)
		build();
	for (size_t i = 0; i < sizeof(meant) / sizeof(meant[0]); i++)
		if (same_word(meant[i].name, name, len))
			return meant[i].path;
	click_id = ecapi_click_id_named(name, len);
	if (click_id != NULL)
		return click_id->path;
	for (int i = 0; i < NFIELDS; i++)
		if (same_word(fields[i].name, name, len))
			return field_paths[i];
	return NULL;
}

const char *
ecapi_field_short_name_nth(int i, void *arg)
{
	(void) arg;
	if (!built)
		build();
	return i < 0 || i >= NFIELDS ? NULL : short_names[i];
}

bool
ecapi_field_is_required(const EcapiField *field, int type)
{
	return field->presence == ECAPI_REQUIRED ||
		(type == ECAPI_EVENT_custom && strcmp(field->name, "custom_event") == 0);
}

/*
 * The values of an enumeration.  Separators and letter case are no
 * difference: "sale_pending" and "Sale pending" are one.
 */
static bool
same_value(const char *name, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		char		a = name[i];
		char		b = ecapi_lower(text[i]);

		if (a == '\0')
			return false;
		if (b == ' ' || b == '-')
			b = '_';
		if (a == ' ' || a == '-')
			a = '_';
		if (a != b)
			return false;
	}
	return name[len] == '\0';
}

int
ecapi_enumeration_lookup(const EcapiEnumeration *values, const char *name, size_t len)
{
	for (int i = 0; values->names[i]; i++)
	{
		if (same_value(values->names[i], name, len))
			return i + 1;
	}
	return 0;
}

int
ecapi_enumeration_count(const EcapiEnumeration *values)
{
	int			n = 0;

	while (values->names[n])
		n++;
	return n;
}

const char *
ecapi_enumeration_nth(int i, void *arg)
{
	return ((const EcapiEnumeration *) arg)->names[i];
}
