/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Water-filling on an estimate of what is in flight at each server, randomised as much as there are other agents that
 * decide on the same reports: selection.md, section 2, whose names are used here. This file is the workers' side; learn.c
 * and standing.c are the control thread's.
 */
#include "least_load.h"

#include <math.h>
#include <stddef.h>

#include "estimate.h"
#include "select.h"
#include "spoa-redirect/select.h"

#define MAX_DRAWS  64u
#define MOST_LOOKS 64u   /* where all that are looked at are full */
#define MANY       1000u /* more servers than the processor's nearer caches hold */
#define FEW_LOOKS  8u

const char *load_knowledge_name(enum load_knowledge known)
{
	static const char *const names[] = {
		[LOAD_UNKNOWN] = "unknown", [LOAD_STALE] = "stale", [LOAD_KNOWN] = "known"
	};

	return names[known];
}

double select_in_flight(const struct server *server, double now, double *under_way)
{
	double est;

	drain(&server->state->load, half_busy(server->backend), now, &est, under_way);
	return est;
}

bool select_is_full(const struct server *server, double now)
{
	double est, z;

	drain(&server->state->load, half_busy(server->backend), now, &est, &z);
	return is_full(&server->state->load, est);
}

/* ---- what a client would cost ---- */

/* Of the next one, of each one more, and never less. */
struct price {
	double next, more, least;
};

/* With est and z by now. What is not known is taken as average, what is old as no better than most. */
static inline struct price price_of(const struct backend *backend, const struct server_load *load, double half,
				    double est, double z)
{
	int known = GET(load->known);
	struct price price = { .least = 0 };

	price.more = GET(load->scale);
	price.next = cost_of(load, half, est);
	if (__builtin_expect(is_full(load, est), false)) {
		price.next = INFINITY;
		return price;
	}
	if (__builtin_expect(known == LOAD_KNOWN, true))
		return price;
	if (known == LOAD_STALE) {
		price.least = GET(backend->state->median_cost);
	} else {
		price.more = 1 / GET(load->mu);
		price.next = GET(backend->state->mean_cost) + z * price.more;
	}
	return price;
}

/* ---- picking ---- */

static struct server *pick_by_weight(const struct backend *backend, uint32_t n, struct random *random)
{
	const struct seat *seats = GET(backend->state->usable), *seat = NULL;
	uint32_t most = GET(backend->state->max_weight);

	for (unsigned draw = 0; draw < MAX_DRAWS; draw++) {
		seat = &seats[random_below(random, n)];
		__builtin_prefetch(GET(seat->server));
		if (random_below(random, most ? most : 1) < GET(GET(seat->load)->share))
			break;
	}
	return GET(seat->server);
}

/*
 * Of thousands fewer, for each costs more. With eight instead of sixteen of 100 and 1,000 simulated servers the mean is 1 %
 * worse, the p99 of slowdown 2 to 3 %.
 */
static inline uint32_t looks_among(uint32_t n)
{
	if (n > MANY)
		return FEW_LOOKS;
	return n > PICK_SAMPLE ? PICK_SAMPLE : n;
}

/* The servers that a pick looks at, in turn: all of a few, else any. Beginning anywhere breaks ties at random. */
static inline uint32_t look_further(uint32_t at, uint32_t n, struct random *random)
{
	if (n > PICK_SAMPLE)
		return random_below(random, n);
	return at + 1 == n ? 0 : at + 1;
}

struct looks {
	uint32_t n;
	struct server *servers[PICK_SAMPLE];
	const struct server_load *loads[PICK_SAMPLE + 1];
};

/* Before any is reckoned: so the processor waits for all their lines of the cache at a time. */
static inline void look_around(const struct backend *backend, uint32_t n, struct random *random, struct looks *looks)
{
	const struct seat *seats = GET(backend->state->usable);
	uint32_t at = random_below(random, n);

	looks->n = looks_among(n);
	for (uint32_t i = 0; i < looks->n; i++, at = look_further(at, n, random)) {
		looks->servers[i] = GET(seats[at].server);
		looks->loads[i] = GET(seats[at].load);
		__builtin_prefetch(looks->loads[i]);
	}
	looks->loads[looks->n] = looks->loads[0]; /* so that the last has another, too */
}

static inline void reckon(const struct backend *backend, const struct looks *looks, double now,
			  struct price prices[PICK_SAMPLE])
{
	double half = half_busy(backend);

