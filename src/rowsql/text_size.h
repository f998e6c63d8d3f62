/*
 * text_size.h
 *	  How long the text of a value would be, before it is made.
 */
#ifndef ECAPI_TEXT_SIZE_H
#define ECAPI_TEXT_SIZE_H

#include "postgres.h"

/*
 * An upper bound, not far from it where numbers make the text longer than the
 * value, of what the type's output function would write, in bytes; any number
 * beyond limit when it is more than that.  Does not decompress a value that is
 * larger than limit.  Runs no code of a user's.  Raises what the type cache
 * raises, and a cancellation; leaks into the current memory context.
 */
extern Size ecapi_text_size(Oid type, Datum datum, Size limit);

#endif							/* ECAPI_TEXT_SIZE_H */
