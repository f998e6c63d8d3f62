/*
 * forgotten.c
 *	  Who asked to be forgotten: rows of ecapi.forgotten, and asking for them.
 *
 * A row is a keyed hash: HMAC-SHA256, under a random key that never leaves
 * ecapi.forget_key, of the hex digits of a digest of one form of an identifier.  So
 * the list says nothing to who lacks the key, and an event can be asked for with
 * the digests that it yields (event/person.c).
 *
 * The list may be long, so it is not read: events of a page are noted, their
 * hashes asked for together, by the primary key.  Where nobody is forgotten there
 * is no key, and nothing is noted.  A restored dump may bring a second key; a hash
 * is made under each.
 *
 * Locks: a call that forgets takes ShareRowExclusiveLock on ecapi.forgotten, pages of
 * history RowExclusiveLock, each to the end of its transaction.  So a page either
 * commits before the outbox is searched, or asks after the person is on the list.  So
 * does the worker where it makes an event of another one (pipeline/cancel.c), but it
 * does not wait.
 * Live traffic takes no lock here.
 *
 * Ownership: what is noted lives in a context below the one it was begun in.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "base/tree.h"
#include "outbox/window.h"
#include "records/forgotten.h"

/* More are never made here; each restored dump may add one. */
#define MAX_KEYS	16

typedef struct Keys
{
	int			n;
	uint8_t		bytes[MAX_KEYS][ECAPI_HMAC_LEN];
} Keys;

typedef struct PersonHash
{
	int			event;			/* its number */
	uint8_t		bytes[ECAPI_HMAC_LEN];
} PersonHash;

struct EcapiForgotten
{
	MemoryContext context;		/* of hashes */
	const char *country;
	Keys		keys;
	int			event;			/* being noted */
	int			n;
	int			room;
	PersonHash *hashes;
};

static EcapiStatement read_keys = {
	"SELECT key FROM ecapi.forget_key ORDER BY made_at, key LIMIT $1", 1, {INT4OID}, NULL
};

static EcapiStatement anybody = {
	"SELECT FROM ecapi.forgotten LIMIT 1", 0, {0}, NULL
};

static EcapiStatement add_key = {
	"INSERT INTO ecapi.forget_key (key, made_at) VALUES ($1, pg_catalog.clock_timestamp())",
	1, {BYTEAOID}, NULL
};

static EcapiStatement add_person = {
	"INSERT INTO ecapi.forgotten (person, forgotten_at)"
	" VALUES ($1, pg_catalog.clock_timestamp()) ON CONFLICT DO NOTHING",
	1, {BYTEAOID}, NULL
};

static EcapiStatement remove_persons = {
	"DELETE FROM ecapi.forgotten WHERE person OPERATOR(pg_catalog.=) ANY ($1)",
	1, {BYTEAARRAYOID}, NULL
};

static EcapiStatement find_persons = {
	"SELECT a.n::integer FROM pg_catalog.unnest($1) WITH ORDINALITY a (person, n)"
	" JOIN ecapi.forgotten f ON f.person OPERATOR(pg_catalog.=) a.person",
	1, {BYTEAARRAYOID}, NULL
};

/* ---- hashes ---- */

static Datum
bytea_datum(const uint8_t *bytes)
{
	bytea	   *result = palloc(VARHDRSZ + ECAPI_HMAC_LEN);

	SET_VARSIZE(result, VARHDRSZ + ECAPI_HMAC_LEN);
	memcpy(VARDATA(result), bytes, ECAPI_HMAC_LEN);
	return PointerGetDatum(result);
}

static void
refuse_hash(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("could not compute a keyed hash")));
}

/* Keys in the order of their making; SPI is connected. */
static void
get_keys(Keys *keys)
{
	uint64		n = ecapi_execute(&read_keys, ecapi_arg_int4(MAX_KEYS + 1));

	if (n > MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("table \"ecapi.forget_key\" holds more than %d keys", MAX_KEYS),
				 errhint("Delete the keys of databases that were never restored here; what is forgotten under a key is forgotten with it.")));
	keys->n = (int) n;
	for (int i = 0; i < keys->n; i++)
	{
		bytea	   *key = DatumGetByteaPP(ecapi_column_datum(i, 1));

		memcpy(keys->bytes[i], VARDATA_ANY(key), ECAPI_HMAC_LEN);
	}
}

