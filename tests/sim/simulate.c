/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simulate: reads cells, one a line ("policy least-load servers 100 agents 4 …", what is not said is as in cell_default), and
 * prints what came of each as one line of JSON as soon as it is known.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cell.h"

static double seconds_of_cpu(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void read_cell(struct cell *cell, char *line)
{
	char *rest = NULL, *name;

	*cell = cell_default;
	for (name = strtok_r(line, " \n", &rest); name; name = strtok_r(NULL, " \n", &rest)) {
		char *value = strtok_r(NULL, " \n", &rest);

		if (!value || !cell_set(cell, name, value))
			errx(2, "'%s %s' is nothing of a cell", name, value ? value : "");
	}
}

int main(void)
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin)) {
		struct cell_result result;
		struct cell cell;
		double began = seconds_of_cpu();

		read_cell(&cell, line);
		if (!cell_run(&cell, &result))
			errx(2, "no policy '%s'", cell.policy);
		printf("{\"measured\": %u, \"seconds\": %.6g, \"mean\": %.6g, \"p99\": %.6g, \"slowdown\": %.6g, "
		       "\"slowdown_p99\": %.6g, \"slowdown_p999\": %.6g, \"in_system\": %.6g, \"lost\": %u, \"cpu\": "
		       "%.3g}\n",
		       result.measured, result.seconds, result.mean, result.p99, result.slowdown, result.slowdown_p99,
		       result.slowdown_p999, result.in_system, result.lost, seconds_of_cpu() - began);
		fflush(stdout);
	}
	return EXIT_SUCCESS;
}
