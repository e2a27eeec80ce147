/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backends and their servers: what the configuration says of them, and what is known of each right now.
 *
 * struct backend and struct server are filled while a configuration is read and do not change afterwards.
 * struct backend_state and struct server_state are what changes: written by the control thread, except
 * for the fields that say otherwise, and what is _Atomic read by every worker without a lock: approximate
 * under races by design, never torn. A server's state outlives a configuration: the next one that has a server of that
 * name in a backend of that name takes it over, fleet_adopt().
 *
 * A slot is a server that is neither backup nor standby. Where it cannot serve, its standby stands in; where
 * no slot can be filled, the first usable backup serves, or all of them: decisions.md, "Who may be picked".
 */
#ifndef SPOA_REDIRECT_FLEET_H
#define SPOA_REDIRECT_FLEET_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "spoa-redirect/base/arena.h"
#include "spoa-redirect/base/endpoint.h"
#include "spoa-redirect/base/log.h"
#include "spoa-redirect/base/random.h"
#include "spoa-redirect/base/retired.h"
#include "spoa-redirect/base/slice.h"
#include "spoa-redirect/config.h"

struct backend;
struct made_location;
struct ruleset;
struct server;

/* ---- what changes ---- */

enum server_status { SERVER_UP, SERVER_DRAIN, SERVER_DOWN, SERVER_MAINT };

enum server_admin { ADMIN_READY, ADMIN_DRAIN, ADMIN_MAINT };

/* How well a server's load is known: selection.md, section 2. */
enum load_knowledge { LOAD_UNKNOWN, LOAD_STALE, LOAD_KNOWN };

/* One report, whatever the source; what it does not tell has its bit unset. */
struct load_report {
	unsigned has;   /* LOAD_… */
	double u;       /* utilisation, clamped to 0 … 1 by whoever made the report */
	double q;       /* requests in flight */
	double A, C, B; /* ever accepted, ever completed, ever busy seconds */
};
#define LOAD_U 0x01u
#define LOAD_Q 0x02u
#define LOAD_A 0x04u
#define LOAD_C 0x08u
#define LOAD_B 0x10u

/*
 * The estimate of what a server has to do; names and formulas are those of selection.md, section 2. What a pick reads
 * of a server lies on one line of the cache.
 */
struct server_load {
	_Alignas(64) _Atomic double at; /* when est and z were last drained; workers and control thread */
	_Atomic double est, z;          /* likewise */
	_Atomic double mu;              /* completions per busy second */
	_Atomic double dir;             /* arrivals per second that no agent assigned, ≥ 0 */
	_Atomic double scale;           /* (1 + dir / mu) / mu */
	_Atomic uint16_t known;         /* enum load_knowledge, as of the last refresh */
	_Atomic uint16_t share;         /* server_share(), likewise */
	_Atomic float limit;     /* maxconn less ½: from so much in flight on not picked; INFINITY: it has none */
	_Atomic uint64_t booked; /* redirects to this server, ever; workers add */
	_Atomic double more_P, more_F; /* what P and F are above `booked`, since the last report; workers add */
	_Atomic double u, q;           /* of the last report; < 0: it did not tell */
	_Atomic double reported;       /* when the last report came; < 0: never */
	_Atomic double period;         /* mean time between reports, silences apart */
	/* control thread only, as of the report at `learnt` */
	double learnt, silent;   /* silent: when a silence last ended, 0: never */
	struct load_report last; /* with what follows from it */
	uint64_t booked_then;    /* `booked` at that time */
	double P, F;             /* of my expected choices and of all agents' assignments, what was under way */
	double p, l;             /* means: my expected, all arrivals per second */
	double direct;           /* what dir is the positive part of */
	double cC, cB;           /* decayed completions and busy seconds */
	bool was_up;
};

/* The outcome of a health check: HAProxy's names, and in its order. */
enum check_status {
	CHECK_UNKNOWN,
	CHECK_INI,
	CHECK_CHECKED = 3, /* of an agent: it was heard, and said nothing of health */
	CHECK_SOCKERR = 5,
	CHECK_L4OK,
	CHECK_L4TOUT,
	CHECK_L4CON,
	CHECK_L6OK,
	CHECK_L6TOUT,
	CHECK_L6RSP,
	CHECK_L7TOUT,
	CHECK_L7RSP,
	CHECK_L7OK = 15,
	CHECK_L7STS = 17,
};

