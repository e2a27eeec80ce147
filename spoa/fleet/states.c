/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * States in HAProxy's format (its manual, "show servers state" and server-state-file): a line "1", then one for each server
 * of words between blanks. Written for people and for the next start; read back are what people have set: state, weight,
 * and whether it is checked at all.
 */
#include <string.h>

#include "fleet.h"

#define MAX_WEIGHT 256u

enum column {
	BE_NAME = 1,
	SRV_ID,
	SRV_NAME,
	ADMIN_STATE = 6,
	UWEIGHT,
	IWEIGHT,
	CHECK_STATE = 13,
	AGENT_STATE,
	COLUMNS,
	NEEDED = IWEIGHT + 1 /* what the first versions of the format have, too */
};

/* HAProxy's bits, types/server-t.h: forced maintenance and drain, those of whom it tracks, what the file says for ever. */
#define BIT_MAINT           1u
#define BIT_INHERITED_MAINT 2u
#define BIT_DISABLED        4u
#define BIT_DRAIN           8u
#define BIT_INHERITED_DRAIN 16u

/* Likewise types/check-t.h */
#define BIT_CONFIGURED 2u
#define BIT_ENABLED    4u
#define BIT_PAUSED     8u /* in maintenance */
#define BIT_AGENT      16u

/* ---- writing ---- */

static unsigned admin_bits(const struct server *server)
{
	static const unsigned bits[] = { [ADMIN_READY] = 0, [ADMIN_DRAIN] = BIT_DRAIN, [ADMIN_MAINT] = BIT_MAINT };
	static const unsigned inherited[] = {
		[ADMIN_READY] = 0, [ADMIN_DRAIN] = BIT_INHERITED_DRAIN, [ADMIN_MAINT] = BIT_INHERITED_MAINT
	};

	return bits[server->state->admin] | inherited[server_inherited(server)] | (server->disabled ? BIT_DISABLED : 0);
}

/* HAProxy's SRV_ST_: stopped, starting, running. */
static int op_state(const struct server *server)
{
	enum server_status status = server_status(server);

	if (status == SERVER_DOWN || status == SERVER_MAINT)
		return 0;
	return server->state->warm_from > 0 ? 1 : 2;
}

static unsigned result_of(enum check_status status)
{
	if (status <= CHECK_INI)
		return 0;
	return status == CHECK_L4OK || status == CHECK_L7OK ? 3 : 2;
}

/* Configured, enabled; of an agent: that it is one. */
static unsigned probe_bits(bool enabled, bool paused, unsigned kind)
{
	return (enabled ? BIT_CONFIGURED | (paused ? 0 : BIT_ENABLED) : 0) | kind;
}

/* HAProxy marks a server that is `disabled` even where nobody checks it. */
static unsigned check_bits(const struct server *server)
{
	bool paused = server->state->admin == ADMIN_MAINT &&
		      (server->disabled || (server->check.enabled && !server->state->paused[PROBED_HEALTH]));

	return probe_bits(server->check.enabled, server->state->paused[PROBED_HEALTH], paused ? BIT_PAUSED : 0);
}

/* An agent that has said "maint" itself goes on being asked: it may say "ready". */
static unsigned agent_bits(const struct server *server)
{
	const struct server_state *state = server->state;
	bool paused = state->admin == ADMIN_MAINT && !state->admin_told && !state->paused[PROBED_AGENT];

	if (!server->agent.enabled)
		return 0;
	return probe_bits(true, server->state->paused[PROBED_AGENT], BIT_AGENT | (paused ? BIT_PAUSED : 0));
}

static void put_server(FILE *out, const struct server *server, unsigned id, bool shown, double now)
{
	const struct server_state *state = server->state;
	char text[ENDPOINT_TEXT], *port, *host;

	endpoint_text(server_address(server), text);
	port = strrchr(text, ':');
	if (port && strchr(text, '.') == NULL && text[0] != '[')
		port = NULL;
	if (port)
		*port = 0;
	host = text[0] == '[' ? text + 1 : text;
	host[strcspn(host, "]")] = 0;
	fprintf(out, "%u %s %u %s %s %d %u %u %u %.0f %d %u %u %u %u 0 0 %s %u - 0 %u %s %s %u\n", id,
		server->backend->name, server->id, server->name, host, op_state(server), admin_bits(server),
		shown ? state->shown_weight : atomic_load_explicit(&state->weight, memory_order_relaxed),
		server->weight, now - state->changed,
		state->check.status > CHECK_INI ? (int)state->check.status : CHECK_INI, result_of(state->check.status),
		state->health, check_bits(server), agent_bits(server), server->host.name ? server->host.name : "-",
		endpoint_port(&server->address), server->check.port, server->check.addr ? server->check.addr : "-",
		server->agent.addr ? server->agent.addr : "-", server->agent.port);
}

void fleet_put_states(const struct fleet *fleet, FILE *out, const char *only, unsigned first_id, bool shown, double now)
{
	fprintf(out, "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
		     "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
		     "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
		     "srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n");
	for (unsigned i = 0; i < fleet->n; i++) {
		const struct backend *backend = fleet->backends[i];

		if (only && strcmp(only, backend->name) != 0)
			continue;
		for (size_t j = 0; j < backend->n_servers; j++)
			put_server(out, backend->servers[j], first_id + i, shown, now);
	}
}

