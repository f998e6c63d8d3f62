/*
 * place.c
 *	  Where in a JSON text a walk stands, and the numbers that stand there.
 *
 * Pure functions.
 */
#include "place.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t
rcv_place_spell(const RcvPlace *place, char *text, size_t size, size_t used)
{
	if (place == NULL)
		return used;
	used = rcv_place_spell(place->parent, text, size, used);
	if (place->name == NULL)
		used += snprintf(text + used, size - used, "[%d]", place->index);
	else
	{
		if (used > 0 && used + 1 < size)
			text[used++] = '.';
		/* a name of the sender's own may be anything: keep it short and plain */
		for (size_t i = 0; i < place->namelen && i < 64 && used + 1 < size; i++)
		{
			unsigned char c = place->name[i];

			text[used++] = isgraph(c) && c < 128 ? c : '?';
		}
	}
	if (used >= size)
		used = size - 1;
	text[used] = '\0';
	return used;
}

bool
rcv_read_integer(const RcvNode *node, int64_t *value)
{
	char		text[24];

	if (node->type != RCV_NUMBER || node->len >= sizeof(text))
		return false;
	for (size_t i = 0; i < node->len; i++)
		if (node->text[i] != '-' && !isdigit((unsigned char) node->text[i]))
			return false;
	memcpy(text, node->text, node->len);
	text[node->len] = '\0';
	errno = 0;
	*value = strtoll(text, NULL, 10);
	return errno == 0;
}

const char *
rcv_double_problem(const RcvNode *node)
{
	char		text[320];

	if (node->type != RCV_NUMBER)
		return "is not a number";
	/* without an exponent, and shorter than the largest double, it is finite */
	if (node->len < 300 && memchr(node->text, 'e', node->len) == NULL &&
		memchr(node->text, 'E', node->len) == NULL)
		return NULL;
	if (node->len >= sizeof(text))
		return "is too long a number";
	memcpy(text, node->text, node->len);
	text[node->len] = '\0';
	return isfinite(strtod(text, NULL)) ? NULL : "is beyond the range of a double";
}
