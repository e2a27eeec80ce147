/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `show errors`: what was not as it should be, the newest first, whoever it came from. */
#include <stdlib.h>

#include "admin.h"

#define PER_LINE 16u

static void put_time(FILE *out, const struct timespec *when)
{
	char text[40];
	struct tm tm;

	localtime_r(&when->tv_sec, &tm);
	strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S", &tm);
	fprintf(out, "[%s.%03ld]", text, when->tv_nsec / 1000000);
}

static void put_line(FILE *out, const uint8_t *bytes, size_t at, size_t n)
{
	fprintf(out, "  %05zx ", at);
	for (size_t i = 0; i < PER_LINE; i++)
		fprintf(out, i < n ? " %02x" : "   ", i < n ? bytes[i] : 0u);
	fputs("  ", out);
	for (size_t i = 0; i < n; i++)
		fputc(bytes[i] >= ' ' && bytes[i] < 0x7f ? bytes[i] : '.', out);
	fputc('\n', out);
}

static void put_capture(FILE *out, struct capture *capture)
{
	size_t n = capture->length < CAPTURE_BYTES ? capture->length : CAPTURE_BYTES;

	fputc('\n', out);
	put_time(out, &capture->when);
	log_defuse(capture->why); /* a peer may have written it */
	fprintf(out, " %s, %s: %s; ", capture->what, capture->who, capture->why);
	if (capture->times > 1)
		fprintf(out, "%llu times, the last of ", (unsigned long long)capture->times);
	fprintf(out, "%zu bytes%s\n", capture->length, n < capture->length ? ", of which the first" : "");
	for (size_t at = 0; at < n; at += PER_LINE)
		put_line(out, capture->bytes + at, at, n - at < PER_LINE ? n - at : PER_LINE);
}

static bool is_newer(const struct capture *a, const struct capture *b)
{
	return a->when.tv_sec != b->when.tv_sec ? a->when.tv_sec > b->when.tv_sec : a->when.tv_nsec > b->when.tv_nsec;
}

void show_errors(struct session *session, FILE *out, char **words, size_t n)
{
	struct captures *of[] = { net_captures(session->admin->running->net),
				  load_captures(session->admin->running->load) };
	struct capture next[COUNT(of)];
	size_t at[COUNT(of)] = { 0 };
	bool there[COUNT(of)];
	struct timespec now;

	(void)words;
	(void)n;
	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(out, "Total events captured on ");
	put_time(out, &now);
	fprintf(out, " : %llu\n", (unsigned long long)(captures_count(of[0]) + captures_count(of[1])));
	for (size_t i = 0; i < COUNT(of); i++)
		there[i] = captures_get(of[i], at[i]++, &next[i]);
	while (there[0] || there[1]) {
		size_t i = !there[0] || (there[1] && is_newer(&next[1], &next[0]));

		put_capture(out, &next[i]);
		there[i] = captures_get(of[i], at[i]++, &next[i]);
	}
}
