/*
 * suggest_reach.c
 *	  The tables that a mapping is guessed from: the tracked table, and those that
 *	  foreign keys lead to from there.
 *
 * Tables are opened with AccessShareLock, kept until the transaction ends.
 */
#include "postgres.h"

#include "tracking/suggest_person.h"
#include "tracking/suggest_reach.h"
#include "tracking/suggest_rules.h"
#include "tracking/suggest_tables.h"

static bool
has_place(const EcapiSuggestion *search, int place)
{
	ListCell   *cell;

	foreach(cell, search->tables)
		if (((const EcapiSuggestTable *) lfirst(cell))->place == place)
			return true;
	return false;
}

/*
 * The likeliest table of a reference.  If that is out of reach, none: the next
 * would be something else.
 */
static EcapiSuggestTable *
find_reference(EcapiSuggestion *search, const EcapiSuggestTable *from,
			   const EcapiSuggestReference *reference)
{
	AttrNumber	key;

	for (const char *const *name = reference->names; *name; name++)
		for (int i = 0; i < from->ncolumns; i++)
		{
			const EcapiSuggestColumn *column = &from->columns[i];

			if (ecapi_suggest_names_reference(column->folded, *name) &&
				OidIsValid(ecapi_suggest_referred(search, from, column, &key)))
				return ecapi_suggest_follow(search, from, column, reference->place);
		}
	return NULL;
}

static void
add_table(EcapiSuggestion *search, EcapiSuggestTable *table)
{
	if (table != NULL)
		search->tables = lappend(search->tables, table);
}

/*
 * Add the tables that a table leads to, of each place that has none yet.  A
 * billing address is the guest's own, so it goes before the account.
 */
static void
add_references(EcapiSuggestion *search, const EcapiSuggestTable *from)
{
	for (int i = 0; i < ecapi_suggest_nreferences; i++)
	{
		const EcapiSuggestReference *reference = &ecapi_suggest_references[i];

		if ((from->place & reference->from) != 0 && !has_place(search, reference->place))
			add_table(search, find_reference(search, from, reference));
	}
	if (search->person == NULL &&
		(from->place & (ECAPI_PLACE_OWN | ECAPI_PLACE_ORDER)) != 0)
		add_table(search, ecapi_suggest_find_person(search, from));
}

/* Tables are added while the list is gone through: the near ones come before the far. */
void
ecapi_suggest_read_tables(EcapiSuggestion *search)
{
	search->tables = list_make1(ecapi_suggest_read_table(search->relation, ECAPI_PLACE_OWN,
														 InvalidOid));
	for (int i = 0; i < list_length(search->tables); i++)
		add_references(search, list_nth(search->tables, i));
}
