/*
 * filter_bound.c
 *	  How much work a filter can be.
 *
 * Most built-in functions look at no interrupt while they work, so neither the time
 * limit nor a shutdown reaches a filter inside of one: 7::numeric ^ 155000 % 3
 * takes minutes in a few calls.  So no single call may be long.
 *
 * What always holds:
 *
 * (1) A value that a function, operator or cast makes is looked at before anything
 *	  is done with it (ecapi_internal.filter_bound() is put around it): one that is
 *	  too large is an error of the filter.  There interrupts are looked at, too, so
 *	  that a long chain of short calls ends in time.
 * (2) A function whose result grows with the value of an argument, and not with its
 *	  size, takes a small constant there, or is refused (growing[]).
 * (3) A function that takes the product of the sizes of two arguments has one that
 *	  is small (products[]).
 * (4) What is constant is computed when the filter is set, under the same rules.  So
 *	  a constant that is too large is refused there.
 *
 * With that a call takes a few hundred milliseconds at most, and most take none
 * (measured: a quotient of two numbers of 1,000 digits 0.3 ms, a power of 16 of one
 * 1.3 ms, LIKE at the limit 300 ms).  Regular expressions and jsonpath look at
 * interrupts themselves.
 *
 * Nothing is kept, no lock is taken.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "enrich/filter_bound.h"

PG_FUNCTION_INFO_V1(ecapi_filter_bound_value);

/* Bytes of a value: those of the largest event that the settings allow. */
#define VALUE_MAX		(1024 * 1024)

/*
 * Where the work is the product of the sizes of two values: bytes of the one times
 * bytes of the other.  LIKE takes the longest for it, up to 5 ns.
 */
#define PRODUCT_MAX		(64 * 1024 * 1024)

/* Bytes of what is looked for in another value, where it is no constant. */
#define NEEDLE_MAX		1024

/* Bytes of two lists of which each element of one is compared with all of the other. */
#define LIST_MAX		(16 * 1024)

/* Digits before and behind the decimal point; a double has 309 and 324. */
#define NUMBER_DIGITS	1000

/* ------------------------------------------------------------- at evaluation */

static bool
is_large_number(Numeric number)
{
	static Numeric limit = NULL;
	Datum		size;

	if (numeric_is_nan(number) || numeric_is_inf(number))
		return false;
	if (limit == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		limit = DatumGetNumeric(DirectFunctionCall3(numeric_in,
													CStringGetDatum("1e1000"),
													ObjectIdGetDatum(InvalidOid),
													Int32GetDatum(-1)));
		MemoryContextSwitchTo(old);
	}
	size = DirectFunctionCall1(numeric_abs, NumericGetDatum(number));
	return DatumGetBool(DirectFunctionCall2(numeric_ge, size, NumericGetDatum(limit))) ||
		DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(number))) > NUMBER_DIGITS;
}

/*
 * ecapi_internal.filter_bound(value, max_bytes): the value.  Raises
 * program_limit_exceeded when it is too large to go on with.
 */
Datum
ecapi_filter_bound_value(PG_FUNCTION_ARGS)
{
	Datum		value = PG_GETARG_DATUM(0);

	CHECK_FOR_INTERRUPTS();
	if (get_fn_expr_argtype(fcinfo->flinfo, 0) == NUMERICOID)
	{
		if (is_large_number(DatumGetNumeric(value)))
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a number in a filter has more than %d digits before or behind the decimal point",
							NUMBER_DIGITS),
					 errhint("Compute what it asks for in an enrichment.")));
	}
	else if (VARSIZE_ANY_EXHDR(DatumGetPointer(value)) > PG_GETARG_INT32(1))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a value in a filter has more than %d bytes", PG_GETARG_INT32(1)),
				 errhint("Compute what it asks for in an enrichment.")));
	PG_RETURN_DATUM(value);
}

/* ------------------------------------------------------------ at compilation */

/* What an argument, counted from 1, has to be. */
typedef enum Demand
{
	DEMAND_NEVER,				/* the function is not to be used */
	DEMAND_SMALL_INTEGER,		/* a constant, an integer from 0 to max */
	DEMAND_SHORT_TEXT,			/* a constant of at most max bytes */
	DEMAND_PLAIN_FORMAT			/* a constant without widths */
} Demand;