/* "L4OK"; "" where nothing was checked yet. */
const char *check_status_name(enum check_status status);

struct check_outcome {
	enum check_status status;
	unsigned code;   /* of an HTTP answer; 0: none */
	double duration; /* seconds */
	char why[128];   /* what the system said of it, or the agent */
};

enum probed { PROBED_HEALTH, PROBED_AGENT, PROBED_LOAD, PROBES };

/* ---- what servers report ---- */

/* Where reports come from; field by field the first counts that is not stale: decisions.md, "Load signals". */
enum load_source { SOURCE_PUSH, SOURCE_CHECK, SOURCE_AGENT, LOAD_SOURCES };

/* The configuration's word for it. */
const char *load_source_name(enum load_source source);

/* Why a report was not taken; none is taken in part. */
enum load_rejection {
	REPORT_TAKEN,
	REPORT_MALFORMED,  /* not of any known form */
	REPORT_EMPTY,      /* has nothing that is known here */
	REPORT_NAN,        /* a figure that is none */
	REPORT_NEGATIVE,   /* a figure below 0 */
	REPORT_PERCENT,    /* its u must be one: no server is busy by that much of its time */
	REPORT_IMPOSSIBLE, /* beyond all bounds, or more completed than accepted */
	REPORT_FORGED,     /* by nobody who has a key */
	REPORT_OUTDATED,   /* older than the last of its sender, or said before */
	LOAD_REJECTIONS
};

/* For metrics and the log: "malformed". */
const char *load_rejection_name(enum load_rejection rejection);

/* For people, of a report: "is malformed". */
const char *load_rejection_text(enum load_rejection rejection);

/* What one source said last; load's, and the control thread's. Times are monotonic, 0: never. */
struct load_said {
	struct load_report report;
	double at, period, silent;  /* when it told figures, the mean time between two, when a silence ended */
	double health_at, admin_at; /* when it told such a state */
	double t, t_at;             /* the sender's own clock, which orders its reports; and when it told it */
	uint64_t taken;
};

/* What all sources together say, as the policy was told last. */
struct load_merged {
	struct load_report report;
	enum load_source source; /* by whose report */
	/* of the counters, A, C and B: whose they are (LOAD_SOURCES: made of others), what is added to them, what was told */
	unsigned counted; /* LOAD_… */
	enum load_source owners[3];
	double offsets[3], last[3];
};

struct server_state {
	struct server_load load;
	unsigned users;             /* configurations that it belongs to; control thread only */
	_Atomic int status;         /* enum server_status */
	_Atomic uint32_t weight;    /* effective: configured, or as set at run time */
	_Atomic uint32_t held_back; /* percent, by slowstart */
	_Atomic uint32_t maxconn;   /* as an agent told it; 0: it did not */
	/* the control thread's own: what status follows from */
	uint32_t
		shown_weight; /* to people and in HAProxy's formats: an agent's "50%" may be utilisation to the policy */
	enum server_admin admin;
	bool admin_told; /* a report said so last, not a person */
	bool agent_down;
	unsigned health;       /* 0 … rise + fall − 1; up from rise on, as HAProxy counts */
	double changed;        /* when the status last did; monotonic */
	double warm_from;      /* since when it has its slow start; 0: it has none */
	double down, downtime; /* since when it is down, while it is; how long it was before */
	struct check_outcome check, agent;
	uint64_t checks_failed, downs;
	bool paused[PROBES];          /* by enum probed: not asked for now */
	struct probe *probes[PROBES]; /* load's: who asks this server; by enum probed */
	struct load_said said[LOAD_SOURCES];
	bool unresolved;          /* its host's name never was an address yet */
	struct endpoint resolved; /* what it is; length 0: not known, or no name */
	uint64_t pushed_seq;      /* the highest number of its datagrams; 0: none came */
	struct load_merged merged;
	uint64_t rejected[LOAD_REJECTIONS];
	unsigned rejections_said;                   /* bits, by enum load_rejection */
	uint64_t load_checks_failed, agent_unknown; /* failed questions; words of agents that are unknown */
	struct {
		uint64_t booked, checks_failed, downs;
		double downtime;
	} cleared; /* admin's: as they were at the last `clear counters all` */
};

