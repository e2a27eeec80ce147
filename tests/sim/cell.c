/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cell.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const struct cell cell_default = {
	.policy = "least-load",
	.servers = 100,
	.agents = 1,
	.load = 0.8,
	.slowest = 1,
	.fastest = 4,
	.work = 1,
	.shape = 1.5,
	.delay = 0.05,
	.period = 1,
	.knows = KNOWS_QUEUE,
	.weighted = true,
	.requests = 1,
	.slower = 1,
	.warm = 100,
	.measure = 100000,
	.seed = 1,
};

enum kind { COUNT_OF, REAL, YES_OR_NO, SEED };

#define FIELD(name, kind)                                \
	{                                                \
#name, kind, offsetof(struct cell, name) \
	}

static const struct {
	const char *name;
	enum kind kind;
	size_t offset;
} fields[] = {
	FIELD(servers, COUNT_OF),   FIELD(agents, COUNT_OF),
	FIELD(load, REAL),          FIELD(slowest, REAL),
	FIELD(fastest, REAL),       FIELD(work, REAL),
	FIELD(shape, REAL),         FIELD(delay, REAL),
	FIELD(period, REAL),        FIELD(late, REAL),
	FIELD(lost, REAL),          FIELD(noise, REAL),
	FIELD(requests, REAL),      FIELD(think, REAL),
	FIELD(single, REAL),        FIELD(slower, REAL),
	FIELD(degrade, REAL),       FIELD(leave, REAL),
	FIELD(warm, REAL),          FIELD(measure, COUNT_OF),
	FIELD(weighted, YES_OR_NO), FIELD(own_phases, YES_OR_NO),
	FIELD(seed, SEED),
};

/* The policy's name and what reports tell are words. */
static bool set_word(struct cell *cell, const char *name, const char *value)
{
	if (strcmp(name, "policy") == 0)
		cell->policy = value;
	else if (strcmp(name, "knows") == 0 && strcmp(value, "utilisation") == 0)
		cell->knows = KNOWS_UTILISATION;
	else if (strcmp(name, "knows") == 0 && strcmp(value, "queue") == 0)
		cell->knows = KNOWS_QUEUE;
	else
		return false;
	return true;
}

bool cell_set(struct cell *cell, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		char *field = (char *)cell + fields[i].offset, *end;
		double number = strtod(value, &end);

		if (strcmp(name, fields[i].name) != 0)
			continue;
		if (end == value || *end || !(number >= 0))
			return false;
		switch (fields[i].kind) {
		case COUNT_OF:
			*(unsigned *)field = (unsigned)number;
			return number >= 1;
		case REAL:
			*(double *)field = number;
			return true;
		case YES_OR_NO:
			*(bool *)field = number > 0;
			return true;
		case SEED:
			*(uint64_t *)field = (uint64_t)number;
			return true;
		}
	}
	return set_word(cell, name, value);
}

double cell_speed(const struct cell *cell, unsigned server)
{
	double step = cell->servers > 1 ? (cell->fastest - cell->slowest) / (cell->servers - 1) : 0;

	return cell->slowest + step * server;
}
