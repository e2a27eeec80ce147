/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a server's status follows from, and what follows from a change of it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fleet.h"

#define FEW       256u
#define WAIT_EACH 2.5e-6 /* seconds: what a server costs a refresh takes a tenth of that */

static const char *const status_names[] = {
	[SERVER_UP] = "UP", [SERVER_DRAIN] = "DRAIN", [SERVER_DOWN] = "DOWN", [SERVER_MAINT] = "MAINT"
};

const char *server_status_name(enum server_status status)
{
	return status_names[status];
}

static const char *const check_names[] = {
	[CHECK_CHECKED] = "CHECKED", [CHECK_UNKNOWN] = "",      [CHECK_INI] = "INI",     [CHECK_SOCKERR] = "SOCKERR",
	[CHECK_L4OK] = "L4OK",       [CHECK_L4TOUT] = "L4TOUT", [CHECK_L4CON] = "L4CON", [CHECK_L7TOUT] = "L7TOUT",
	[CHECK_L6OK] = "L6OK",       [CHECK_L6TOUT] = "L6TOUT", [CHECK_L6RSP] = "L6RSP", [CHECK_L7RSP] = "L7RSP",
	[CHECK_L7OK] = "L7OK",       [CHECK_L7STS] = "L7STS",
};

const char *check_status_name(enum check_status status)
{
	return check_names[status];
}

static const char *const source_names[] = {
	[SOURCE_PUSH] = "load-push", [SOURCE_CHECK] = "load-check", [SOURCE_AGENT] = "agent-check"
};

const char *load_source_name(enum load_source source)
{
	return source_names[source];
}

static const struct {
	const char *name, *text;
} rejections[] = {
	[REPORT_TAKEN] = { "taken", "is used" },
	[REPORT_MALFORMED] = { "malformed", "is malformed" },
	[REPORT_EMPTY] = { "empty", "has no figure that is known" },
	[REPORT_NAN] = { "nan", "has a figure that is no number" },
	[REPORT_NEGATIVE] = { "negative", "has a negative figure" },
	[REPORT_PERCENT] = { "percent",
			     "has a utilisation over 10 (a share is expected: 1, not 100, is busy all the time)" },
	[REPORT_IMPOSSIBLE] = { "impossible", "has a figure that cannot be" },
	[REPORT_FORGED] = { "forged", "is not signed with a key of ours" },
	[REPORT_OUTDATED] = { "outdated", "is older than the one before" },
};

const char *load_rejection_name(enum load_rejection rejection)
{
	return rejections[rejection].name;
}

const char *load_rejection_text(enum load_rejection rejection)
{
	return rejections[rejection].text;
}

/* As HAProxy's inherited states: maintenance and drain of whom it tracks are its own, and over its own. */
enum server_admin server_inherited(const struct server *server)
{
	enum server_admin most = ADMIN_READY;

	for (const struct server *track = server->track; track; track = track->track)
		if (track->state->admin > most)
			most = track->state->admin;
	return most;
}

static bool is_down(const struct server *server)
{
	for (; server; server = server->track)
		if (server->state->unresolved || server->state->agent_down ||
		    (server->check.enabled && server->state->health < server->check.rise))
			return true;
	return false;
}

/* The order is HAProxy's: maintenance hides a failed check, and a failed check hides a drain. */
static enum server_status status_of(const struct server *server)
{
	const struct server_state *state = server->state;
	enum server_admin inherited = server_inherited(server);

	if (state->admin == ADMIN_MAINT || inherited == ADMIN_MAINT)
		return SERVER_MAINT;
	if (is_down(server))
		return SERVER_DOWN;
	if (state->admin == ADMIN_DRAIN || inherited == ADMIN_DRAIN ||
	    atomic_load_explicit(&state->weight, memory_order_relaxed) == 0)
		return SERVER_DRAIN;
	return SERVER_UP;
}

/* Servers that come up again have a slow start; those that have had it long enough are as they were. */
static void warm_up(const struct backend *backend, double now)
{
	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct server *server = backend->servers[i];
		struct server_state *state = server->state;
		double left = state->warm_from > 0 ? 1 - (now - state->warm_from) / server->slowstart : 0;

		if (left <= 0 || server->slowstart <= 0)
			state->warm_from = left = 0;
		atomic_store_explicit(&state->held_back, (uint32_t)ceil(99 * left), memory_order_relaxed);
	}
}