/* What is learnt of other agents that decide on the same reports: selection.md, section 2. Control thread only. */
struct peers {
	double SA, SO, SX, SY; /* decayed sums: all arrivals, own assignments; own deviations squared, by all's */
	double T;              /* mean time between two reports of one server */
};

/* What workers find servers by: one that was taken away is freed only once none can have it from here. */
typedef _Atomic(struct server *) server_slot;

/*
 * One that may be picked, and what a pick asks of it: of thousands of servers none is in the processor's caches, and so the
 * server itself is read only of the one that is chosen. While the control thread writes they may be of two servers.
 */
struct seat {
	server_slot server;
	_Atomic(struct server_load *) load;
};

struct backend_state {
	uint32_t room; /* servers that all arrays here have room for */
	_Atomic uint32_t n_usable;
	_Atomic(struct seat *) usable; /* servers that may be picked */
	_Atomic uint32_t n_schedule;
	_Atomic(server_slot *) schedule;       /* round robin's turns */
	_Atomic uint32_t turn;                 /* workers add */
	_Atomic uint32_t front;                /* first's: those before have no room; workers move it on */
	_Atomic uint32_t max_weight;           /* least-load's: of the usable servers, in hundredths */
	_Atomic double median_cost, mean_cost; /* likewise, of those whose load is known; mean_cost < 0: of none */
	_Atomic double m;                      /* all agents' decisions for each of this one's */
	_Atomic double half_busy;              /* in flight where a server is busy for half of the time: ½ to 1 */
	_Atomic uint32_t choices;              /* K: of how many steps one is drawn */
	_Atomic(struct ring *) ring;           /* hash's: whose place a key is at */
	_Atomic double in_flight;              /* hash's: est of all usable servers; workers add what they book */
	_Atomic double weights;                /* hash's: of all usable servers */
	/* the control thread's own */
	struct retired *retired; /* what workers may be looking at still, for fleet_take_retired() */
	double rate;             /* R: completions per busy second and unit of weight */
	double own_rate;         /* r_own: own decisions per second */
	uint32_t n_known;        /* servers whose load is known or stale */
	struct peers peers;
	double refreshed;
	uint64_t booked_then; /* of all servers, at `refreshed` */
	uint64_t signature;   /* of what the schedule was made from */
	double *sorted;       /* room for one figure a server */
	bool some_maxload;
	unsigned active, spare; /* servers that are up; spare: as backup or standby */
	double filled;          /* when a change of states or weights was made known to the policy last; */
	bool due;               /* and one since then waits for fleet_refresh() or fleet_settle() */
	bool unknown_said;      /* load's: that nothing is known here */
};

/* ---- policies ---- */

/* How many servers a pick looks at, at most. */
#define PICK_SAMPLE 16u

/*
 * A worker's own: what its picks draw from, and what each leaves for booking it, the servers that other agents will have
 * chosen meanwhile. Zero and seeded at first.
 */
struct picker {
	struct random random;
	uint32_t n;            /* of the shares; 0: none but the picked server's */
	uint32_t picked;       /* which of them */
	uint32_t choices;      /* of all of them */
	bool kept;             /* by its key, and not as the policy chooses */
	uint32_t front, found; /* first's: where it began to look, and where it found somebody */
	bool more;             /* answer_expect() */
	/*
	 * least-load's: whom the next request of this turn is to have, NULL: not known yet; what `n` is to be then, whose
	 * shares are here already; and whom was booked last
	 */
	struct server *ahead;
	uint32_t ahead_n;
	const struct backend *booked;
	struct {
		struct server *server;
		uint32_t times; /* chosen */
	} shares[PICK_SAMPLE];
	/* least-load's, while no load is known: bookings that select_settle() is to make. By a hash of the server */
	bool unsettled;
	struct pending {
		struct server *server; /* NULL: none */
		uint32_t clients;
	} pending[PICK_SAMPLE];
};

