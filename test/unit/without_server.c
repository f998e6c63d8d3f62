/*
 * without_server.c
 *	  What the pure code of destination/ calls of files that need the server, for
 *	  programs without it.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef vsnprintf

#include "destination/options.h"

extern int	pg_snprintf(char *text, size_t size, const char *format,...) __attribute__((format(printf, 3, 4)));

int
pg_snprintf(char *text, size_t size, const char *format,...)
{
	va_list		args;
	int			len;

	va_start(args, format);
	len = vsnprintf(text, size, format, args);
	va_end(args);
	return len;
}

/* As of a destination that is live. */
const char *
ecapi_options_url(const EcapiOptions *options)
{
	if (options->url != NULL)
		return options->url;
	return options->format->url_of ? (options->format->url_of) (options) : options->format->url;
}