/* What a result can grow to by the value of one argument. */
static const struct
{
	Oid			function;
	Demand		demand;
	int			argument;
	int			max;
}			growing[] = {
	{F_POWER_NUMERIC_NUMERIC, DEMAND_SMALL_INTEGER, 2, 16},
	{F_POW_NUMERIC_NUMERIC, DEMAND_SMALL_INTEGER, 2, 16},
	{F_NUMERIC_POWER, DEMAND_SMALL_INTEGER, 2, 16},
	{F_EXP_NUMERIC, DEMAND_SMALL_INTEGER, 1, 100},
	{F_NUMERIC_EXP, DEMAND_SMALL_INTEGER, 1, 100},
	{F_FACTORIAL, DEMAND_SMALL_INTEGER, 1, 100},
	{F_REPEAT, DEMAND_SMALL_INTEGER, 2, 100},
	{F_LPAD_TEXT_INT4_TEXT, DEMAND_SMALL_INTEGER, 2, 1000},
	{F_LPAD_TEXT_INT4, DEMAND_SMALL_INTEGER, 2, 1000},
	{F_RPAD_TEXT_INT4_TEXT, DEMAND_SMALL_INTEGER, 2, 1000},
	{F_RPAD_TEXT_INT4, DEMAND_SMALL_INTEGER, 2, 1000},
	{F_REPLACE, DEMAND_SHORT_TEXT, 3, 32},
	{F_REGEXP_REPLACE_TEXT_TEXT_TEXT, DEMAND_SHORT_TEXT, 3, 32},
	{F_REGEXP_REPLACE_TEXT_TEXT_TEXT_TEXT, DEMAND_SHORT_TEXT, 3, 32},
	{F_REGEXP_REPLACE_TEXT_TEXT_TEXT_INT4, DEMAND_SHORT_TEXT, 3, 32},
	{F_REGEXP_REPLACE_TEXT_TEXT_TEXT_INT4_INT4, DEMAND_SHORT_TEXT, 3, 32},
	{F_REGEXP_REPLACE_TEXT_TEXT_TEXT_INT4_INT4_TEXT, DEMAND_SHORT_TEXT, 3, 32},
	{F_FORMAT_TEXT, DEMAND_PLAIN_FORMAT, 1, 0},
	{F_FORMAT_TEXT_ANY, DEMAND_PLAIN_FORMAT, 1, 0},
	{F_ARRAY_FILL_ANYELEMENT__INT4, DEMAND_NEVER, 0, 0},
	{F_ARRAY_FILL_ANYELEMENT__INT4__INT4, DEMAND_NEVER, 0, 0},
	{F_JSONB_PRETTY, DEMAND_NEVER, 0, 0},	/* an indentation for each level and line */
};

/* Arguments (bit i: argument i + 1) of which the work is a product. */
#define FIRST	(1 << 0)
#define SECOND	(1 << 1)

static const struct
{
	Oid			function;
	int			arguments;
	int			max;			/* bytes */
}			products[] = {
	{F_STRPOS, SECOND, NEEDLE_MAX},
	{F_POSITION_TEXT_TEXT, SECOND, NEEDLE_MAX},
	{F_POSITION_BYTEA_BYTEA, SECOND, NEEDLE_MAX},
	{F_POSITION_BIT_BIT, SECOND, NEEDLE_MAX},
	{F_REPLACE, SECOND, NEEDLE_MAX},
	{F_SPLIT_PART, SECOND, NEEDLE_MAX},
	{F_STRING_TO_ARRAY_TEXT_TEXT, SECOND, NEEDLE_MAX},
	{F_STRING_TO_ARRAY_TEXT_TEXT_TEXT, SECOND, NEEDLE_MAX},
	{F_TRANSLATE, SECOND, NEEDLE_MAX},
	{F_BTRIM_TEXT_TEXT, SECOND, NEEDLE_MAX},
	{F_LTRIM_TEXT_TEXT, SECOND, NEEDLE_MAX},
	{F_RTRIM_TEXT_TEXT, SECOND, NEEDLE_MAX},
	{F_BTRIM_BYTEA_BYTEA, SECOND, NEEDLE_MAX},
	{F_LTRIM_BYTEA_BYTEA, SECOND, NEEDLE_MAX},
	{F_RTRIM_BYTEA_BYTEA, SECOND, NEEDLE_MAX},
	{F_TEXTLIKE, SECOND, NEEDLE_MAX},
	{F_TEXTNLIKE, SECOND, NEEDLE_MAX},
	{F_TEXTICLIKE, SECOND, NEEDLE_MAX},
	{F_TEXTICNLIKE, SECOND, NEEDLE_MAX},
	{F_LIKE_TEXT_TEXT, SECOND, NEEDLE_MAX},
	{F_NOTLIKE_TEXT_TEXT, SECOND, NEEDLE_MAX},
	{F_NAMELIKE, SECOND, NEEDLE_MAX},
	{F_NAMENLIKE, SECOND, NEEDLE_MAX},
	{F_NAMEICLIKE, SECOND, NEEDLE_MAX},
	{F_NAMEICNLIKE, SECOND, NEEDLE_MAX},
	{F_LIKE_NAME_TEXT, SECOND, NEEDLE_MAX},
	{F_NOTLIKE_NAME_TEXT, SECOND, NEEDLE_MAX},
	{F_BPCHARLIKE, SECOND, NEEDLE_MAX},
	{F_BPCHARNLIKE, SECOND, NEEDLE_MAX},
	{F_BPCHARICLIKE, SECOND, NEEDLE_MAX},
	{F_BPCHARICNLIKE, SECOND, NEEDLE_MAX},
	{F_BYTEALIKE, SECOND, NEEDLE_MAX},
	{F_BYTEANLIKE, SECOND, NEEDLE_MAX},
	{F_LIKE_BYTEA_BYTEA, SECOND, NEEDLE_MAX},
	{F_NOTLIKE_BYTEA_BYTEA, SECOND, NEEDLE_MAX},
	{F_JSONB_DELETE_JSONB__TEXT, SECOND, NEEDLE_MAX},
	{F_ARRAYOVERLAP, FIRST | SECOND, LIST_MAX},
	{F_ARRAYCONTAINS, FIRST | SECOND, LIST_MAX},
	{F_ARRAYCONTAINED, FIRST | SECOND, LIST_MAX},
	{F_JSONB_CONTAINS, FIRST | SECOND, LIST_MAX},
	{F_JSONB_CONTAINED, FIRST | SECOND, LIST_MAX},
};

