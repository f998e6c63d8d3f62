/*
 * suggest.c
 *	  A mapping for a table, guessed from its columns.
 *
 * What is guessed from is in suggest.def: whole names of columns, in order of
 * preference, for each field.  This file goes through its lines once, over the
 * columns of the table and of those that its foreign keys lead to (one step),
 * and writes down the first source that each field gets.
 *
 * A wrong guess sends a wrong value, or a stranger's, so:
 *	(1) a name counts only as a whole, and only with a type that the field can
 *		take;
 *	(2) of people, only one foreign key is followed, the likeliest: beside
 *		customer_id, an account_id is somebody else;
 *	(3) parts of an address come from one table under one prefix, and a bare
 *		"state" is one only beside a city or postal code: an order's state is
 *		more often its stage;
 *	(4) money goes with its currency, or not at all: the standard discards a
 *		value without one;
 *	(5) what is assumed nevertheless (UTC, whole units) is said in a NOTICE.
 *
 * Everything is allocated in the caller's context.  Tables that foreign keys
 * lead to are opened with AccessShareLock, kept until the transaction ends.
 * No row is read.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/relcache.h"

#include "capture/suggest.h"
#include "capture/suggest_internal.h"
#include "event/fields.h"

PG_FUNCTION_INFO_V1(ecapi_suggest_mapping);

/* What is of little use without a value. */
#define PRICED (ECAPI_SUGGEST_EVENT(purchase) | ECAPI_SUGGEST_EVENT(refund) | \
				ECAPI_SUGGEST_EVENT(donate) | ECAPI_SUGGEST_EVENT(subscribe))

static void
take(EcapiSuggestion *search, const char *path, const char *text)
{
	EcapiSuggestSource *source = palloc(sizeof(EcapiSuggestSource));

	source->path = path;
	source->text = text;
	search->sources = lappend(search->sources, source);
}

/* ---- rules ---- */

static bool
try_money(EcapiSuggestion *search, const EcapiSuggestRule *rule)
{
	const EcapiSuggestTable *own = linitial(search->tables);

	for (const char *const *name = rule->names; *name; name++)
	{
		const EcapiSuggestColumn *column = ecapi_suggest_column(own, *name);
		bool		minor = column == NULL ||
			!ecapi_suggest_fits(rule->class, rule->path, column->type);
		const char *text;

		if (minor)
			column = ecapi_suggest_minor(own, *name);
		if (column == NULL)
			continue;
		if (ecapi_suggest_source_of(search, "currency_code") == NULL)
		{
			if (search->unpriced == NULL && strcmp(rule->path, "value") == 0)
				search->unpriced = column;
			return false;
		}
		text = ecapi_suggest_money(search, column, minor);
		if (text != NULL)
			take(search, rule->path, text);
		return text != NULL;
	}
	return false;
}

static bool
try_primary_key(EcapiSuggestion *search, const EcapiSuggestRule *rule)
{
	Bitmapset  *key = RelationGetIndexAttrBitmap(search->relation,
												 INDEX_ATTR_BITMAP_PRIMARY_KEY);
	const EcapiSuggestColumn *column;
	int			member;

	if (!bms_get_singleton_member(key, &member))
		return false;
	column = ecapi_suggest_column_numbered(linitial(search->tables),
										   member + FirstLowInvalidHeapAttributeNumber);
	if (column == NULL || !ecapi_suggest_fits(rule->class, rule->path, column->type))
		return false;
	take(search, rule->path, column->name);
	return true;
}

static bool
try_columns(EcapiSuggestion *search, const EcapiSuggestRule *rule)
{
	ListCell   *cell;

	foreach(cell, search->tables)
	{
		const EcapiSuggestTable *table = lfirst(cell);

		if ((table->place & rule->places) == 0)
			continue;
		for (const char *const *name = rule->names; *name; name++)
		{
			const EcapiSuggestColumn *column = ecapi_suggest_column(table, *name);

			if (column == NULL || !ecapi_suggest_fits(rule->class, rule->path, column->type))
				continue;
			take(search, rule->path,
				 rule->class == ECAPI_SUGGEST_TIME ? ecapi_suggest_time(column) :
				 ecapi_suggest_plain(table, column));
			return true;
		}
	}
	return false;
}

static void
try_rule(EcapiSuggestion *search, const EcapiSuggestRule *rule)
{
	if ((rule->events & (UINT64_C(1) << search->type)) == 0 ||
		(rule->table != NULL && strstr(search->relname, rule->table) == NULL) ||
		ecapi_suggest_source_of(search, rule->path) != NULL)
		return;
	if (rule->class == ECAPI_SUGGEST_MONEY)
		try_money(search, rule);
	else if (rule->class == ECAPI_SUGGEST_PRIMARY_KEY)
		try_primary_key(search, rule);
	else
		try_columns(search, rule);
}

/* ---- the address ---- */

static const EcapiSuggestColumn *
find_part(const EcapiSuggestTable *table, const char *prefix, const EcapiSuggestPart *part)
{
	for (const char *const *name = part->names; *name; name++)
	{
		char	   *folded = psprintf("%s%s", prefix, *name);
		const EcapiSuggestColumn *column = ecapi_suggest_column(table, folded);

		pfree(folded);
		if (column != NULL && ecapi_suggest_fits(ECAPI_SUGGEST_TEXT, part->path, column->type))
			return column;
	}
	return NULL;
}

/*
 * Take the address of one table under one prefix; only its country, if it is
 * no more than that.  False if there is none.
 */