	for (uint32_t i = 0; i < looks->n; i += 2) {
		pair est, z;

		drain_two(looks->loads[i], looks->loads[i + 1], half, now, &est, &z);
		prices[i] = price_of(backend, looks->loads[i], half, est[0], z[0]);
		prices[i + 1] = price_of(backend, looks->loads[i + 1], half, est[1], z[1]);
	}
}

static inline uint32_t cheapest(const struct price *prices, uint32_t n)
{
	double least = INFINITY;
	uint32_t best = 0;

	for (uint32_t i = 0; i < n; i++) {
		double cost = larger(prices[i].next, prices[i].least);

		if (cost >= least)
			continue;
		least = cost;
		best = i;
	}
	return best;
}

static struct server *pick_cheapest(const struct backend *backend, uint32_t n, double now, struct random *random)
{
	struct looks looks;
	struct price prices[PICK_SAMPLE];
	uint32_t best;

	look_around(backend, n, random, &looks);
	reckon(backend, &looks, now, prices);
	best = cheapest(prices, looks.n);
	if (larger(prices[best].next, prices[best].least) == INFINITY)
		return NULL;
	__builtin_prefetch(&looks.loads[best]->booked, 1);
	return looks.servers[best];
}

static bool has_share(const struct picker *picker, const struct server *server)
{
	for (uint32_t i = 0; i < picker->n; i++)
		if (picker->shares[i].server == server)
			return true;
	return false;
}

/* Who is looked at, each once, with nothing chosen yet. */
static void gather(const struct backend *backend, uint32_t n, double now, struct picker *picker, struct price *prices)
{
	struct looks looks;
	struct price all[PICK_SAMPLE];

	look_around(backend, n, &picker->random, &looks);
	reckon(backend, &looks, now, all);
	for (uint32_t i = 0; i < looks.n; i++) {
		if (all[i].next == INFINITY || has_share(picker, looks.servers[i]))
			continue;
		picker->shares[picker->n].server = looks.servers[i];
		picker->shares[picker->n].times = 0;
		prices[picker->n++] = all[i];
	}
}

/* Of `choices` steps, by all agents that decide meanwhile, this one's is as likely any of them as another. */
static struct server *pick_among_peers(const struct backend *backend, uint32_t n, double now, struct picker *picker)
{
	uint32_t mine = random_below(&picker->random, picker->choices);
	struct price prices[PICK_SAMPLE];

	gather(backend, n, now, picker, prices);
	if (picker->n == 0)
		return NULL;
	for (uint32_t step = 0; step < picker->choices; step++) {
		uint32_t best = cheapest(prices, picker->n);

		prices[best].next += prices[best].more;
		picker->shares[best].times++;
		if (step == mine)
			picker->picked = best;
	}
	return picker->shares[picker->picked].server;
}

static struct server *pick_once(const struct backend *backend, uint32_t n, double now, struct picker *picker)
{
	if (picker->choices > 1)
		return pick_among_peers(backend, n, now, picker);
	return pick_cheapest(backend, n, now, &picker->random);
}

static struct server *pick_now(const struct backend *backend, double now, struct picker *picker)
{
	uint32_t n = backend_n_usable(backend);
	struct server *server;

	picker->n = 0;
	if (n == 0)
		return NULL;
	if (GET(backend->state->mean_cost) < 0)
		return pick_by_weight(backend, n, &picker->random);
	picker->choices = n > 1 ? GET(backend->state->choices) : 1;
	server = pick_once(backend, n, now, picker);
	for (uint32_t looks = looks_among(n); !server && n > PICK_SAMPLE && looks < MOST_LOOKS; looks += looks_among(n))
		server = pick_once(backend, n, now, picker);
	return server;
}

/*
 * What a redirect to one of thousands needs is in no cache, and there is nothing to do while it comes. So where another
 * request is to follow its server is picked now, as it would be then but for what happens in between. Where backends take
 * turns that would be for nothing.
 */
static void look_ahead(const struct backend *backend, double now, struct picker *picker)
{
	bool again = picker->booked == backend;
	const char *server;

	picker->booked = backend;
	if (!again || !picker->more || backend_n_usable(backend) <= MANY)
		return;
	picker->ahead = pick_now(backend, now, picker);
	picker->ahead_n = picker->n;
	server = (const char *)picker->ahead;
	for (size_t line = 0; server && line < offsetof(struct server, name); line += 64)
		__builtin_prefetch(server + line);
}

