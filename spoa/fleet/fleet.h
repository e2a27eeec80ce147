/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef SPOA_FLEET_FLEET_H
#define SPOA_FLEET_FLEET_H

#include "spoa-redirect/fleet.h"

struct fleet {
	struct arena *arena;
	const struct log *log;
	struct backend **backends;
	size_t n;
	struct backend *defaults; /* what the newest `defaults` section collected */
	struct backend *current;
	struct trust **trusts;
	size_t n_trusts;
	const struct balance *fallback;
	unsigned agents; /* of `global` */
	double finished; /* when all lines were read */
};

/* The words of a server or default-server line, behind the address. */
/* Whether it is a parameter: where an address is due, that is missing. */
bool server_knows_word(const char *word);

bool server_parse_words(struct config_words *words, struct server *server);

/* "name{label=\"value\"} [as <figure>] [max <value>]"; NULL: it was said what is wrong. */
const struct metric *metric_parse(struct config_words *words);

/* `option httpchk` and `http-check`. */
bool httpchk_parse(struct config_words *words, void *into);
bool http_check_parse(struct config_words *words, void *into);

/* Once all lines are read. False: out of memory. */
bool httpchk_finish(struct arena *arena, struct backend *backend, struct config *config);

/* As it is sent; host: where none is configured, NULL: none. NULL: out of memory. */
const char *httpchk_request(struct arena *arena, const struct httpchk *check, const char *host);

/* What the server's `ca-file` and `verify` say; NULL: out of memory. What is wrong is among the messages. */
struct trust *trust_of(struct fleet *fleet, const struct server *server, struct config *config);

/* What a server is before any line says otherwise. */
extern const struct server server_initial;

/* What backend_find() knows. False: out of memory. */
bool backend_know(struct backend *backend, const struct server *server);
void backend_forget(struct backend *backend, const struct server *server);

/* "<address> redir …": one that belongs to the backend, but is not in it yet. NULL: reported. */
struct server *server_read(struct config_words *words, struct backend *backend, const struct server *base,
			   const char *name);

/* To the server that it stands in for, if it is a standby. False: reported. */
bool server_link_standby(struct server *server, struct config *config);

/* What follows from all its words; what that needs lives in the arena. Reports what is wrong. */
void server_finish(struct fleet *fleet, struct arena *arena, struct server *server, struct config *config, double now);

bool redir_parse(struct config_words *words, struct redir *redir, const char *text);
bool redirect_parse(struct config_words *words, void *into);

/* fallback-backend; inherit: when a backend begins with what `defaults` said; finish: once all backends are known. */
bool fallback_parse(struct config_words *words, void *into);
void fallback_inherit(struct backend *backend);
void fallback_finish(struct fleet *fleet, struct config *config);

/* Once all servers are known: who follows whom. */
void track_finish(const struct fleet *fleet, struct config *config);

/* The statuses of those that follow others, without a log line: once all states are as they are to be. */
void fleet_follow(const struct fleet *fleet, double now);

/* Reports what cannot be decided line by line; fills in what follows from the code. */
void redirect_finish(struct backend *backend, struct config *config);

/* A state of its own, that goes with the arena unless another configuration adopts it. False: out of memory. */
bool server_make_state(struct arena *arena, struct server *server);

/* Its arrays too, and what its policy keeps; not those of its servers. False: out of memory. */
bool backend_make_state(struct arena *arena, struct backend *backend);

/* Has the shadow pick among the same servers. */
void shadow_follow(const struct backend *backend, double now);

/* The status at the start, without a log line. */
void server_start(struct server *server, double now);

/* What follows for the status from what the configuration now says, without a log line. */
void server_restart(struct server *server, const struct server *old);

/* Where the backend counts it while it is up. */
unsigned *server_counts_in(const struct server *server);

/* Finds out who may be picked; without a word to the policy. */
void usable_fill(struct backend *backend, double now);

/* With it. */
/* The server has the state that it will keep. Control thread only. */
static inline void seat_give(struct seat *seat, struct server *server)
{
	atomic_store_explicit(&seat->server, server, memory_order_relaxed);
	atomic_store_explicit(&seat->load, &server->state->load, memory_order_relaxed);
}

void backend_refresh_usable(struct backend *backend, double now);

#endif
