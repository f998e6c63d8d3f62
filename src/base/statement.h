/*
 * statement.h
 *	  Fixed statements over our own tables: their arguments, and columns of what
 *	  they return.
 *
 *		ecapi_execute(&end_rows, ecapi_arg_name(destination));
 *
 *		n = ecapi_query(&load);
 *		for (uint64 row = 0; row < n; row++)
 *			... ecapi_column_int8(row, 1), ecapi_column_text(row, 2) ...
 *
 * All of it wants a transaction and a connection to SPI, and raises what SQL raises.
 */
#ifndef ECAPI_STATEMENT_H
#define ECAPI_STATEMENT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "executor/spi.h"

#define ECAPI_STATEMENT_ARGS	24

/*
 * A fixed statement: written once as a static, prepared at first use in a
 * process, kept until the process ends.
 */
typedef struct EcapiStatement
{
	const char *sql;
	int			nargs;
	Oid			argtypes[ECAPI_STATEMENT_ARGS];
	SPIPlanPtr	plan;
} EcapiStatement;

/* Prepare a statement unless that was done. */
extern void ecapi_statement_prepare(EcapiStatement *statement);

/* Run a statement.  Returns the number of rows; those of a query are in SPI_tuptable. */
extern uint64 ecapi_statement_run(EcapiStatement *statement, bool read_only,
								  int nargs, const NullableDatum *args);

/*
 * The same with the arguments themselves: ecapi_query() reads as the active snapshot
 * sees, ecapi_execute() by a snapshot of its own, and may write.
 */
#define ecapi_query(...)	ECAPI_RUN(true, __VA_ARGS__, {0})
#define ecapi_execute(...)	ECAPI_RUN(false, __VA_ARGS__, {0})

/* A last one is added, so that there may be none. */
#define ECAPI_RUN(read_only, statement, ...) \
	ecapi_statement_run(statement, read_only, \
						lengthof(((NullableDatum[]) {__VA_ARGS__})) - 1, \
						(NullableDatum[]) {__VA_ARGS__})

/* ---- arguments of other statements ---- */

/*
 * Arguments of which no plan and no log shows a value: n of these types, or untyped and null
 * where types is NULL, to be set in params[].  nulls may be NULL, else 'n' marks a null, as SPI
 * has it.  In the current context.
 *
 * Give it to SPI as options.params of SPI_execute_plan_extended(), or of
 * SPI_execute_extended() for a text that is run once.  A cursor would copy it, and lose that.
 */
extern ParamListInfo ecapi_params(int n, const Oid *types, const Datum *values, const char *nulls);

/* Like SPI_execute_with_args(), with such arguments. */
extern int	ecapi_execute_text(const char *sql, int n, const Oid *types, const Datum *values,
							   const char *nulls, bool read_only, uint64 max_rows);

/* ---- arguments ---- */

static inline NullableDatum
ecapi_arg(Datum value)
{
	return (NullableDatum) {value, false};
}

/* Null if that is true. */
static inline NullableDatum
ecapi_arg_null_if(bool isnull, Datum value)
{
	return (NullableDatum) {isnull ? (Datum) 0 : value, isnull};
}

#define ecapi_arg_bool(value)	ecapi_arg(BoolGetDatum(value))
#define ecapi_arg_int2(value)	ecapi_arg(Int16GetDatum(value))
#define ecapi_arg_int4(value)	ecapi_arg(Int32GetDatum(value))
#define ecapi_arg_int8(value)	ecapi_arg(Int64GetDatum(value))
#define ecapi_arg_float8(value)	ecapi_arg(Float8GetDatum(value))
#define ecapi_arg_oid(value)	ecapi_arg(ObjectIdGetDatum(value))
#define ecapi_arg_time(value)	ecapi_arg(Int64GetDatum(value))
#define ecapi_arg_xid8(value)	ecapi_arg(UInt64GetDatum(value))
/* A time that is 0 is null. */
#define ecapi_arg_time_if_set(value)	ecapi_arg_null_if((value) == 0, Int64GetDatum(value))

/* Copies, in the current context.  NULL is null. */
extern NullableDatum ecapi_arg_text(const char *text);
extern NullableDatum ecapi_arg_name(const char *name);

/* NULL is null; converted from UTF-8 to the server's encoding. */
extern NullableDatum ecapi_arg_utf8(const char *text);

/* An array of elements of that type without nulls. */
extern NullableDatum ecapi_arg_array(Datum *elements, int n, Oid type);
extern NullableDatum ecapi_arg_int8s(const int64 *numbers, int n);

/* Set value i (from 0) of a row that is formed to a text; to null where that is NULL. */
extern void ecapi_set_text(Datum *values, bool *nulls, int i, const char *text);

/* ---- columns ---- */

/* Of what the last statement returned; rows count from 0, columns from 1. */
static inline Datum
ecapi_column(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/* The same where null is 0, and false. */
static inline Datum
ecapi_column_datum(uint64 row, int column)
{
	bool		isnull;
	Datum		value = ecapi_column(row, column, &isnull);

	return isnull ? (Datum) 0 : value;
}

static inline bool
ecapi_column_is_null(uint64 row, int column)
{
	bool		isnull;

	(void) ecapi_column(row, column, &isnull);
	return isnull;
}

#define ecapi_column_bool(row, column)	DatumGetBool(ecapi_column_datum(row, column))
#define ecapi_column_int2(row, column)	DatumGetInt16(ecapi_column_datum(row, column))
#define ecapi_column_int4(row, column)	DatumGetInt32(ecapi_column_datum(row, column))
#define ecapi_column_oid(row, column)	DatumGetObjectId(ecapi_column_datum(row, column))
#define ecapi_column_time(row, column)	((TimestampTz) ecapi_column_int8(row, column))
#define ecapi_column_xid8(row, column)	((uint64) ecapi_column_int8(row, column))

static inline int64
ecapi_column_int8(uint64 row, int column)
{
	bool		isnull;
	Datum		value = ecapi_column(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* Of a column that is not null; where the row lies. */
#define ecapi_column_name(row, column) \
	NameStr(*DatumGetName(ecapi_column_datum(row, column)))

/* Palloc'd; NULL is null. */
extern char *ecapi_column_text(uint64 row, int column);

#endif							/* ECAPI_STATEMENT_H */
