/*
 * suggest.c
 *	  A mapping for a table, guessed from its columns.
 *
 * What is guessed from is in suggest.def: whole names of columns, in order of
 * preference, for each field.  This file goes through its lines once, over the
 * columns of the table and of those that foreign keys lead to from there, and
 * writes down the first source that each field gets.
 *
 * A wrong guess sends a wrong value, or a stranger's, so:
 *	(1) a name counts only as a whole, and only with a type that the field can
 *		take;
 *	(2) of people, only one is followed, the likeliest (suggest_person.c);
 *	(3) parts of an address come from one place (suggest_address.c);
 *	(4) money goes with its currency, or not at all: the standard discards a
 *		value without one;
 *	(5) what is assumed nevertheless (UTC, minor units) is named in a NOTICE;
 *	(6) a join that only names suggest is offered in a NOTICE, never taken
 *		(suggest_join.c).
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

#include "base/run_as.h"
#include "event/click_ids.h"
#include "event/fields.h"
#include "tracking/suggest.h"
#include "tracking/suggest_address.h"
#include "tracking/suggest_due.h"
#include "tracking/suggest_identity.h"
#include "tracking/suggest_join.h"
#include "tracking/suggest_person.h"
#include "tracking/suggest_reach.h"
#include "tracking/suggest_source.h"
#include "tracking/suggest_tables.h"

PG_FUNCTION_INFO_V1(ecapi_suggest_mapping);

/* What is of little use without a value. */
#define PRICED (ECAPI_SUGGEST_EVENT(purchase) | ECAPI_SUGGEST_EVENT(refund) | \
				ECAPI_SUGGEST_EVENT(donate) | ECAPI_SUGGEST_EVENT(subscribe))

/* ---- rules ---- */

static bool
has_currency(EcapiSuggestion *search)
{
	return ecapi_suggest_source_of(search, "currency_code") != NULL;
}

static void
try_money(EcapiSuggestion *search, const EcapiSuggestRule *rule, const EcapiSuggestTable *table)
{
	for (const char *const *name = rule->names; *name; name++)
	{
		const EcapiSuggestColumn *column = ecapi_suggest_column(table, *name);
		bool		minor = column == NULL ||
			!ecapi_suggest_fits(rule->class, rule->path, column->type);
		const char *text;

		if (minor)
			column = ecapi_suggest_minor(table, *name);
		if (column == NULL)
			continue;
		if (!has_currency(search))
		{
			if (search->unpriced == NULL && table->from == NULL &&
				strcmp(rule->path, "value") == 0)
				search->unpriced = column;
			return;
		}
		text = ecapi_suggest_money(search, table, column, rule->class, minor);
		if (text != NULL)
			ecapi_suggest_take(search, rule->path, text);
		return;
	}
}

/* The currency of an amount: total_currency beside total or total_cents. */
static void
try_pair(EcapiSuggestion *search, const EcapiSuggestRule *rule, const EcapiSuggestTable *table)
{
	for (const char *const *name = rule->names; *name; name++)
	{
		const EcapiSuggestColumn *currency =
			ecapi_suggest_column(table, psprintf("%s_currency", *name));

		if (currency == NULL ||
			!ecapi_suggest_fits(ECAPI_SUGGEST_TEXT, rule->path, currency->type) ||
			(ecapi_suggest_column(table, *name) == NULL &&
			 ecapi_suggest_minor(table, *name) == NULL))
			continue;
		ecapi_suggest_take(search, rule->path, ecapi_suggest_plain(table, currency));
		return;
	}
}

static void
try_json_key(EcapiSuggestion *search, const EcapiSuggestRule *rule)
{
	if (strcmp(rule->path, "value") == 0 && !has_currency(search))
		return;
	for (const char *const *name = rule->names; *name; name++)
	{
		const char *text = ecapi_suggest_json_key(search, rule->path, *name);

		if (text == NULL)
			continue;
		ecapi_suggest_take(search, rule->path, text);
		return;
	}
}

