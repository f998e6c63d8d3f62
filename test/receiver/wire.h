/*
 * wire.h
 *	  Between a connection and a call: headers and query in, the log out.
 */
#ifndef RCV_WIRE_H
#define RCV_WIRE_H

#include <microhttpd.h>

#include "call.h"

/* Fill what a call takes from the headers and the query. */
extern void rcv_wire_fill(RcvCall *call, struct MHD_Connection *connection);

/* Write the line of --bodies; status is the one sent, 0 for none. */
extern void rcv_wire_log(const RcvCall *call, struct MHD_Connection *connection,
						 int64_t time_us, uint64_t serial, unsigned int status);

#endif							/* RCV_WIRE_H */
