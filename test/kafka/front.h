/*
 * front.h
 *	  What stands before a broker that speaks neither TLS nor SASL.
 */
#ifndef FRONT_H
#define FRONT_H

#include <stdbool.h>

/* How clients are to come; NULL: not at all in that way. */
typedef struct FrontOptions
{
	const char *certificate;	/* a PEM file, with key: TLS */
	const char *key;
	const char *client_ca;		/* clients have to show a certificate of this authority */
	const char *mechanism;		/* the one SASL mechanism that is taken; none but PLAIN lets in */
	const char *user;			/* with its password */
	const char *password;
} FrontOptions;

/*
 * Open a front before each broker of "host:port,host:port", all on 127.0.0.1, and let clients
 * be told the fronts in place of the brokers.  Writes their list into list.  False when that
 * cannot be done.
 */
extern bool front_open(const FrontOptions *options, const char *brokers, char *list, int size);

/*
 * Where a front closes new connections, as a broker that restarts does: "tls", when it has read
 * how the client begins; "sasl", in place of an answer to SaslHandshake; "none", nowhere, as at
 * first.  False for other words.
 */
extern bool front_break(const char *where);

#endif							/* FRONT_H */
