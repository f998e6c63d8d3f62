/*
 * shapes.h
 *	  What a clear string of the standard must look like, field by field.
 *
 * Each takes a STRING node and returns NULL when it fits, else a fixed phrase
 * that holds nothing of the value.
 */
#ifndef RCV_SHAPES_H
#define RCV_SHAPES_H

#include "json.h"

extern const char *rcv_shape_opaque(const RcvNode *node);	/* anything at all */
extern const char *rcv_shape_clear(const RcvNode *node);	/* but no digest */
extern const char *rcv_shape_event_type(const RcvNode *node);
extern const char *rcv_shape_currency(const RcvNode *node);
extern const char *rcv_shape_source(const RcvNode *node);
extern const char *rcv_shape_country(const RcvNode *node);
extern const char *rcv_shape_place(const RcvNode *node);	/* city, state */
extern const char *rcv_shape_domain(const RcvNode *node);
extern const char *rcv_shape_ip(const RcvNode *node);
extern const char *rcv_shape_url(const RcvNode *node);
extern const char *rcv_shape_gpp(const RcvNode *node);
extern const char *rcv_shape_date(const RcvNode *node);
extern const char *rcv_shape_instant(const RcvNode *node);	/* RFC 3339 */
extern const char *rcv_shape_airport(const RcvNode *node);

/* A number in digits, "129.9": no sign, no exponent, no more than one point inside. */
extern const char *rcv_shape_decimal(const RcvNode *node);

/* The shape of every field that is sent hashed. */
extern const char *rcv_shape_hash(const RcvNode *node);

/* Epoch seconds of a node that is an RFC 3339 time; its fraction is cut. */
extern int64_t rcv_read_instant(const RcvNode *node);

#endif							/* RCV_SHAPES_H */