/* One way to balance: a file of select/ each, and a row of its table. */
struct balance {
	const char *name;
	/*
	 * When a configuration is complete, and again whenever there is to be room for more servers: memory for the
	 * backend's state. What workers may be reading goes on as it is, and new arrays begin with what the old ones
	 * hold. NULL: none needed.
	 */
	bool (*prepare)(struct arena *arena, struct backend *backend, uint32_t room);
	/* Control thread: after a change of states or weights, and every 100 ms. */
	void (*refresh)(struct backend *backend, double now);
	/* Control thread: a report came in. NULL: the policy reads none. */
	void (*report)(struct server *server, const struct load_report *report, double now);
	/*
	 * Any worker: one of the usable servers, or that was until just now; NULL if there is none; books nothing. key: of
	 * the request, what the backend hashes; 0: it hashes nothing, or the request has no such thing.
	 */
	struct server *(*pick)(struct backend *backend, uint64_t key, double now, struct picker *picker);
	/* Any worker: what one more client costs there. NULL: the policy knows no costs. */
	double (*cost)(const struct backend *backend, const struct server *server, double now);
	/* Any worker: the client was sent to this server, by the last pick of that picker. It may pick for the next one. */
	void (*book)(struct server *server, double now, struct picker *picker);
	bool reads_utilisation; /* an agent's "N%" tells utilisation, not a share of the weight */
	bool hashes;            /* it chooses by a key */
	bool fixed_weights;     /* what is set at run time only drains */
};

/* ---- what the configuration says ---- */

struct hash_key;

/* What is hashed in order to choose a server; rules.h and select have more of it. */
struct hash_config {
	struct hash_key *stick;  /* of `stick on`, until it is known to fit the policy */
	bool sticks;             /* the key tells where a client was: the policy chooses for all others */
	struct hash_key *key;    /* NULL: nothing is */
	unsigned balance_factor; /* percent of a server's share that it carries at most; 0: no bound */
	struct config_place balance_factor_place, type_place;
};

/* An URL's beginning, split: what a Location may begin with. */
struct redir {
	struct slice prefix; /* as it is put before the path: no slash at its end */
	bool tls;
	bool is_private;        /* a host that not all clients reach */
	struct slice authority; /* lower case, without the scheme's own port */
};

struct check_config {
	bool enabled;
	double inter, fastinter, downinter; /* seconds; of the last two 0: as inter */
	unsigned fall, rise;
	const char *addr;
	unsigned port;
};

struct agent_config {
	bool enabled;
	double inter;
	const char *addr, *send;
	unsigned port;
};

/* Which of the figures on a page of Prometheus: those of this name that have all labels, summed up. */
struct metric_label {
	struct slice name, value;
	bool other; /* != */
};

struct metric {
	struct slice name;
	struct metric_label *labels;
	size_t n_labels;
	unsigned as; /* LOAD_…; 0: u with a max, else q */
	double max;  /* 0: none */
};

/* Of our own connections to a server. */
struct tls_config {
	bool ssl, check_ssl;
	bool verify;
	const char *ca_file, *sni, *verify_host; /* NULL: the system's; none; that of sni */
};

/* Whose certificates are believed; made with a configuration, and there as long as somebody holds it. Control thread. */
struct trust;
void trust_hold(struct trust *trust);
void trust_release(struct trust *trust);
void *trust_credentials(const struct trust *trust); /* GnuTLS's */
bool trust_verifies(const struct trust *trust);
bool trust_equal(const struct trust *a, const struct trust *b);

/* How one connection is to be secured. */
struct tls_target {
	struct trust *trust; /* NULL: not at all */
	const char *sni, *verify_host;
};

/* Of a host, which becomes an address while the agent runs; name NULL: there is an address already. */
struct host {
	const char *name;
	int family; /* AF_UNSPEC: any */
};

