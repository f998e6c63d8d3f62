/*
 * fuzz_native.c
 *	  The native format: nothing that the field table hashes leaves clear.
 *
 * The input is the JSON text of an event.  Every text, number and name below a
 * hashed field of it, wherever such a field stands outside ext and whatever it
 * holds, gets a mark in front; so does everything below the project's own
 * conventions inside ext, and below unknown names.  The body is then written
 * twice: from the tree as it is, as an enrichment could have left it, and from
 * what validation made of it.  In neither may the mark occur, in any letter
 * case; each must be JSON to the receiver; and each hashed field of it, by the
 * receiver's own table, is a digest.  What validation has cleaned makes a body
 * that is itself a valid event, and its own body.  A body without room is full.
 *
 * Then both trees are reduced, with fields redacted and all that can be made coarse,
 * with few fields kept, and with a transformed value, and written again: the same holds,
 * nothing redacted is in the body, no other amount is beside a transformed value, and the
 * tree that was given is as it was.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef fprintf
#undef snprintf

#include "fuzz.h"

#include "destination/formats.h"
#include "destination/options.h"
#include "destination/reduce.h"
#include "event/digest.h"
#include "event/json.h"
#include "event/validate.h"

#include "../receiver/fields.h"
#include "../receiver/shapes.h"

#define NOW			INT64_C(1790000000)
#define MARK		"qZx7kMarkj"
#define MARK_NUMBER "7391846250"

/* ---- marks ---- */

static bool
has_mark(const char *text, size_t len)
{
	for (size_t i = 0; i + strlen(MARK_NUMBER) <= len; i++)
	{
		if (strncasecmp(text + i, MARK, strlen(MARK)) == 0 ||
			memcmp(text + i, MARK_NUMBER, strlen(MARK_NUMBER)) == 0)
			return true;
	}
	return false;
}

static const char *
marked(EcapiArena *arena, const char *mark, const char *text, size_t *len)
{
	char	   *copy = ecapi_arena_alloc(arena, strlen(mark) + *len + 1);

	memcpy(copy, mark, strlen(mark));
	memcpy(copy + strlen(mark), text, *len + 1);
	*len += strlen(mark);
	return copy;
}

static void
mark_all(EcapiArena *arena, EcapiValue *value)
{
	size_t		len = value->len;

	if (value->type == ECAPI_STRING)
		value->text = marked(arena, MARK, value->text, &len);
	else if (value->type == ECAPI_NUMBER && value->text[0] != '-')
		value->text = marked(arena, MARK_NUMBER, value->text, &len);
	else if (value->type == ECAPI_NUMBER)
	{
		len--;
		value->text = marked(arena, "-" MARK_NUMBER, value->text + 1, &len);
	}
	value->len = (uint32_t) len;
	for (EcapiValue *child = value->first; child; child = child->next)
	{
		if (value->type == ECAPI_OBJECT)
		{
			len = child->keylen;
			child->key = marked(arena, MARK, child->key, &len);
			child->keylen = (uint32_t) len;
		}
		mark_all(arena, child);
	}
}

static bool
is_our_convention(EcapiObject object, const EcapiValue *member)
{
	return object == ECAPI_OBJ_EVENT ? strcmp(member->key, "route") == 0 :
		object == ECAPI_OBJ_USER_DATA && (strcmp(member->key, "click_ids") == 0 ||
										  strcmp(member->key, "consent") == 0);
}

/* Mark what must not leave, as the standard has it: by object and name. */
static void
plant(EcapiArena *arena, EcapiObject object, EcapiValue *value)
{
	if (value->type == ECAPI_ARRAY)
	{
		for (EcapiValue *child = value->first; child; child = child->next)
			plant(arena, object, child);
		return;
	}
	for (EcapiValue *member = value->first; member; member = member->next)
	{
		const EcapiField *field = ecapi_field_lookup(object, member->key, member->keylen);

		/* The misprint that validation takes for item_variant. */
		if (field == NULL && object == ECAPI_OBJ_ITEM &&
			strcmp(member->key, "item_item_variant") == 0)
			continue;
		if (field == NULL || field->privacy == ECAPI_SHA256)
			mark_all(arena, member);
		else if (field->type == ECAPI_FT_OBJECT)
			plant(arena, field->child, member);
		else if (field->type == ECAPI_FT_EXT)
		{
			for (EcapiValue *free = member->first; free; free = free->next)
			{
				if (member->type == ECAPI_OBJECT && is_our_convention(object, free))
					mark_all(arena, free);
			}
		}
	}
}

/* ---- the body ---- */