static void
try_primary_key(EcapiSuggestion *search, const EcapiSuggestRule *rule)
{
	Bitmapset  *key = RelationGetIndexAttrBitmap(search->relation,
												 INDEX_ATTR_BITMAP_PRIMARY_KEY);
	const EcapiSuggestColumn *column;
	int			member;

	if (!bms_get_singleton_member(key, &member))
		return;
	column = ecapi_suggest_column_numbered(linitial(search->tables),
										   member + FirstLowInvalidHeapAttributeNumber);
	if (column != NULL && ecapi_suggest_fits(rule->class, rule->path, column->type))
		ecapi_suggest_take(search, rule->path, column->name);
}

static const char *
as_source(EcapiSuggestion *search, const EcapiSuggestRule *rule, const EcapiSuggestTable *table,
		  const EcapiSuggestColumn *column)
{
	switch (rule->class)
	{
		case ECAPI_SUGGEST_CREATION:
			search->creation = column;
			return ecapi_suggest_time(search, column);
		case ECAPI_SUGGEST_TIME:
			return ecapi_suggest_time(search, column);
		case ECAPI_SUGGEST_CODES:
			return ecapi_suggest_codes(column);
		default:
			return ecapi_suggest_plain(table, column);
	}
}

static bool
try_columns(EcapiSuggestion *search, const EcapiSuggestRule *rule, const EcapiSuggestTable *table)
{
	const EcapiSuggestColumn *column = ecapi_suggest_fitting(table, rule->class, rule->path,
															 rule->names);

	if (column != NULL)
		ecapi_suggest_take(search, rule->path, as_source(search, rule, table, column));
	return column != NULL;
}

/* A table of customers: the key that other tables name its rows by. */
static void
try_person_key(EcapiSuggestion *search, const EcapiSuggestRule *rule)
{
	const EcapiSuggestTable *own = linitial(search->tables);

	if (ecapi_suggest_is_person_table(own->relname) && !try_columns(search, rule, own))
		try_primary_key(search, rule);
}

static void
try_table(EcapiSuggestion *search, const EcapiSuggestRule *rule, const EcapiSuggestTable *table)
{
	switch (rule->class)
	{
		case ECAPI_SUGGEST_MONEY:
		case ECAPI_SUGGEST_ESTIMATE:
			try_money(search, rule, table);
			break;
		case ECAPI_SUGGEST_PAIR:
			try_pair(search, rule, table);
			break;
		case ECAPI_SUGGEST_JSON_KEY:
			try_json_key(search, rule);
			break;
		case ECAPI_SUGGEST_PRIMARY_KEY:
			try_primary_key(search, rule);
			break;
		case ECAPI_SUGGEST_PERSON_KEY:
			try_person_key(search, rule);
			break;
		case ECAPI_SUGGEST_PERSON_REFERENCE:
			if (search->person_from == table)
				ecapi_suggest_take(search, rule->path,
								   ecapi_suggest_plain(table, search->person));
			break;
		default:
			(void) try_columns(search, rule, table);
			break;
	}
}

/*
 * Whether it is a billing address that is a person with an e-mail address: another
 * person than the customer, such as a company's accounts.
 */
static bool
is_other_person(const EcapiSuggestTable *table)
{
	return table->place == ECAPI_PLACE_BILLING &&
		ecapi_suggest_column_of(table, ecapi_suggest_emails) != NULL;
}

