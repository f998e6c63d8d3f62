/*
 * suggest_address.c
 *	  Which columns make the address.
 *
 * Parts come from one table under one prefix, and only where there is a city or
 * a postal code: a bare "state" is an order's stage more often.  Cities, states
 * and countries may have tables of their own, one behind the other.
 */
#include "postgres.h"

#include "tracking/suggest_address.h"
#include "tracking/suggest_source.h"
#include "tracking/suggest_tables.h"

/* Cities lead to states, and states to countries. */
#define MAX_PART_STEPS	3

/* The text column of that name as a source, or NULL. */
static const char *
text_column(const EcapiSuggestTable *table, const EcapiSuggestPart *part, const char *folded)
{
	const EcapiSuggestColumn *column = ecapi_suggest_column(table, folded);

	if (column == NULL || !ecapi_suggest_fits(ECAPI_SUGGEST_TEXT, part->path, column->type))
		return NULL;
	return ecapi_suggest_plain(table, column);
}

/* The table of its own that a part has, as seen from a table; NULL: none. */
static const EcapiSuggestTable *
table_of_part(EcapiSuggestion *search, const EcapiSuggestTable *table, const char *prefix,
			  const EcapiSuggestPart *part)
{
	if (part->inside[0] == NULL)
		return NULL;
	for (const char *const *name = part->names; *name; name++)
	{
		const char *folded = psprintf("%s%s", prefix, *name);

		for (int i = 0; i < table->ncolumns; i++)
		{
			const EcapiSuggestTable *found;

			if (!ecapi_suggest_names_reference(table->columns[i].folded, folded))
				continue;
			found = ecapi_suggest_follow(search, table, &table->columns[i], ECAPI_PLACE_PART);
			if (found != NULL)
				return found;
		}
	}
	return NULL;
}

/* The source of a part; NULL: none. */
static const char *
find_part(EcapiSuggestion *search, const EcapiSuggestTable *table, const char *prefix,
		  const EcapiSuggestPart *part, int steps)
{
	const EcapiSuggestTable *there;
	const char *text = NULL;

	for (const char *const *name = part->names; *name && text == NULL; name++)
		text = text_column(table, part, psprintf("%s%s", prefix, *name));
	if (text != NULL || steps == MAX_PART_STEPS)
		return text;
	there = table_of_part(search, table, prefix, part);
	for (const char *const *name = part->inside; there && *name && text == NULL; name++)
		text = text_column(there, part, *name);
	for (int i = 0; i < ecapi_suggest_nparts && text == NULL; i++)
	{
		if (&ecapi_suggest_parts[i] == part)
			continue;
		there = table_of_part(search, table, prefix, &ecapi_suggest_parts[i]);
		if (there != NULL)
			text = find_part(search, there, "", part, steps + 1);
	}
	return text;
}

/*
 * Take the address of one table under one prefix; only its country, if it is
 * no more than that.  False if there is none.
 */
static bool
take_address(EcapiSuggestion *search, const EcapiSuggestTable *table, const char *prefix,
			 bool only_country)
{
	const char *found[ECAPI_SUGGEST_MAX_PARTS];
	bool		located = false;

	for (int i = 0; i < ecapi_suggest_nparts; i++)
	{
		const EcapiSuggestPart *part = &ecapi_suggest_parts[i];
		bool		country = strcmp(part->path, "user_data.address.country_code") == 0;

		found[i] = only_country && !country ? NULL :
			find_part(search, table, prefix, part, 0);
		if (found[i] != NULL &&
			(only_country ||
			 strcmp(part->path, "user_data.address.city") == 0 ||
			 strcmp(part->path, "user_data.address.postal_code") == 0))
			located = true;
	}
	for (int i = 0; located && i < ecapi_suggest_nparts; i++)
		if (found[i] != NULL)
			ecapi_suggest_take(search, ecapi_suggest_parts[i].path, found[i]);
	return located;
}

/* A shipping address may be that of a person who gets a present, so it comes last. */
static bool
find_address(EcapiSuggestion *search, bool shipping, bool only_country)
{
	ListCell   *cell;

	foreach(cell, search->tables)
	{
		const EcapiSuggestTable *table = lfirst(cell);

		if ((table->place & (ECAPI_PLACE_OWN | ECAPI_PLACE_PERSON | ECAPI_PLACE_ORDER |
							 ECAPI_PLACE_BILLING | ECAPI_PLACE_SHIPPING)) == 0)
			continue;
		for (int i = 0; i < ecapi_suggest_nprefixes; i++)
		{
			const EcapiSuggestPrefix *prefix = &ecapi_suggest_prefixes[i];

			if ((prefix->shipping || table->place == ECAPI_PLACE_SHIPPING) == shipping &&
				take_address(search, table, prefix->prefix, only_country))
				return true;
		}
	}
	return false;
}

void
ecapi_suggest_address(EcapiSuggestion *search)
{
	(void) (find_address(search, false, false) || find_address(search, true, false) ||
			find_address(search, false, true) || find_address(search, true, true));
}