static void
check_received(const RcvNode *node, RcvObject object)
{
	for (const RcvNode *member = node->first; member; member = member->next)
	{
		int			count;
		int			i = rcv_field_index(object, member->key, member->keylen);
		const RcvField *field = &rcv_fields(object, &count)[i];
		const RcvNode *element = member;

		must(i >= 0, "what leaves is a field of the standard");
		if (field->many)
		{
			must(member->type == RCV_ARRAY && member->first, "an array stands for many");
			element = member->first;
		}
		for (; element; element = field->many ? element->next : NULL)
		{
			if (field->kind == RCV_HASH)
				must(element->type == RCV_STRING && rcv_shape_hash(element) == NULL,
					 "a hashed field is a digest");
			else if (field->kind == RCV_CHILD)
			{
				must(element->type == RCV_OBJECT && element->first, "an object of the standard");
				check_received(element, field->child);
			}
		}
	}
}

/* Write the event's body and look at it. */
static void
shape(const EcapiOptions *options, EcapiDigestCache *digests, const EcapiValue *event)
{
	EcapiShape	shape = {.options = options, .digests = digests};
	EcapiBuffer body;
	EcapiBuffer small;
	EcapiShaped shaped;
	const char *reason = NULL;

	ecapi_buffer_init(&body, options->format->max_body, fuzz_resize, NULL);
	shaped = options->format->add(&shape, NULL, event, &body, &reason);
	must((shaped == ECAPI_SHAPED) == (reason == NULL), "what is not shaped has a reason");
	if (shaped != ECAPI_SHAPED)
		must(body.len == 0 && !body.full, "and nothing in the body");
	else if (!body.full)
	{
		RcvArena	arena = {0};
		const RcvNode *node = fuzz_received(&arena, body.data, body.len);

		if (has_mark(body.data, body.len))
			fprintf(stderr, "%s\n", body.data);
		must(!has_mark(body.data, body.len), "no clear identifier is in a body");
		must(node != NULL && node->type == RCV_OBJECT, "a body is JSON");
		check_received(node, RCV_EVENT);
		rcv_arena_free(&arena);

		ecapi_buffer_init(&small, body.len - 1, fuzz_resize, NULL);
		options->format->add(&shape, NULL, event, &small, &reason);
		must(small.full && small.len < body.len, "a body without room is full");
		free(small.data);
	}
	free(body.data);
}

/* A body is itself an event: it is valid, and its own body. */
static void
shape_again(const EcapiOptions *options, const EcapiValue *event)
{
	EcapiShape	shape = {.options = options};
	EcapiArena	arena;
	EcapiViolations violations;
	EcapiBuffer once;
	EcapiBuffer twice;
	EcapiValue *again;
	const char *reason;
	char		error[200];

	ecapi_arena_init(&arena, fuzz_grab, NULL);
	ecapi_buffer_init(&once, options->format->max_body, fuzz_resize, NULL);
	ecapi_buffer_init(&twice, options->format->max_body, fuzz_resize, NULL);
	if (options->format->add(&shape, NULL, event, &once, &reason) == ECAPI_SHAPED && !once.full)
	{
		again = ecapi_json_parse(&arena, once.data, once.len, error, sizeof(error));
		must(again != NULL, "a body is JSON");
		again = ecapi_validate(&arena, again, NOW, true, &violations);
		if (again == NULL || violations.n > 0)
			fprintf(stderr, "%s: %s\n%s\n", violations.list[0].path,
					violations.list[0].message, once.data);
		must(again != NULL && violations.n == 0, "a body is a valid event");
		must(options->format->add(&shape, NULL, again, &twice, &reason) == ECAPI_SHAPED,
			 "and can be shaped");
		if (!fuzz_same(&once, &twice))
			fprintf(stderr, "%s\n%s\n", once.data, twice.data);
		must(fuzz_same(&once, &twice), "and is its own body");
	}
	free(once.data);
	free(twice.data);
}

/* ---- what is left of an event ---- */

#define REDACTED	"user_data.email_address, user_data.address.country_code, properties.items, ext.a, user_data.ext.b"
#define KEPT		"value, user_data.phone_numbers, properties.items.price, ext.a"

#define AMOUNTS		"properties.items.price, properties.items.discount, properties.shipping, properties.tax, ext.a"

static const RcvNode *
member(const RcvNode *object, const char *name)
{
	return object ? rcv_json_get(object, name) : NULL;
}

static void
check_redacted(const RcvNode *body)
{
	const RcvNode *user_data = member(body, "user_data");
	const RcvNode *addresses = member(user_data, "address");

	must(member(user_data, "email_address") == NULL, "a field is redacted");
	must(member(member(body, "properties"), "items") == NULL, "an object is redacted");
	must(member(member(body, "ext"), "a") == NULL &&
		 member(member(user_data, "ext"), "b") == NULL, "a member is redacted");
	for (const RcvNode *address = addresses ? addresses->first : NULL; address; address = address->next)
		must(member(address, "country_code") == NULL, "a field of each element is redacted");
}

