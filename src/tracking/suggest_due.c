/*
 * suggest_due.c
 *	  When a row of a table is an event.
 *
 * A row that completes later (a cart that becomes an order) has a column that
 * says so: a time that is null until then, or a status.  The time is looked for
 * where the timestamp of the event is; a condition on it stays true, while a
 * status moves on.  If the time is never null, a row is complete from the start.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "tracking/suggest_due.h"
#include "tracking/suggest_source.h"
#include "tracking/suggest_tables.h"

/* The own column that a rule for timestamps names; NULL: none. */
static const EcapiSuggestColumn *
find_time(const EcapiSuggestTable *own, uint64 event)
{
	for (int i = 0; i < ecapi_suggest_nrules; i++)
	{
		const EcapiSuggestRule *rule = &ecapi_suggest_rules[i];
		const EcapiSuggestColumn *column;

		if (rule->class != ECAPI_SUGGEST_TIME || (rule->events & event) == 0 ||
			rule->table != NULL || strcmp(rule->path, "timestamp") != 0)
			continue;
		column = ecapi_suggest_fitting(own, rule->class, rule->path, rule->names);
		if (column != NULL)
			return column;
	}
	return NULL;
}

/* The status that a row probably has when it is such an event. */
static const char *
word_of(uint64 event)
{
	for (int i = 0; i < ecapi_suggest_ndone; i++)
		if ((ecapi_suggest_done[i].events & event) != 0)
			return ecapi_suggest_done[i].word;
	return NULL;
}

bool
ecapi_suggest_completes(int type)
{
	return word_of(UINT64_C(1) << type) != NULL;
}

const char *
ecapi_suggest_condition(Relation relation, const char *event_type, const char **column)
{
	int			type = ecapi_event_type_lookup(event_type, strlen(event_type));
	const EcapiSuggestTable *own;
	const EcapiSuggestColumn *found;

	if (type < 0 || !ecapi_suggest_completes(type))
		return NULL;
	own = ecapi_suggest_read_table(relation, ECAPI_PLACE_OWN, InvalidOid);
	found = find_time(own, UINT64_C(1) << type);
	if (found != NULL)
	{
		*column = found->name;
		return ecapi_never_null(relation, found->number) ? NULL :
			psprintf("%s IS NOT NULL", quote_identifier(found->name));
	}
	found = ecapi_suggest_column_of(own, ecapi_suggest_statuses);
	if (found == NULL)
		return NULL;
	*column = found->name;
	if (!ecapi_suggest_fits(ECAPI_SUGGEST_TEXT, "id", found->type) || type_is_enum(found->type))
		return psprintf("%s = ...", quote_identifier(found->name));
	return psprintf("%s = '%s'", quote_identifier(found->name),
					word_of(UINT64_C(1) << type));
}
