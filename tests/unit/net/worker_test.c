/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker asks of the scheduler, as Linux tells it of each thread. */
#include "agent.h"

#include <dirent.h>
#include <sys/syscall.h>

#define TIME_SLICE 100000u /* nanoseconds */

/* Nanoseconds; 0 where Linux does not say (before 6.12), or the thread is gone. */
static uint64_t time_slice(pid_t thread)
{
	uint64_t attributes[6] = { 0 }; /* struct sched_attr, the fourth of whose eight bytes are its runtime */

	if (syscall(SYS_sched_getattr, thread, attributes, sizeof(attributes), 0) < 0)
		return 0;
	return attributes[3];
}

static unsigned threads_with(uint64_t slice)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		n += entry->d_name[0] != '.' && time_slice(atoi(entry->d_name)) == slice;
	closedir(folder);
	return n;
}

/* Where a worker has answered, its thread has asked before. */
static void workers_have_short_slices(void **state)
{
	static struct agent agent;
	int fd;

	(void)state;
	if (time_slice(0) == 0)
		skip();
	assert_int_equal(threads_with(TIME_SLICE), 0);
	agent_start(&agent, "");
	fd = agent_greet(&agent);
	assert_int_equal(threads_with(TIME_SLICE), 1);
	close(fd);
	agent_stop(&agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_have_short_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
