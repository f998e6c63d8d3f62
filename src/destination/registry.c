/*
 * registry.c
 *	  The formats by name.
 *
 * A new platform is one new file and one row here.  Constant; no locks.
 */
#include "destination/formats.h"

#include <string.h>

static const EcapiFormat *const formats[] = {
	&ecapi_format_native,
	&ecapi_format_webhook,
	&ecapi_format_pubsub,
	&ecapi_format_kafka,
	&ecapi_format_meta,
	&ecapi_format_google,
	&ecapi_format_tiktok,
	&ecapi_format_pinterest,
	&ecapi_format_reddit,
	&ecapi_format_microsoft,
	&ecapi_format_linkedin,
	&ecapi_format_snap,
	&ecapi_format_ga4,
	&ecapi_format_openai,
	&ecapi_format_amazon,
	NULL
};

/* The format with that name, or NULL. */
const EcapiFormat *
ecapi_format_lookup(const char *name)
{
	int			i;

	for (i = 0; formats[i]; i++)
	{
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	}
	return NULL;
}

/* Format i, counting from 0; NULL behind the last. */
const EcapiFormat *
ecapi_format_nth(int i)
{
	return i >= 0 && i < (int) (sizeof(formats) / sizeof(formats[0])) - 1 ?
		formats[i] : NULL;
}
