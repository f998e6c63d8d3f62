/*
 * test_request.c
 *	  The header lines that every request has.
 */
#include "unit.h"

#include "delivery/request.h"

/* All lines of ours, with "|" behind each. */
static const char *
lines_of(const EcapiRequest *request)
{
	static char lines[500];
	const char *line;

	lines[0] = '\0';
	for (int i = 0; (line = ecapi_request_header_nth(request, i)) != NULL; i++)
		strcat(strcat(lines, line), "|");
	return lines;
}

int
main(void)
{
	static const char *const own[] = {"Authorization: x", "user-agent: ecapi/test (by a2_x)", "Accept-Language: de"};
	EcapiRequest request = {.body = "{}"};

	check_text(lines_of(&request), "Content-Type: application/json|Accept: application/json|User-Agent: ecapi/test|",
			   "a request with a body");
	request.form = true;
	check_text(lines_of(&request), "Content-Type: application/x-www-form-urlencoded|Accept: application/json|"
			   "User-Agent: ecapi/test|", "a form");
	request = (EcapiRequest) {.get = true};
	check_text(lines_of(&request), "Accept: application/json|User-Agent: ecapi/test|", "a question");
	request = (EcapiRequest) {.headers = own, .nheaders = 3};
	check_text(lines_of(&request), "Content-Type: application/json|Accept: application/json|",
			   "a line of the request's own stands for ours, one that only begins like it does not");
	return unit_done();
}