struct load_check_config {
	bool enabled;
	bool https;
	double inter;     /* 0: as agent-inter if that is set, else 1 s */
	const char *path; /* of the request */
	unsigned port;
	const struct metric *metric; /* NULL: the answer tells by itself */
	const char *request;         /* as sent */
};

#define SERVER_BYTES 120u

struct server {
	/* what a redirect to it needs, on three lines of the cache, which are fetched at a time */
	_Alignas(64) struct server_state *state;
	struct backend *backend; /* the one that it belongs to */
	struct slice target;     /* answer's: bytes of what is said of a redirect to it */
	struct redir redir;
	uint8_t bytes[SERVER_BYTES]; /* of target and of redir's prefix, where they fit */
	const char *name;
	struct config_place place;
	uint32_t index;          /* among the backend's servers; control thread only, for it may change */
	uint32_t id;             /* as HAProxy's formats number it, from 1; it stays */
	struct guest *guest;     /* of one that came at run time; NULL: the configuration has it */
	struct endpoint address; /* of a host that has a name, but the port */
	struct host host;        /* of the address */
	struct host check_host;  /* where it is checked; */
	struct host agent_host;  /* where its agent is */
	uint32_t weight;
	uint32_t maxconn; /* 0: no limit */
	bool disabled, backup;
	const char *standby_of; /* NULL: a slot of its own, or a backup */
	struct server *standby; /* who stands in for this one; NULL: nobody */
	const char *track_name; /* "backend/server" or "server"; NULL: it follows nobody */
	struct server *track, *trackers,
		*next_tracker; /* whom it follows; the first that follows it; the next to do as it */
	struct check_config check;
	struct agent_config agent;
	struct load_check_config load_check;
	struct tls_config tls;
	struct tls_target check_tls, load_check_tls;
	const char *check_request; /* as sent, of an HTTP check */
	bool check_via_redir;
	bool load_push;    /* reports may be brought */
	double slowstart;  /* seconds; 0: none */
	double maxload;    /* utilisation, 0 to 1; 0: none */
	double load_stale; /* seconds; 0: max(5 s, 5 periods) */
	/* of hosts that have a name, but the ports; load_check's is of `host` */
	struct endpoint check_address, agent_address, load_check_address;
	struct slice said;     /* answer's: bytes of what is said of it without a redirect */
	struct server *shadow; /* what dry runs book in; NULL: there are none */
	struct server *real;   /* whose shadow this is; NULL: nobody's */
};

enum redirect_method {
	METHOD_GET = 1,
	METHOD_HEAD = 2,
	METHOD_POST = 4,
	METHOD_PUT = 8,
	METHOD_DELETE = 16,
	METHOD_PATCH = 32,
	METHOD_OPTIONS = 64,
	METHOD_OTHER = 128
};

struct redirect {
	unsigned code;    /* 0: not configured, taken as 302 */
	int64_t ttl;      /* seconds; −1: none */
	unsigned methods; /* enum redirect_method, or-ed; 0: those that fit the code */
	bool allow_downgrade;
	struct made_location *location; /* instead of a server's redir, path and query; NULL: these */
	struct redir literal;           /* what that begins with; no prefix: with the server's redir */
	struct config_place place;      /* of the line that said so last */
};

struct status_range {
	unsigned from, to;
};

struct httpchk {
	bool enabled;
	const char *method, *uri, *version, *host; /* of `option httpchk`; host NULL: none */
	/* of `http-check send`, before those; NULL: not said */
	const char *send_method, *send_uri, *send_version, *send_host, *send_body;
	const char *send_headers; /* whole lines */
	/* of `http-check expect status` */
	struct status_range *expected; /* none: 200 to 399 */
	size_t n_expected;
	bool unexpected;                             /* all others are good */
	const struct backend *sent_by, *expected_by; /* the section that said so */
	const char *request;                         /* as sent */
};

