/*
 * trouble.c
 *	  Which failures of a connection pass by themselves, by what librdkafka says of them.
 *
 * Its codes do not tell a broker that restarts from one that refuses a client: _SSL is all
 * that fails in a TLS handshake, a connection that is cut off included, and _AUTHENTICATION
 * all that fails between SaslHandshake and the answer to the password.  The words do.
 *
 * Where they leave a doubt, a failure of TLS passes, because a try costs nothing, and one of a
 * login stays, because brokers may lock a user after some wrong passwords.
 *
 * Sources: librdkafka 2.0.2, rdkafka_ssl.c, rdkafka_broker.c (rd_kafka_broker_handle_SaslHandshake,
 * rd_kafka_broker_fail) and rdkafka_request.c (rd_kafka_handle_SaslAuthenticate); OpenSSL 3,
 * ssl_err.c; RFC 8446, section 6.
 */
#include "bus/trouble.h"

#include <stddef.h>
#include <string.h>

static bool
holds_one(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strstr(text, *words) != NULL)
			return true;
	return false;
}

bool
ecapi_trouble_of_tls_stays(const char *text)
{
	/* the connection was cut off, or the other side failed for a reason of its own */
	static const char *const passing[] = {
		"unexpected eof", "SSL transport error", "timed out", "alert internal error", NULL
	};
	/* each with a blank, so that no host's name is one */
	static const char *const staying[] = {
		"certificate verify failed", "broker certificate could not be verified",
		"client SSL authentication might be required", " alert ",
		"key too small", "md too weak", "key values mismatch", NULL
	};

	return text != NULL && !holds_one(text, passing) && holds_one(text, staying);
}

bool
ecapi_trouble_of_login_stays(const char *text)
{
	/* "Local:" begins the words of librdkafka's own errors, of a request that had no answer */
	static const char *const passing[] = {
		"failed: Local:", "Disconnected", "timed out", "timeout", "TimeoutException", NULL
	};

	return text == NULL || !holds_one(text, passing);
}
