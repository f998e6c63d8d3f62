/*
 * mailbox.c
 *	  The shape of email addresses, and the mailboxes of Gmail.
 *
 * A mailbox of Gmail is one however it is written: dots in its name make no
 * difference, what begins with "+" is a note of its owner, and it is at gmail.com
 * and at googlemail.com.
 */
#include "event/mailbox.h"

#include <string.h>

static const char *const gmail_domains[ECAPI_GMAIL_DOMAINS] = {"@gmail.com", "@googlemail.com"};

/*
 * Labels with dots between them, of at least two: mail to a host without a
 * dot goes nowhere from outside, and is "ann@localhost" or "none@none".
 */
static bool
is_mail_domain(EcapiSpan span)
{
	bool		dot = false;
	char		before = '.';

	for (size_t i = 0; i < span.len; i++)
	{
		char		c = span.text[i];

		if (c == '.')
		{
			if (before == '.')
				return false;
			dot = true;
		}
		before = c;
	}
	return dot && before != '.';
}

/* Quoted mailboxes with blanks and address literals exist on paper only. */
bool
ecapi_mailbox_is_address(EcapiSpan span)
{
	const char *at = memchr(span.text, '@', span.len);
	EcapiSpan	domain;

	if (at == NULL || at == span.text)
		return false;
	domain = (EcapiSpan) {at + 1, (size_t) (span.text + span.len - at - 1)};
	if (memchr(domain.text, '@', domain.len) != NULL || !is_mail_domain(domain))
		return false;
	for (size_t i = 0; i < span.len;)
	{
		int32_t		c = ecapi_unicode_next(span, &i);

		if (c <= ' ' || c == 0x7F || ecapi_unicode_is_space(c) || ecapi_unicode_is_invisible(c))
			return false;
	}
	return true;
}

const char *
ecapi_mailbox_gmail_domain(int i)
{
	return gmail_domains[i];
}

bool
ecapi_mailbox_is_gmail(EcapiSpan address, size_t *local)
{
	for (int i = 0; i < ECAPI_GMAIL_DOMAINS; i++)
	{
		size_t		len = strlen(gmail_domains[i]);

		if (address.len > len &&
			memcmp(address.text + address.len - len, gmail_domains[i], len) == 0)
		{
			*local = address.len - len;
			return true;
		}
	}
	return false;
}

void
ecapi_mailbox_add_plain(EcapiBuffer *out, EcapiSpan local)
{
	for (size_t i = 0; i < local.len && local.text[i] != '+'; i++)
		if (local.text[i] != '.')
			ecapi_buffer_char(out, local.text[i]);
}
