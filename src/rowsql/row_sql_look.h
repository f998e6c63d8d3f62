/*
 * row_sql_look.h
 *	  A look at SQL over a row that runs nothing of a user.
 */
#ifndef ECAPI_ROW_SQL_LOOK_H
#define ECAPI_ROW_SQL_LOOK_H

#include "postgres.h"

#include "parser/parse_node.h"

#include "rowsql/source.h"

/* Before the analysis: make parameters of the strings of a parsed source. */
extern void ecapi_look_hide_strings(EcapiExpression *expression, Node *parsed);

/* Let a parser whose p_ref_hook_state is the expression know them. */
extern void ecapi_look_set_up(ParseState *pstate);

/* Whether an analyzed source can be planned without running code of a user. */
extern bool ecapi_look_may_plan(Node *analyzed);

#endif							/* ECAPI_ROW_SQL_LOOK_H */