static void
try_rule(EcapiSuggestion *search, const EcapiSuggestRule *rule)
{
	if ((rule->events & (UINT64_C(1) << search->type)) == 0)
		return;
	for (int other = 0; other <= 1; other++)
	{
		ListCell   *cell;

		foreach(cell, search->tables)
		{
			const EcapiSuggestTable *table = lfirst(cell);

			if ((table->place & rule->places) == 0 ||
				is_other_person(table) != (other == 1) ||
				(rule->table != NULL && strstr(table->relname, rule->table) == NULL) ||
				ecapi_suggest_source_of(search, rule->path) != NULL)
				continue;
			try_table(search, rule, table);
		}
	}
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

/* Whether there is anything by which a platform could know the person. */
static bool
knows_person(const EcapiSuggestion *search)
{
	static const char click_ids[] = ECAPI_CLICK_IDS_PATH;
	ListCell   *cell;

	foreach(cell, search->sources)
	{
		const char *path = ((const EcapiSuggestSource *) lfirst(cell))->path;

		if (strcmp(path, "*") == 0 || strcmp(path, "user_data.email_address") == 0 ||
			strcmp(path, "user_data.phone_numbers") == 0 ||
			(strncmp(path, click_ids, sizeof(click_ids) - 1) == 0 &&
			 ecapi_click_id_identifies(path + sizeof(click_ids) - 1)))
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

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	pushJsonbValue(state, token, &value);
}

static Jsonb *
as_jsonb(const List *sources)
{
	JsonbParseState *state = NULL;
	ListCell   *cell;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, sources)
	{
		const EcapiSuggestSource *source = lfirst(cell);

		push_text(&state, WJB_KEY, source->path);
		push_text(&state, WJB_VALUE, source->text);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* A row with a status is made before it is what the event says. */
static void
note_creation(EcapiSuggestion *search)
{
	const EcapiSuggestColumn *status = ecapi_suggest_column_of(linitial(search->tables),
															   ecapi_suggest_statuses);

	if (search->creation == NULL || status == NULL ||
		!ecapi_suggest_completes(search->type))
		return;
	ecapi_suggest_notice(search,
						 psprintf("column \"%s\" says when a row was made, which may be before the event",
								  search->creation->name),
						 psprintf("The table has the column \"%s\", so a row may become the event later.",
								  status->name),
						 "Map the time of the event, or leave \"timestamp\" out: then it is the time of the transaction.");
}

static void
note_unpriced(EcapiSuggestion *search)
{
	if (search->unpriced == NULL)
		return;
	ecapi_suggest_notice(search,
						 psprintf("column \"%s\" is left out because no column says its currency",
								  search->unpriced->name),
						 NULL,
						 "If there is only one, add both to the mapping, the currency as a constant of SQL: \"currency_code\": \"'EUR'\".");
}

void
ecapi_suggest(Relation relation, const char *event_type, EcapiSuggested *result)
{
	EcapiSuggestion search = {.relation = relation};

	search.type = lookup_event_type(event_type);
	search.role = ecapi_run_as(relation->rd_rel->relowner);
	search.superuser = superuser_arg(search.role);
	ecapi_suggest_read_tables(&search);
	for (int i = 0; i < ecapi_suggest_nrules; i++)
		try_rule(&search, &ecapi_suggest_rules[i]);
	ecapi_suggest_address(&search);
	ecapi_suggest_compare_identity(&search);
	ecapi_suggest_join(&search);
	note_creation(&search);
	note_unpriced(&search);
	result->missing = find_missing(&search);
	result->mapping = as_jsonb(search.sources);
	result->notices = search.notices;
}

void
ecapi_suggest_notify(const EcapiSuggested *suggested)
{
	ListCell   *cell;

	foreach(cell, suggested->notices)
	{
		const EcapiSuggestNotice *notice = lfirst(cell);

		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg_internal("%s", notice->message),
				 notice->detail ? errdetail_internal("%s", notice->detail) : 0,
				 notice->hint ? errhint("%s", notice->hint) : 0));
	}
}

/*
 * ecapi.suggest_mapping(relation, event_type): the mapping as jsonb; a NOTICE
 * names what was not found.
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
	EcapiSuggested suggested;

	if (relation->rd_rel->relkind != RELKIND_RELATION &&
		relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
				 errdetail_relkind_not_supported(relation->rd_rel->relkind)));
	ecapi_suggest(relation, event_type, &suggested);
	relation_close(relation, NoLock);

	ecapi_suggest_notify(&suggested);
	if (suggested.missing != NIL)
	{
		StringInfoData list;
		ListCell   *cell;

		initStringInfo(&list);
		foreach(cell, suggested.missing)
			appendStringInfo(&list, "%s\"%s\"", list.len > 0 ? ", " : "",
							 (const char *) lfirst(cell));
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("no column was found for %s", list.data),
				 errhint("Add to the mapping what the table has under other names.")));
	}
	PG_RETURN_JSONB_P(suggested.mapping);
}
