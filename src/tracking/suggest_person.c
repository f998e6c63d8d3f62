/*
 * suggest_person.c
 *	  Which column of a table names the customer.
 *
 * Several may look like it: an order has a customer, the user who entered it,
 * and an account.  What always holds:
 *	(1) One column is taken, and only what it leads to is followed.  Beside
 *		customer_id, a user_id is somebody else, even if customer_id has no
 *		foreign key or leads to a table that may not be read.
 *	(2) Of columns that are as likely by name, the one whose foreign key leads
 *		to a table with an e-mail address goes first.
 *	(3) An employee is never the customer: not a column that leads to a table
 *		of them.
 * Names are data of suggest.def.
 */
#include "postgres.h"

#include "access/table.h"
#include "utils/lsyscache.h"

#include "tracking/suggest_person.h"
#include "tracking/suggest_source.h"
#include "tracking/suggest_tables.h"

/* Whether a word is the singular or plural of another one. */
static bool
is_word(const char *word, size_t len, const char *singular)
{
	size_t		single = strlen(singular);

	return strncmp(word, singular, Min(len, single)) == 0 &&
		(len == single || (len == single + 1 && word[single] == 's'));
}

static bool
is_one_of(const char *word, size_t len, const char *const *words)
{
	for (; *words; words++)
		if (is_word(word, len, *words))
			return true;
	return false;
}

/* Whether a table of that name has employees in its rows. */
static bool
is_employee_table(const char *relname)
{
	for (const char *word = relname; *word;)
	{
		size_t		len = strcspn(word, "_");

		if (is_one_of(word, len, ecapi_suggest_employees))
			return true;
		word += len + strspn(word + len, "_");
	}
	return false;
}

bool
ecapi_suggest_is_person_table(const char *relname)
{
	const char *last = strrchr(relname, '_');

	last = last != NULL ? last + 1 : relname;
	return !is_employee_table(relname) &&
		is_one_of(last, strlen(last), ecapi_suggest_person_tables);
}

/* A column that could hold keys of people, by its name and type alone. */
static bool
holds_keys(const EcapiSuggestColumn *column, const char *name)
{
	return strcmp(column->folded, name) != 0 &&
		ecapi_suggest_fits(ECAPI_SUGGEST_IDENTIFIER, "user_data.customer_identifier",
						   column->type);
}

/* Whether the column can name the customer; with email, one who has an address. */
static bool
is_candidate(EcapiSuggestion *search, const EcapiSuggestTable *from,
			 const EcapiSuggestColumn *column, const char *name, bool email)
{
	AttrNumber	key;
	Oid			relid;
	Relation	referred;
	const EcapiSuggestTable *table;

	if (!ecapi_suggest_names_reference(column->folded, name))
		return false;
	relid = ecapi_suggest_referred(search, from, column, &key);
	if (!OidIsValid(relid))
		return !email && holds_keys(column, name);
	referred = table_open(relid, AccessShareLock);
	table = ecapi_suggest_read_table(referred, ECAPI_PLACE_PERSON, InvalidOid);
	table_close(referred, NoLock);
	return !is_employee_table(table->relname) &&
		(!email || ecapi_suggest_column_of(table, ecapi_suggest_emails) != NULL);
}

static const EcapiSuggestColumn *
find_column(EcapiSuggestion *search, const EcapiSuggestTable *from,
			const char *const *names, bool email)
{
	for (; *names; names++)
		for (int i = 0; i < from->ncolumns; i++)
			if (is_candidate(search, from, &from->columns[i], *names, email))
				return &from->columns[i];
	return NULL;
}

EcapiSuggestTable *
ecapi_suggest_find_person(EcapiSuggestion *search, const EcapiSuggestTable *from)
{
	for (int i = 0; i < ECAPI_SUGGEST_NPERSONS && search->person == NULL; i++)
	{
		search->person = find_column(search, from, ecapi_suggest_persons[i], true);
		if (search->person == NULL)
			search->person = find_column(search, from, ecapi_suggest_persons[i], false);
	}
	if (search->person == NULL)
		return NULL;
	search->person_from = from;
	return ecapi_suggest_follow(search, from, search->person, ECAPI_PLACE_PERSON);
}
