/*
 * validate_internal.h
 *	  What the two files of validation share; of no interest to others.
 */
#ifndef ECAPI_VALIDATE_INTERNAL_H
#define ECAPI_VALIDATE_INTERNAL_H

#include "event/fields.h"
#include "event/value.h"
#include "event/violation.h"

/* One event that is being validated. */
typedef struct EcapiValidator
{
	EcapiArena *arena;
	EcapiViolations *violations;
	int64_t		now;
	bool		complete;		/* data_set_id is required */
	bool		lenient;		/* only what names, times or prices it can fail it */
	bool		ours;			/* it may have what ecapi.amend() and ecapi.cancel() alone say */
	bool		never_fails;	/* nothing fails the event: it is only asked */
	bool		has_value;		/* the event has a value: currency matters */
	bool		is_custom;		/* event_type custom: custom_event matters */
} EcapiValidator;

static inline void
report(EcapiValidator *v, const EcapiFieldPlace *place, const EcapiField *field,
	   EcapiViolationCode code, bool error, const char *message, const char *hint)
{
	ecapi_violation_add(v->violations, v->arena, place, field, code, error, message,
						hint);
}

/* Whether an invalid value of this field fails the event. */
extern bool ecapi_validator_is_fatal(EcapiValidator *v, const EcapiField *field);

/*
 * The value of a field that is no object, in the arena; NULL when it is left out, or
 * when the arena failed.
 */
extern EcapiValue *ecapi_validate_scalar(EcapiValidator *v, const EcapiField *field,
										 const EcapiValue *given,
										 const EcapiFieldPlace *place);

#endif							/* ECAPI_VALIDATE_INTERNAL_H */
