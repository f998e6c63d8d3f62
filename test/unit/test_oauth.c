/*
 * test_oauth.c
 *	  Tokens by OAuth 2.0: requests that a key signs, and what answers grant.
 *
 * Keys are made when the test runs.  libcrypto's memory is counted, so what it is not
 * given back is told, and it can be refused: then nothing is said about a key.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "destination/oauth.h"
#include "destination/service_account.h"
#include "event/json.h"
#include "unit.h"

#define NOW		INT64_C(1790000000)

/* ---- libcrypto's memory ---- */

static long pieces = 0;			/* that it has */
static long until_refused = -1; /* allocations before one is refused; -1: none is */

static bool
refused(void)
{
	return until_refused >= 0 && until_refused-- == 0;
}

static void *
crypto_malloc(size_t size, const char *file, int line)
{
	void	   *piece = refused() ? NULL : malloc(size);

	(void) file;
	(void) line;
	pieces += piece != NULL;
	return piece;
}

static void
crypto_free(void *piece, const char *file, int line)
{
	(void) file;
	(void) line;
	pieces -= piece != NULL;
	free(piece);
}

static void *
crypto_realloc(void *old, size_t size, const char *file, int line)
{
	if (old == NULL)
		return crypto_malloc(size, file, line);
	if (size == 0)
	{
		crypto_free(old, file, line);
		return NULL;
	}
	return refused() ? NULL : realloc(old, size);
}

/* ---- keys ---- */

/* A private key as PEM, under a password or none, as a JSON string's content. */
static void
pem_of(EVP_PKEY *key, const char *password, char *json, size_t size)
{
	BIO		   *memory = BIO_new(BIO_s_mem());
	char	   *pem;
	long		len;
	size_t		n = 0;

	PEM_write_bio_PKCS8PrivateKey(memory, key, password ? EVP_aes_128_cbc() : NULL,
								  NULL, 0, NULL, (void *) password);
	len = BIO_get_mem_data(memory, &pem);
	for (long i = 0; i < len && n + 3 < size; i++)
	{
		if (pem[i] == '\n')
			json[n++] = '\\';
		json[n++] = pem[i] == '\n' ? 'n' : pem[i];
	}
	json[n] = '\0';
	BIO_free(memory);
}

static char good_pem[8192];
static char file_text[20000];

/* A key file with that key, and with more members. */
static const char *
file_with(const char *pem, const char *more)
{
	snprintf(file_text, sizeof(file_text),
			 "{\"type\":\"service_account\",\"client_email\":\"sender@shop.iam.example\","
			 "\"private_key_id\":\"abc123\",\"private_key\":\"%s\"%s}", pem, more);
	return file_text;
}

static EcapiOauthSource
source_with(const char *service_account)
{
	return (EcapiOauthSource) {
		.url = "https://token.example/token",
		.scope = "https://www.googleapis.com/auth/datamanager",
		.service_account = service_account
	};
}

/* ---- requests ---- */

static size_t
decode(const char *text, size_t len, unsigned char *out)
{
	char		padded[16384];
	size_t		padding = (4 - len % 4) % 4;

	for (size_t i = 0; i < len; i++)
		padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	memcpy(padded + len, "===", padding);
	EVP_DecodeBlock(out, (const unsigned char *) padded, (int) (len + padding));
	out[len * 3 / 4] = '\0';
	return len * 3 / 4;
}

