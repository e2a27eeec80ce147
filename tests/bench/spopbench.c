/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spopbench: asks an SPOP agent as fast as it answers, or at a rate, and tells how fast that was. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive.h"
#include "usage.h"

static const char usage[] =
	"usage: spopbench [OPTION]... ADDRESS:PORT|unix@PATH [NAME=[TYPE:]VALUE]...\n\n"
	"  -c N   connections, default 1                -m NAME   message, default route\n"
	"  -w N   in flight on each, default 1          -f FILE   replay the NOTIFYs of a recording\n"
	"  -d S   seconds, default 3                    -e NAME   each answer has to set this variable\n"
	"  -u S   seconds before that, default 0.5      -p PID    the agent's, for its CPU and memory\n"
	"  -r N   a second, due at fixed times (open loop; latency counts from then)\n"
	"  -a     awake: never sleep, so that the agent need not pay for waking us\n"
	"  -s     with -r: sleep until the next is due, where others need the processor\n"
	"  -i MS  with -r: nothing is due for so long after each tenth of a second, 999 at most. A machine whose\n"
	"         processors are rationed by time stands still for milliseconds when those who ask use all of them\n"
	"  -j     JSON\n\n"
	"p99_tenth_us is the median of the 99th percentiles of each tenth of a second: what a machine does that stands\n"
	"still for some milliseconds now and then is in p99_us, but not in it.\n\n"
	"TYPE is str (default), bin, int, uint, bool, ip or null. Without arguments: six of them, a frame of 470 bytes.\n";

#define TENTH       0.1
#define MOST_TENTHS 36000u

struct call {
	struct drive_options drive;
	const char *message;
	double seconds, before, idle;
	long pid;
	bool json;
};

struct cost {
	uint64_t cpu, memory;
};

static struct cost cost_of(const struct call *call)
{
	return (struct cost){ call->pid ? usage_cpu(call->pid) : 0, call->pid ? usage_memory(call->pid) : 0 };
}

/* The result of all, and the 99th percentiles of each tenth of a second. */
struct run {
	struct drive_result result;
	uint64_t p99[MOST_TENTHS];
	size_t n;
};

/* False: every connection is gone, or drive_rest() gave up. */
static bool run_all(const struct call *call, struct drive *drive, double seconds, struct run *run)
{
	static struct drive_result part;
	bool good = true;

	for (double left = seconds; good && left > TENTH / 1000; left -= TENTH) {
		good = drive_run(drive, left < TENTH ? left : TENTH, &part) &&
		       (call->idle == 0 || drive_rest(drive, call->idle, &part));
		histogram_join(&run->result.latency, &part.latency);
		run->result.answers += part.answers;
		run->result.errors += part.errors;
		run->result.disconnected += part.disconnected;
		if (run->n < MOST_TENTHS && part.latency.n > 0)
			run->p99[run->n++] = histogram_at(&part.latency, 0.99);
	}
	return good;
}

static int compare(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

static double median_p99(struct run *run)
{
	qsort(run->p99, run->n, sizeof(run->p99[0]), compare);
	return run->n > 0 ? (double)run->p99[run->n / 2] : 0;
}

static void report(const struct call *call, struct run *run, struct cost before, struct cost after)
{
	static const struct {
		const char *name;
		double share;
	} shares[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 } };
	const char *format = call->json ? "%s\"%s\": %.6g" : "%s%s %.6g";
	const char *between = call->json ? ", " : "\n";
	const struct drive_result *result = &run->result;
	double cpu = (double)(after.cpu - before.cpu) * 1e-9;

	printf("%s", call->json ? "{ " : "");
	printf(format, "", "answers", (double)result->answers);
	printf(format, between, "errors", (double)(result->errors + result->disconnected));
	printf(format, between, "per_second", (double)result->answers / call->seconds);
	if (call->pid) {
		printf(format, between, "per_cpu_second", cpu > 0 ? (double)result->answers / cpu : 0);
		printf(format, between, "cpu_share", cpu / call->seconds);
		printf(format, between, "memory_kib", (double)after.memory / 1024);
	}
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		char name[16];

		snprintf(name, sizeof(name), "%s_us", shares[i].name);
		printf(format, between, name, (double)histogram_at(&result->latency, shares[i].share) / 1000);
	}
	printf(format, between, "p99_tenth_us", median_p99(run) / 1000);
	printf(format, between, "max_us", (double)result->latency.max / 1000);
	printf("%s\n", call->json ? " }" : "");
}

static bool read_option(struct call *call, int option)
{
	switch (option) {
	case 'c':
		call->drive.connections = (unsigned)strtoul(optarg, NULL, 10);
		return call->drive.connections > 0;
	case 'w':
		call->drive.window = (unsigned)strtoul(optarg, NULL, 10);
		return call->drive.window > 0 && call->drive.window <= DRIVE_RING;
	case 'd':
		call->seconds = strtod(optarg, NULL);
		return call->seconds > 0;
	case 'u':
		call->before = strtod(optarg, NULL);
		return call->before >= 0;
	case 'r':
		call->drive.rate = strtod(optarg, NULL);
		return call->drive.rate > 0;
	case 'i':
		call->idle = strtod(optarg, NULL) / 1000;
		return call->idle > 0 && call->idle < 1;
	case 'm':
		call->message = optarg;
		return true;
	case 'f':
		return payloads_add_capture(&call->drive.payloads, optarg);
	case 'e':
		call->drive.expect = (struct spop_slice){ (const uint8_t *)optarg, strlen(optarg) };
		return true;
	case 'p':
		call->pid = strtol(optarg, NULL, 10);
		return call->pid > 0;
	case 'a':
		call->drive.awake = true;
		return true;
	case 's':
		call->drive.sleeps = true;
		return true;
	case 'j':
		call->json = true;
		return true;
	default:
		return false;
	}
}

static bool read_call(struct call *call, int argc, char **argv)
{
	const char *wrong;
	int option;

	while ((option = getopt(argc, argv, "c:w:d:u:r:i:m:f:e:p:asj")) >= 0)
		if (!read_option(call, option))
			return false;
	if (optind == argc || (call->idle > 0 && call->drive.rate == 0))
		return false;
	wrong = endpoint_parse(&call->drive.agent, argv[optind], true, false);
	if (wrong) {
		fprintf(stderr, "spopbench: '%s': %s\n", argv[optind], wrong);
		return false;
	}
	argv += optind + 1;
	argc -= optind + 1;
	if (argc > 0)
		return payloads_add_message(&call->drive.payloads, call->message, argv, (size_t)argc);
	return call->drive.payloads.n > 0 ||
	       payloads_add_message(&call->drive.payloads, call->message, payload_default_arguments,
				    PAYLOAD_DEFAULT_ARGUMENTS);
}

int main(int argc, char **argv)
{
	struct call call = { .drive = { .connections = 1, .window = 1, .engine_id = "spopbench" },
			     .message = "route",
			     .seconds = 3,
			     .before = 0.5 };
	static struct run warm, run;
	struct cost before;
	struct drive *drive;
	bool good;

	if (!read_call(&call, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	drive = drive_new(&call.drive);
	if (!drive)
		return EXIT_FAILURE;
	good = call.before == 0 || run_all(&call, drive, call.before, &warm);
	before = cost_of(&call);
	good = good && run_all(&call, drive, call.seconds, &run);
	run.result.disconnected += warm.result.disconnected; /* of whom nothing could come */
	report(&call, &run, before, cost_of(&call));
	drive_free(drive);
	return good && run.result.errors == 0 && run.result.answers > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
