/*
 * field_set.h
 *	  Sets of fields of the standard, as bits: which an event has, which a format carries.
 *
 * A set is a value of 16 bytes that is copied and compared as such.  Objects are in
 * none: what stands in them is.  Members of ext are no fields; ext itself is one.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_FIELD_SET_H
#define ECAPI_FIELD_SET_H

#include "event/fields.h"
#include "event/value.h"

#define ECAPI_FIELD_SET_WORDS	((ECAPI_FIELDS + 63) / 64)

/* Bit i % 64 of word i / 64 is the field with the number i. */
typedef struct EcapiFieldSet
{
	uint64_t	words[ECAPI_FIELD_SET_WORDS];
} EcapiFieldSet;

static inline void
ecapi_field_set_add(EcapiFieldSet *set, int number)
{
	set->words[number / 64] |= UINT64_C(1) << (number % 64);
}

static inline bool
ecapi_field_set_has(const EcapiFieldSet *set, int number)
{
	return (set->words[number / 64] >> (number % 64) & 1) != 0;
}

/* Add all of another. */
static inline void
ecapi_field_set_join(EcapiFieldSet *set, const EcapiFieldSet *other)
{
	for (int i = 0; i < ECAPI_FIELD_SET_WORDS; i++)
		set->words[i] |= other->words[i];
}

/* What is in set, but not in other. */
static inline EcapiFieldSet
ecapi_field_set_without(EcapiFieldSet set, const EcapiFieldSet *other)
{
	for (int i = 0; i < ECAPI_FIELD_SET_WORDS; i++)
		set.words[i] &= ~other->words[i];
	return set;
}

/* The least number in it that is not below from; -1: none. */
extern int	ecapi_field_set_next(const EcapiFieldSet *set, int from);

/*
 * The fields in which an event has something: no null, no empty text, array or object.
 * Not among them is what is addressed to us: data_set_id, and an ext whose members are
 * all instructions (ext_member.h).
 */
extern EcapiFieldSet ecapi_field_set_of(const EcapiValue *event);

/*
 * The fields of a list of paths, NULL behind the last, where an object's path stands for
 * all that is in it; paths NULL: every field.  A path that is none adds nothing.
 */
extern EcapiFieldSet ecapi_field_set_named(const char *const *paths);

#endif							/* ECAPI_FIELD_SET_H */
