/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another process has used, from /proc (proc(5)). 0 when that cannot be read. */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Nanoseconds of CPU of all its threads. */
static inline uint64_t usage_cpu(long pid)
{
	char path[80];
	uint64_t sum = 0;
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%ld/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		unsigned long long ran = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%ld/task/%ld/schedstat", pid, atol(entry->d_name));
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fscanf(file, "%llu", &ran) == 1)
			sum += ran;
		fclose(file);
	}
	if (tasks)
		closedir(tasks);
	return sum;
}

/* Bytes resident. */
static inline uint64_t usage_memory(long pid)
{
	char path[80];
	unsigned long long pages = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/statm", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * 4096;
}

#endif
