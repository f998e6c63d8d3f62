/*
 * test_click_ids.c
 *	  The table of click ids: rows and names, what a name stands for, wrapped ids.
 */
#include "event/click_ids.h"
#include "event/fields.h"
#include "unit.h"

static int
rows_named(const char *name)
{
	const EcapiClickId *id;
	int			n = 0;

	for (int i = 0; (id = ecapi_click_id_nth(i)) != NULL; i++)
	{
		bool		named = strcmp(id->key, name) == 0 || strcmp(id->parameter, name) == 0 ||
			strcmp(id->cookie, name) == 0;

		for (const char *const *other = id->names; *other; other++)
			named |= strcmp(*other, name) == 0;
		n += named;
	}
	return n;
}

/* A name stands for its row, and for no other. */
static void
expect_row(const EcapiClickId *id, const char *name)
{
	if (name[0] == '\0')
		return;
	check(ecapi_click_id_named(name, strlen(name)) == id && rows_named(name) == 1, name);
	check_text(ecapi_field_meant(name, strlen(name)), id->path, "as a name that is no field");
}

static void
test_rows(void)
{
	const EcapiClickId *id;
	int			n = 0;

	for (int i = 0; (id = ecapi_click_id_nth(i)) != NULL; i++, n++)
	{
		check(ecapi_click_id_lookup(id->key) == id, id->key);
		check(strncmp(id->path, ECAPI_CLICK_IDS_PATH, strlen(ECAPI_CLICK_IDS_PATH)) == 0 &&
			  strcmp(id->path + strlen(ECAPI_CLICK_IDS_PATH), id->key) == 0, id->path);
		check(id->wrapped[0] == '\0' || id->cookie[0] != '\0', "what is wrapped is in a cookie");
		expect_row(id, id->key);
		expect_row(id, id->parameter);
		expect_row(id, id->cookie);
		for (const char *const *name = id->names; *name; name++)
			expect_row(id, *name);
	}
	check(n == 22 && ecapi_click_id_nth(-1) == NULL, "22 rows");
	check(ecapi_click_id_lookup("GCLID") == NULL && ecapi_click_id_lookup("") == NULL, "a key is exact");
	check(ecapi_click_id_named("SCCID", 5) == ecapi_click_id_lookup("sccid") &&
		  ecapi_click_id_named("", 0) == NULL && ecapi_click_id_named("gclid2", 6) == NULL &&
		  ecapi_click_id_named("gclid2", 5) == ecapi_click_id_lookup("gclid"), "a name is not");
}

static void
test_kinds(void)
{
	check(ecapi_click_id_identifies("gclid") && ecapi_click_id_identifies("rdt_uuid") &&
		  !ecapi_click_id_identifies("ga_session_id"), "a session's time identifies nobody");
	check(ecapi_click_id_identifies("somebody_elses_id"), "what is not known is a person's");
}

static void
test_unwrap(void)
{
	static const struct
	{
		const char *text;
		const char *id;			/* NULL: none */
	}			cases[] = {
		{"fb.1.1795777200000.AbCdEf-_1", "AbCdEf-_1"},
		{"fb.1.1795777200000.1098115397", NULL},
		{"fb.1.1795777200000.", NULL},
		{"fb.1.1795777200000", NULL},
		{"fb.1..AbC", NULL},
		{"GCL.1795777200.Cj0KCQiA", "Cj0KCQiA"},
		{"GCL.Cj0KCQiA", NULL},
		{"gcl.1795777200.Cj0KCQiA", NULL},
		{"_uetb1240587f865192a03586c5b000314f5", "b1240587f865192a03586c5b000314f5"},
		{"_uet", NULL},
		{"_ue", NULL},
		{"1795700000000.5b1e2c3d-0000-4000-8000-000000000001", "5b1e2c3d-0000-4000-8000-000000000001"},
		{"1795700000000.5b1e2c3d-0000-4000-8000-00000000000", NULL},
		{".5b1e2c3d-0000-4000-8000-000000000001", NULL},
		{"1795700000.1234567890", NULL},
		{"GA1.1.1234567890.1795700000", "1234567890.1795700000"},
		{"GA1.1.1234567890", NULL},
		{"GA1.1.1234567890.", NULL},
		{"GA1.1.1234567890.1795700000.2", NULL},
		{"1234567890.1795700000", NULL},
		{"5b1e2c3d-0000-4000-8000-000000000001", NULL},
		{"Cj0KCQiA", NULL},
		{"", NULL}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t		start = 0;
		bool		found = ecapi_click_id_unwrap(cases[i].text, strlen(cases[i].text), &start);

		check_text(found ? cases[i].text + start : NULL, cases[i].id, cases[i].text);
	}
}

int
main(void)
{
	test_rows();
	test_kinds();
	test_unwrap();
	return unit_done();
}