static void
make_key(Keys *keys)
{
	if (!pg_strong_random(keys->bytes[0], ECAPI_HMAC_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random key")));
	keys->n = 1;
	ecapi_execute(&add_key, ecapi_arg(bytea_datum(keys->bytes[0])));
}

/* ---- the list ---- */

void
ecapi_forgotten_lock(void)
{
	LockRelationOid(ecapi_relation("forgotten", false), ShareRowExclusiveLock);
}

void
ecapi_forgotten_share(void)
{
	LockRelationOid(ecapi_relation("forgotten", false), RowExclusiveLock);
}

bool
ecapi_forgotten_share_now(void)
{
	return ConditionalLockRelationOid(ecapi_relation("forgotten", false), RowExclusiveLock);
}

void
ecapi_forgotten_add(const EcapiPerson *person)
{
	Keys		keys;

	get_keys(&keys);
	if (keys.n == 0)
		make_key(&keys);
	for (int i = 0; i < person->n; i++)
	{
		uint8_t		hash[ECAPI_HMAC_LEN];

		if (!ecapi_hmac(keys.bytes[0], person->digests[i], ECAPI_HEX_LEN, hash))
			refuse_hash();
		ecapi_execute(&add_person, ecapi_arg(bytea_datum(hash)));
	}
}

bool
ecapi_forgotten_remove(const EcapiPerson *person)
{
	Datum		values[MAX_KEYS * ECAPI_PERSON_FORMS];
	Keys		keys;
	int			n = 0;

	get_keys(&keys);
	for (int i = 0; i < keys.n; i++)
		for (int j = 0; j < person->n; j++)
		{
			uint8_t		hash[ECAPI_HMAC_LEN];

			if (!ecapi_hmac(keys.bytes[i], person->digests[j], ECAPI_HEX_LEN, hash))
				refuse_hash();
			values[n++] = bytea_datum(hash);
		}
	return ecapi_execute(&remove_persons, ecapi_arg_array(values, n, BYTEAOID)) > 0;
}

/* ---- asking ---- */

EcapiForgotten *
ecapi_forgotten_begin(const char *country)
{
	EcapiForgotten *asked = palloc0(sizeof(EcapiForgotten));
	EcapiOwnerScope scope;

	asked->context = AllocSetContextCreate(CurrentMemoryContext, "ecapi forgotten",
										   ALLOCSET_SMALL_SIZES);
	asked->country = country;
	ecapi_become_owner(&scope);
	if (ecapi_execute(&anybody) > 0)
		get_keys(&asked->keys);
	ecapi_become_caller(&scope);
	if (asked->keys.n > 0)
		return asked;
	MemoryContextDelete(asked->context);
	pfree(asked);
	return NULL;
}

static bool
note_digest(void *arg, const char *digest)
{
	EcapiForgotten *asked = arg;

	if (digest == NULL)
		ecapi_tree_out_of_memory();
	for (int i = 0; i < asked->keys.n; i++)
	{
		PersonHash *hash;

		if (asked->n == asked->room)
		{
			asked->room = Max(64, asked->room * 2);
			asked->hashes = asked->hashes == NULL
				? MemoryContextAlloc(asked->context, sizeof(PersonHash) * asked->room)
				: repalloc_huge(asked->hashes, sizeof(PersonHash) * asked->room);
		}
		hash = &asked->hashes[asked->n];
		hash->event = asked->event;
		if (!ecapi_hmac(asked->keys.bytes[i], digest, ECAPI_HEX_LEN, hash->bytes))
			refuse_hash();
		asked->n++;
	}
	return false;
}

/*
 * A copy of a tree whose texts are UTF-8, in the current context.  What cannot be
 * converted is left as it is: it is nobody's identifier then.
 */
static EcapiValue *
utf8_copy(EcapiArena *arena, const EcapiValue *value)
{
	EcapiValue *copy = ecapi_value_copy(arena, value);

	if (copy == NULL)
		return NULL;
	if (copy->type == ECAPI_STRING)
	{
		int			len = 0;
		char	   *text = ecapi_window_utf8(copy->text, copy->len, &len);

		if (text != NULL)
			return ecapi_value_text(arena, ECAPI_STRING, text, len);
	}
	if (copy->type == ECAPI_ARRAY || copy->type == ECAPI_OBJECT)
	{
		copy = ecapi_value_new(arena, value->type);
		for (const EcapiValue *child = value->first; copy != NULL && child != NULL; child = child->next)
		{
			EcapiValue *member = utf8_copy(arena, child);

			if (member == NULL)
				return NULL;
			member->key = child->key;
			member->keylen = child->keylen;
			ecapi_value_append(copy, member);
		}
	}
	return copy;
}

void
ecapi_forgotten_note(EcapiForgotten *asked, const EcapiValue *event, int number)
{
	asked->event = number;
	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
	{
		EcapiArena	arena;

		ecapi_tree_arena(&arena, asked->context);
		(void) ecapi_person_walk(event, asked->country, &arena, note_digest, asked);
	}
	else
	{
		MemoryContext work = AllocSetContextCreate(asked->context, "ecapi conversion",
												   ALLOCSET_SMALL_SIZES);
		MemoryContext old = MemoryContextSwitchTo(work);
		EcapiArena	arena;
		EcapiValue *copy;

		ecapi_tree_arena(&arena, work);
		copy = utf8_copy(&arena, event);
		if (copy == NULL)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		(void) ecapi_person_walk(copy, asked->country, &arena, note_digest, asked);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(work);
	}
}

/* Mark the events whose hashes are on the list. */
static void
find(EcapiForgotten *asked, int n, bool *is_forgotten)
{
	EcapiOwnerScope scope;
	Datum	   *values = palloc(sizeof(Datum) * asked->n);
	NullableDatum persons;
	uint64		found;

	for (int i = 0; i < asked->n; i++)
		values[i] = bytea_datum(asked->hashes[i].bytes);
	persons = ecapi_arg_array(values, asked->n, BYTEAOID);
	ecapi_become_owner(&scope);
	PushActiveSnapshot(GetLatestSnapshot());
	found = ecapi_query(&find_persons, persons);
	for (uint64 i = 0; i < found; i++)
	{
		int			event = asked->hashes[ecapi_column_int4(i, 1) - 1].event;

		if (event < n)
			is_forgotten[event] = true;
	}
	PopActiveSnapshot();
	ecapi_become_caller(&scope);
}

int
ecapi_forgotten_ask(EcapiForgotten *asked, int n, bool *is_forgotten)
{
	MemoryContext old = MemoryContextSwitchTo(asked->context);
	int			count = 0;

	memset(is_forgotten, 0, sizeof(bool) * n);
	if (asked->n > 0)
		find(asked, n, is_forgotten);
	for (int i = 0; i < n; i++)
		count += is_forgotten[i] ? 1 : 0;
	asked->n = asked->room = 0;
	asked->hashes = NULL;
	MemoryContextSwitchTo(old);
	MemoryContextReset(asked->context);
	return count;
}