static void
test_assertion(EVP_PKEY *key)
{
	static const char grant[] = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
	EcapiArena	arena;
	EcapiGrantRequest request;
	EcapiOauthSource source;
	const char *problem;
	const char *jwt;
	const char *claims;
	const char *signature;
	unsigned char bytes[16384];
	size_t		len;
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	ecapi_arena_init(&arena, unit_grab, NULL);
	source = source_with(file_with(good_pem, ",\"token_uri\":\"https://oauth2.googleapis.com/token\""));
	if (!check(ecapi_oauth_ask(&source, NOW, &arena, &request, &problem), "a service account asks"))
		return;
	check_text(request.url, "https://token.example/token", "the endpoint is the option's, not the file's");
	check(strlen(request.body) == request.body_len && strncmp(request.body, grant, strlen(grant)) == 0,
		  "by the grant of RFC 7523");
	jwt = request.body + strlen(grant);
	claims = strchr(jwt, '.') + 1;
	signature = strchr(claims, '.') + 1;
	check(strspn(jwt, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(jwt),
		  "an assertion is base64 for URLs, without padding");
	decode(jwt, (size_t) (claims - 1 - jwt), bytes);
	check_text((char *) bytes, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"abc123\"}", "its header");
	decode(claims, (size_t) (signature - 1 - claims), bytes);
	check_text((char *) bytes, "{\"iss\":\"sender@shop.iam.example\","
			   "\"scope\":\"https://www.googleapis.com/auth/datamanager\","
			   "\"aud\":\"https://oauth2.googleapis.com/token\",\"iat\":1790000000,\"exp\":1790003600}",
			   "its claims");
	len = decode(signature, strlen(signature), bytes);
	check(len == 256 && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestVerify(context, bytes, len, (const unsigned char *) jwt,
						   (size_t) (signature - 1 - jwt)) == 1, "the public key verifies it");
	EVP_MD_CTX_free(context);
	check(request.nsecrets == 1 && strcmp(request.secrets[0] + strlen("secret: "), jwt) == 0,
		  "the assertion is a secret");
	check(strstr(request.body, "PRIVATE") == NULL, "the key itself is not sent");
}

static void
expect_problem(const char *service_account, const char *wanted)
{
	EcapiArena	arena;
	EcapiGrantRequest request;
	EcapiOauthSource source = source_with(service_account);
	const char *problem = NULL;
	long		before;

	/* libcrypto keeps what it looked up the first time */
	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_oauth_ask(&source, NOW, &arena, &request, &problem);
	before = pieces;
	check(!ecapi_oauth_ask(&source, NOW, &arena, &request, &problem) && !arena.failed, wanted);
	check_text(problem, wanted, "and that is said");
	check(ERR_peek_error() == 0, "the queue of errors is empty");
	check(pieces <= before, "and nothing is left over");
}

static void
test_files(EVP_PKEY *good)
{
	static char long_text[ECAPI_SERVICE_ACCOUNT_MAX + 100];
	char		pem[8192];
	EVP_PKEY   *key;

	expect_problem("", "It is no key file of a service account: a JSON object as Google gives it out.");
	expect_problem("[1]", "It is no key file of a service account: a JSON object as Google gives it out.");
	expect_problem("{\"a\":", "It is no key file of a service account: a JSON object as Google gives it out.");
	expect_problem("{\"private_key\":\"x\"}",
				   "It is no key file of a service account: a JSON object as Google gives it out.");
	expect_problem("{\"type\":\"authorized_user\",\"client_id\":\"x\"}",
				   "It is no key file of a service account: its type is another.");
	expect_problem("{\"type\":\"service_account\",\"client_email\":5}", "It has no client_email.");
	expect_problem("{\"type\":\"service_account\",\"client_email\":\"a b\"}", "It has no client_email.");
	expect_problem("{\"type\":\"service_account\",\"client_email\":\"a\"}", "It has no private_key.");
	expect_problem(file_with("x", ",\"token_uri\":\"a b\""), "Its token_uri is no URL.");
	memset(long_text, ' ', sizeof(long_text) - 1);
	expect_problem(long_text, "It is longer than 16 kB, and no key file of a service account is.");

	expect_problem(file_with("nonsense", ""), "Its private_key is no private key in PEM.");
	expect_problem(file_with("-----BEGIN PRIVATE KEY-----\\nTm8=\\n-----END PRIVATE KEY-----\\n", ""),
				   "Its private_key is no private key in PEM.");
	pem_of(good, "password", pem, sizeof(pem));
	expect_problem(file_with(pem, ""), "Its private_key is under a password.");
	key = EVP_RSA_gen(1024);
	pem_of(key, NULL, pem, sizeof(pem));
	EVP_PKEY_free(key);
	expect_problem(file_with(pem, ""), "Its private_key is shorter than 2048 bits.");
	key = EVP_EC_gen("P-256");
	pem_of(key, NULL, pem, sizeof(pem));
	EVP_PKEY_free(key);
	expect_problem(file_with(pem, ""), "Its private_key is no RSA key.");
}

/* A key file without the members that may be missing. */
static void
test_short_file(void)
{
	EcapiArena	arena;
	EcapiServiceAccount account;
	const char *problem;

	ecapi_arena_init(&arena, unit_grab, NULL);
	check(ecapi_service_account_read(&arena, "{\"type\":\"service_account\",\"client_email\":\"a@b\","
									 "\"private_key\":\"x\"}", &account) == NULL, "a short key file");
	check_text(account.token_uri, "https://oauth2.googleapis.com/token", "is for Google");
	check(account.key_id == NULL, "and its key has no id");
	check(ecapi_service_account_assert(&arena, &account, "s", NOW, &problem) == NULL && problem != NULL,
		  "what is no key signs nothing");
}

static void
test_refresh_token(void)
{
	EcapiArena	arena;
	EcapiGrantRequest request;
	EcapiOauthSource source = source_with(NULL);
	const char *problem;

	ecapi_arena_init(&arena, unit_grab, NULL);
	check(!ecapi_oauth_ask(&source, NOW, &arena, &request, &problem), "nothing asks for nothing");
	check_text(problem, "There is no credential: set service_account_file, or refresh_token_file "
			   "with client_secret_file.", "and what is missing is said");
	source.refresh_token = "1//0a-b_c+d=";
	check(!ecapi_oauth_ask(&source, NOW, &arena, &request, &problem) && strstr(problem, "client_id"),
		  "a refresh token needs its client");
	source.client_id = "shop.apps.example";
	check(!ecapi_oauth_ask(&source, NOW, &arena, &request, &problem) && strstr(problem, "client_secret"),
		  "and the client's secret");
	source.client_secret = "GO&CSPX";
	check(ecapi_oauth_ask(&source, NOW, &arena, &request, &problem), "then it asks");
	check_text(request.body, "grant_type=refresh_token&client_id=shop.apps.example&"
			   "client_secret=GO%26CSPX&refresh_token=1%2F%2F0a-b_c%2Bd%3D", "percent-encoded");
	check(request.nsecrets == 2, "with two secrets");
	check_text(request.secrets[0], "secret: GO&CSPX", "the client's");
	check_text(request.secrets[1], "secret: 1//0a-b_c+d=", "and the token");
	source.service_account = "{}";
	check(!ecapi_oauth_ask(&source, NOW, &arena, &request, &problem) && strstr(problem, "only one"),
		  "a service account beside it is one too much");
}

/* ---- answers ---- */

static EcapiGranted
take(int status, const char *body)
{
	static EcapiArena arena;
	EcapiAnswer answer = {.status = status, .body = body, .body_len = strlen(body)};
	EcapiGranted granted;

	if (status == 0)
	{
		answer.transport = ECAPI_TRANSPORT_REFUSED;
		snprintf(answer.error, sizeof(answer.error), "could not connect");
	}
	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_oauth_take(&answer, &arena, &granted);
	check((granted.token == NULL) == (granted.problem != NULL), "a token, or what is wrong");
	return granted;
}

static void
test_answers(void)
{
	static const struct
	{
		int			status;
		const char *body;
		bool		refused;
		const char *problem;	/* a part of it */
	}			bad[] = {
		{400, "{\"error\":\"invalid_grant\",\"error_description\":\"QUOTED\"}", true, "(invalid_grant)"},
		{401, "{\"error\":\"invalid_client\"}", true, "(invalid_client)"},
		{400, "{\"error\":\"unauthorized_client\"}", true, "(unauthorized_client)"},
		{400, "{\"error\":\"invalid_scope\"}", false, "HTTP status 400 (invalid_scope)"},
		{400, "{\"error\":\"QUOTED\"}", false, "HTTP status 400"},
		{400, "{\"error\":{\"code\":400}}", false, "HTTP status 400"},
		{503, "{\"error\":\"invalid_grant\"}", false, "HTTP status 503 (invalid_grant)"},
		{500, "<html>QUOTED</html>", false, "HTTP status 500"},
		{403, "", false, "HTTP status 403"},
		{404, "not found", false, "HTTP status 404"},
		{302, "{\"access_token\":\"t\"}", false, "HTTP status 302"},
		{200, "", false, "holds no token"},
		{200, "<html>QUOTED</html>", false, "holds no token"},
		{200, "{}", false, "holds no token"},
		{200, "[]", false, "holds no token"},
		{200, "{\"access_token\":5}", false, "holds no token"},
		{200, "{\"access_token\":\"\"}", false, "holds no token"},
		{200, "{\"access_token\":\"QUOTED QUOTED\"}", false, "no header can hold"},
		{200, "{\"access_token\":\"a\\r\\nX: QUOTED\"}", false, "no header can hold"},
		{200, "{\"access_token\":\"t\",\"token_type\":\"mac\"}", false, "no bearer token"},
		{200, "{\"access_token\":\"t\",\"expires_in\":0}", false, "ended already"},
		{200, "{\"access_token\":\"t\",\"expires_in\":-5}", false, "ended already"},
		{0, "", false, "was not reached: could not connect"}
	};
	EcapiGranted granted;

	granted = take(200, "{\"access_token\":\"ya29.a-b_c\",\"expires_in\":3599,\"token_type\":\"Bearer\"}");
	check_text(granted.token, "ya29.a-b_c", "a token");
	check(granted.lives_s == 3599, "that lives as long as it says");
	check(take(200, "{\"access_token\":\"t\"}").lives_s == ECAPI_GRANT_DEFAULT_S, "or an hour");
	check(take(200, "{\"access_token\":\"t\",\"expires_in\":\"120\"}").lives_s == 120, "a number as text");
	check(take(200, "{\"access_token\":\"t\",\"expires_in\":1e300}").lives_s == ECAPI_GRANT_MAX_S,
		  "a day at most");
	check(take(200, "{\"access_token\":\"t\",\"expires_in\":\"soon\",\"token_type\":\"bearer\"}").lives_s ==
		  ECAPI_GRANT_DEFAULT_S, "what is no number says nothing");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		granted = take(bad[i].status, bad[i].body);
		check(granted.token == NULL && granted.refused == bad[i].refused &&
			  granted.problem != NULL && strstr(granted.problem, bad[i].problem) != NULL, bad[i].problem);
		check(granted.problem == NULL || strstr(granted.problem, "QUOTED") == NULL, "nothing is quoted");
	}
}