static struct server *least_load_pick(struct backend *backend, uint64_t key, double now, struct picker *picker)
{
	struct server *ahead = picker->ahead;

	(void)key;
	picker->ahead = NULL;
	if (!ahead || ahead->backend != backend)
		return pick_now(backend, now, picker);
	picker->n = picker->ahead_n;
	return ahead;
}

static double least_load_cost(const struct backend *backend, const struct server *server, double now)
{
	struct price price;
	double half = half_busy(backend), est, z;

	drain(&server->state->load, half, now, &est, &z);
	price = price_of(backend, &server->state->load, half, est, z);
	return larger(price.next, price.least);
}

/* ---- booking ---- */

/* The worker that moves the time on stores what has drained; the others add to it. */
static void assign(struct server *server, double now, double clients)
{
	struct server_load *load = &server->state->load;
	double at = GET(load->at), est, z;

	drain(load, half_busy(server->backend), now, &est, &z);
	if (now > at &&
	    atomic_compare_exchange_strong_explicit(&load->at, &at, now, memory_order_relaxed, memory_order_relaxed)) {
		SET(load->est, est + clients);
		SET(load->z, z + clients);
	} else {
		atomic_add(&load->est, clients);
		atomic_add(&load->z, clients);
	}
}

/* Whom the peers' clients went to is not known: each server gets what it can expect of them. */
static void book_shares(const struct picker *picker, double now, double peers)
{
	for (uint32_t i = 0; i < picker->n; i++) {
		struct server *server = picker->shares[i].server;
		struct server_load *load = &server->state->load;
		double mine = (double)picker->shares[i].times / picker->choices, own = i == picker->picked;

		if (picker->shares[i].times == 0)
			continue;
		assign(server, now, own + peers * mine);
		atomic_add(&load->more_P, mine - own);
		atomic_add(&load->more_F, peers * mine);
	}
}

static void book_one(struct server *server, double now, uint32_t clients)
{
	struct server_load *load = &server->state->load;
	double peers = GET(server->backend->state->m) - 1;

	assign(server, now, clients * (1 + peers));
	if (peers > 0)
		atomic_add(&load->more_F, clients * peers);
	atomic_fetch_add_explicit(&load->booked, clients, memory_order_relaxed);
}

static inline uint32_t pending_slot(const struct server *server)
{
	return (uint32_t)((uintptr_t)server >> 6) * 0x9e3779b1u >> 28;
}

_Static_assert(PICK_SAMPLE == 16, "a slot is four bits");

/* Nobody looks at an estimate while no load is known: so the line that all workers write to is written once a turn. */
static void put_off(struct server *server, double now, struct picker *picker)
{
	struct pending *pending = &picker->pending[pending_slot(server)];

	if (pending->server != server) {
		if (pending->server)
			book_one(pending->server, now, pending->clients);
		*pending = (struct pending){ .server = server };
		__builtin_prefetch(&server->state->load.booked, 1);
	}
	pending->clients++;
	picker->unsettled = true;
}

void select_settle(struct picker *picker, double now)
{
	picker->ahead = NULL;
	if (!picker->unsettled)
		return;
	picker->unsettled = false;
	for (struct pending *pending = picker->pending; pending < picker->pending + PICK_SAMPLE; pending++) {
		if (pending->server)
			book_one(pending->server, now, pending->clients);
		pending->server = NULL;
	}
}

void least_load_book(struct server *server, double now, struct picker *picker)
{
	if (picker->n == 0) {
		book_one(server, now, 1);
		return;
	}
	book_shares(picker, now, GET(server->backend->state->m) - 1);
	atomic_fetch_add_explicit(&server->state->load.booked, 1, memory_order_relaxed);
}

static void book_or_put_off(struct server *server, double now, struct picker *picker)
{
	if (picker->n == 0 && GET(server->backend->state->mean_cost) < 0)
		put_off(server, now, picker);
	else
		least_load_book(server, now, picker);
	look_ahead(server->backend, now, picker);
}

const struct balance balance_least_load = {
	.name = "least-load",
	.prepare = least_load_prepare,
	.refresh = least_load_refresh,
	.report = least_load_report,
	.pick = least_load_pick,
	.cost = least_load_cost,
	.book = book_or_put_off,
	.reads_utilisation = true,
};
