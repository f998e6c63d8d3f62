/*
 * trouble.h
 *	  Which failures of a connection pass by themselves, by what librdkafka says of them.
 *
 * Pure C: no server header, no I/O, no memory.
 */
#ifndef ECAPI_TROUBLE_H
#define ECAPI_TROUBLE_H

#include <stdbool.h>

/*
 * Whether only an operator ends a failure that librdkafka reports as _SSL, or as
 * _AUTHENTICATION.  text: its words, which are not kept; NULL is as "".
 */
extern bool ecapi_trouble_of_tls_stays(const char *text);
extern bool ecapi_trouble_of_login_stays(const char *text);

#endif							/* ECAPI_TROUBLE_H */
