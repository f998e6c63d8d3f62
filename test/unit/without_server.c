/*
 * without_server.c
 *	  What the pure code of destination/ calls of files that need the server, for
 *	  programs without it.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef fprintf
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

/*
 * An Assert() of a build against a server that has them.  Majors declare it with other
 * arguments, of which the first is the condition's text.
 */
extern void assertion_failed(const char *condition) __asm__("ExceptionalCondition");

void
assertion_failed(const char *condition)
{
	fprintf(stderr, "# assertion failed: %s\n", condition);
	abort();
}

/* As of a destination that is live. */
const char *
ecapi_options_url(const EcapiOptions *options)
{
	if (options->url != NULL)
		return options->url;
	return options->format->url_of ? (options->format->url_of) (options) : options->format->url;
}
