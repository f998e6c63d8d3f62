/*
 * test_webhook_key.c
 *	  Signatures of webhooks, and which texts are keys.
 */
#include "destination/webhook_key.h"
#include "unit.h"

/* The vector of Standard Webhooks' own libraries. */
#define KEY		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define KEY_2	"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
#define ID		"msg_p5jXN8AQM9LWM0D4loKWxJek"
#define BODY	"{\"test\": 2432232314}"
#define SIGNED	"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static char memory[512];

static const char *
sign(const char *keys)
{
	EcapiBuffer signature;

	ecapi_buffer_over(&signature, memory, sizeof(memory));
	return ecapi_webhook_sign(keys, ID, "1614265330", BODY, strlen(BODY), &signature) ?
		signature.data : NULL;
}

static void
test_signatures(void)
{
	char		both[512];

	check_text(sign(KEY), SIGNED, "the libraries' own vector");
	check_text(sign("  " KEY " "), SIGNED, "blanks around a key");
	snprintf(both, sizeof(both), "%s", sign(KEY_2));
	check(strcmp(both, SIGNED) != 0 && strlen(both) == strlen(SIGNED), "another key signs otherwise");
	check(sign(KEY " " KEY_2) && strncmp(memory, SIGNED " v1,", strlen(SIGNED) + 4) == 0 &&
		  strcmp(memory + strlen(SIGNED) + 1, both) == 0, "two keys make two signatures, in their order");
	/* RFC 8032, section 7.1, has the key; the length is that of a signature */
	check(sign("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=") &&
		  strncmp(memory, "v1a,", 4) == 0 && strlen(memory) == 4 + 88, "an Ed25519 key");
}

static void
test_no_keys(void)
{
	static const char *const wrong[] = {
		"", "   ", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqr",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w",
		"whsec_====", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La====", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", KEY "," KEY_2, KEY " x",
		KEY " " KEY " " KEY " " KEY,
		"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		const char *sentence = ecapi_webhook_keys_wrong(wrong[i]);

		if (!check(sentence != NULL, "no list of keys"))
			fprintf(stderr, "# %s\n", wrong[i]);
		else
			check(strstr(sentence, "MfKQ") == NULL, "what is wrong quotes nothing");
	}
	check(ecapi_webhook_keys_wrong(KEY) == NULL, "a key");
	check(ecapi_webhook_keys_wrong(KEY " " KEY_2 "  " KEY) == NULL, "three keys");
}

static void
test_no_room(void)
{
	EcapiBuffer signature;
	char		small[20];

	ecapi_buffer_over(&signature, small, sizeof(small));
	check(!ecapi_webhook_sign(KEY, ID, "1", BODY, strlen(BODY), &signature), "no room for a signature");
}

int
main(void)
{
	test_signatures();
	test_no_keys();
	test_no_room();
	return unit_done();
}
