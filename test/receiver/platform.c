/*
 * platform.c
 *	  The platforms that the receiver plays: which one, its clock, its counts.
 *
 * A platform is one row here and a file of its own.  The clock and the counts are
 * atomic, each by itself: a test reads them when the requests that it waits for are
 * answered.
 */
#include "platform.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adapter.h"
#include "google.h"
#include "meta.h"
#include "oauth.h"
#include "repeats.h"
#include "webhook.h"

/*
 * In the order of /platforms; of two that a path ends like, the first counts.  A path is
 * given from its end: "*" is any segment, "#" in one are digits.
 */
static const RcvPlatform platforms[] = {
	{"meta", "POST", {"v#.#/*/events"}, .judge = rcv_meta_judge},
	{"webhook", "POST", {"webhook"}, .judge = rcv_webhook_judge},
	{"google", "POST", {"v1/events:ingest"}, .judge = rcv_google_judge},
	{"status", "GET", {"v1/requestStatus:retrieve"}, .judge = rcv_google_status_judge,
	.fault = "ask-fault"},
	{"token", "POST", {"token"}, .judge = rcv_oauth_judge},
	{"tiktok", "POST", {"open_api/v1.3/event/track/"}, .adapter = &rcv_tiktok},
	{"pinterest", "POST", {"v5/ad_accounts/*/events"}, .adapter = &rcv_pinterest},
	{"reddit", "POST", {"api/v3/pixels/*/conversion_events"}, .adapter = &rcv_reddit},
	/* its path ends like one of Microsoft's, too */
	{"amazon", "POST", {"adsApi/v1/create/events"}, .adapter = &rcv_amazon},
	{"microsoft", "POST", {"v1/*/events"}, .adapter = &rcv_microsoft},
	{"linkedin", "POST", {"rest/conversionEvents"}, .adapter = &rcv_linkedin},
	{"snap", "POST", {"v3/*/events", "v3/*/events/validate"}, .adapter = &rcv_snap},
	{"ga4", "POST", {"mp/collect"}, .adapter = &rcv_ga4},
	{"openai", "POST", {"v1/events"}, .adapter = &rcv_openai},
	{"pubsub", "POST", {"v1/projects/*/topics/*"}, .adapter = &rcv_pubsub},
	{.name = NULL}
};
#define PLATFORMS ((int) (sizeof(platforms) / sizeof(platforms[0])) - 1)

static const char *const tallies[RCV_TALLIES] = {
	"requests", "refused", "events", "repeats", "conflicts", "doubles", "validated",
	"issued"
};

static atomic_uint_fast64_t counts[sizeof(platforms) / sizeof(platforms[0])][RCV_TALLIES];
static atomic_int_fast64_t clock_offset;

bool
rcv_platform_init(const RcvPlatformOptions *options, const char **failed)
{
	rcv_meta_init(options->meta_token);
	if (!rcv_oauth_init(&options->oauth, failed))
		return false;
	*failed = "--webhook-secret";
	return rcv_webhook_init(options->webhook_secrets);
}

/* Is a decoded segment what a segment of a pattern, up to end, says? */
static bool
segment_fits(const char *segment, const char *pattern, const char *end)
{
	if (end - pattern == 1 && *pattern == '*')
		return segment[0] != '\0';
	for (; pattern < end; pattern++)
		if (*pattern != '#')
		{
			if (*segment++ != *pattern)
				return false;
		}
		else
		{
			if (!isdigit((unsigned char) *segment))
				return false;
			while (isdigit((unsigned char) *segment))
				segment++;
		}
	return *segment == '\0';
}

/* Does a path end as the pattern says?  Compared from the last segment to the first. */
static bool
path_fits(const char *path, const char *pattern)
{
	const char *end = path + strlen(path);
	const char *wanted = pattern + strlen(pattern);

	for (;;)
	{
		const char *start = end;
		const char *from = wanted;
		char		segment[RCV_MAX_TEXT];

		while (start > path && start[-1] != '/' && start[-1] != '&')
			start--;
		while (from > pattern && from[-1] != '/')
			from--;
		if (!rcv_percent_decode(start, end, segment, sizeof(segment)) ||
			!segment_fits(segment, from, wanted))
			return false;
		if (from == pattern)
			return true;
		if (start == path)
			return false;
		end = start - 1;
		wanted = from - 1;
	}
}

const RcvPlatform *
rcv_platform_of(const char *method, const char *path)
{
	for (const RcvPlatform *platform = platforms; platform->name != NULL; platform++)
		for (int i = 0; i < RCV_MAX_PATHS && platform->paths[i] != NULL; i++)
			if (strcmp(method, platform->method) == 0 &&
				path_fits(path, platform->paths[i]))
				return platform;
	return NULL;
}

const char *
rcv_platform_fault(const RcvPlatform *platform)
{
	return platform->fault != NULL ? platform->fault : "fault";
}

int64_t
rcv_platform_now(void)
{
	return time(NULL) + atomic_load(&clock_offset);
}

void
rcv_platform_move_clock(int64_t seconds)
{
	atomic_fetch_add(&clock_offset, seconds);
}

void
rcv_platform_mind(const RcvPlatform *platform, const char *path, RcvManners *manners)
{
	char		fault[RCV_MAX_TEXT];

	if (manners->open &&
		rcv_path_value(path, rcv_platform_fault(platform), fault, sizeof(fault)) &&
		strcmp(fault, "nothing") == 0)
		manners->delay_ms = UINT64_C(30) * 86400 * 1000;
}

void
rcv_platform_judge(RcvCall *call)
{
	/* one that runs out of memory leaves this */
	call->status = 500;
	if (call->platform->adapter != NULL)
		rcv_adapter_judge(call, call->platform->adapter);
	else
		call->platform->judge(call);
}

void
rcv_platform_count(const RcvPlatform *platform, RcvTally what, uint64_t n)
{
	atomic_fetch_add(&counts[platform - platforms][what], n);
}

bool
rcv_platform_counts(char *text, size_t size)
{
	RcvLines	lines = {0};
	bool		fits;

	rcv_lines_add(&lines, "{", 1);
	for (int p = 0; p < PLATFORMS; p++)
	{
		rcv_lines_printf(&lines, "\"%s\":", platforms[p].name);
		for (int t = 0; t < RCV_TALLIES; t++)
			rcv_lines_printf(&lines, "%c\"%s\":%llu", t == 0 ? '{' : ',', tallies[t],
							 (unsigned long long) atomic_load(&counts[p][t]));
		rcv_lines_add(&lines, "},", 2);
	}
	rcv_lines_printf(&lines, "\"clock\":%lld}\n",
					 (long long) atomic_load(&clock_offset));
	rcv_lines_add(&lines, "", 1);
	fits = !lines.failed && lines.len <= size;
	if (fits)
		memcpy(text, lines.text, lines.len);
	rcv_lines_free(&lines);
	return fits;
}

void
rcv_platform_reset(void)
{
	for (int p = 0; p < PLATFORMS; p++)
		for (int t = 0; t < RCV_TALLIES; t++)
			atomic_store(&counts[p][t], 0);
	atomic_store(&clock_offset, 0);
	rcv_repeats_reset();
}