/* The policy, and that of dry runs. */
static void refresh(struct backend *backend, double now)
{
	warm_up(backend, now);
	backend->balance->refresh(backend, now);
	if (backend->shadow)
		shadow_follow(backend, now);
}

void backend_refresh_usable(struct backend *backend, double now)
{
	usable_fill(backend, now);
	refresh(backend, now);
	backend->state->filled = now;
}

/* All its servers are looked at: where many change together, thousands that go down, once for all of them. */
static void refresh_soon(struct backend *backend, double now)
{
	double passed = now - backend->state->filled;

	if (backend->n_servers > FEW && passed < (double)backend->n_servers * WAIT_EACH)
		backend->state->due = true;
	else
		backend_refresh_usable(backend, now);
}

unsigned *server_counts_in(const struct server *server)
{
	struct backend_state *state = server->backend->state;

	return server->backup || server->standby_of ? &state->spare : &state->active;
}

static void set_status(struct server *server, enum server_status after)
{
	*server_counts_in(server) += after == SERVER_UP;
	*server_counts_in(server) -= server_status(server) == SERVER_UP;
	atomic_store_explicit(&server->state->status, (int)after, memory_order_relaxed);
}

static void note_change(const struct server *server, enum server_status before, enum server_status after, double now)
{
	struct server_state *state = server->state;

	state->changed = now;
	if (before >= SERVER_DOWN && after < SERVER_DOWN && server->slowstart > 0)
		state->warm_from = now;
	if (before == SERVER_DOWN)
		state->downtime += now - state->down;
	if (after != SERVER_DOWN)
		return;
	state->down = now;
	state->downs++;
}

static void update_one(struct fleet *fleet, struct server *server, const char *why, double now)
{
	struct backend *backend = server->backend;
	enum server_status before = server_status(server), after = status_of(server);
	unsigned active, spare;

	if (before == after)
		return;
	set_status(server, after);
	note_change(server, before, after, now);
	refresh_soon(backend, now);
	active = backend->state->active;
	spare = backend->state->spare;
	log_line(fleet->log, after == SERVER_DOWN ? LOG_WARNING : LOG_NOTICE,
		 "Server %s/%s is %s (was %s), reason: %s. %u active and %u backup servers left.", backend->name,
		 server->name, server_status_name(after), server_status_name(before), why, active, spare);
	if (active + spare == 0)
		log_line(fleet->log, LOG_ALERT, "backend %s has no server available!", backend->name);
}

/* What a server tells those that follow it may change while its own status does not: a drain of weight 0, say. */
static void update(struct fleet *fleet, struct server *server, const char *why, double now)
{
	char via[600];

	update_one(fleet, server, why, now);
	snprintf(via, sizeof(via), "via %s/%s", server->backend->name, server->name);
	for (struct server *follower = server->trackers; follower; follower = follower->next_tracker)
		update(fleet, follower, via, now);
}

void fleet_follow(const struct fleet *fleet, double now)
{
	for (size_t i = 0; i < fleet->n; i++) {
		struct backend *backend = fleet->backends[i];
		bool follows = false;

		for (size_t j = 0; j < backend->n_servers; j++) {
			struct server *server = backend->servers[j];

			if (!server->track)
				continue;
			atomic_store_explicit(&server->state->status, (int)status_of(server), memory_order_relaxed);
			follows = true;
		}
		if (follows)
			backend_refresh_usable(backend, now);
	}
}

static void set_own_weight(struct server *server)
{
	server->state->shown_weight = server->weight;
	atomic_store_explicit(&server->state->weight, server->weight, memory_order_relaxed);
}

/* As HAProxy, a server begins up with one failed check to go until it is known better. */
void server_start(struct server *server, double now)
{
	struct server_state *state = server->state;

	state->changed = now;
	state->check.status = server->check.enabled ? CHECK_INI : CHECK_UNKNOWN;
	state->admin = server->disabled ? ADMIN_MAINT : ADMIN_READY;
	state->health = server->check.rise;
	set_own_weight(server);
	atomic_store_explicit(&state->status, (int)status_of(server), memory_order_relaxed);
}

