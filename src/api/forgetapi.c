/*
 * forgetapi.c
 *	  ecapi.forget(), ecapi.remember() and ecapi.withdraw(): a person's events, and the
 *	  list of those whose history is not emitted again.
 *
 * Only roles to which EXECUTE is granted may call them: a caller can erase or stop events,
 * and learns from the answer whether a person is a customer.  Statements are fixed and
 * run as the extension's owner.
 *
 *	 1	lock the list, so that no page of history is made meanwhile
 *	 2	put the person on it (forget)
 *	 3	search, and erase (records/erasure.c) or stop (records/withdrawal.c)
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
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "base/tree.h"
#include "event/person.h"
#include "records/erasure.h"
#include "records/forgotten.h"
#include "records/withdrawal.h"
#include "shmem/shmem.h"
#include "stat/stat_progress.h"

PG_FUNCTION_INFO_V1(ecapi_forget);
PG_FUNCTION_INFO_V1(ecapi_remember);
PG_FUNCTION_INFO_V1(ecapi_withdraw);

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

/* The destinations that consent is withdrawn from: name[], or null for all. */
static NullableDatum
names_argument(FunctionCallInfo fcinfo, int n)
{
	NullableDatum names = fcinfo->args[n];
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (names.isnull)
		return names;
	deconstruct_array(DatumGetArrayTypeP(names.value), NAMEOID, NAMEDATALEN, false,
					  TYPALIGN_CHAR, &elements, &nulls, &count);
	if (count == 0)
		ecapi_argument_refuse("destinations must not be empty",
							  "Leave it out to withdraw consent from all destinations.");
	for (int i = 0; i < count; i++)
		if (nulls[i])
			ecapi_argument_refuse_null("destinations");
	return names;
}

/* what: the end of a message that says what cannot be done. */
static void
refuse(const char *name, const char *what)
{
	PreventCommandIfReadOnly(name);
	PreventCommandDuringRecovery(name);
	PreventCommandIfParallelMode(name);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("%s in isolation level REPEATABLE READ or SERIALIZABLE", what),
				 errdetail("Events that were committed since its snapshot would not be seen."),
				 errhint("Call it in a transaction of isolation level READ COMMITTED.")));
}

/* ---- the search ---- */

/* Is a stored text about the person?  (EcapiPersonSearch.is_about) */
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
report(const Search *search, const EcapiPersonSearch *found)
{
	int64		unreadable = search->unreadable + found->unreadable;

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
				 errhint("Any column may hold it. Give another identifier of the person, too, or fix the tracks and call ecapi.recapture() first.")));
}

/* What a search needs of a call; the result of the call becomes a set. */
static void
begin_search(FunctionCallInfo fcinfo, Search *search, EcapiPersonSearch *found)
{
	ReturnSetInfo *result;

	read_person(fcinfo, &search->person);
	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	found->is_about = is_about;
	found->arg = search;
	found->result = result->setResult;
	found->result_desc = result->setDesc;
}

static void
end_search(const Search *search, const EcapiPersonSearch *found)
{
	report(search, found);
	if (found->events + found->failed > 0)
		ecapi_stops_at_commit();
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
	Search		search = {0};
	EcapiPersonSearch found = {0};
	EcapiOwnerScope scope;

	refuse("ecapi.forget()", "a person cannot be forgotten");
	begin_search(fcinfo, &search, &found);
	ecapi_command_begin(ECAPI_COMMAND_FORGET, InvalidOid);
	ecapi_become_owner(&scope);
	ecapi_forgotten_lock();
	ecapi_forgotten_add(&search.person);
	ecapi_command_phase(ECAPI_AT_EVENTS, 0);
	ecapi_erasure_run(&found);
	ecapi_become_caller(&scope);
	ecapi_command_end();
	end_search(&search, &found);
	PG_RETURN_NULL();
}

/*
 * ecapi.withdraw(identifier text, country text, destinations name[]): stop the events of
 * a person for these destinations, or for all.  A row for each event and destination that
 * has a copy or may have one (outcome delivered or unanswered), or for which the event was
 * stopped now (withdrawn).  Raises invalid_parameter_value for what is no identifier,
 * undefined_object for what is no destination, and what SQL raises.
 */
Datum
ecapi_withdraw(PG_FUNCTION_ARGS)
{
	Search		search = {0};
	EcapiPersonSearch found = {0};
	EcapiOwnerScope scope;

	refuse("ecapi.withdraw()", "consent cannot be withdrawn");
	begin_search(fcinfo, &search, &found);
	found.names = names_argument(fcinfo, 2);
	ecapi_become_owner(&scope);
	ecapi_forgotten_lock();
	ecapi_withdrawal_run(&found);
	ecapi_become_caller(&scope);
	end_search(&search, &found);
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

	refuse("ecapi.remember()", "a person cannot be remembered");
	read_person(fcinfo, &person);
	ecapi_become_owner(&scope);
	ecapi_forgotten_lock();
	was_forgotten = ecapi_forgotten_remove(&person);
	ecapi_become_caller(&scope);
	PG_RETURN_BOOL(was_forgotten);
}