/* The constant that an argument is, or NULL. */
static Const *
constant_of(List *arguments, int number)
{
	Node	   *argument = number <= list_length(arguments) ? list_nth(arguments, number - 1) : NULL;

	if (argument != NULL && IsA(argument, NamedArgExpr))
		argument = (Node *) ((NamedArgExpr *) argument)->arg;
	argument = argument == NULL ? NULL : eval_const_expressions(NULL, argument);
	return argument != NULL && IsA(argument, Const) ? (Const *) argument : NULL;
}

/* Whether it is from 0 to max, of type int4, int8 or numeric; null is no work. */
static bool
is_small_integer(const Const *constant, int max)
{
	Numeric		number;
	int32		whole;
	bool		error = false;

	if (constant->constisnull)
		return true;
	switch (constant->consttype)
	{
		case INT4OID:
			return DatumGetInt32(constant->constvalue) >= 0 &&
				DatumGetInt32(constant->constvalue) <= max;
		case INT8OID:
			return DatumGetInt64(constant->constvalue) >= 0 &&
				DatumGetInt64(constant->constvalue) <= max;
		case NUMERICOID:
			number = DatumGetNumeric(constant->constvalue);
			whole = numeric_int4_opt_error(number, &error);
			return !error && whole >= 0 && whole <= max &&
				DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(number),
												 NumericGetDatum(int64_to_numeric(whole))));
		default:
			return false;
	}
}

/* A format without a width: neither "*" nor digits in it that are no position. */
static bool
is_plain_format(const Const *constant)
{
	char	   *format;

	if (constant->constisnull)
		return true;
	format = TextDatumGetCString(constant->constvalue);
	for (const char *at = strchr(format, '%'); at != NULL; at = strchr(at, '%'))
	{
		size_t		digits = strspn(++at, "0123456789");

		at += digits > 0 && at[digits] == '$' ? digits + 1 : 0;
		at += strspn(at, "-");
		if (*at == '*' || (*at >= '0' && *at <= '9'))
			return false;
		at += *at != '\0';
	}
	return true;
}

static bool
meets(const Const *constant, Demand demand, int max)
{
	if (constant == NULL)
		return false;
	switch (demand)
	{
		case DEMAND_NEVER:
			return false;
		case DEMAND_SMALL_INTEGER:
			return is_small_integer(constant, max);
		case DEMAND_SHORT_TEXT:
			return constant->constisnull ||
				VARSIZE_ANY_EXHDR(DatumGetPointer(constant->constvalue)) <= max;
		case DEMAND_PLAIN_FORMAT:
			return is_plain_format(constant);
	}
	return false;
}

static const char *
hint_for(Demand demand, int argument, int max)
{
	switch (demand)
	{
		case DEMAND_SMALL_INTEGER:
			return psprintf("Its argument %d must be a constant integer from 0 to %d.", argument, max);
		case DEMAND_SHORT_TEXT:
			return psprintf("Its argument %d must be a constant of at most %d bytes.", argument, max);
		case DEMAND_PLAIN_FORMAT:
			return "Its format must be a constant without widths.";
		case DEMAND_NEVER:
			break;
	}
	return "Compute what it asks for in an enrichment.";
}