/* What the file says anew holds; what it said before, somebody may have changed at run time. */
void server_restart(struct server *server, const struct server *old)
{
	struct server_state *state = server->state;
	const struct check_config *check = &server->check, *before = &old->check;

	if (server->disabled != old->disabled)
		state->admin = server->disabled ? ADMIN_MAINT : ADMIN_READY;
	if (!server->host.name || !old->host.name || strcmp(server->host.name, old->host.name) != 0) {
		state->unresolved = false;
		state->resolved.length = 0;
	}
	if (server->weight != old->weight)
		set_own_weight(server);
	if (check->enabled && !before->enabled)
		state->health = check->rise;
	else if (check->rise != before->rise || check->fall != before->fall)
		state->health = state->health >= before->rise ? check->rise + check->fall - 1 : 0;
	if (!server->agent.enabled && !server->load_check.enabled && !server->load_push)
		state->agent_down = false;
	atomic_store_explicit(&state->status, (int)status_of(server), memory_order_relaxed);
}

void server_set_health(struct fleet *fleet, struct server *server, bool passed, const char *why, double now)
{
	const struct check_config *check = &server->check;
	struct server_state *state = server->state;
	unsigned best = check->rise + check->fall - 1;

	if (passed && state->health < best) {
		if (++state->health >= check->rise)
			state->health = best;
	} else if (!passed) {
		state->checks_failed += state->health >= check->rise;
		state->health = state->health > check->rise ? state->health - 1 : 0;
	}
	update(fleet, server, why, now);
}

void server_force_health(struct fleet *fleet, struct server *server, bool up, const char *why, double now)
{
	server->state->health = up ? server->check.rise + server->check.fall - 1 : 0;
	update(fleet, server, why, now);
}

void server_set_admin(struct fleet *fleet, struct server *server, enum server_admin admin, const char *why, double now)
{
	server->state->admin = admin;
	server->state->admin_told = false;
	update(fleet, server, why, now);
}

/* It never was up for anybody, so nobody hears of it. */
void server_wait_for_name(struct server *server, double now)
{
	server->state->unresolved = true;
	set_status(server, status_of(server));
	refresh_soon(server->backend, now);
}

void server_set_resolved(struct fleet *fleet, struct server *server, const struct endpoint *address, double now)
{
	struct server_state *state = server->state;
	char text[ENDPOINT_TEXT], why[ENDPOINT_TEXT + ENDPOINT_NAME + 20];
	bool first = state->unresolved;
	struct endpoint before = state->resolved;

	state->resolved = *address;
	endpoint_set_port(&state->resolved, endpoint_port(&server->address));
	state->unresolved = false;
	snprintf(why, sizeof(why), "'%s' is %s", server->host.name, endpoint_text(&state->resolved, text));
	if (!first && !endpoint_equal(&before, &state->resolved))
		log_line(fleet->log, LOG_NOTICE, "Server %s/%s: %s now.", server->backend->name, server->name, why);
	update(fleet, server, why, now);
}

void server_set_agent_down(struct fleet *fleet, struct server *server, bool down, const char *why, double now)
{
	server->state->agent_down = down;
	update(fleet, server, why, now);
}

void server_set_weight(struct fleet *fleet, struct server *server, uint32_t weight, const char *why, double now)
{
	uint32_t before = atomic_exchange_explicit(&server->state->weight, weight, memory_order_relaxed);
	enum server_status status;

	server->state->shown_weight = weight;
	if (before == weight)
		return;
	status = server_status(server);
	update(fleet, server, why, now);
	if (server_status(server) == status)
		refresh_soon(server->backend, now);
}

void fleet_settle(struct fleet *fleet, double now)
{
	for (size_t i = 0; i < fleet->n; i++)
		if (fleet->backends[i]->state->due)
			backend_refresh_usable(fleet->backends[i], now);
}

void fleet_refresh(struct fleet *fleet, double now)
{
	for (size_t i = 0; i < fleet->n; i++) {
		if (fleet->backends[i]->state->some_maxload || fleet->backends[i]->state->due)
			usable_fill(fleet->backends[i], now);
		refresh(fleet->backends[i], now);
	}
}
