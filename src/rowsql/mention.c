/*
 * mention.c
 *	  Which names a piece of SQL mentions, and the same SQL with another one.
 *
 * A scanner, not a parser: it knows identifiers, quoted identifiers, strings
 * of every kind, dollar quotes and comments, and so never takes a word inside
 * one of these for a name.  What a name stands for it does not know; the
 * caller that renames compiles the result, and that decides.
 *
 * A sub-select has names of its own, so in there only what is written as
 * new.name or old.name is surely the row's.
 *
 * Texts are in the server encoding.  In one that is no superset of ASCII
 * within characters nothing is stored, so bytes can be looked at singly.
 * Nothing here raises errors but for want of memory.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "parser/scansup.h"
#include "utils/builtins.h"

#include "rowsql/mention.h"

typedef enum TokenKind
{
	TOKEN_END,
	TOKEN_NAME,					/* an identifier or a key word */
	TOKEN_QUOTED,				/* a quoted identifier */
	TOKEN_STRING,
	TOKEN_OTHER					/* a number, or one character */
} TokenKind;

typedef struct Token
{
	TokenKind	kind;
	const char *start;
	size_t		len;
	const char *value;			/* name as the server sees it, content of a string */
} Token;

/* The whole text, as tokens; the last is TOKEN_END. */
typedef struct Tokens
{
	int			n;
	int			size;
	Token	   *tokens;
} Tokens;

static bool
starts_name(char c)
{
	return isalpha((unsigned char) c) || c == '_' || IS_HIGHBIT_SET(c);
}

static bool
continues_name(char c)
{
	return starts_name(c) || isdigit((unsigned char) c) || c == '$';
}

/* The end of white space and comments. */
static const char *
skip_space(const char *at)
{
	for (;;)
	{
		if (isspace((unsigned char) *at))
			at++;
		else if (at[0] == '-' && at[1] == '-')
		{
			while (*at && *at != '\n' && *at != '\r')
				at++;
		}
		else if (at[0] == '/' && at[1] == '*')
		{
			int			depth = 0;

			do
			{
				if (at[0] == '/' && at[1] == '*')
				{
					depth++;
					at += 2;
				}
				else if (at[0] == '*' && at[1] == '/')
				{
					depth--;
					at += 2;
				}
				else
					at++;
			} while (depth > 0 && *at);
		}
		else
			return at;
	}
}

/*
 * From an opening quote to behind the closing one (or the text's end); the
 * content goes to value, with doubled quotes undone.
 */
static const char *
take_quoted(const char *at, bool escapes, StringInfo value)
{
	char		quote = *at++;

	while (*at)
	{
		if (escapes && at[0] == '\\' && at[1])
			at++;
		else if (*at == quote)
		{
			if (at[1] != quote)
				return at + 1;
			at++;
		}
		appendStringInfoChar(value, *at++);
	}
	return at;
}

/* From "$tag$" to behind its repetition; NULL: no dollar quote begins here. */
static const char *
take_dollar_quoted(const char *at, StringInfo value)
{
	const char *end = at + 1;
	const char *closing;
	char	   *tag;

	if (starts_name(*end))
		while (continues_name(*end) && *end != '$')
			end++;
	if (*end != '$')
		return NULL;
	end++;
	tag = pnstrdup(at, end - at);
	closing = strstr(end, tag);
	if (closing == NULL)
		return end + strlen(end);
	appendBinaryStringInfo(value, end, closing - end);
	return closing + strlen(tag);
}

static Token
next_token(const char *at)
{
	Token		token = {TOKEN_OTHER, at, 0, ""};
	const char *end = at + 1;
	StringInfoData value = {.data = ""};

	if (strchr("'\"$eEbBxXnN", *at) != NULL)
		initStringInfo(&value);
	if (*at == '\0')
	{
		token.kind = TOKEN_END;
		end = at;
	}
	else if (*at == '\'')
	{
		token.kind = TOKEN_STRING;
		end = take_quoted(at, false, &value);
	}
	else if (*at == '"')
	{
		token.kind = TOKEN_QUOTED;
		end = take_quoted(at, false, &value);
	}
	else if (strchr("eEbBxXnN", *at) && at[1] == '\'')
	{
		token.kind = TOKEN_STRING;
		end = take_quoted(at + 1, *at == 'e' || *at == 'E', &value);
	}
	else if (starts_name(*at))
	{
		token.kind = TOKEN_NAME;
		while (continues_name(*end))
			end++;
	}
	else if (isdigit((unsigned char) *at))
	{
		while (continues_name(*end))
			end++;
	}
	else if (*at == '$')
	{
		const char *behind = take_dollar_quoted(at, &value);

		if (behind)
		{
			token.kind = TOKEN_STRING;
			end = behind;
		}
	}
	token.len = end - at;
	token.value = token.kind == TOKEN_NAME
		? downcase_truncate_identifier(at, token.len, false) : value.data;
	return token;
}