static void
check_growth(Oid function, List *arguments)
{
	for (int i = 0; i < lengthof(growing); i++)
	{
		if (growing[i].function != function ||
			(growing[i].demand != DEMAND_NEVER &&
			 meets(constant_of(arguments, growing[i].argument), growing[i].demand, growing[i].max)))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the work of function %s in a filter has no bound",
						format_procedure(function)),
				 errhint("%s", hint_for(growing[i].demand, growing[i].argument, growing[i].max))));
	}
}

typedef struct Bounding
{
	Oid			function;		/* ecapi_internal.filter_bound(anyelement, integer) */
} Bounding;

/* node, looked at when it was evaluated; as it is where its type has one size. */
static Node *
bound(const Bounding *bounding, Node *node, int max)
{
	Oid			type = exprType(node);
	FuncExpr   *call;

	if (get_typlen(type) != -1)
		return node;
	call = makeFuncExpr(bounding->function, type,
						list_make2(node, makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
												   Int32GetDatum(max), false, true)),
						exprCollation(node), exprCollation(node), COERCE_EXPLICIT_CALL);
	return (Node *) call;
}

/* Bytes of the first constant among some arguments; 0: there is none. */
static int
size_of_constant(List *arguments, int among)
{
	for (int number = 1; number <= list_length(arguments); number++)
	{
		Const	   *constant = (among & (1 << (number - 1))) == 0 ? NULL
			: constant_of(arguments, number);

		if (constant != NULL)
			return constant->constisnull || constant->constlen != -1 ? 1
				: Max(VARSIZE_ANY_EXHDR(DatumGetPointer(constant->constvalue)), 1);
	}
	return 0;
}

/*
 * Bound the arguments of a call of which the work is a product: where one of them is
 * a constant, the others by its size; else each by its own limit.
 */
static void
bound_products(const Bounding *bounding, Oid function, List *arguments)
{
	for (int i = 0; i < lengthof(products); i++)
	{
		int			constant;
		int			number = 0;
		ListCell   *cell;

		if (products[i].function != function)
			continue;
		constant = size_of_constant(arguments, products[i].arguments);
		foreach(cell, arguments)
		{
			bool		named = (products[i].arguments & (1 << number++)) != 0;
			int			max = constant > 0 ? PRODUCT_MAX / constant
				: named ? products[i].max : PRODUCT_MAX / products[i].max;

			if (max < VALUE_MAX && constant_of(arguments, number) == NULL)
				lfirst(cell) = bound(bounding, lfirst(cell), max);
		}
	}
}

static Node *
bound_mutator(Node *node, void *arg)
{
	const Bounding *bounding = arg;
	Oid			function = InvalidOid;
	List	   *arguments = NIL;

	if (node == NULL)
		return NULL;
	node = expression_tree_mutator(node, bound_mutator, arg);
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			function = ((FuncExpr *) node)->funcid;
			arguments = ((FuncExpr *) node)->args;
			break;
		case T_OpExpr:
			set_opfuncid((OpExpr *) node);
			function = ((OpExpr *) node)->opfuncid;
			arguments = ((OpExpr *) node)->args;
			break;
		case T_ScalarArrayOpExpr:
			set_sa_opfuncid((ScalarArrayOpExpr *) node);
			function = ((ScalarArrayOpExpr *) node)->opfuncid;
			arguments = ((ScalarArrayOpExpr *) node)->args;
			break;
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ArrayExpr:
		case T_SubscriptingRef:
		case T_Const:
			break;
		default:
			return node;		/* no function, or the value of one of its parts */
	}
	if (OidIsValid(function))
	{
		check_growth(function, arguments);
		if (!IsA(node, ScalarArrayOpExpr))
			bound_products(bounding, function, arguments);
	}
	return bound(bounding, node, VALUE_MAX);
}

Node *
ecapi_filter_bound(Node *analyzed)
{
	Oid			types[] = {ANYELEMENTOID, INT4OID};
	Bounding	bounding;

	bounding.function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										CStringGetDatum("filter_bound"),
										PointerGetDatum(buildoidvector(types, 2)),
										ObjectIdGetDatum(get_namespace_oid("ecapi_internal", false)));
	if (!OidIsValid(bounding.function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function ecapi_internal.filter_bound(anyelement, integer) does not exist"),
				 errhint("Update the extension with ALTER EXTENSION ecapi UPDATE.")));
	return eval_const_expressions(NULL, bound_mutator(analyzed, &bounding));
}
