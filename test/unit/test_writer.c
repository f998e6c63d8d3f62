/*
 * test_writer.c
 *	  Members of JSON objects: commas, and what is left out.
 */
#include "destination/writer.h"
#include "unit.h"

static char memory[256];

static EcapiWriter
begin(EcapiBuffer *body, size_t size)
{
	ecapi_buffer_over(body, memory, size);
	return (EcapiWriter) {.body = body};
}

/* An object with everything in it, as far as size bytes have room for it. */
static EcapiBuffer
write_all(size_t size)
{
	EcapiBuffer body;
	EcapiWriter writer = begin(&body, size);
	EcapiOpen	all = ecapi_write_open(&writer, NULL, '{');
	EcapiOpen	inner;

	ecapi_write_text(&writer, "none", NULL);
	ecapi_write_text(&writer, "empty", "");
	ecapi_write_text(&writer, "a", "\"");
	inner = ecapi_write_open(&writer, "gone", '[');
	ecapi_write_close(&writer, inner, ']', false);
	inner = ecapi_write_open(&writer, "kept", '[');
	ecapi_write_close(&writer, inner, ']', true);
	inner = ecapi_write_open(&writer, "list", '[');
	ecapi_write_integer(&writer, NULL, -5);
	ecapi_write_bool(&writer, NULL, false);
	ecapi_write_text_len(&writer, NULL, "xyz", 1);
	ecapi_write_close(&writer, inner, ']', false);
	ecapi_write_value(&writer, "v", NULL);
	ecapi_write_close(&writer, all, '}', false);
	return body;
}

int
main(void)
{
	EcapiBuffer body = write_all(sizeof(memory));
	EcapiWriter writer;
	EcapiOpen	open;
	size_t		whole = body.len;
	bool		told = true;

	check_text(body.data, "{\"a\":\"\\\"\",\"kept\":[],\"list\":[-5,false,\"x\"]}", "members and elements");
	for (size_t size = 1; size <= whole; size++)
		told &= write_all(size).full;
	check(told, "a body without room is full, however little is missing");

	writer = begin(&body, sizeof(memory));
	open = ecapi_write_open(&writer, NULL, '{');
	check(!ecapi_write_close(&writer, open, '}', false) && body.len == 0 && !writer.any,
		  "nothing is left of what stays empty");
	ecapi_write_integer(&writer, "n", 1);
	check_text(body.data, "\"n\":1", "nor a comma");
	return unit_done();
}