static void
test_long_answers(void)
{
	static char body[16384];
	EcapiArena	arena;
	EcapiGranted granted;
	EcapiAnswer answer = {.status = 200, .truncated = true, .body = "{\"access_token\":\"t\"}", .body_len = 20};

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_oauth_take(&answer, &arena, &granted);
	check(granted.token == NULL && !granted.refused, "an answer that was cut grants nothing");
	snprintf(body, sizeof(body), "{\"access_token\":\"%*s\"}", 5000, "t");
	for (char *at = body + 17; *at == ' '; at++)
		*at = 't';
	check(take(200, body).token == NULL, "a token of 5000 bytes is none");
}

/* ---- memory ---- */

static long grabs_left;

static void *
grab_few(void *owner, size_t size)
{
	return grabs_left-- > 0 ? unit_grab(owner, size) : NULL;
}

static void
test_memory(void)
{
	EcapiOauthSource source = source_with(NULL);
	bool		asked = false;
	bool		blamed = false;
	bool		taken = false;

	source.service_account = file_with(good_pem, "");
	for (long n = 0; n < 100 && !asked; n++)
	{
		EcapiArena	arena;
		EcapiGrantRequest request;
		const char *problem;

		grabs_left = n;
		ecapi_arena_init(&arena, grab_few, NULL);
		asked = ecapi_oauth_ask(&source, NOW, &arena, &request, &problem);
		blamed = blamed || (!asked && !arena.failed);
	}
	check(asked && !blamed, "an arena without memory blames no key");

	for (long n = 0; n < 10 && !taken; n++)
	{
		EcapiArena	arena;
		EcapiGranted granted;
		EcapiAnswer answer = {.status = 200, .body = "{\"access_token\":\"t\"}", .body_len = 20};

		grabs_left = n;
		ecapi_arena_init(&arena, grab_few, NULL);
		ecapi_oauth_take(&answer, &arena, &granted);
		taken = granted.token != NULL;
		blamed = blamed || granted.refused;
	}
	check(taken && !blamed, "nor does it refuse a credential");
}

