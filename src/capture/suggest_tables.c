/*
 * suggest_tables.c
 *	  The columns that a mapping could be guessed from.
 *
 * Those of the tracked table, and of the tables that its foreign keys of one
 * column lead to, as far as a track may read them: its SQL runs as the table's
 * owner, and a superuser's reads superusers' tables only (key_path.c).
 *
 * Tables are opened with AccessShareLock, kept until the transaction ends.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "capture/suggest_internal.h"

/*
 * A name in lower case, its words joined by one underscore each: "orderTotal",
 * "Order Total" and "ORDER_TOTAL" are order_total, "IPAddress" is ip_address.
 */
char *
ecapi_suggest_fold(const char *name)
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

/*
 * The columns of a relation, without those that reader may not read (every
 * one counts if it is InvalidOid).
 */
static EcapiSuggestTable *
read_table(Relation relation, int place, const char *through, Oid reader)
{
	TupleDesc	desc = RelationGetDescr(relation);
	Oid			relid = RelationGetRelid(relation);
	bool		all = !OidIsValid(reader) ||
		pg_class_aclcheck(relid, reader, ACL_SELECT) == ACLCHECK_OK;
	EcapiSuggestTable *table = palloc0(sizeof(EcapiSuggestTable));

	table->place = place;
	table->through = through;
	table->columns = palloc(sizeof(EcapiSuggestColumn) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		EcapiSuggestColumn *column = &table->columns[table->ncolumns];

		if (attribute->attisdropped)
			continue;
		if (!all && pg_attribute_aclcheck(relid, attribute->attnum, reader,
										  ACL_SELECT) != ACLCHECK_OK)
			continue;
		column->name = pstrdup(NameStr(attribute->attname));
		column->folded = ecapi_suggest_fold(column->name);
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

/* Is folded the name of a reference, with or without what such names end in? */
static bool
names_reference(const char *folded, const char *name)
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

static Oid
owner_of(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * May a track of the owner read what is in a table?  As a superuser it reads
 * no table that another role could put code of its own on.
 */
static bool
may_read(Oid owner, Relation referred)
{
	List	   *relids;
	ListCell   *cell;

	if (pg_namespace_aclcheck(RelationGetNamespace(referred), owner,
							  ACL_USAGE) != ACLCHECK_OK)
		return false;
	if (!superuser_arg(owner))
		return true;
	relids = find_all_inheritors(RelationGetRelid(referred), AccessShareLock, NULL);
	foreach(cell, relids)
		if (!superuser_arg(owner_of(lfirst_oid(cell))))
			return false;
	return true;
}

/* The table that a foreign key of one column leads to; NULL if out of reach. */
static EcapiSuggestTable *
follow(EcapiSuggestion *search, const ForeignKeyCacheInfo *key,
	   const EcapiSuggestColumn *column, int place)
{
	Oid			owner = search->relation->rd_rel->relowner;
	Relation	referred = table_open(key->confrelid, AccessShareLock);
	EcapiSuggestTable *table = NULL;

	if (may_read(owner, referred))
		table = read_table(referred, place, column->name, owner);
	table_close(referred, NoLock);
	if (table != NULL && ecapi_suggest_column_numbered(table, key->confkey[0]) == NULL)
		return NULL;
	return table;
}

/*
 * The likeliest table of a place, if the relation has a foreign key to one.
 * If that is out of reach, none: the next would be somebody else.
 */
static EcapiSuggestTable *
find_reference(EcapiSuggestion *search, List *keys, const EcapiSuggestReference *reference)
{
	const EcapiSuggestTable *own = linitial(search->tables);

	for (const char *const *name = reference->names; *name; name++)
	{
		ListCell   *cell;

		foreach(cell, keys)
		{
			const ForeignKeyCacheInfo *key = lfirst(cell);
			const EcapiSuggestColumn *column = key->nkeys == 1 ?
				ecapi_suggest_column_numbered(own, key->conkey[0]) : NULL;

			if (column != NULL && names_reference(column->folded, *name))
				return follow(search, key, column, reference->place);
		}
	}
	return NULL;
}

/*
 * Fill in the tables of a search, the tracked one first.  The list of keys is
 * copied because the cache may forget it meanwhile.
 */
void
ecapi_suggest_read_tables(EcapiSuggestion *search)
{
	List	   *keys = copyObject(RelationGetFKeyList(search->relation));

	search->tables = list_make1(read_table(search->relation, ECAPI_PLACE_OWN, NULL,
										   InvalidOid));
	for (int i = 0; i < ecapi_suggest_nreferences; i++)
	{
		EcapiSuggestTable *table = find_reference(search, keys,
												  &ecapi_suggest_references[i]);

		if (table != NULL)
			search->tables = lappend(search->tables, table);
	}
}
