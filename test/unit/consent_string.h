/*
 * consent_string.h
 *	  Consent strings for tests, put together bit by bit from the texts of the sections.
 *
 * Sections of the United States go by the table of their fields (consent/us.def), which the
 * vectors of test_gpp are for.
 */
#ifndef CONSENT_STRING_H
#define CONSENT_STRING_H

#include "consent/gpp.h"
#include "consent/us.h"
#include "sixbit.h"

/* ---- sections ---- */

/* A field that is not 0. */
typedef struct Setting
{
	EcapiUsField field;
	int			item;			/* of a list, from 1; 0: it is none */
	int			value;
} Setting;

/* As many as a section of a test has; item 0 of value 0 is none. */
#define SETTINGS	4

typedef struct States
{
	int			id;
	int			version;		/* 0: the registered one */
	bool		gpc;			/* the segment is there, and on */
	Setting		settings[SETTINGS];
} States;

/* A core of the TCF; zeroed: the European one, consent to everything by vendor 7. */
typedef struct Tcf
{
	bool		canada;
	unsigned	without;		/* purposes without consent; bit P is purpose P */
	bool		without_vendor;
	bool		global;			/* not service specific */
	bool		old_policy;		/* 3, made in 2024 */
	int			restricted;		/* purpose that has a restriction; 0: none */
	int			type;			/* of the restriction */
	int			version;		/* 0: the registered one */
} Tcf;

#define VENDOR	7

static inline int
setting_of(const States *it, EcapiUsField field, int item)
{
	for (int i = 0; i < SETTINGS; i++)
	{
		if (it->settings[i].value != 0 && it->settings[i].field == field &&
			it->settings[i].item == item)
			return it->settings[i].value;
	}
	return 0;
}

/* Behind the core: the sensitive list of the sections that have it there. */
static inline void
put_behind(Text *text, const States *it, EcapiUsBehind behind)
{
	Text		segment = {.bits = 0};

	if (behind == ECAPI_US_GPC && it->gpc)
		put_bits(&segment, 1 << 1 | 1, 3);
	for (int item = 1; behind == ECAPI_US_SENSITIVE && item <= 8; item++)
		put_bits(&segment, (unsigned) setting_of(it, ECAPI_US_SENSITIVE_DATA_PROCESSING, item), 2);
	if (segment.bits > 0)
		strcat(strcat(text->text, "."), segment.text);
}

static inline void
put_states(Text *text, const States *it)
{
	bool		done = false;

	put_bits(text, it->version ? (unsigned) it->version : it->id == ECAPI_GPP_US_FIRST ? 2 : 1, 6);
	/* of two layouts of one id the first is the newer one */
#define F(field)	put_bits(text, (unsigned) setting_of(it, ECAPI_US_##field, 0), 2);
#define L(field, n)	for (int i = 1; i <= n; i++) \
		put_bits(text, (unsigned) setting_of(it, ECAPI_US_##field, i), 2);
#define US_SECTION(number, behind, ...) \
	if (it->id == number && !done) \
	{ \
		done = true; \
		__VA_ARGS__ \
		put_behind(text, it, behind); \
	}
#include "consent/us.def"
#undef F
#undef L
#undef US_SECTION
}

/* A core up to the vendors. */
static inline void
put_head(Text *text, const Tcf *it)
{
	unsigned	consents = 0;

	for (int purpose = 1; purpose <= 24; purpose++)
		consents |= (unsigned) !(it->without >> purpose & 1) << (24 - purpose);
	put_bits(text, it->version ? (unsigned) it->version : it->canada ? 1 : 2, 6);
	put_bits(text, UINT64_C(17040672000), 36);
	put_bits(text, UINT64_C(17040672000), 36);
	put_bits(text, 0, 30);
	put_bits(text, 4 << 6 | 13, 12);
	put_bits(text, 0, 12);
	put_bits(text, it->old_policy ? 3 : 4, 6);
	if (!it->canada)
		put_bits(text, !it->global, 1);
	put_bits(text, 0, 13);
	put_bits(text, consents, 24);
	put_bits(text, 0, 24);
	if (!it->canada)
		put_bits(text, 0 << 12 | 3 << 6 | 4, 13);
}

static inline void
put_tcf(Text *text, const Tcf *it)
{
	put_head(text, it);
	put_bits(text, 8, 16);
	put_bits(text, 0, 1);
	put_bits(text, it->without_vendor ? 0xfd : 0xff, 8);
	put_bits(text, 0, 17);
	put_bits(text, it->restricted != 0, 12);
	if (it->restricted == 0)
		return;
	put_bits(text, (unsigned) it->restricted, 6);
	put_bits(text, (unsigned) it->type, 2);
	put_bits(text, 1, 12);
	put_bits(text, 0, 1);
	put_bits(text, VENDOR, 16);
}

/* The same with n groups of vendors that have consent, in whatever order. */
static inline void
put_vendors(Text *text, const int (*groups)[2], int n)
{
	put_head(text, &(Tcf) {.without = 0});
	put_bits(text, 65535, 16);
	put_bits(text, 1, 1);
	put_bits(text, (unsigned) n, 12);
	for (int i = 0; i < n; i++)
	{
		put_bits(text, 1, 1);
		put_bits(text, (unsigned) groups[i][0], 16);
		put_bits(text, (unsigned) groups[i][1], 16);
	}
	put_bits(text, 0, 17);
	put_bits(text, 0, 12);
}

/*
 * One that says that it has "announced" restrictions, and has n: purpose 7 is not allowed to
 * a range of vendors each.
 */
static inline void
put_restrictions(Text *text, const int (*ranges)[2], int n, int announced)
{
	put_head(text, &(Tcf) {.without = 0});
	put_bits(text, 8, 16);
	put_bits(text, 0, 1);
	put_bits(text, 0xff, 8);
	put_bits(text, 0, 17);
	put_bits(text, (unsigned) announced, 12);
	for (int i = 0; i < n; i++)
	{
		put_bits(text, 7 << 2, 8);
		put_bits(text, 1, 12);
		put_bits(text, 1, 1);
		put_bits(text, (unsigned) ranges[i][0], 16);
		put_bits(text, (unsigned) ranges[i][1], 16);
	}
}

/* Canada's with one group of vendors in Fibonacci codes. */
static inline void
put_fibonacci_vendors(Text *text, unsigned first, unsigned more)
{
	put_head(text, &(Tcf) {.canada = true});
	put_bits(text, (first + more) & 0xffff, 16);
	put_bits(text, 1, 1);
	put_bits(text, 1, 12);
	put_bits(text, 1, 1);
	put_fibonacci(text, first);
	put_fibonacci(text, more);
	put_bits(text, 0, 17);
}

/* ---- strings ---- */

/* A section's id and its text. */
typedef struct Part
{
	unsigned	id;
	const char *text;
} Part;

/* A string of n parts, by ascending ids. */
static inline void
put_string(char *string, size_t size, const Part *parts, int n)
{
	Text		header = {.bits = 0};
	unsigned	last = 0;
	size_t		len;

	put_bits(&header, 3 << 6 | 1, 12);
	put_bits(&header, (unsigned) n, 12);
	for (int i = 0; i < n; i++)
	{
		put_bits(&header, 0, 1);
		put_fibonacci(&header, parts[i].id - last);
		last = parts[i].id;
	}
	len = (size_t) snprintf(string, size, "%s", header.text);
	for (int i = 0; i < n; i++)
		len += (size_t) snprintf(string + len, size - len, "~%s", parts[i].text);
}

#endif							/* CONSENT_STRING_H */
