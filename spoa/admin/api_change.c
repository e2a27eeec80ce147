/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of one server, by whoever has the token; each answers with the server as it is then. */
#include <microhttpd.h>
#include <string.h>

#include "spoa-redirect/base/clock.h"
#include "web.h"

#define MOST_WEIGHT 256

static const char why[] = "changed by HTTP";

static struct fleet *fleet_of(const struct web *web)
{
	return web->admin->running->site.fleet;
}

/* The server, as it is from now on. */
static void tell_changed(struct web *web)
{
	fleet_settle(fleet_of(web), clock_now());
	api_server(web);
}

/* The body's only member, borrowed from *body. NULL: that was answered. */
static json_t *take_member(struct web *web, const char *name, json_t **body)
{
	json_error_t error;
	json_t *member;

	*body = json_loadb((const char *)web->body.ptr, web->body.len, JSON_REJECT_DUPLICATES, &error);
	member = json_object_get(*body, name);
	if (member && json_object_size(*body) == 1)
		return member;
	if (*body)
		web_refuse(web, MHD_HTTP_BAD_REQUEST, "expects an object with '%s' alone", name);
	else
		web_refuse(web, MHD_HTTP_BAD_REQUEST, "the body is not JSON: %s", error.text);
	return NULL;
}

void api_put_state(struct web *web)
{
	static const struct {
		const char *word;
		enum server_admin admin;
	} states[] = { { "ready", ADMIN_READY }, { "drain", ADMIN_DRAIN }, { "maint", ADMIN_MAINT } };
	struct server *server = api_find(web);
	json_t *body = NULL, *state = server ? take_member(web, "state", &body) : NULL;
	const char *word = json_string_value(state);
	size_t i = 0;

	while (word && i < COUNT(states) && strcmp(word, states[i].word) != 0)
		i++;
	if (state && (!word || i == COUNT(states)))
		web_refuse(web, MHD_HTTP_BAD_REQUEST, "'state' is \"ready\", \"drain\" or \"maint\"");
	else if (state) {
		server_set_admin(fleet_of(web), server, states[i].admin, why, clock_now());
		tell_changed(web);
	}
	json_decref(body);
}

void api_put_weight(struct web *web)
{
	struct server *server = api_find(web);
	json_t *body = NULL, *weight = server ? take_member(web, "weight", &body) : NULL;
	json_int_t value = json_integer_value(weight);

	if (weight && (!json_is_integer(weight) || value < 0 || value > MOST_WEIGHT))
		web_refuse(web, MHD_HTTP_BAD_REQUEST, "'weight' is a whole number from 0 to %d", MOST_WEIGHT);
	else if (weight) {
		server_set_weight(fleet_of(web), server, (uint32_t)value, why, clock_now());
		tell_changed(web);
	}
	json_decref(body);
}

/* That of the configuration again. */
void api_delete_weight(struct web *web)
{
	struct server *server = api_find(web);

	if (!server)
		return;
	server_set_weight(fleet_of(web), server, server->weight, why, clock_now());
	tell_changed(web);
}

/* A report, as the manual's "Reports of load" tells it. */
void api_put_load(struct web *web)
{
	struct slice backend = slice_of_string(web->names[0]), server = slice_of_string(web->names[1]);
	enum load_rejection rejection;

	switch (load_push(web->admin->running->load, backend, server, web->body, clock_now(), &rejection)) {
	case LOAD_PUSHED:
		api_server(web);
		break;
	case LOAD_PUSHED_NOWHERE:
		api_find(web);
		break;
	case LOAD_PUSHED_UNASKED:
		web_refuse(web, MHD_HTTP_FORBIDDEN, "server '%s/%s' has no 'load-push'", web->names[0], web->names[1]);
		break;
	case LOAD_PUSHED_REJECTED:
		web_refuse(web, rejection == REPORT_MALFORMED ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_UNPROCESSABLE_CONTENT,
			   "the report %s", load_rejection_text(rejection));
		break;
	}
}
