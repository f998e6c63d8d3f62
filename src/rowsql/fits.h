/*
 * fits.h
 *	  Which types of SQL a field of an event can take, and in which form.
 */
#ifndef ECAPI_FITS_H
#define ECAPI_FITS_H

#include "postgres.h"

#include "event/fields.h"
#include "rowsql/datum.h"

/*
 * The form in which a field (NULL: something inside an ext) takes values of a
 * type; validation may still refuse a value.  Where the field cannot take them at all,
 * false, with a message (lower case, no full stop: "a timestamp without time zone names
 * no moment") and a hint (a sentence, or NULL); both constant or in the current context.
 * source is what the hint may quote: the mapped column or expression.
 */
extern bool ecapi_datum_fits(const EcapiField *field, const EcapiDatumType *type,
							 const char *source, EcapiDatumForm *form,
							 const char **message, const char **hint);

#endif							/* ECAPI_FITS_H */
