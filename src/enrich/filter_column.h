/*
 * filter_column.h
 *	  The names in a filter: columns of ecapi.event.
 */
#ifndef ECAPI_FILTER_COLUMN_H
#define ECAPI_FILTER_COLUMN_H

#include "postgres.h"

#include "parser/parse_node.h"

/*
 * For the parser, whose p_ref_hook_state is the descriptor of ecapi.event: a column of
 * the row, by its plain name; raises for any other.
 */
extern Node *ecapi_filter_column(ParseState *pstate, ColumnRef *reference);

#endif							/* ECAPI_FILTER_COLUMN_H */
