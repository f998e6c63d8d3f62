/*
 * test_policy.c
 *	  What answers mean, and how long to wait.
 */
#include "delivery/retry_policy.h"
#include "unit.h"

static EcapiVerdict
judge(EcapiTransport transport, int status)
{
	EcapiAnswer answer;

	memset(&answer, 0, sizeof(answer));
	answer.transport = transport;
	answer.status = status;
	return ecapi_policy_judge(&answer);
}

static EcapiVerdict
expected(int status)
{
	switch (status)
	{
		case 401:
		case 403:
		case 404:
			return ECAPI_STOP;
		case 408:
		case 425:
		case 429:
			return ECAPI_RETRY;
		case 413:
			return ECAPI_TOO_LARGE;
	}
	switch (status / 100)
	{
		case 2:
			return ECAPI_DELIVERED;
		case 3:
			return ECAPI_STOP;
		case 4:
			return ECAPI_REJECTED;
	}
	return ECAPI_RETRY;
}

static void
test_judge(void)
{
	int			status;
	int			wrong = 0;

	for (status = -1; status < 1000; status++)
	{
		if (judge(ECAPI_TRANSPORT_OK, status) != expected(status))
			wrong++;
	}
	check(wrong == 0, "every status means what the table says");
	check(judge(ECAPI_TRANSPORT_REFUSED, 0) == ECAPI_RETRY, "no connection: again");
	check(judge(ECAPI_TRANSPORT_BROKEN, 0) == ECAPI_RETRY, "cut: again");
	check(judge(ECAPI_TRANSPORT_BROKEN, 200) == ECAPI_RETRY, "cut behind the status: again");
	check(judge(ECAPI_TRANSPORT_BROKEN, 400) == ECAPI_RETRY, "cut behind a 400: blames nobody");
	check(judge(ECAPI_TRANSPORT_UNTRUSTED, 0) == ECAPI_STOP, "not trusted: stop");
}

static void
test_backoff(void)
{
	int64_t		ceiling = ECAPI_BACKOFF_BASE_MS;
	int			attempts;
	bool		good = true;

	for (attempts = 1; attempts < 100; attempts++)
	{
		int64_t		low = ecapi_policy_backoff(attempts, 0.0, -1);
		int64_t		half = ecapi_policy_backoff(attempts, 0.5, -1);
		int64_t		high = ecapi_policy_backoff(attempts, 0.999999, -1);

		if (low != ECAPI_BACKOFF_MIN_MS || half != ceiling / 2 ||
			high > ceiling || high < ceiling - 1 - ceiling / 1000)
			good = false;
		ceiling = ceiling * 2 > ECAPI_BACKOFF_MAX_MS ? ECAPI_BACKOFF_MAX_MS : ceiling * 2;
	}
	check(good, "the ceiling doubles up to its maximum, the draw is between");
	check(ecapi_policy_backoff(2000000000, 0.5, -1) == ECAPI_BACKOFF_MAX_MS / 2,
	   "two billion failures");
	check(ecapi_policy_backoff(0, 0.5, -1) == ECAPI_BACKOFF_BASE_MS / 2 &&
	   ecapi_policy_backoff(-5, 0.5, -1) == ECAPI_BACKOFF_BASE_MS / 2,
	   "no failure counts as the first");
	check(ecapi_policy_backoff(1, 7.0, -1) == ECAPI_BACKOFF_BASE_MS &&
	   ecapi_policy_backoff(1, -7.0, -1) == ECAPI_BACKOFF_MIN_MS,
	   "a chance outside [0, 1) is brought inside");

	good = true;
	for (attempts = 1; attempts < 100; attempts++)
	{
		int64_t		wait = ecapi_policy_backoff(attempts, 0.9, 7000);

		if (wait < 7000 || wait > 7000 + ECAPI_BACKOFF_BASE_MS)
			good = false;
	}
	check(good, "the receiver's wish is a lower bound, with little on top");
	check(ecapi_policy_backoff(1, 0, INT64_MAX) <=
	   ECAPI_RETRY_AFTER_MAX_MS + ECAPI_BACKOFF_BASE_MS, "a wish has a maximum");
	check(ecapi_policy_backoff(50, 0, 0) >= ECAPI_BACKOFF_MIN_MS,
	   "a wish of nothing is no busy loop");
}

