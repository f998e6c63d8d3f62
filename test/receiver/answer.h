/*
 * answer.h
 *	  Put an answer on the wire, well or badly.
 */
#ifndef RCV_ANSWER_H
#define RCV_ANSWER_H

#include <microhttpd.h>

#include "misbehave.h"

/*
 * Queue the answer: status, and the body that the manners ask for, which is
 * text[0..len) (copied) unless they ask for another.  Returns what the request
 * handler should return.
 */
extern enum MHD_Result rcv_answer(struct MHD_Connection *connection,
								  const RcvManners *manners, unsigned int status,
								  const char *text, size_t len);

/*
 * Reset the TCP connection now.  The handler then returns MHD_NO.
 */
extern void rcv_reset_connection(struct MHD_Connection *connection);

#endif							/* RCV_ANSWER_H */
