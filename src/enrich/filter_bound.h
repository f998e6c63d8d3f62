/*
 * filter_bound.h
 *	  How much work a filter can be.
 */
#ifndef ECAPI_FILTER_BOUND_H
#define ECAPI_FILTER_BOUND_H

#include "postgres.h"

#include "nodes/nodes.h"

/*
 * An analyzed and checked condition, in which no call of a function can take long, and
 * what is constant is computed; raises where that cannot be.
 */
extern Node *ecapi_filter_bound(Node *analyzed);

#endif							/* ECAPI_FILTER_BOUND_H */
