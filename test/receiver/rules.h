/*
 * rules.h
 *	  What an object of a platform's body may hold, as tables, and the walk
 *	  that holds a body to them.
 */
#ifndef RCV_RULES_H
#define RCV_RULES_H

#include <stdbool.h>

#include "json.h"
#include "place.h"

typedef enum RcvNature
{
	RCV_OF_TEXT,				/* a string; shape says more */
	RCV_OF_WORD,				/* one of words */
	RCV_OF_INTEGER,				/* written as one */
	RCV_OF_INT64,				/* the same, or its digits in a string (proto3) */
	RCV_OF_NUMBER,				/* any finite number */
	RCV_OF_BOOLEAN,
	RCV_OF_NAME,				/* a string or an integer: an id */
	RCV_OF_OBJECT,				/* of rules */
	RCV_OF_ANYTHING
} RcvNature;

typedef enum RcvMany
{
	RCV_ONE,
	RCV_LIST,					/* an array */
	RCV_ONE_OR_LIST
} RcvMany;

struct RcvRules;

typedef struct RcvMember
{
	const char *name;			/* NULL: the end of the table */
	RcvNature	nature;
	RcvMany		many;
	bool		required;
	const char *(*shape) (const RcvNode *node); /* shapes.h; NULL: any */
	const char *const *words;	/* of WORD; ends with NULL */
	const struct RcvRules *rules;	/* of OBJECT */
	int			max;			/* elements of a list; 0: one or more, -1: none, too */
	const char *code;			/* the platform's own word for a wrong shape; or NULL */
} RcvMember;

/* A line of a table of members, and its last line. */
#define RCV_MEMBER(member, of, ...) {.name = (member), .nature = (of), __VA_ARGS__}
#define RCV_NO_MORE {.name = NULL}

typedef enum RcvFaultKind
{
	RCV_FAULT_UNKNOWN,			/* a member that the platform does not know */
	RCV_FAULT_TYPE,				/* not the JSON type, null, or there twice */
	RCV_FAULT_MISSING,
	RCV_FAULT_WORD,				/* none of the words */
	RCV_FAULT_MANY,				/* too many, or an empty list */
	RCV_FAULT_SHAPE				/* all else */
} RcvFaultKind;

/* The first fault of a walk. */
typedef struct RcvFinding
{
	RcvFaultKind kind;
	char		path[256];		/* from the node the walk began at; no value in it */
	const char *problem;		/* a fixed phrase */
	const char *code;			/* the platform's own word; NULL: none */
} RcvFinding;

typedef struct RcvRules
{
	const RcvMember *members;	/* at most 64 */
	bool		open;			/* other members are the sender's own */
	/* rules between members, after these; true when they hold */
	bool		(*also) (RcvFinding *finding, const RcvPlace *place,
						 const RcvNode *object);
} RcvRules;

/*
 * Hold a node to the rules.  place is where it stands, NULL at the top.  True
 * when it fits; else *finding says what is wrong.  Null is no value.
 */
extern bool rcv_rules_hold(const RcvRules *rules, const RcvNode *node,
						   const RcvPlace *place, RcvFinding *finding);

/* Fill a finding about a place; returns false. */
extern bool rcv_found(RcvFinding *finding, const RcvPlace *place, RcvFaultKind kind,
					  const char *problem, const char *code);

/* The same about a member of the object at place, there or not. */
extern bool rcv_found_member(RcvFinding *finding, const RcvPlace *place,
							 const char *name, RcvFaultKind kind,
							 const char *problem, const char *code);

/* Is the member there?  Else a fault of the kind MISSING. */
extern bool rcv_rules_need(RcvFinding *finding, const RcvPlace *place,
						   const RcvNode *object, const char *name, const char *problem);

/* The same of the members first to last, of which one will do; NULL behind the last. */
extern bool rcv_rules_need_one(RcvFinding *finding, const RcvPlace *place,
							   const RcvNode *object, const char *const *names,
							   const char *problem);

/*
 * Does an integer member, which is there, stand for a time from oldest to latest?
 * All three in the same unit.
 */
extern bool rcv_rules_in_time(RcvFinding *finding, const RcvPlace *place,
							  const RcvNode *object, const char *name,
							  int64_t oldest, int64_t latest, const char *code);

#endif							/* RCV_RULES_H */
