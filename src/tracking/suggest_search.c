/*
 * suggest_search.c
 *	  What one call of ecapi_suggest() has found so far.
 *
 * The first source of a field counts: a rule that comes later asks before it takes.
 */
#include "postgres.h"

#include "tracking/suggest_search.h"

void
ecapi_suggest_notice(EcapiSuggestion *search, const char *message, const char *detail,
					 const char *hint)
{
	EcapiSuggestNotice *notice = palloc(sizeof(EcapiSuggestNotice));

	notice->message = message;
	notice->detail = detail;
	notice->hint = hint;
	search->notices = lappend(search->notices, notice);
}

void
ecapi_suggest_take(EcapiSuggestion *search, const char *path, const char *text)
{
	EcapiSuggestSource *source = palloc(sizeof(EcapiSuggestSource));

	source->path = path;
	source->text = text;
	search->sources = lappend(search->sources, source);
}

const EcapiSuggestSource *
ecapi_suggest_source_of(const EcapiSuggestion *search, const char *path)
{
	ListCell   *cell;

	foreach(cell, search->sources)
	{
		const EcapiSuggestSource *source = lfirst(cell);

		if (strcmp(source->path, path) == 0)
			return source;
	}
	return NULL;
}
