/*
 * suggest_join.c
 *	  A join to the customer that names suggest, where no foreign key says it.
 *
 * A column customer_id without a foreign key may name a row of a table customers.
 * A NOTICE offers it as a guess, with the path that states the join; it is never
 * taken: where it is wrong, a stranger's address would leave.  It is offered only if
 *	(1) it would be the event's e-mail address, for which nothing was found;
 *	(2) the column is the one that was found to name the customer (suggest_person.c);
 *	(3) the table is called like the column, in the singular or plural, in the schema
 *		of the tracked table, and has an e-mail address;
 *	(4) the path would be accepted: the track's role may read the table and these columns,
 *		and one key of it can be compared with the column (stated_join.c);
 *	(5) that key is called like the column, too: "id" or "customer_id".
 *
 * The table is opened with AccessShareLock, kept until the transaction ends; one that
 * another session has locked is passed over.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

#include "rowsql/names.h"
#include "rowsql/stated_join.h"
#include "tracking/look.h"
#include "tracking/suggest_join.h"
#include "tracking/suggest_source.h"
#include "tracking/suggest_tables.h"

#define EMAIL	"user_data.email_address"

/* The bytes of a column's name that name the table: without "_id" or "Id". */
static size_t
stem_length(const EcapiSuggestColumn *column)
{
	const char *ending = strrchr(column->folded, '_');
	size_t		len = strlen(column->name);
	size_t		cut;

	if (ending == NULL)
		return 0;
	cut = strlen(ending + 1);
	if (len <= cut)
		return 0;
	len -= cut;
	while (len > 0 && strchr("_- ", column->name[len - 1]) != NULL)
		len--;
	return len;
}

/* The table called like the column; InvalidOid: there is none. */
static Oid
name_alike(Oid schema, const EcapiSuggestColumn *column)
{
	int			len = (int) stem_length(column);

	for (int form = 0; form < 4 && len > 0; form++)
	{
		char	   *name = psprintf("%.*s%s", len, column->name, form % 2 == 0 ? "s" : "");
		Oid			relid;

		if (form >= 2)
			name[0] = (char) pg_toupper((unsigned char) name[0]);
		relid = get_relname_relid(name, schema);
		if (OidIsValid(relid) && (get_rel_relkind(relid) == RELKIND_RELATION ||
								  get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE))
			return relid;
	}
	return InvalidOid;
}

/* Whether a key is called like the column: customer_id, or id of a customer. */
static bool
is_key_alike(const EcapiSuggestColumn *key, const EcapiSuggestColumn *column)
{
	const char *ending = strrchr(column->folded, '_');

	return strcmp(key->folded, column->folded) == 0 ||
		(ending != NULL && strcmp(key->folded, ending + 1) == 0);
}

static void
note(EcapiSuggestion *search, const char *table, const EcapiSuggestColumn *email)
{
	const char *column = search->person->name;
	StringInfoData path;

	initStringInfo(&path);
	escape_json(&path, psprintf("%s->%s.%s", quote_identifier(column), table,
								quote_identifier(email->name)));
	ecapi_suggest_notice(search,
						 psprintf("column \"%s\" may name a row of table %s, but no foreign key says so",
								  column, table),
						 NULL,
						 psprintf("If it does, add the join to the mapping: \"%s\": %s.",
								  EMAIL, path.data));
}

void
ecapi_suggest_join(EcapiSuggestion *search)
{
	const EcapiSuggestTable *own = linitial(search->tables);
	const EcapiSuggestColumn *column = search->person;
	const EcapiSuggestTable *table;
	const EcapiSuggestColumn *email;
	const EcapiSuggestColumn *key = NULL;
	EcapiKeyJoin join = {.from = -1};
	AttrNumber	ignored;
	Oid			relid;
	Relation	referred;

	if (column == NULL || search->person_from != own ||
		ecapi_suggest_source_of(search, EMAIL) != NULL ||
		OidIsValid(ecapi_suggest_referred(search, own, column, &ignored)))
		return;
	relid = name_alike(RelationGetNamespace(search->relation), column);
	if (!OidIsValid(relid) || relid == own->relid)
		return;
	/* a guess is not worth a wait for a lock */
	if (!ecapi_look_lock(relid, false))
		return;
	referred = try_table_open(relid, NoLock);
	if (referred == NULL)
		return;
	table = ecapi_suggest_may_read(search->role, referred) ?
		ecapi_suggest_read_table(referred, ECAPI_PLACE_PERSON, search->role) : NULL;
	if (table != NULL &&
		ecapi_stated_join_lookup(referred, column->type, search->superuser, &join) == 1)
		key = ecapi_suggest_column_numbered(table, join.confkey[0]);
	table_close(referred, NoLock);
	if (key == NULL || !is_key_alike(key, column))
		return;
	email = ecapi_suggest_fitting(table, ECAPI_SUGGEST_TEXT, EMAIL, ecapi_suggest_emails);
	if (email != NULL)
		note(search, ecapi_names_relation(relid), email);
}
