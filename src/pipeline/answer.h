/*
 * answer.h
 *	  From answers to outcomes.
 */
#ifndef ECAPI_ANSWER_H
#define ECAPI_ANSWER_H

#include "postgres.h"

#include "delivery/request.h"
#include "pipeline/batch.h"

/*
 * Take the answer to a batch that is flying, of which this is the cookie: it is over, ready again, or cut into parts.
 * Secrets of the request are taken out of the answer before anything of it is kept.
 */
extern void ecapi_answer_take(EcapiCookie *cookie, EcapiAnswer *answer);

#endif							/* ECAPI_ANSWER_H */
