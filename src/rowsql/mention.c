/*
 * mention.c
 *	  Which names a piece of SQL mentions, and the same SQL with another one.
 *
 * The server's own scanner, without its parser: it knows identifiers, strings of every
 * kind, dollar quotes and comments, and so never takes a word inside one of these for a
 * name.  What a name stands for it does not know; the caller that renames compiles the
 * result, and that decides.
 *
 * A sub-select has names of its own, so in there only what is written as
 * new.name or old.name is surely the row's.
 *
 * Nothing here raises errors but for want of memory.  What the scanner raises about a
 * text is dropped without a subtransaction: it holds nothing but memory.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/sql_scope.h"
#include "rowsql/mention.h"

/*
 * The scanner's tokens: a character, or one of these, whose numbers are the same for
 * all that use it (parser/scanner.h), or a key word, whose number is greater.
 */
typedef enum TokenKind
{
	TOKEN_END = 0,
	TOKEN_IDENT = 258,			/* quoted or not */
	TOKEN_UIDENT,				/* U&"..." */
	TOKEN_FCONST,
	TOKEN_SCONST,
	TOKEN_USCONST,				/* U&'...' */
	TOKEN_BCONST,
	TOKEN_XCONST,
	TOKEN_OP,					/* of several characters */
	TOKEN_ICONST,
	TOKEN_PARAM,
	TOKEN_TYPECAST,
	TOKEN_NOT_EQUALS = 274		/* the last before the key words */
} TokenKind;

typedef struct Token
{
	int			kind;
	const char *start;
	size_t		len;
	const char *value;			/* name as the server sees it, content of a string */
} Token;

/* The whole text, as tokens; the last is TOKEN_END. */
typedef struct Tokens
{
	int			n;
	Token		tokens[FLEXIBLE_ARRAY_MEMBER];
} Tokens;

static void
next_token(core_yyscan_t scanner, const core_yy_extra_type *extra, const char *text,
		   Token *token)
{
	core_YYSTYPE value;
	int			at;

	token->kind = core_yylex(&value, &at, scanner);
	token->start = text + at;
	/* a NUL ends the last token in the scanner's copy */
	token->len = strlen(extra->scanbuf + at);
	token->value = token->kind > TOKEN_NOT_EQUALS ? value.keyword :
		token->kind >= TOKEN_IDENT && token->kind <= TOKEN_OP ? value.str : NULL;
}

/*
 * What cannot be scanned, as a quote that is not closed, ends the text.  That a name is
 * too long was said to the one who wrote it.
 */
static Tokens *
scan(const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	Tokens	   *tokens = palloc(offsetof(Tokens, tokens) +
								(strlen(text) + 1) * sizeof(Token));
	int			nest = NewGUCNestLevel();
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);

	ecapi_sql_set("client_min_messages", "warning");
	extra.standard_conforming_strings = true;
	extra.escape_string_warning = false;
	extra.backslash_quote = BACKSLASH_QUOTE_ON;
	tokens->n = 0;
	PG_TRY();
	{
		do
			next_token(scanner, &extra, text, &tokens->tokens[tokens->n]);
		while (tokens->tokens[tokens->n++].kind != TOKEN_END);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (geterrcode() == ERRCODE_OUT_OF_MEMORY)
			PG_RE_THROW();
		FlushErrorState();
		tokens->tokens[tokens->n++] = (Token) {TOKEN_END, text + strlen(text), 0, NULL};
	}
	PG_END_TRY();
	scanner_finish(scanner);
	AtEOXact_GUC(false, nest);
	return tokens;
}

static bool
is_name(const Token *token)
{
	return token->kind == TOKEN_IDENT || token->kind == TOKEN_UIDENT ||
		token->kind > TOKEN_NOT_EQUALS;
}

static bool
is_named(const Token *token, const char *name)
{
	return is_name(token) && strcmp(token->value, name) == 0;
}

static bool
is_row(const Token *token)
{
	return is_named(token, "new") || is_named(token, "old");
}

