/*
 * ascii.h
 *	  Digits, letters and blanks of ASCII, whatever the locale.
 *
 * The functions of ctype.h ask the locale, where "I" may have another lower case.
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_ASCII_H
#define ECAPI_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool
ecapi_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
ecapi_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
ecapi_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline char
ecapi_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* The value of a hexadecimal digit; -1: it is none. */
static inline int
ecapi_hex_digit(char c)
{
	if (ecapi_is_digit(c))
		return c - '0';
	c = ecapi_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool
ecapi_all_digits(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (!ecapi_is_digit(text[i]))
			return false;
	}
	return true;
}

/* Letters, digits and the characters of more, and nothing else. */
static inline bool
ecapi_all_alphanumeric(const char *text, size_t len, const char *more)
{
	for (size_t i = 0; i < len; i++)
	{
		if (!ecapi_is_letter(text[i]) && !ecapi_is_digit(text[i]) &&
			(text[i] == '\0' || strchr(more, text[i]) == NULL))
			return false;
	}
	return true;
}

/* Take the blanks off both ends. */
static inline void
ecapi_trim(const char **text, size_t *len)
{
	while (*len > 0 && ecapi_is_blank(**text))
	{
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && ecapi_is_blank((*text)[*len - 1]))
		(*len)--;
}

#endif							/* ECAPI_ASCII_H */
