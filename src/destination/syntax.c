/*
 * syntax.c
 *	  Whether a text is a URL, a header line, a token that may be used.
 *
 * The checks are narrower than the standards of each: only what every reader
 * of the text reads the same way gets through.  A URL that two parsers take
 * apart differently, or a header value with a line end in it, is how a check
 * is passed and something else is sent.
 *
 * Pure functions; no memory, no locks.
 */
#include "destination/syntax.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "event/ascii.h"

/* Longer ones are not taken by all servers on the way. */
#define URL_MAX		2048

/* Longest host name by RFC 1035. */
#define HOST_MAX	253

/*
 * Query parameters that carry a credential.  A server's options can be read
 * by every role, so such a URL would publish it.
 */
static const char *const secret_parts[] = {
	"token", "secret", "passw", "signature", "apikey", "api_key", "api-key",
	"access_key", "credential", "auth", NULL
};
static const char *const secret_names[] = {
	"sig", "key", "code", "pwd", NULL
};

/* Headers that the request itself consists of, or that steer the connection. */
static const char *const reserved_headers[] = {
	"Host", "Content-Type", "Content-Length", "Content-Encoding", "Accept",
	"Accept-Encoding", "Transfer-Encoding", "Connection", "Expect", "Upgrade",
	"TE", "Trailer", "Keep-Alive", "Cookie", NULL
};

static bool
is_alnum(char c)
{
	return ecapi_is_letter(c) || ecapi_is_digit(c);
}

/* This machine, whatever the resolver may say: see RFC 6761 for localhost. */
static bool
is_loopback(const char *host)
{
	struct in_addr in;
	struct in6_addr in6;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &in) == 1)
		return (ntohl(in.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, host, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6);
}

/* Take host and port apart; host gets the address without brackets. */
static const char *
read_authority(const char *at, size_t len, char *host)
{
	const char *end = at + len;
	const char *host_end;
	struct in6_addr in6;
	size_t		i;

	if (memchr(at, '@', len))
		return "It holds a user name or password.";
	if (len > 0 && *at == '[')
	{
		at++;
		host_end = memchr(at, ']', end - at);
		if (host_end == NULL || host_end - at > HOST_MAX)
			return "Its host is not valid.";
		memcpy(host, at, host_end - at);
		host[host_end - at] = '\0';
		if (inet_pton(AF_INET6, host, &in6) != 1)
			return "Its host is not valid.";
		at = host_end + 1;
	}
	else
	{
		host_end = memchr(at, ':', len);
		if (host_end == NULL)
			host_end = end;
		if (host_end == at)
			return "It has no host.";
		if (host_end - at > HOST_MAX)
			return "Its host is not valid.";
		memcpy(host, at, host_end - at);
		host[host_end - at] = '\0';
		for (i = 0; host[i] != '\0'; i++)
		{
			if (!is_alnum(host[i]) && strchr("-._", host[i]) == NULL)
				return "Its host is not valid.";
		}
		at = host_end;
	}

	if (at < end)
	{
		char		port[6];

		if (*at != ':' || end - at - 1 < 1 || end - at - 1 > 5)
			return "Its port is not valid.";
		memcpy(port, at + 1, end - at - 1);
		port[end - at - 1] = '\0';
		if (strspn(port, "0123456789") != strlen(port) ||
			atoi(port) < 1 || atoi(port) > 65535)
			return "Its port is not valid.";
	}
	return NULL;
}

bool
ecapi_syntax_secret_name(const char *name, size_t len)
{
	size_t		at;
	int			i;

	for (i = 0; secret_names[i]; i++)
	{
		if (strlen(secret_names[i]) == len &&
			strncasecmp(name, secret_names[i], len) == 0)
			return true;
	}
	for (i = 0; secret_parts[i]; i++)
	{
		size_t		part = strlen(secret_parts[i]);

		for (at = 0; at + part <= len; at++)
		{
			if (strncasecmp(name + at, secret_parts[i], part) == 0)
				return true;
		}
	}
	return false;
}

static bool
query_has_secret(const char *query)
{
	while (*query != '\0')
	{
		size_t		len = strcspn(query, "=&;");

		if (ecapi_syntax_secret_name(query, len))
			return true;
		query += strcspn(query, "&;");
		if (*query != '\0')
			query++;
	}
	return false;
}

const char *
ecapi_syntax_url(const char *url)
{
	char		host[HOST_MAX + 1];
	const char *authority;
	const char *wrong;
	const char *query;
	const char *at;
	bool		encrypted = strncasecmp(url, "https://", 8) == 0;

	if (strlen(url) > URL_MAX)
		return "It is longer than 2048 bytes.";
	for (at = url; *at != '\0'; at++)
	{
		if (*at <= 0x20 || *at >= 0x7f || strchr("\"<>\\^`{|}", *at))
			return "It holds characters that a URL must write as %XX.";
	}
	if (!encrypted && strncasecmp(url, "http://", 7) != 0)
		return "It does not begin with https://.";
	authority = url + (encrypted ? 8 : 7);
	wrong = read_authority(authority, strcspn(authority, "/?#"), host);
	if (wrong)
		return wrong;
	if (!encrypted && !is_loopback(host))
		return "Without encryption (http) it must lead to this machine: localhost, 127.0.0.0/8 or [::1].";
	if (strchr(url, '#'))
		return "It holds a fragment (#), which is never sent.";
	query = strchr(url, '?');
	if (query && query_has_secret(query + 1))
		return "Its query seems to hold a credential.";
	return NULL;
}

bool
ecapi_syntax_header_is(const char *line, const char *name)
{
	size_t		len = strlen(name);

	return strncasecmp(line, name, len) == 0 && line[len] == ':';
}

const char *
ecapi_syntax_header(const char *line)
{
	const char *colon = strchr(line, ':');
	const char *at;
	int			i;

	if (colon == NULL || colon == line)
		return "A header is written as \"Name: value\".";
	for (at = line; at < colon; at++)
	{
		/* token, RFC 9110 section 5.6.2 */
		if (!is_alnum(*at) && strchr("!#$%&'*+-.^_`|~", *at) == NULL)
			return "A header's name holds letters, digits and hyphens.";
	}
	for (at = colon + 1; *at == ' '; at++)
		;
	if (*at == '\0')
		return "The header has no value.";
	for (; *at != '\0'; at++)
	{
		if (*at < 0x20 || *at >= 0x7f)
			return "A header's value is one line of ASCII text.";
	}
	for (i = 0; reserved_headers[i]; i++)
	{
		if (ecapi_syntax_header_is(line, reserved_headers[i]))
			return "That header is set by the request itself.";
	}
	return NULL;
}

const char *
ecapi_syntax_token(const char *token)
{
	const char *at;

	if (token[0] == '\0')
		return "It is empty.";
	for (at = token; *at != '\0'; at++)
	{
		if (*at <= 0x20 || *at >= 0x7f)
			return "A token is ASCII text without blanks.";
	}
	return NULL;
}
