/*
 * literal.h
 *	  Scalar values of SQL as texts, by integer arithmetic alone.
 *
 * Each function writes into memory of the caller's, ends it with a NUL, and
 * returns the bytes before that.  None allocates, raises an error, or looks at
 * a setting.  All texts are ASCII.
 */
#ifndef ECAPI_LITERAL_H
#define ECAPI_LITERAL_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/date.h"
#include "utils/inet.h"
#include "utils/uuid.h"

/* Bytes that any of these texts takes, with its NUL. */
#define ECAPI_LITERAL_SIZE	80

/*
 * The shortest decimal that the value means.  A double that was a real before (the
 * cast of 70.3::real gives 70.30000305175781) is written as that real: where it is
 * one exactly, and takes more than 15 digits, which no decimal of a double needs.
 * "NaN", "Infinity", "-Infinity".
 */
extern int	ecapi_literal_double(double value, char *to);

/*
 * ISO 8601: "2026-11-23T13:00:00", and "Z" behind it if zoned (the value is in
 * UTC then), with as many of six digits of a fraction as are not zeros.  Years
 * as the standard counts them: 1 BC is 0000, 2 BC is -0001; years beyond 9999
 * have five or six digits, those of dates up to seven.  "infinity", "-infinity".
 */
extern int	ecapi_literal_time(Timestamp value, bool zoned, char *to);
extern int	ecapi_literal_date(DateADT value, char *to);

/* Seconds since 1970, rounded down; "infinity" and "-infinity" too. */
extern int	ecapi_literal_seconds(TimestampTz value, char *to);

extern int	ecapi_literal_uuid(const pg_uuid_t *value, char *to);
extern int	ecapi_literal_macaddr(const macaddr *value, char *to);

/* An address; its netmask only where that leaves more than one host. */
extern int	ecapi_literal_inet(const inet *value, char *to);

#endif							/* ECAPI_LITERAL_H */
