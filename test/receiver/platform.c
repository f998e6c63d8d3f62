/*
 * platform.c
 *	  The platforms that the receiver plays: which one, its clock, its counts.
 *
 * The clock and the counts are atomic, each by itself: a test reads them when
 * the requests that it waits for are answered.
 */
#include "platform.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "google.h"
#include "meta.h"
#include "webhook.h"

static const char *const names[RCV_PLATFORMS] = {
	"", "meta", "webhook", "google", "status", "token"
};
static const char *const tallies[RCV_TALLIES] = {
	"requests", "refused", "events", "repeats", "conflicts", "validated", "issued"
};

static atomic_uint_fast64_t counts[RCV_PLATFORMS][RCV_TALLIES];
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

/* The segment before the one that starts at "from"; *len is its length. */
static const char *
segment_before(const char *path, const char *from, size_t *len)
{
	const char *end = from > path ? from - 1 : path;	/* at its slash */
	const char *start = end;

	while (start > path && start[-1] != '/' && start[-1] != '&')
		start--;
	*len = end - start;
	return start;
}

/* vNN.N, as in "v26.0" */
static bool
is_version(const char *text, size_t len)
{
	const char *digits = "0123456789";
	size_t		major = len > 1 ? strspn(text + 1, digits) : 0;
	size_t		minor;

	if (len < 4 || text[0] != 'v' || major == 0 || text[1 + major] != '.')
		return false;
	minor = strspn(text + 2 + major, digits);
	return minor > 0 && 2 + major + minor == len;
}

/* Does a path end as "v1/RESOURCE:METHOD"?  The colon may be escaped. */
static bool
is_method(const char *path, const char *last, const char *resource, const char *method)
{
	char		name[64];
	char		wanted[64];
	size_t		len;
	const char *version = segment_before(path, last, &len);

	snprintf(wanted, sizeof(wanted), "%s:%s", resource, method);
	return len == 2 && memcmp(version, "v1", 2) == 0 &&
		rcv_percent_decode(last, last + strlen(last), name, sizeof(name)) &&
		strcmp(name, wanted) == 0;
}

RcvPlatform
rcv_platform_of(const char *method, const char *path)
{
	const char *end = path + strlen(path);
	size_t		len;
	const char *last = segment_before(path, end + 1, &len);
	const char *second;

	if (strcmp(method, "GET") == 0)
		return is_method(path, last, "requestStatus", "retrieve") ?
			RCV_STATUS : RCV_NO_PLATFORM;
	if (strcmp(method, "POST") != 0)
		return RCV_NO_PLATFORM;
	if (strcmp(last, "webhook") == 0)
		return RCV_WEBHOOK;
	if (strcmp(last, "token") == 0)
		return RCV_TOKEN;
	if (is_method(path, last, "events", "ingest"))
		return RCV_GOOGLE;
	if (strcmp(last, "events") != 0)
		return RCV_NO_PLATFORM;
	second = segment_before(path, last, &len);
	last = segment_before(path, second, &len);
	return is_version(last, len) ? RCV_META : RCV_NO_PLATFORM;
}

const char *
rcv_platform_name(RcvPlatform platform)
{
	return names[platform];
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
rcv_platform_mind(RcvPlatform platform, const char *path, RcvManners *manners)
{
	const char *name = platform == RCV_STATUS ? "ask-fault" : "fault";
	char		fault[RCV_MAX_TEXT];

	if (manners->open && rcv_path_value(path, name, fault, sizeof(fault)) &&
		strcmp(fault, "nothing") == 0)
		manners->delay_ms = UINT64_C(30) * 86400 * 1000;
}

void
rcv_platform_judge(RcvCall *call)
{
	/* an adapter that runs out of memory leaves this */
	call->status = 500;
	switch (call->platform)
	{
		case RCV_META:
			rcv_meta_judge(call);
			break;
		case RCV_WEBHOOK:
			rcv_webhook_judge(call);
			break;
		case RCV_GOOGLE:
			rcv_google_judge(call);
			break;
		case RCV_STATUS:
			rcv_google_status_judge(call);
			break;
		case RCV_TOKEN:
			rcv_oauth_judge(call);
			break;
		case RCV_NO_PLATFORM:
		case RCV_PLATFORMS:
			break;
	}
}

void
rcv_platform_count(RcvPlatform platform, RcvTally what, uint64_t n)
{
	atomic_fetch_add(&counts[platform][what], n);
}

bool
rcv_platform_counts(char *text, size_t size)
{
	RcvLines	lines = {0};
	bool		fits;

	rcv_lines_add(&lines, "{", 1);
	for (int p = RCV_NO_PLATFORM + 1; p < RCV_PLATFORMS; p++)
	{
		rcv_lines_printf(&lines, "\"%s\":", names[p]);
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
	for (int p = 0; p < RCV_PLATFORMS; p++)
		for (int t = 0; t < RCV_TALLIES; t++)
			atomic_store(&counts[p][t], 0);
	atomic_store(&clock_offset, 0);
	rcv_webhook_reset();
}
