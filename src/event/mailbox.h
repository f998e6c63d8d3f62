/*
 * mailbox.h
 *	  The shape of email addresses, and the mailboxes of Gmail.
 *
 * Pure C above ICU: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_MAILBOX_H
#define ECAPI_MAILBOX_H

#include "event/buffer.h"
#include "event/unicode.h"

/*
 * Whether a text (UTF-8) has the shape of an email address (RFC 5321, section
 * 4.1.2): a mailbox, one "@", a domain of at least two labels, and nothing blank or
 * invisible in it.
 */
extern bool ecapi_mailbox_is_address(EcapiSpan span);

/* The domains of Gmail with their "@", from 0; each mailbox is at both. */
#define ECAPI_GMAIL_DOMAINS	2

extern const char *ecapi_mailbox_gmail_domain(int i);

/*
 * Whether an address, trimmed and in lower case, is a mailbox of Gmail; then *local is
 * the length of its name, before the "@".
 */
extern bool ecapi_mailbox_is_gmail(EcapiSpan address, size_t *local);

/*
 * Append the name of a mailbox (the part before "@") without dots and without what
 * begins with "+": nothing, if it is only that.
 */
extern void ecapi_mailbox_add_plain(EcapiBuffer *out, EcapiSpan local);

#endif							/* ECAPI_MAILBOX_H */