/*
 * Every third allocation of libcrypto's is refused once.  At some few it keeps pieces of its own
 * then; a key that is not freed would show at all that come behind it.
 */
static void
test_crypto_memory(void)
{
	EcapiOauthSource source = source_with(NULL);
	bool		asked = false;
	long		refusals = 0;
	long		lost = 0;
	long		blamed = 0;

	source.service_account = file_with(good_pem, "");
	for (long n = 0; n < 100000 && !asked; n += 3)
	{
		EcapiArena	arena;
		EcapiGrantRequest request;
		const char *problem = NULL;
		long		before = pieces;

		ecapi_arena_init(&arena, unit_grab, NULL);
		until_refused = n;
		asked = ecapi_oauth_ask(&source, NOW, &arena, &request, &problem) && until_refused >= 0;
		refusals += until_refused < 0;
		until_refused = -1;
		lost += pieces > before;
		blamed += problem != NULL && !arena.failed;
		if (ERR_peek_error() != 0)
			lost++;
		unit_free();
	}
	check(asked && refusals > 10, "libcrypto is refused memory at many places");
	check(lost < 50, "and keeps next to nothing");
	check(blamed == 0, "and no key is blamed");
	fprintf(stderr, "# %ld refusals, %ld lost, %ld blamed\n", refusals, lost, blamed);
}

int
main(void)
{
	EVP_PKEY   *key;
	int			rc;

	CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free);
	key = EVP_RSA_gen(2048);
	pem_of(key, NULL, good_pem, sizeof(good_pem));
	test_assertion(key);
	test_files(key);
	test_short_file();
	test_refresh_token();
	test_answers();
	test_long_answers();
	test_memory();
	test_crypto_memory();
	EVP_PKEY_free(key);
	rc = unit_done();
	unit_free();
	return rc;
}
