/*
 * jwt.h
 *	  Read a JSON web token that is signed with RS256 (RFC 7515, 7518, 7519).
 */
#ifndef RCV_JWT_H
#define RCV_JWT_H

#include <openssl/evp.h>

#include "json.h"

/*
 * The claims of a token, in the arena; NULL, with a fixed text in *error, when it
 * is none, its header is not {"alg":"RS256"}, or the key (NULL: any signature that
 * is there) did not sign it.
 */
extern const RcvNode *rcv_jwt_claims(RcvArena *arena, const char *token, EVP_PKEY *key,
									 const char **error);

#endif							/* RCV_JWT_H */
