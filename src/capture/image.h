/*
 * image.h
 *	  A row as JSON and back, for rows that wait to be captured again.
 *
 * {"column": "text form" | null, ...}, texts in the forms that the types'
 * output functions give under fixed settings, so that their input functions
 * take them back exactly.  Columns are found by name, so an image survives
 * columns that were added or dropped meanwhile.  An image is bounded by what an
 * event may be: the largest values of a row that is larger by far are left out,
 * and so null when the row is captured again.
 */
#ifndef ECAPI_IMAGE_H
#define ECAPI_IMAGE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "event/probed.h"
#include "event/value.h"
#include "executor/tuptable.h"

/*
 * The image of a row, as an object in the arena; NULL when the arena failed.
 * Runs the output functions of the row's types, under settings of its own; may
 * raise what they raise.  Leaks into the current memory context.
 */
extern ECAPI_PROBED EcapiValue *ecapi_image_of(EcapiArena *arena, TupleTableSlot *slot);

/*
 * The row of an image, for a relation as it is now: absent columns are null,
 * unknown ones are passed over.  Runs the types' input functions as the
 * current user, under settings of its own, so the caller confines it.  A
 * column that is a domain is not asked for its constraint; domains inside of a
 * value are, but never as a superuser: that is an error, and so is a range that a
 * user's function makes.  The tuple lives in the
 * current context.
 */
extern ECAPI_PROBED HeapTuple ecapi_image_row(const EcapiValue *image, TupleDesc descriptor);

#endif							/* ECAPI_IMAGE_H */