struct backend {
	const char *name;
	struct config_place place;
	struct server **servers; /* control thread only, as their number: workers have what is in the state */
	size_t n_servers;
	void *names;   /* of servers: tsearch()'s */
	uint32_t room; /* for servers; 0: none has come at run time yet */
	const struct balance *balance;
	struct hash_config hash;
	unsigned draws; /* of `random`; 0: as it likes */
	struct redirect redirect;
	struct httpchk httpchk;
	bool dry_run;              /* nothing is redirected from here */
	bool allbackups;           /* all usable backups serve, not only the first */
	const char *fallback_name; /* NULL: none */
	struct config_place fallback_place;
	struct backend *fallback;      /* tried once where no server here can serve, whatever its own is; NULL: none */
	unsigned agents;               /* how many decide on the same reports, where reports do not tell */
	struct server *default_server; /* what a server line begins with */
	struct prebuilt *prebuilt;     /* answer's: bytes of what is said of it */
	struct backend_state *state;
	struct backend *shadow; /* its twin, whose states dry runs pick by and book in; NULL: there are none */
};

/* Whether an answer to its checks is good. */
bool httpchk_expects(const struct httpchk *check, unsigned code);

/* ---- the fleet ---- */

struct fleet;

/* log: the caller's, outlives the fleet. fallback: the policy where no `balance` is given. */
struct fleet *fleet_new(struct arena *arena, const struct log *log, const struct balance *fallback);

/* The rows of `defaults` and `backend`. */
struct config_room fleet_room(struct fleet *fleet);

/* What `server` and `default-server` lines may have. */
const struct config_keyword *server_keywords(size_t *n);

/* Whose servers may serve instead, as configured: also before fleet_finish(). NULL: nobody's, or no such backend. */
struct backend *fleet_fallback(const struct fleet *fleet, const struct backend *backend);

/* Before ruleset_finish(): what the formats of `redirect location` read, the frontends will. False: out of memory. */
bool fleet_add_locations(const struct fleet *fleet, struct ruleset *ruleset);

/* Once all lines are read: standbys found, addresses made, states as they are at the start. */
void fleet_finish(struct fleet *fleet, struct config *config, double now);

/*
 * Before any worker sees `fleet`: what is known of the servers of `old` that it has, too, goes on, states and weights of
 * the running agent included. Only what the configuration says of one now, and did not before, counts anew. Control thread.
 */
void fleet_adopt(struct fleet *fleet, const struct fleet *old, double now);

/*
 * Before any worker sees the backend: states for decisions that redirect nobody, here and in its fallback. Again: nothing.
 * False: out of memory.
 */
bool backend_prepare_dry_run(const struct fleet *fleet, struct backend *backend);

size_t fleet_count(const struct fleet *fleet);
struct backend *fleet_backend(const struct fleet *fleet, size_t i);
const struct log *fleet_log(const struct fleet *fleet);

/* NULL: none of that name. */
struct server *backend_find(const struct backend *backend, const char *name);

/* NULL: none of that name. */
struct backend *fleet_find(const struct fleet *fleet, const char *name);

/* The section being read, for the rooms that add keywords to it: a backend, or what `defaults` collects. */
struct backend *fleet_current(const struct fleet *fleet);

/* The name of the status as HAProxy's statistics spell it. */
const char *server_status_name(enum server_status status);

/* With the server's port; control thread. */
static inline const struct endpoint *server_address(const struct server *server)
{
	return server->state->resolved.length > 0 ? &server->state->resolved : &server->address;
}

/* Any thread. */
static inline enum server_status server_status(const struct server *server)
{
	return (enum server_status)atomic_load_explicit(&server->state->status, memory_order_relaxed);
}

/* Those that may be picked, 0 … n − 1. Any thread; a worker may see one that has just become unusable. */
static inline uint32_t backend_n_usable(const struct backend *backend)
{
	return atomic_load_explicit(&backend->state->n_usable, memory_order_acquire);
}

static inline struct server *backend_usable(const struct backend *backend, uint32_t i)
{
	struct seat *usable = atomic_load_explicit(&backend->state->usable, memory_order_relaxed);

	return atomic_load_explicit(&usable[i].server, memory_order_relaxed);
}

/* Whether the state is not its own: the admin state that it has by whom it tracks. */
enum server_admin server_inherited(const struct server *server);