static void
check_kept(const RcvNode *body)
{
	must(member(body, "source") == NULL, "a field that is not kept is gone");
	must(member(member(body, "user_data"), "email_address") == NULL,
		 "so is one beside a kept one");
	must(member(member(body, "properties"), "tax") == NULL, "or beside kept elements");
}

static void
check_transformed(const RcvNode *body)
{
	const RcvNode *properties = member(body, "properties");
	const RcvNode *items = member(properties, "items");

	must(member(properties, "tax") == NULL && member(properties, "shipping") == NULL,
		 "no amount is beside a transformed value");
	for (const RcvNode *item = items ? items->first : NULL; item; item = item->next)
		must(member(item, "price") == NULL && member(item, "discount") == NULL, "nor in an item");
	must(member(member(body, "ext"), "a") == NULL, "nor what the value was taken from");
}

static void
shape_reduced(const EcapiOptions *options, EcapiArena *arena, const EcapiValue *event,
			  void (*check) (const RcvNode *body))
{
	EcapiShape	shape = {.options = options};
	EcapiBuffer before = fuzz_written(event);
	EcapiBuffer after;
	EcapiBuffer body;
	const char *reason = NULL;
	const EcapiValue *left = ecapi_reduce(options, false, arena, event, &reason);

	after = fuzz_written(event);
	must(fuzz_same(&before, &after), "what is reduced is not changed");
	must((left == NULL) == (reason != NULL), "what must not leave has a reason");
	ecapi_buffer_init(&body, options->format->max_body, fuzz_resize, NULL);
	if (left && options->format->add(&shape, NULL, left, &body, &reason) == ECAPI_SHAPED && !body.full)
	{
		RcvArena	received = {0};
		const RcvNode *node = fuzz_received(&received, body.data, body.len);

		must(node != NULL && node->type == RCV_OBJECT, "a reduced body is JSON");
		must(!has_mark(body.data, body.len), "no clear identifier is in a reduced body");
		check_received(node, RCV_EVENT);
		check(node);
		rcv_arena_free(&received);
	}
	free(before.data);
	free(after.data);
	free(body.data);
}

static void
reduce_and_shape(const EcapiOptions *options, EcapiArena *arena, const EcapiValue *event)
{
	EcapiOptions redacting = *options;
	EcapiOptions keeping = *options;
	EcapiOptions transforming = *options;
	EcapiPathProblem problem;

	redacting.redact = ecapi_paths_read(arena, REDACTED, &problem);
	redacting.anonymize = ECAPI_ANONYMIZE_IP | ECAPI_ANONYMIZE_TIMESTAMP |
		ECAPI_ANONYMIZE_USER_AGENT | ECAPI_ANONYMIZE_POSTAL_CODE;
	redacting.mmt_only = true;
	redacting.value_factor = (EcapiDecimal) {7, 1};
	keeping.fields = ecapi_paths_read(arena, KEPT, &problem);
	must(redacting.redact && keeping.fields, "the lists are paths");
	ecapi_paths_complete(keeping.fields);
	shape_reduced(&redacting, arena, event, check_redacted);
	shape_reduced(&keeping, arena, event, check_kept);

	transforming.transform = (EcapiTransform) {ECAPI_TRANSFORM_LOG, 0};
	transforming.value_field = "ext.a";
	transforming.value_digits = ECAPI_DIGITS_OF_CURRENCY;
	transforming.amounts = ecapi_paths_read(arena, AMOUNTS, &problem);
	must(transforming.amounts != NULL, "the amounts are paths");
	shape_reduced(&transforming, arena, event, check_transformed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static EcapiOptions options;
	EcapiArena	arena;
	EcapiViolations violations;
	EcapiValue *event;
	EcapiValue *clean;
	char		error[200];

	if (options.format == NULL)
	{
		options.format = &ecapi_format_native;
		options.batch_size = 1;
		options.data_set_id = "d";
		rcv_fields_init();
	}
	ecapi_arena_init(&arena, fuzz_grab, NULL);
	event = ecapi_json_parse(&arena, (const char *) data, size, error, sizeof(error));
	if (event)
	{
		EcapiBuffer given = fuzz_written(event);
		bool		usable = !has_mark(given.data, given.len);

		free(given.data);
		if (usable)
		{
			EcapiDigestCache *digests = ecapi_digest_cache_create(&arena, 16);

			plant(&arena, ECAPI_OBJ_EVENT, event);
			options.data_set_id = size % 2 == 0 ? "d" : NULL;
			shape(&options, NULL, event);
			reduce_and_shape(&options, &arena, event);
			clean = ecapi_validate(&arena, event, NOW, false, &violations);
			if (clean)
			{
				shape(&options, digests, clean);
				shape(&options, digests, clean);
				shape_again(&options, clean);
				reduce_and_shape(&options, &arena, clean);
			}
		}
	}
	fuzz_free();
	return 0;
}
