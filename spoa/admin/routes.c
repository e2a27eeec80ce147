/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of what there is over HTTP, and who may what: without the token nothing changes. */
#include <microhttpd.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "web.h"

#define JSON "application/json"
#define TEXT "text/plain; charset=utf-8"

struct web_route {
	const char *method, *path; /* a segment in braces is a name */
	const char *type;
	web_answer *run;
};

static web_answer put_metrics, put_health, put_ready;

static const struct web_route rows[] = {
	{ "GET", "/", "text/html; charset=utf-8", page_html },
	{ "GET", "/page.css", "text/css; charset=utf-8", page_css },
	{ "GET", "/page.js", "text/javascript; charset=utf-8", page_js },
	{ "GET", "/icon.svg", "image/svg+xml", page_icon },
	{ "GET", "/metrics", "text/plain; version=0.0.4; charset=utf-8", put_metrics },
	{ "GET", "/healthz", TEXT, put_health },
	{ "GET", "/readyz", TEXT, put_ready },
	{ "GET", "/v1/openapi.json", JSON, api_openapi },
	{ "GET", "/v1/state", JSON, api_state },
	{ "GET", "/v1/frontends", JSON, api_frontends },
	{ "GET", "/v1/backends", JSON, api_backends },
	{ "GET", "/v1/servers", JSON, api_servers },
	{ "GET", "/v1/servers/{backend}", JSON, api_servers_of },
	{ "GET", "/v1/servers/{backend}/{server}", JSON, api_server },
	{ "PUT", "/v1/servers/{backend}/{server}/state", JSON, api_put_state },
	{ "PUT", "/v1/servers/{backend}/{server}/weight", JSON, api_put_weight },
	{ "DELETE", "/v1/servers/{backend}/{server}/weight", JSON, api_delete_weight },
	{ "PUT", "/v1/servers/{backend}/{server}/load", JSON, api_put_load },
	{ "GET", "/v1/decisions", JSON, api_decisions },
	{ "GET", "/v1/history", JSON, api_history },
	{ "GET", "/v1/explain", JSON, api_explain },
};

/* ---- the small ones ---- */

static void put_metrics(struct web *web)
{
	metrics_write(web->admin, web->out);
}

static void put_health(struct web *web)
{
	fprintf(web->out, "ok\n");
}

static void put_ready(struct web *web)
{
	if (web->admin->stopping)
		web->status = MHD_HTTP_SERVICE_UNAVAILABLE;
	fprintf(web->out, web->admin->stopping ? "stopping\n" : "ready\n");
}

/* ---- answers ---- */

void web_json(struct web *web, json_t *json)
{
	web->type = JSON;
	if (!json || json_dumpf(json, web->out, JSON_COMPACT) < 0) {
		web->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		fprintf(web->out, "{\"error\":\"out of memory\"}");
	}
	fputc('\n', web->out);
	json_decref(json);
}

void web_refuse(struct web *web, unsigned status, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	web->status = status;
	web_json(web, json_pack("{s:o}", "error", web_text(slice_of_string(text))));
}

json_t *web_text(struct slice bytes)
{
	json_t *text = json_stringn((const char *)bytes.ptr, bytes.len);
	char wide[2 * 1024];
	size_t n = 0;

	if (text)
		return text;
	for (size_t i = 0; i < bytes.len && n + 2 < sizeof(wide); i++) {
		if (bytes.ptr[i] < 0x80) {
			wide[n++] = (char)bytes.ptr[i];
		} else {
			wide[n++] = (char)(0xc0 | bytes.ptr[i] >> 6);
			wide[n++] = (char)(0x80 | (bytes.ptr[i] & 0x3f));
		}
	}
	return json_stringn(wide, n);
}

json_t *web_real(double value)
{
	json_t *real = value >= 0 ? json_real(value) : NULL; /* NULL for NaN and infinity as well */

	return real ? real : json_null();
}

/* ---- what is asked ---- */

const char *web_argument(const struct web *web, const char *name)
{
	for (size_t i = 0; i < web->n_query; i++)
		if (strcmp(web->query[i].name, name) == 0)
			return web->query[i].value;
	return NULL;
}

bool web_number(struct web *web, const char *name, unsigned otherwise, unsigned most, unsigned *number)
{
	const char *text = web_argument(web, name);
	uint64_t value = otherwise;

	if (text && (!*text || !slice_to_natural(slice_of_string(text), most, &value))) {
		web_refuse(web, MHD_HTTP_BAD_REQUEST, "'%s' is a number from 0 to %u", name, most);
		return false;
	}
	*number = (unsigned)value;
	return true;
}

/* "/v1/servers/{backend}": the names that the path has in the place of those in braces. */
static bool matches(const char *pattern, const char *path, struct web *web)
{
	size_t n = 0, length;

	while (*pattern && *path) {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		length = strcspn(path, "/");
		if (length == 0 || length >= WEB_NAME || n == WEB_NAMES)
			return false;
		memcpy(web->names[n], path, length);
		web->names[n++][length] = 0;
		path += length;
		pattern += strcspn(pattern, "}") + 1;
	}
	return !*pattern && !*path;
}

static void allow(struct web *web, const char *method)
{
	size_t length = strlen(web->allow);

	snprintf(web->allow + length, sizeof(web->allow) - length, "%s%s%s", length > 0 ? ", " : "", method,
		 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

/* ---- who may ---- */

/* Takes as long whatever is wrong with it; that it is long shows. */
static bool same_token(struct slice given, struct slice token)
{
	unsigned difference = given.len != token.len;

	for (size_t i = 0; i < given.len; i++)
		difference |= (unsigned)(given.ptr[i] ^ token.ptr[i % token.len]);
	return difference == 0;
}

static bool may_change(struct web *web)
{
	static const char scheme[] = "Bearer ";
	struct slice token = net_settings_http_token(web->admin->running->site.settings);
	const char *given = web->authorization;

	if (!token.ptr) {
		web_refuse(web, MHD_HTTP_FORBIDDEN,
			   "nothing can be changed here without 'http-token-file' in 'global'");
		return false;
	}
	if (given && strncasecmp(given, scheme, strlen(scheme)) == 0 &&
	    same_token(slice_trim(slice_of_string(given + strlen(scheme))), token))
		return true;
	web_refuse(web, MHD_HTTP_UNAUTHORIZED,
		   given ? "the token is not that of 'http-token-file'" : "expects 'Authorization: Bearer TOKEN'");
	return false;
}

const struct web_route *web_find(struct web *web)
{
	const char *method = strcmp(web->method, "HEAD") == 0 ? "GET" : web->method;
	const struct web_route *found = NULL;

	web->status = MHD_HTTP_OK;
	for (size_t i = 0; i < COUNT(rows) && !found; i++) {
		if (!matches(rows[i].path, web->path, web))
			continue;
		if (strcmp(rows[i].method, method) == 0)
			found = &rows[i];
		else
			allow(web, rows[i].method);
	}
	if (!found && *web->allow)
		web_refuse(web, MHD_HTTP_METHOD_NOT_ALLOWED, "the method can be %s", web->allow);
	else if (!found)
		web_refuse(web, MHD_HTTP_NOT_FOUND, "nothing is here; /v1/openapi.json tells what there is");
	if (!found || (web_route_has_body(found) && !may_change(web)))
		return NULL;
	*web->allow = 0;
	web->type = found->type;
	return found;
}

/* A GET only reads. */
bool web_route_has_body(const struct web_route *route)
{
	return strcmp(route->method, "GET") != 0;
}

void web_run(struct web *web, const struct web_route *route)
{
	route->run(web);
}
