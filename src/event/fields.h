/*
 * fields.h
 *	  The field table of the standard.
 *
 * fields.def holds the facts, one line a field, in the standard's order.
 * Validation, normalization, formats and documentation all read this table;
 * no other place knows what a field is.  What privacy says is an invariant: a
 * field marked ECAPI_SHA256 leaves the database only as a digest.
 *
 * Pure C: no server header, no I/O, no allocation.  Everything returned here
 * is constant and lives as long as the process.
 */
#ifndef ECAPI_FIELDS_H
#define ECAPI_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event_type.h"

/* Objects of the standard.  ECAPI_OBJ_NONE: a field that is no object. */
typedef enum EcapiObject
{
	ECAPI_OBJ_NONE = -1,
	ECAPI_OBJ_EVENT,
	ECAPI_OBJ_USER_DATA,
	ECAPI_OBJ_UIDS,
	ECAPI_OBJ_ADDRESS,
	ECAPI_OBJ_PROPERTIES,
	ECAPI_OBJ_ITEM
} EcapiObject;

#define ECAPI_OBJECTS	6

typedef enum EcapiFieldType
{
	ECAPI_FT_STRING,
	ECAPI_FT_INTEGER,
	ECAPI_FT_FLOAT,
	ECAPI_FT_BOOLEAN,
	ECAPI_FT_ENUM,				/* see values and numbered */
	ECAPI_FT_DATE,				/* text, YYYYMMDD or YYYY-MM-DD */
	ECAPI_FT_OBJECT,			/* see child */
	ECAPI_FT_EXT				/* any object; the last field of its parent */
} EcapiFieldType;

typedef enum EcapiCardinality
{
	ECAPI_ONE,
	ECAPI_MANY					/* a JSON array */
} EcapiCardinality;

typedef enum EcapiPresence
{
	ECAPI_REQUIRED,
	ECAPI_RECOMMENDED,
	ECAPI_OPTIONAL,
	ECAPI_CONDITIONAL			/* the condition is in validate.c */
} EcapiPresence;

typedef enum EcapiPrivacy
{
	ECAPI_CLEAR,
	ECAPI_SHA256				/* normalize, then hash; never leaves clear */
} EcapiPrivacy;

/* How a text is brought into its one form; see normalize.c. */
typedef enum EcapiRule
{
	ECAPI_RULE_NONE,			/* as it is */
	ECAPI_RULE_IDENTIFIER,		/* trim, lower case */
	ECAPI_RULE_EMAIL,			/* the same, with the shape of an address */
	ECAPI_RULE_PHONE,			/* + and digits, with the country code */
	ECAPI_RULE_NAME,			/* trim, lower case, no punctuation */
	ECAPI_RULE_COUNTRY,			/* ISO 3166-1 alpha-2, lower case */
	ECAPI_RULE_POSTAL,			/* US: five digits; UK: without the unit */
	ECAPI_RULE_CURRENCY,		/* ISO 4217, upper case */

	/* of platforms: no field of the standard has one; see normalize_platform.c */
	ECAPI_RULE_TRIM,			/* trim; letter case and punctuation stay */
	ECAPI_RULE_COMPACT,			/* lower case, no ASCII punctuation, no white space */
	ECAPI_RULE_IDENTIFIER_COMPACT,	/* lower case, no white space */
	ECAPI_RULE_IDENTIFIER_CASED,	/* trim; letter case stays */
	ECAPI_RULE_EMAIL_GMAIL,		/* an address; of Gmail no dots, no "+suffix" */
	ECAPI_RULE_EMAIL_PLAIN,		/* an address without these, at any domain */
	ECAPI_RULE_EMAIL_LETTERS,	/* an address of letters and digits of ASCII, ".", "-" and "+"
								 * alone */
	ECAPI_RULE_EMAIL_COMPACT,	/* an address without white space, also in it */
	ECAPI_RULE_PHONE_DIGITS,	/* digits with the country code, without + */
	ECAPI_RULE_GIVEN_NAME,		/* trim, lower case, no title in front */
	ECAPI_RULE_FAMILY_NAME,		/* trim, lower case, no suffix behind */
	ECAPI_RULE_STATE,			/* US and Canada: two letters; else compact */
	ECAPI_RULE_ZIP,				/* US: five digits; else whole, no white space */
	ECAPI_RULE_ZIP_COMPACT,		/* the same, but without punctuation */
	ECAPI_RULE_COUNTRY_UPPER,	/* ISO 3166-1 alpha-2, upper case */
	ECAPI_RULE_GENDER,			/* f or m */
	ECAPI_RULE_GENDER_THIRD,	/* f, m or n */
	ECAPI_RULE_EMAIL_ALNUM,		/* an address; letters and digits alone, no "+suffix" */
	ECAPI_RULE_DEVICE,			/* a UUID, lower case */
	ECAPI_RULE_DEVICE_UPPER,	/* a UUID, upper case */
	ECAPI_RULE_POSTAL_DIGITS	/* US: five digits; else all digits */
} EcapiRule;

