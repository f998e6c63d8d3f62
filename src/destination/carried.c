/*
 * carried.c
 *	  What of events a format carries to its platform, and so what it drops.
 *
 * No I/O, no state, no memory.
 */
#include "destination/carried.h"

EcapiFieldSet
ecapi_carried(const EcapiFormat *format, const EcapiOptions *options)
{
	return ecapi_field_set_named(format->carries_by ? format->carries_by(options)
								 : format->carries);
}
