/*
 * peer.c
 *	  Whom a socket may be opened to.
 *
 * The options let plain http through to loopback names only, but a name is
 * what a resolver makes of it; this is asked of the address itself.
 *
 * Pure.  An IPv4 address inside IPv6 (::ffff:127.0.0.1) does not count: no
 * resolver gives one for a loopback name, and refusing is safe.
 */
#include "delivery/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

bool
ecapi_peer_is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
	{
		const struct sockaddr_in *in = (const struct sockaddr_in *) address;

		return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
	}
	if (address->sa_family == AF_INET6)
	{
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *) address;

		return IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
	}
	return false;
}