static void
test_retry_wait(void)
{
	int64_t		ceiling = ECAPI_RETRY_BASE_MS;
	int			attempts;
	bool		good = true;

	for (attempts = 1; attempts < 100; attempts++)
	{
		int64_t		low = ecapi_policy_retry_wait(attempts, 0.0);
		int64_t		half = ecapi_policy_retry_wait(attempts, 0.5);
		int64_t		high = ecapi_policy_retry_wait(attempts, 0.999999);

		if (low != ECAPI_RETRY_MIN_MS || half != ceiling / 2 ||
			high > ceiling || high < ceiling - 1 - ceiling / 1000)
			good = false;
		ceiling = ceiling * 2 > ECAPI_RETRY_MAX_MS ? ECAPI_RETRY_MAX_MS : ceiling * 2;
	}
	check(good, "failed events: from half a minute to a ceiling that doubles up to 6 h");
	check(ecapi_policy_retry_wait(2000000000, 0.5) == ECAPI_RETRY_MAX_MS / 2,
	   "failed events: two billion tries");
	check(ecapi_policy_retry_wait(0, 0.9) == ecapi_policy_retry_wait(1, 0.9),
	   "failed events: no try counts as the first");
	check(ecapi_policy_retry_wait(1, 0.0 / 0.0) == ECAPI_RETRY_MIN_MS,
	   "failed events: a chance that is no number");
}

static bool
suspicious(EcapiTransport transport, int status)
{
	EcapiAnswer answer;

	memset(&answer, 0, sizeof(answer));
	answer.transport = transport;
	answer.status = status;
	return ecapi_policy_suspicious(&answer);
}

static void
test_suspicious(void)
{
	check(suspicious(ECAPI_TRANSPORT_OK, 500) && suspicious(ECAPI_TRANSPORT_OK, 502) &&
	   suspicious(ECAPI_TRANSPORT_BROKEN, 0), "an event may make a receiver fail");
	check(!suspicious(ECAPI_TRANSPORT_OK, 429) && !suspicious(ECAPI_TRANSPORT_OK, 503) &&
	   !suspicious(ECAPI_TRANSPORT_OK, 408) && !suspicious(ECAPI_TRANSPORT_REFUSED, 0) &&
	   !suspicious(ECAPI_TRANSPORT_OK, 0),
	   "a receiver that asks for time, or is not there, accuses no event");
}

static void
test_describe(void)
{
	EcapiAnswer answer;
	char		text[64];

	memset(&answer, 0, sizeof(answer));
	answer.status = 401;
	answer.body = "your token SESAME is wrong";
	answer.body_len = strlen(answer.body);
	ecapi_policy_describe(&answer, text, sizeof(text));
	check(strcmp(text, "HTTP status 401") == 0, "a status, without the body");

	answer.transport = ECAPI_TRANSPORT_BROKEN;
	strcpy(answer.error, "could not read the answer: it is too long");
	ecapi_policy_describe(&answer, text, sizeof(text));
	check(strcmp(text, answer.error) == 0, "a failure in the client's words");

	ecapi_policy_describe(&answer, text, 10);
	check(strlen(text) == 9, "cut to the room there is");

	answer.error[0] = '\0';
	ecapi_policy_describe(&answer, text, sizeof(text));
	check(strcmp(text, "no answer") == 0, "never empty");
}

int
main(void)
{
	test_judge();
	test_backoff();
	test_retry_wait();
	test_suspicious();
	test_describe();
	return unit_done();
}