bool
ecapi_mentions(const char *text, const char *name, bool literals)
{
	Tokens	   *tokens = scan(text);

	if (strcmp(text, name) == 0)
		return true;
	for (int i = 0; i < tokens->n; i++)
	{
		const Token *token = &tokens->tokens[i];

		if (is_named(token, name) ||
			(literals && (token->kind == TOKEN_SCONST || token->kind == TOKEN_USCONST) &&
			 strcmp(token->value, name) == 0))
			return true;
	}
	return false;
}

bool
ecapi_mentions_object(const char *text, const char *schema, const char *name)
{
	Tokens	   *tokens = scan(text);

	if (name != NULL && strcmp(schema, "pg_catalog") == 0 && ecapi_mentions(text, name, false))
		return true;
	for (int i = 0; i < tokens->n - 2; i++)
	{
		const Token *token = &tokens->tokens[i];

		if (is_named(token, schema) && token[1].kind == '.' &&
			is_name(&token[2]) && (name == NULL || strcmp(token[2].value, name) == 0))
			return true;
	}
	return false;
}

bool
ecapi_mention_is_path(const char *text)
{
	Tokens	   *tokens = scan(text);
	const Token *token = tokens->tokens;

	/* name [. name ...] and nothing else; "->" may stand for a dot */
	if (tokens->n < 3 || is_row(token))
		return false;
	for (; is_name(token); token += 2)
	{
		if (token[1].kind == TOKEN_END)
			return true;
		if (token[1].kind != '.' &&
			(token[1].kind != TOKEN_OP || strcmp(token[1].value, "->") != 0))
			return false;
	}
	return false;
}

/* new.NAME, where new is not itself a part of something. */
static bool
is_of_row(const Tokens *tokens, int i)
{
	const Token *token = &tokens->tokens[i];

	return i >= 2 && token[-1].kind == '.' && is_row(&token[-2]) &&
		(i == 2 || token[-3].kind != '.');
}

/* NAME alone: no part of a qualified name, no function, no type of a cast. */
static bool
is_bare(const Tokens *tokens, int i)
{
	const Token *token = &tokens->tokens[i];

	if (i > 0 && (token[-1].kind == '.' || token[-1].kind == ':' ||
				  token[-1].kind == TOKEN_TYPECAST))
		return false;
	return token[1].kind != '.' && token[1].kind != '(';
}

static bool
begins_select(const Tokens *tokens, int i)
{
	const Token *token = &tokens->tokens[i];

	return i > 0 && token[-1].kind == '(' && *token->start != '"' &&
		(is_named(token, "select") || is_named(token, "with") ||
		 is_named(token, "values") || is_named(token, "table"));
}

char *
ecapi_mention_rename(const char *text, const char *from, const char *to,
					 EcapiMentionPlace place, int step)
{
	Tokens	   *tokens = scan(text);
	StringInfoData result;
	const char *copied = text;
	int			depth = 0;		/* of parentheses */
	int			select_depth = 0;	/* of the outermost sub-select, 0: none */
	int			nnames = 0;		/* before the token */

	initStringInfo(&result);
	for (int i = 0; i < tokens->n - 1; i++)
	{
		const Token *token = &tokens->tokens[i];
		bool		meant;

		if (token->kind == '(')
			depth++;
		else if (token->kind == ')')
		{
			if (depth == select_depth)
				select_depth = 0;
			depth--;
		}
		else if (select_depth == 0 && begins_select(tokens, i))
			select_depth = depth;

		if (!is_name(token))
			continue;
		nnames++;
		if (strcmp(token->value, from) != 0)
			continue;
		if (place == ECAPI_MENTION_STEP)
			meant = nnames == step + 1;
		else
			meant = is_of_row(tokens, i) ||
				(place == ECAPI_MENTION_ROW_OR_BARE && select_depth == 0 &&
				 is_bare(tokens, i));
		if (!meant)
			continue;
		appendBinaryStringInfo(&result, copied, token->start - copied);
		appendStringInfoString(&result, quote_identifier(to));
		copied = token->start + token->len;
	}
	if (copied == text)
		return NULL;
	appendStringInfoString(&result, copied);
	return result.data;
}
