/*
 * test_event_map.c
 *	  What each format calls the event types of the standard.
 *
 *	  ECAPI_EVENT_MAP=file test_event_map
 *
 * The file has a head line and then a row for each event type, with tabs between: the
 * type, and for each platform its name there and how that is known.  Without the file
 * nothing is tested.  An event of each type is shaped by each format, and its body must
 * say the name; where the name stands at the platform alone, the format must say it to the
 * owner.
 */
#include "platform.h"

/* A cell that is a name, as that member. */
static const char *
as_member(const char *name, const char *cell, char *memory, size_t size)
{
	snprintf(memory, size, "\"%s\":\"%s\"", name,
			 strcmp(cell, "value of custom_event") == 0 ? "quiz_finished" : cell);
	return memory;
}

static const char *
as_event_name(const char *cell, char *memory, size_t size)
{
	return as_member("event_name", cell, memory, size);
}

static const char *
as_event(const char *cell, char *memory, size_t size)
{
	return as_member("event", cell, memory, size);
}

/* "eventType=custom, eventName=purchase" */
static const char *
as_event_type(const char *cell, char *memory, size_t size)
{
	const char *name = strstr(cell, "eventName=");
	char		member[100];

	if (name == NULL)
		return "{\"eventType\":\"pageLoad\",\"eventTime\"";
	snprintf(memory, size, "{\"eventType\":\"custom\",%s",
			 as_member("eventName", name + strlen("eventName="), member, sizeof(member)));
	return memory;
}

/* A free name, of which the owner says to whom it belongs. */
static const char *
as_snap_name(const char *cell, char *memory, size_t size)
{
	return as_member("event_name", strcmp(cell, "CUSTOM_EVENT_n") == 0 ? "CUSTOM_EVENT_1" : cell,
					 memory, size);
}

static const char *
as_name(const char *cell, char *memory, size_t size)
{
	return as_member("name", cell, memory, size);
}

/* The name is a conversion rule's, which who misses it is told to make. */
static const char *
as_rule_type(const char *cell, char *memory, size_t size)
{
	snprintf(memory, size, "is of the type %s.", cell);
	return memory;
}

static const char *
said_of_rule(int type)
{
	platform.options.event_types = UINT64_C(1) << type;
	return platform_problem() ? platform.problem.detail : "";
}

/* "PURCHASE", or "CUSTOM + custom_event_name=login" */
static const char *
as_type(const char *cell, char *memory, size_t size)
{
	static const char custom[] = "CUSTOM + custom_event_name=";

	if (strncmp(cell, custom, strlen(custom)) != 0)
		return as_member("tracking_type", cell, memory, size);
	return as_member("tracking_type\":\"CUSTOM\",\"custom_event_name", cell + strlen(custom), memory, size);
}

#define PERSON	"'user_data':{'email_address':'ann@example.com','event_user_agent':'A'}"

/* Formats, and how a cell of their column stands in a body. */
static const struct
{
	const char *format;
	const char *column;
	const char *(*wanted) (const char *cell, char *memory, size_t size);
	const char *extra;			/* members of an event that it needs */
}			platforms[] = {
	{"meta", "meta", as_event_name, PERSON},
	{"tiktok", "tiktok", as_event, PERSON},
	{"pinterest", "pinterest", as_event_name, PERSON},
	{"reddit", "reddit", as_type, PERSON},
	{"microsoft", "microsoft", as_event_type, PERSON},
	{"linkedin", "linkedin", as_rule_type, PERSON},
	{"snap", "snap", as_snap_name, PERSON},
	{"ga4", "ga4", as_name, "'user_data':{'ext':{'click_ids':{'ga_client_id':'1.2'}}}"}
};

/* The cell of a row by its number; NULL: there is none.  The row ends with it then. */
static char *
cell_of(char *row, int n)
{
	char	   *cell = row;

	for (; cell && n > 0; n--)
	{
		cell = strchr(cell, '\t');
		cell = cell ? cell + 1 : NULL;
	}
	if (cell)
		cell[strcspn(cell, "\t\r\n")] = '\0';
	return cell;
}

static int
column_of(const char *head, const char *name)
{
	char		memory[4096];

	for (int n = 0;; n++)
	{
		char	   *cell;

		snprintf(memory, sizeof(memory), "%s", head);
		cell = cell_of(memory, n);
		if (cell == NULL)
			return -1;
		if (strcmp(cell, name) == 0)
			return n;
	}
}

static void
check_cell(size_t i, const char *type, const char *cell)
{
	const char *wanted;
	char		json[1000];
	char		memory[300];
	char		what[400];
	int			number = ecapi_event_type_lookup(type, strlen(type));

	snprintf(what, sizeof(what), "%s: %s is %s", platforms[i].format, type, cell);
	if (!check(number >= 0, what))
		return;
	wanted = platforms[i].wanted(cell, memory, sizeof(memory));
	if (platforms[i].wanted == as_rule_type)
	{
		(void) check(strstr(said_of_rule(number), wanted) != NULL, what);
		return;
	}
	snprintf(json, sizeof(json), "{'id':'i'," PLATFORM_AT ",'event_type':'%s','custom_event':'quiz_finished',"
			 "'value':1,'currency_code':'EUR','properties':{'page_url':'https://shop.example/'},%s}",
			 type, platforms[i].extra);
	if (strcmp(cell, "CUSTOM_EVENT_n") == 0)
		platform.options.targets[number] = (char *) "CUSTOM_EVENT_1";
	/* the platform has no place for it */
	if (strcmp(cell, "-") == 0)
	{
		check(platform_shape(json) == ECAPI_UNFIT, what);
		return;
	}
	if (!check(platform_shape(json) == ECAPI_SHAPED && platform_has(wanted), what))
		fprintf(stderr, "# %s: %s\n", platform.reason ? platform.reason : "", platform.body.data);
}

static void
check_format(size_t i, const char *path)
{
	const EcapiFormat *format = ecapi_format_lookup(platforms[i].format);
	FILE	   *file = fopen(path, "r");
	char		line[4096];
	char		copy[4096];
	int			column = -1;
	int			rows = 0;

	if (!check(file != NULL && format != NULL, platforms[i].format))
		return;
	platform_begin(format);
	platform.options.data_set_id = (char *) "123";
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char	   *cell;

		if (column < 0)
		{
			column = column_of(line, platforms[i].column);
			if (!check(column > 0, "the file has a column for it"))
				break;
			continue;
		}
		snprintf(copy, sizeof(copy), "%s", line);
		cell = cell_of(line, column);
		if (cell != NULL)
		{
			check_cell(i, cell_of(copy, 0), cell);
			rows++;
		}
	}
	fclose(file);
	check(rows == ECAPI_EVENT_TYPES, "every event type has a row");
}

int
main(void)
{
	const char *path = getenv("ECAPI_EVENT_MAP");

	if (path == NULL || *path == '\0')
	{
		printf("1..0 # SKIP ECAPI_EVENT_MAP names no file\n");
		return 0;
	}
	for (size_t i = 0; i < lengthof(platforms); i++)
		check_format(i, path);
	return platform_done();
}
