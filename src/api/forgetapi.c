/*
 * forgetapi.c
 *	  ecapi.forget() and ecapi.remember(): a person's events, and the list of
 *	  those whose history is not emitted again.
 *
 * Only roles to which EXECUTE is granted may call them: a caller can erase events, and
 * learns from the answer whether a person is a customer.  Statements are fixed and
 * run as the extension's owner.
 *
 *	 1	lock the list, so that no page of history is made meanwhile
 *	 2	put the person on it
 *	 3	search and erase (records/erasure.c)
 *
 * No message holds the identifier, nor a digest of it.
 *
 * REPEATABLE READ is refused: events that are committed already would not be seen,
 * and a slot of the ring may have been emptied since the snapshot.
 *
 * Memory: a stored text is parsed, and freed of escapes, in memory that goes with it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "base/tree.h"
#include "event/person.h"
#include "records/erasure.h"
#include "records/forgotten.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(ecapi_forget);
PG_FUNCTION_INFO_V1(ecapi_remember);

typedef struct Search
{
	EcapiPerson person;
	int64		unreadable;		/* texts that are no JSON */
	int64		passed_over;	/* images of rows that were not searched */
} Search;

/* ---- arguments ---- */

static void
read_person(FunctionCallInfo fcinfo, EcapiPerson *person)
{
	const char *country = ecapi_argument_country(fcinfo, 1, "country is not one of ISO 3166-1");
	const char *identifier;
	size_t		len;

	ecapi_argument_required(fcinfo, 0, "identifier");
	identifier = ecapi_argument_utf8(fcinfo, 0, &len);
	switch (ecapi_person_init(person, identifier, (int) len, country))
	{
		case ECAPI_PERSON_NO_MEMORY:
			ecapi_tree_out_of_memory();
			break;
		case ECAPI_PERSON_KNOWN:
			break;
		case ECAPI_PERSON_EMPTY:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("identifier must not be empty")));
			break;
		case ECAPI_PERSON_INVALID:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("identifier is longer than any can be"),
					 errhint("Give an email address, a telephone number, another identifier of one person, or the 64 hex digits of its digest.")));
			break;
	}
	if (person->lacks_country)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("identifier was not taken for a telephone number, since it names no country"),
				 errhint("If it is one, begin it with \"+\" and the calling code, or give its country as second argument.")));
}

static void
refuse(const char *name)
{
	PreventCommandIfReadOnly(name);
	PreventCommandDuringRecovery(name);
	PreventCommandIfParallelMode(name);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("a person cannot be forgotten in isolation level REPEATABLE READ or SERIALIZABLE"),
				 errdetail("Events that were committed since its snapshot would not be seen."),
				 errhint("Call it in a transaction of isolation level READ COMMITTED.")));
}

/* ---- the search ---- */

/* Is a stored text about the person?  (EcapiErasure.is_about) */
static bool
is_about(void *arg, const char *text, int len, EcapiStored stored)
{
	Search	   *search = arg;
	EcapiArena	arena;
	EcapiValue *value;
	char		error[128];
	bool		found;

	if (stored == ECAPI_STORED_ROW && search->person.short_number)
	{
		search->passed_over++;
		return false;
	}
	ecapi_tree_arena(&arena, CurrentMemoryContext);
	if (stored == ECAPI_STORED_ANSWER)
	{
		value = ecapi_value_text(&arena, ECAPI_STRING, text, len);
		if (value == NULL)
			ecapi_tree_out_of_memory();
	}
	else
		value = ecapi_tree_parse(&arena, text, len, error, sizeof(error));
	if (value == NULL)
	{
		search->unreadable++;
		return false;
	}
	found = ecapi_person_in_event(&search->person, value, &arena) ||
		(stored != ECAPI_STORED_EVENT && ecapi_person_in_texts(&search->person, value, &arena));
	if (search->person.failed)
		ecapi_tree_out_of_memory();
	return found;
}

static void
report(const Search *search, const EcapiErasure *erasure)
{
	int64		unreadable = search->unreadable + erasure->unreadable;

	if (unreadable > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg_plural("%ld stored event could not be read, and was not searched",
							   "%ld stored events could not be read, and were not searched",
							   (unsigned long) unreadable, (long) unreadable),
				 errhint("They were not written by this extension; delete them from ecapi.outbox and ecapi.failed_event.")));
	if (search->passed_over > 0)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg_plural("%ld row that a track set aside was not searched for a number of so few digits",
							   "%ld rows that tracks set aside were not searched for a number of so few digits",
							   (unsigned long) search->passed_over, (long) search->passed_over),
				 errhint("Any column may hold it. Forget another identifier of the person, too, or fix the tracks and call ecapi.recapture() first.")));
}

/*
 * ecapi.forget(identifier text, country text): erase the events of a person.  A
 * row for each event and destination that has a copy, or may have one (outcome
 * delivered or unanswered); events that no destination has, with the outcome erased.
 * Raises invalid_parameter_value for what is no identifier, and what SQL raises.
 */
Datum
ecapi_forget(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;
	Search		search = {0};
	EcapiErasure erasure = {0};
	EcapiOwnerScope scope;

	refuse("ecapi.forget()");
	read_person(fcinfo, &search.person);
	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	erasure.is_about = is_about;
	erasure.arg = &search;
	erasure.result = result->setResult;
	erasure.result_desc = result->setDesc;

	ecapi_become_owner(&scope);
	ecapi_forgotten_lock();
	ecapi_forgotten_add(&search.person);
	ecapi_erasure_run(&erasure);
	ecapi_become_caller(&scope);
	report(&search, &erasure);
	if (erasure.events + erasure.failed > 0)
		ecapi_stops_at_commit();
	PG_RETURN_NULL();
}

/*
 * ecapi.remember(identifier text, country text): take an identifier, with all its
 * forms, off the list.  Returns whether it was on it.  Brings no event back.
 */
Datum
ecapi_remember(PG_FUNCTION_ARGS)
{
	EcapiPerson person;
	EcapiOwnerScope scope;
	bool		was_forgotten;

	refuse("ecapi.remember()");
	read_person(fcinfo, &person);
	ecapi_become_owner(&scope);
	ecapi_forgotten_lock();
	was_forgotten = ecapi_forgotten_remove(&person);
	ecapi_become_caller(&scope);
	PG_RETURN_BOOL(was_forgotten);
}