static bool
take_address(EcapiSuggestion *search, const EcapiSuggestTable *table, const char *prefix,
			 bool only_country)
{
	const EcapiSuggestColumn *found[ECAPI_SUGGEST_MAX_PARTS];
	bool		located = false;

	for (int i = 0; i < ecapi_suggest_nparts; i++)
	{
		const EcapiSuggestPart *part = &ecapi_suggest_parts[i];
		bool		country = strcmp(part->path, "user_data.address.country_code") == 0;

		found[i] = only_country && !country ? NULL : find_part(table, prefix, part);
		if (found[i] != NULL &&
			(only_country ||
			 strcmp(part->path, "user_data.address.city") == 0 ||
			 strcmp(part->path, "user_data.address.postal_code") == 0))
			located = true;
	}
	for (int i = 0; located && i < ecapi_suggest_nparts; i++)
		if (found[i] != NULL)
			take(search, ecapi_suggest_parts[i].path, ecapi_suggest_plain(table, found[i]));
	return located;
}

/* A shipping address may be that of whoever gets a present, so it comes last. */
static bool
find_address(EcapiSuggestion *search, bool shipping, bool only_country)
{
	ListCell   *cell;

	foreach(cell, search->tables)
	{
		const EcapiSuggestTable *table = lfirst(cell);

		if (table->place == ECAPI_PLACE_CURRENCY)
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

/* ---- the suggestion ---- */

static int
lookup_event_type(const char *event_type)
{
	size_t		len = strlen(event_type);
	int			type = ecapi_event_type_lookup(event_type, len);
	const char *closest;

	if (type >= 0)
		return type;
	closest = ecapi_event_type_meant(event_type, len);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized event type \"%s\"", event_type),
			 closest != NULL ? errhint("Perhaps you meant the event type \"%s\".", closest) :
			 errhint("ecapi.event_types() lists them.")));
	return -1;
}

/* Is there anything by which a platform could know the person? */
static bool
knows_person(const EcapiSuggestion *search)
{
	static const char click_ids[] = "user_data.ext.click_ids.";
	ListCell   *cell;

	foreach(cell, search->sources)
	{
		const char *path = ((const EcapiSuggestSource *) lfirst(cell))->path;

		if (strcmp(path, "*") == 0 || strcmp(path, "user_data.email_address") == 0 ||
			strcmp(path, "user_data.phone_numbers") == 0 ||
			strncmp(path, click_ids, sizeof(click_ids) - 1) == 0)
			return true;
	}
	return false;
}

static List *
find_missing(const EcapiSuggestion *search)
{
	List	   *missing = NIL;
	uint64		type = UINT64_C(1) << search->type;

	if ((type & ECAPI_SUGGEST_EVENT(custom)) != 0)
		missing = lappend(missing, "custom_event");
	if ((type & PRICED) != 0)
	{
		if (ecapi_suggest_source_of(search, "value") == NULL)
			missing = lappend(missing, "value");
		if (ecapi_suggest_source_of(search, "currency_code") == NULL)
			missing = lappend(missing, "currency_code");
	}
	if (ecapi_suggest_source_of(search, "timestamp") == NULL)
		missing = lappend(missing, "timestamp");
	if (!knows_person(search))
		missing = lappend(missing, "user_data.email_address");
	return missing;
}

static Jsonb *
as_jsonb(const List *sources)
{
	JsonbParseState *state = NULL;
	JsonbValue *object;
	ListCell   *cell;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, sources)
	{
		const EcapiSuggestSource *source = lfirst(cell);
		JsonbValue	text;

		text.type = jbvString;
		text.val.string.val = (char *) source->path;
		text.val.string.len = strlen(source->path);
		pushJsonbValue(&state, WJB_KEY, &text);
		text.val.string.val = (char *) source->text;
		text.val.string.len = strlen(source->text);
		pushJsonbValue(&state, WJB_VALUE, &text);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(object);
}

/* See suggest.h. */
Jsonb *
ecapi_suggest(Relation relation, const char *event_type, List **missing)
{
	EcapiSuggestion search = {.relation = relation};

	search.type = lookup_event_type(event_type);
	search.superuser = superuser_arg(relation->rd_rel->relowner);
	search.relname = ecapi_suggest_fold(RelationGetRelationName(relation));
	ecapi_suggest_read_tables(&search);
	for (int i = 0; i < ecapi_suggest_nrules; i++)
		try_rule(&search, &ecapi_suggest_rules[i]);
	(void) (find_address(&search, false, false) || find_address(&search, true, false) ||
			find_address(&search, false, true) || find_address(&search, true, true));

	if (search.unpriced != NULL)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("column \"%s\" is left out because no column says its currency",
						search.unpriced->name),
				 errhint("If there is only one, add both to the mapping, the currency as a constant of SQL: \"currency_code\": \"'EUR'\".")));
	*missing = find_missing(&search);
	return as_jsonb(search.sources);
}

/*
 * ecapi.suggest_mapping(relation, event_type): the mapping as jsonb; a NOTICE
 * tells what was not found.
 *
 * It needs no right on the table: what it reads, names of columns and foreign
 * keys, anybody may read in the catalogs.
 */
Datum
ecapi_suggest_mapping(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *event_type = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Relation	relation = relation_open(relid, AccessShareLock);
	List	   *missing;
	Jsonb	   *result;

	if (relation->rd_rel->relkind != RELKIND_RELATION &&
		relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
				 errdetail_relkind_not_supported(relation->rd_rel->relkind)));
	result = ecapi_suggest(relation, event_type, &missing);
	relation_close(relation, NoLock);

	if (missing != NIL)
	{
		StringInfoData list;
		ListCell   *cell;

		initStringInfo(&list);
		foreach(cell, missing)
			appendStringInfo(&list, "%s\"%s\"", list.len > 0 ? ", " : "",
							 (const char *) lfirst(cell));
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("no column was found for %s", list.data),
				 errhint("Add to the mapping what the table has under other names.")));
	}
	PG_RETURN_JSONB_P(result);
}