static Tokens
scan(const char *text)
{
	Tokens		tokens = {0, 16, palloc(16 * sizeof(Token))};
	const char *at = text;

	for (;;)
	{
		Token		token = next_token(skip_space(at));

		if (tokens.n == tokens.size)
		{
			tokens.size *= 2;
			tokens.tokens = repalloc(tokens.tokens, tokens.size * sizeof(Token));
		}
		tokens.tokens[tokens.n++] = token;
		if (token.kind == TOKEN_END)
			return tokens;
		at = token.start + token.len;
	}
}

static bool
is_name(const Token *token)
{
	return token->kind == TOKEN_NAME || token->kind == TOKEN_QUOTED;
}

static bool
is_char(const Token *token, char c)
{
	return token->kind == TOKEN_OTHER && token->len == 1 && *token->start == c;
}

static bool
is_row(const Token *token)
{
	return token->kind == TOKEN_NAME &&
		(strcmp(token->value, "new") == 0 || strcmp(token->value, "old") == 0);
}

bool
ecapi_mentions(const char *text, const char *name, bool literals)
{
	Tokens		tokens = scan(text);

	if (strcmp(text, name) == 0)
		return true;
	for (int i = 0; i < tokens.n; i++)
	{
		const Token *token = &tokens.tokens[i];

		if ((is_name(token) || (literals && token->kind == TOKEN_STRING)) &&
			strcmp(token->value, name) == 0)
			return true;
	}
	return false;
}

bool
ecapi_mentions_object(const char *text, const char *schema, const char *name)
{
	Tokens		tokens = scan(text);

	if (name != NULL && strcmp(schema, "pg_catalog") == 0 && ecapi_mentions(text, name, false))
		return true;
	for (int i = 0; i < tokens.n - 2; i++)
	{
		const Token *token = &tokens.tokens[i];

		if (is_name(token) && strcmp(token->value, schema) == 0 && is_char(token + 1, '.') &&
			is_name(token + 2) && (name == NULL || strcmp(token[2].value, name) == 0))
			return true;
	}
	return false;
}

/* Does "->" begin at a token? */
static bool
is_arrow(const Tokens *tokens, int i)
{
	return is_char(&tokens->tokens[i], '-') && is_char(&tokens->tokens[i + 1], '>');
}

/* name [. name ...] and nothing else; "->" may stand for a dot */
static bool
is_names(const Tokens *tokens)
{
	int			i = 0;

	for (;;)
	{
		if (!is_name(&tokens->tokens[i++]))
			return false;
		if (tokens->tokens[i].kind == TOKEN_END)
			return true;
		if (is_arrow(tokens, i))
			i++;
		else if (!is_char(&tokens->tokens[i], '.'))
			return false;
		i++;
	}
}

bool
ecapi_mention_is_path(const char *text)
{
	Tokens		tokens = scan(text);

	return tokens.n > 2 && is_names(&tokens) && !is_row(&tokens.tokens[0]);
}

/* new.NAME, where new is not itself a part of something. */
static bool
is_of_row(const Tokens *tokens, int i)
{
	return i >= 2 && is_char(&tokens->tokens[i - 1], '.') &&
		is_row(&tokens->tokens[i - 2]) &&
		(i == 2 || !is_char(&tokens->tokens[i - 3], '.'));
}

/* NAME alone: no part of a qualified name, no function, no type of a cast. */
static bool
is_bare(const Tokens *tokens, int i)
{
	const Token *after = &tokens->tokens[i + 1];

	if (i > 0 && (is_char(&tokens->tokens[i - 1], '.') || is_char(&tokens->tokens[i - 1], ':')))
		return false;
	return !is_char(after, '.') && !is_char(after, '(');
}

static bool
begins_select(const Tokens *tokens, int i)
{
	const Token *token = &tokens->tokens[i];

	return i > 0 && is_char(&tokens->tokens[i - 1], '(') && token->kind == TOKEN_NAME &&
		(strcmp(token->value, "select") == 0 || strcmp(token->value, "with") == 0 ||
		 strcmp(token->value, "values") == 0 || strcmp(token->value, "table") == 0);
}

char *
ecapi_mention_rename(const char *text, const char *from, const char *to,
					 EcapiMentionPlace place, int step)
{
	Tokens		tokens = scan(text);
	StringInfoData result;
	const char *copied = text;
	int			depth = 0;		/* of parentheses */
	int			select_depth = 0;	/* of the outermost sub-select, 0: none */
	int			nnames = 0;		/* before the token */

	initStringInfo(&result);
	for (int i = 0; i < tokens.n - 1; i++)
	{
		const Token *token = &tokens.tokens[i];
		bool		meant;

		if (is_char(token, '('))
			depth++;
		else if (is_char(token, ')'))
		{
			if (depth == select_depth)
				select_depth = 0;
			depth--;
		}
		else if (select_depth == 0 && begins_select(&tokens, i))
			select_depth = depth;

		if (!is_name(token))
			continue;
		nnames++;
		if (strcmp(token->value, from) != 0)
			continue;
		if (place == ECAPI_MENTION_STEP)
			meant = nnames == step + 1;
		else
			meant = is_of_row(&tokens, i) ||
				(place == ECAPI_MENTION_ROW_OR_BARE && select_depth == 0 &&
				 is_bare(&tokens, i));
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
