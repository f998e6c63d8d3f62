/*
 * percent.c
 *	  Percent-encoding, as forms and URLs have it (RFC 3986, section 2.1).
 *
 * No I/O, no state, no memory but the buffer's.
 */
#include "destination/percent.h"

#include <stdio.h>
#include <string.h>

#include "event/ascii.h"

void
ecapi_percent_encode(EcapiBuffer *buffer, const char *text)
{
	char		escaped[4];

	for (; *text != '\0'; text++)
	{
		if (ecapi_is_letter(*text) || ecapi_is_digit(*text) || strchr("-._~", *text))
			ecapi_buffer_char(buffer, *text);
		else
		{
			snprintf(escaped, sizeof(escaped), "%%%02X", (unsigned char) *text);
			ecapi_buffer_str(buffer, escaped);
		}
	}
}