/*
 * Seconds between two reports by that source, as `seen`, but of who is asked never less than configured, and as configured
 * while it is 0; and the age from which on one is too old. Any thread.
 */
double load_period(const struct server *server, enum load_source source, double seen);
double load_bound(const struct server *server, enum load_source source, double seen);

/*
 * Whether the time that passed until a report of `now` says how often reports come, `period` so far, 0: not known. One that
 * is longer than five of them, and than 5 s, is a silence, which does not; unless it follows on another, which *silent
 * remembers.
 */
bool load_teaches_period(double period, double elapsed, double now, double *silent);

/* What that source said `at` a time; 0: never. Control thread. */
bool load_is_fresh(const struct server *server, enum load_source source, double at, double now);

/* The first source whose report, not too old, tells this figure, one of LOAD_…; LOAD_SOURCES: none. Control thread. */
enum load_source load_owner(const struct server *server, unsigned figure, double now);

/* By what it reported last, unless that is too old. Control thread. */
bool server_over_maxload(const struct server *server, double now);

/* ---- at run time; control thread ---- */

/*
 * One more, in maintenance and with its checks paused, as HAProxy does; line: what a `server` line has behind the name.
 * Whoever knows a backend's servers by other means has to be told. NULL: why, in words for a person.
 */
struct server *backend_add_server(struct fleet *fleet, struct backend *backend, const char *name, const char *line,
				  double now, char *why, size_t size);

/* Why it cannot be removed; NULL: it can. */
const char *backend_keeps_server(const struct server *server);

/* What workers may be looking at still is added to *retired. */
void backend_remove_server(struct server *server, double now, struct retired **retired);

/* The memory of one that came at run time, which goes with it. NULL: the configuration has it. */
struct arena *server_arena(const struct server *server);

/* What was said when it came at run time; NULL: the configuration has it. */
const char *server_line(const struct server *server);

/*
 * The functions below change states: control thread only. Each logs a change of the status with its reason, and
 * has the backend's usable servers and its policy follow.
 */

/* The outcome of one health check, HAProxy's fall and rise. why: "Layer4 timeout", for the log. */
void server_set_health(struct fleet *fleet, struct server *server, bool passed, const char *why, double now);

/* Up or down by somebody's word, as if all its checks had said so. */
void server_force_health(struct fleet *fleet, struct server *server, bool up, const char *why, double now);

void server_set_admin(struct fleet *fleet, struct server *server, enum server_admin admin, const char *why, double now);

/* What only an agent says and takes back: "down" and "up". */
void server_set_agent_down(struct fleet *fleet, struct server *server, bool down, const char *why, double now);

/* Down until its host's name is known to stand for something; before any worker sees it. */
void server_wait_for_name(struct server *server, double now);

/* What the host's name stands for. From the first time on the server may be up. */
void server_set_resolved(struct fleet *fleet, struct server *server, const struct endpoint *address, double now);

/* 0 drains. */
void server_set_weight(struct fleet *fleet, struct server *server, uint32_t weight, const char *why, double now);

/*
 * HAProxy's `show servers state`: of all backends, or only of one. Its numbers begin with first_id. shown: the weights as
 * people are shown them, else as they are in use. Control thread, as the two below.
 */
void fleet_put_states(const struct fleet *fleet, FILE *out, const char *only, unsigned first_id, bool shown,
		      double now);

/*
 * Takes back from such a text what people had set: states, weights, and what is not to be asked. Servers that are not
 * there any more are passed over. Not 0: this line is none of the format, and nothing was taken.
 */
unsigned fleet_take_states(struct fleet *fleet, struct slice text, double now);

/* Differs when what would be taken back does. */
uint64_t fleet_states_sum(const struct fleet *fleet);

/* Every 100 ms. */
void fleet_refresh(struct fleet *fleet, double now);

/* What was changed is so from now on, also of a backend where so many change that it would wait for fleet_refresh(). */
void fleet_settle(struct fleet *fleet, double now);

/* What has been replaced since the last call, and is to be released once no worker can be looking at it. Control thread. */
struct retired *fleet_take_retired(struct fleet *fleet);

#endif