#define ECAPI_RULES		(ECAPI_RULE_POSTAL_DIGITS + 1)

/* What a value must be beyond its type; see validate.c. */
typedef enum EcapiCheck
{
	ECAPI_CHECK_NONE,
	ECAPI_CHECK_ID,				/* at most 512 bytes, no control characters */
	ECAPI_CHECK_TIMESTAMP,
	ECAPI_CHECK_EVENT_TYPE,
	ECAPI_CHECK_CURRENCY,
	ECAPI_CHECK_COUNTRY,
	ECAPI_CHECK_IP,				/* IPv4 or IPv6 */
	ECAPI_CHECK_IFA,			/* not all zeros, which says that there is none */
	ECAPI_CHECK_URL,
	ECAPI_CHECK_AIRPORT,		/* three letters */
	ECAPI_CHECK_UTCOFFSET,		/* minutes */
	ECAPI_CHECK_POSITIVE,
	ECAPI_CHECK_NOT_NEGATIVE,
	ECAPI_CHECK_GPP_SID
} EcapiCheck;

/*
 * The values of an enumeration: name i stands for number i + 1 where the
 * standard numbers them.  NULL ends the list.
 */
typedef struct EcapiEnumeration
{
	bool		numbered;		/* written as a number; else as its name */
	const char *const *names;
} EcapiEnumeration;

typedef struct EcapiField
{
	EcapiObject object;			/* where it stands */
	const char *name;
	size_t		len;			/* bytes of name */
	EcapiFieldType type;
	EcapiCardinality cardinality;
	EcapiPresence presence;
	EcapiPrivacy privacy;
	EcapiRule	rule;
	EcapiCheck	check;
	const EcapiEnumeration *values; /* of ECAPI_FT_ENUM; NULL: an open list of
									 * positive numbers kept elsewhere */
	EcapiObject child;			/* of ECAPI_FT_OBJECT */
	int			position;		/* in its object, from 0 */
} EcapiField;

/* No object has more fields than this. */
#define ECAPI_OBJECT_MAX_FIELDS	64

/* All fields; each has a number from 0 in the standard's order. */
#define ECAPI_FIELDS			106

/* Name of an object, as the standard's tables call it. */
extern const char *ecapi_object_name(EcapiObject object);

/* The field of that object with that name (len bytes), or NULL. */
extern const EcapiField *ecapi_field_lookup(EcapiObject object,
											const char *name, size_t len);

/* Fields of an object in the standard's order; NULL at the end. */
extern const EcapiField *ecapi_field_nth(EcapiObject object, int i);
extern int	ecapi_field_count(EcapiObject object);

/* Their names, for ecapi_closest(); arg points to an EcapiObject. */
extern const char *ecapi_field_name_nth(int i, void *arg);

/* Fields by their number; NULL: no such. */
extern const EcapiField *ecapi_field_numbered(int number);
extern int	ecapi_field_number(const EcapiField *field);

/*
 * A field by itself has two names.  The path is where it stands in an event,
 * without indices: "user_data.address.city", "properties.items.price",
 * "value".  The short name begins with its object: "address.city",
 * "item.price", "value".
 */
extern const char *ecapi_field_path(const EcapiField *field);
extern const char *ecapi_field_short_name(const EcapiField *field);

/* The field of either name (len bytes), or NULL. */
extern const EcapiField *ecapi_field_named(const char *name, size_t len);

/*
 * The path that a name which is no field where it stands probably means:
 * "user_data.email_address" for "email" or "email_address".  NULL: none.
 */
extern const char *ecapi_field_meant(const char *name, size_t len);

/* Short names, for ecapi_closest(). */
extern const char *ecapi_field_short_name_nth(int i, void *arg);

/*
 * Whether an event of a type must have a field of the event object.  The condition of
 * currency_code is the value, not the type (validate.c).
 */
extern bool ecapi_field_is_required(const EcapiField *field, int type);

/* The number of an enumeration's name, from 1; 0 when there is none such. */
extern int	ecapi_enumeration_lookup(const EcapiEnumeration *values,
									 const char *name, size_t len);
extern int	ecapi_enumeration_count(const EcapiEnumeration *values);
extern const char *ecapi_enumeration_nth(int i, void *arg);	/* arg: const EcapiEnumeration */

#endif							/* ECAPI_FIELDS_H */
