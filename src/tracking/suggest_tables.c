/*
 * suggest_tables.c
 *	  The columns that a mapping could be guessed from.
 *
 * Those of the tracked table, and of the tables that foreign keys of one column
 * lead to from there, as far as a track may read them: its SQL runs as the
 * table's owner or another role (run_as.h), and as a superuser it reads superusers'
 * tables only (key_path.c).
 * Which foreign key a column stands for is decided where tracks decide it
 * (foreign_key.c).
 *
 * Tables are opened with AccessShareLock, kept until the transaction ends.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "rowsql/foreign_key.h"
#include "rowsql/superuser_read.h"
#include "tracking/suggest_rules.h"
#include "tracking/suggest_tables.h"

/*
 * A name in lower case, its words joined by one underscore each: "orderTotal",
 * "Order Total" and "ORDER_TOTAL" are order_total, "IPAddress" is ip_address.
 */
static char *
fold(const char *name)
{
	char	   *folded = palloc(2 * strlen(name) + 1);
	char	   *to = folded;

	for (const char *from = name; *from; from++)
	{
		bool		upper = *from >= 'A' && *from <= 'Z';
		bool		after_upper = from > name && from[-1] >= 'A' && from[-1] <= 'Z';
		bool		before_lower = from[1] >= 'a' && from[1] <= 'z';

		if (*from == '_' || *from == ' ' || *from == '-')
		{
			if (to > folded && to[-1] != '_')
				*to++ = '_';
			continue;
		}
		if (upper && to > folded && to[-1] != '_' && (!after_upper || before_lower))
			*to++ = '_';
		*to++ = upper ? *from - 'A' + 'a' : *from;
	}
	while (to > folded && to[-1] == '_')
		to--;
	*to = '\0';
	return folded;
}

EcapiSuggestTable *
ecapi_suggest_read_table(Relation relation, int place, Oid reader)
{
	TupleDesc	desc = RelationGetDescr(relation);
	Oid			relid = RelationGetRelid(relation);
	bool		all = !OidIsValid(reader) ||
		pg_class_aclcheck(relid, reader, ACL_SELECT) == ACLCHECK_OK;
	EcapiSuggestTable *table = palloc0(sizeof(EcapiSuggestTable));

	table->place = place;
	table->relid = relid;
	table->relname = fold(RelationGetRelationName(relation));
	table->columns = palloc(sizeof(EcapiSuggestColumn) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		EcapiSuggestColumn *column = &table->columns[table->ncolumns];

		/* a track cannot have the row's virtual ones */
		if (attribute->attisdropped || attribute->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
			continue;
		if (!all && pg_attribute_aclcheck(relid, attribute->attnum, reader,
										  ACL_SELECT) != ACLCHECK_OK)
			continue;
		column->name = pstrdup(NameStr(attribute->attname));
		column->folded = fold(column->name);
		column->number = attribute->attnum;
		column->type = getBaseType(attribute->atttypid);
		table->ncolumns++;
	}
	return table;
}

const EcapiSuggestColumn *
ecapi_suggest_column(const EcapiSuggestTable *table, const char *folded)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (strcmp(table->columns[i].folded, folded) == 0)
			return &table->columns[i];
	return NULL;
}

const EcapiSuggestColumn *
ecapi_suggest_column_numbered(const EcapiSuggestTable *table, AttrNumber number)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].number == number)
			return &table->columns[i];
	return NULL;
}

const EcapiSuggestColumn *
ecapi_suggest_column_of(const EcapiSuggestTable *table, const char *const *names)
{
	const EcapiSuggestColumn *column = NULL;

	for (; *names && column == NULL; names++)
		column = ecapi_suggest_column(table, *names);
	return column;
}

bool
ecapi_suggest_names_reference(const char *folded, const char *name)
{
	static const char *const endings[] = {
		"", "_id", "_no", "_uuid", "_key", "_code", "_fk"
	};
	size_t		len = strlen(name);

	if (strncmp(folded, name, len) != 0)
		return false;
	for (int i = 0; i < lengthof(endings); i++)
		if (strcmp(folded + len, endings[i]) == 0)
			return true;
	return false;
}

/* As a superuser it reads no table that would run code of another role. */
bool
ecapi_suggest_may_read(Oid role, Relation referred)
{
	if (object_aclcheck(NamespaceRelationId, RelationGetNamespace(referred), role,
							  ACL_USAGE) != ACLCHECK_OK)
		return false;
	return !superuser_arg(role) || ecapi_superuser_obstacle(referred) == NULL;
}

Oid
ecapi_suggest_referred(const EcapiSuggestion *search, const EcapiSuggestTable *from,
					   const EcapiSuggestColumn *column, AttrNumber *key)
{
	EcapiKeyJoin join = {from->from == NULL ? -1 : 0, InvalidOid, NULL, 0, {0}, {0}, {0}};
	Relation	relation = table_open(from->relid, AccessShareLock);
	int			found = ecapi_foreign_key_lookup(relation, search->role, column->number, &join);

	table_close(relation, NoLock);
	if (found != 1 || join.nkeys != 1 ||
		(search->superuser && !ecapi_superuser_may_join(from->relid, &join)))
		return InvalidOid;
	*key = join.confkey[0];
	return join.relid;
}

EcapiSuggestTable *
ecapi_suggest_follow(const EcapiSuggestion *search, const EcapiSuggestTable *from,
					 const EcapiSuggestColumn *column, int place)
{
	EcapiSuggestTable *table = NULL;
	AttrNumber	key;
	Oid			relid = ecapi_suggest_referred(search, from, column, &key);
	Relation	referred;

	if (!OidIsValid(relid))
		return NULL;
	referred = table_open(relid, AccessShareLock);
	if (ecapi_suggest_may_read(search->role, referred))
		table = ecapi_suggest_read_table(referred, place, search->role);
	table_close(referred, NoLock);
	if (table == NULL || ecapi_suggest_column_numbered(table, key) == NULL)
		return NULL;
	table->from = from;
	table->through = column;
	table->key = key;
	return table;
}