uint64_t fleet_states_sum(const struct fleet *fleet)
{
	uint64_t sum = 17;

	for (size_t i = 0; i < fleet->n; i++)
		for (size_t j = 0; j < fleet->backends[i]->n_servers; j++) {
			const struct server *server = fleet->backends[i]->servers[j];
			const struct server_state *state = server->state;
			uint64_t word = atomic_load_explicit(&state->weight, memory_order_relaxed);

			word = word << 16 | server->weight;
			word = word << 8 | admin_bits(server) << 2 | state->paused[PROBED_HEALTH] << 1 |
			       state->paused[PROBED_AGENT];
			sum = (sum ^ word) * 0x9e3779b97f4a7c15;
			sum ^= sum >> 29;
		}
	return sum;
}

/* ---- reading ---- */

struct words {
	struct slice at[COLUMNS];
	size_t n;
};

static bool split(struct slice line, struct words *words)
{
	struct slice word;

	words->n = 0;
	while (words->n < COLUMNS && slice_split(&line, ' ', &word))
		if (word.len > 0)
			words->at[words->n++] = word;
	return words->n > 0 && words->at[0].ptr[0] != '#';
}

static bool number_of(const struct words *words, enum column column, uint64_t max, unsigned *number)
{
	uint64_t found;

	if (column >= words->n || !slice_to_natural(words->at[column], max, &found))
		return false;
	*number = (unsigned)found;
	return true;
}

static bool is_sane(const struct words *words)
{
	unsigned number;

	return words->n >= NEEDED && number_of(words, ADMIN_STATE, 255, &number) &&
	       number_of(words, UWEIGHT, MAX_WEIGHT, &number) && number_of(words, IWEIGHT, MAX_WEIGHT, &number) &&
	       (words->n <= CHECK_STATE || number_of(words, CHECK_STATE, 255, &number)) &&
	       (words->n <= AGENT_STATE || number_of(words, AGENT_STATE, 255, &number));
}

static bool is_called(const struct server *server, const struct words *words)
{
	return slice_eq(slice_of_string(server->name), words->at[SRV_NAME]);
}

/* Mostly each stands where it stood. */
static struct server *find(const struct fleet *fleet, const struct words *words)
{
	unsigned id = 0;

	number_of(words, SRV_ID, UINT32_MAX, &id);

	for (size_t i = 0; i < fleet->n; i++) {
		const struct backend *backend = fleet->backends[i];

		if (!slice_eq(slice_of_string(backend->name), words->at[BE_NAME]))
			continue;
		if (id > 0 && id <= backend->n_servers && is_called(backend->servers[id - 1], words))
			return backend->servers[id - 1];
		for (size_t j = 0; j < backend->n_servers; j++)
			if (is_called(backend->servers[j], words))
				return backend->servers[j];
	}
	return NULL;
}

static void take_probe(struct server *server, enum probed what, const struct words *words, enum column column)
{
	unsigned bits;

	if (number_of(words, column, 255, &bits) && (bits & BIT_CONFIGURED))
		server->state->paused[what] = !(bits & BIT_ENABLED);
}

/* As after a reload: what the configuration says otherwise than when the line was written, counts as it says now. */
static void take_server(struct fleet *fleet, struct server *server, const struct words *words, double now)
{
	unsigned bits = 0, weight = 0, before = 0;

	number_of(words, ADMIN_STATE, 255, &bits);
	number_of(words, UWEIGHT, MAX_WEIGHT, &weight);
	number_of(words, IWEIGHT, MAX_WEIGHT, &before);
	if (before == server->weight)
		server_set_weight(fleet, server, weight, "as saved", now);
	if (!(bits & BIT_DISABLED) == !server->disabled)
		server_set_admin(fleet, server,
				 bits & BIT_MAINT   ? ADMIN_MAINT
				 : bits & BIT_DRAIN ? ADMIN_DRAIN
						    : ADMIN_READY,
				 "as saved", now);
	if (server->check.enabled)
		take_probe(server, PROBED_HEALTH, words, CHECK_STATE);
	if (server->agent.enabled)
		take_probe(server, PROBED_AGENT, words, AGENT_STATE);
}

/* take false: only whether it could be. Returns the first line that cannot, 0: there is none. */
static unsigned walk(struct fleet *fleet, struct slice text, bool take, double now)
{
	bool version = false;
	struct slice line;
	struct words words;

	for (unsigned n = 1; slice_split(&text, '\n', &line); n++) {
		struct server *server;

		if (!split(slice_trim(line), &words))
			continue;
		if (!version) {
			version = words.n == 1 && slice_eq(words.at[0], SLICE("1"));
			if (!version)
				return n;
			continue;
		}
		if (!is_sane(&words))
			return n;
		server = take ? find(fleet, &words) : NULL;
		if (server)
			take_server(fleet, server, &words, now);
	}
	return version ? 0 : 1;
}

unsigned fleet_take_states(struct fleet *fleet, struct slice text, double now)
{
	unsigned wrong = walk(fleet, text, false, now);

	if (wrong == 0)
		walk(fleet, text, true, now);
	fleet_settle(fleet, now);
	return wrong;
}
