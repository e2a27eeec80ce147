/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prebuilt.h"

#define ROOM 4096u

static void put_string(struct spop_writer *writer, const char *name, const char *text)
{
	struct spop_value value = { .type = SPOP_STRING, .bytes = { (const uint8_t *)text, strlen(text) } };

	spop_put_set_var(writer, SPOP_TXN, (struct spop_slice){ (const uint8_t *)name, strlen(name) }, &value);
}

static void put_number(struct spop_writer *writer, const char *name, int64_t number)
{
	struct spop_value value = { .type = SPOP_UINT32, .integer = number };

	spop_put_set_var(writer, SPOP_TXN, (struct spop_slice){ (const uint8_t *)name, strlen(name) }, &value);
}

static struct slice keep(struct arena *arena, const struct spop_writer *writer, const uint8_t *start)
{
	return writer->full ? slice_of(NULL, 0) : arena_slice(arena, slice_of(start, (size_t)(writer->at - start)));
}

static struct slice build_server(struct arena *arena, const struct server *server)
{
	uint8_t bytes[ROOM];
	struct spop_writer writer;

	spop_writer_init(&writer, bytes, sizeof(bytes));
	put_string(&writer, "backend", server->backend->name);
	put_string(&writer, "server", server->name);
	return keep(arena, &writer, bytes);
}

static struct slice build_target(struct arena *arena, const struct backend *backend, struct slice names)
{
	const struct redirect *redirect = &backend->redirect;
	uint8_t bytes[ROOM];
	struct spop_writer writer;

	spop_writer_init(&writer, bytes, sizeof(bytes));
	put_string(&writer, "reason", answer_reason_name(REASON_REDIRECT));
	spop_put_bytes(&writer, names.ptr, names.len);
	put_number(&writer, "code", redirect->code);
	if (redirect->ttl >= 0)
		put_number(&writer, "ttl", redirect->ttl);
	return keep(arena, &writer, bytes);
}

/* What a redirect to it copies lies beside what tells where. */
static void move_in(struct server *server)
{
	struct slice *target = &server->target, *prefix = &server->redir.prefix;

	if (target->len + prefix->len > sizeof(server->bytes))
		return;
	memcpy(server->bytes, target->ptr, target->len);
	memcpy(server->bytes + target->len, prefix->ptr, prefix->len);
	*target = slice_of(server->bytes, target->len);
	*prefix = slice_of(server->bytes + target->len, prefix->len);
}

bool prebuilt_server(struct arena *arena, struct server *server)
{
	server->said = build_server(arena, server);
	server->target = build_target(arena, server->backend, server->said);
	if (!server->said.ptr || !server->target.ptr)
		return false;
	move_in(server);
	return true;
}

static bool build_servers(struct arena *arena, struct backend *backend, struct prebuilt *prebuilt)
{
	for (size_t i = 0; i < backend->n_servers; i++) {
		if (!prebuilt_server(arena, backend->servers[i]))
			return false;
		if (backend->servers[i]->redir.tls)
			atomic_init(&prebuilt->any_tls, true);
	}
	return true;
}

static void release_authorities(void *into)
{
	struct authorities *authorities =
		atomic_load_explicit(&((struct prebuilt *)into)->authorities, memory_order_relaxed);

	if (authorities_are_own(authorities))
		authorities_release((struct retired *)authorities);
}

/* Of a server that goes, any_tls may stay: it only has a request looked at more closely. */
bool answer_servers_changed(struct arena *arena, struct backend *backend, struct server *fresh,
			    struct retired **retired)
{
	struct prebuilt *prebuilt = backend->prebuilt;
	struct authorities *authorities = authorities_own(backend), *old;

	if (!authorities)
		return false;
	old = atomic_load_explicit(&prebuilt->authorities, memory_order_relaxed);
	if (!authorities_are_own(old) && !arena_on_free(arena, release_authorities, prebuilt)) {
		authorities_release((struct retired *)authorities);
		return false;
	}
	if (fresh && fresh->redir.tls)
		atomic_store_explicit(&prebuilt->any_tls, true, memory_order_relaxed);
	atomic_store_explicit(&prebuilt->authorities, authorities, memory_order_release);
	if (authorities_are_own(old))
		retired_add(retired, (struct retired *)old, authorities_release);
	return true;
}

bool answer_prepare_server(struct server *server)
{
	struct arena *arena = server_arena(server);

	return arena && prebuilt_server(arena, server);
}

struct prebuilt *prebuilt_new(struct arena *arena, struct backend *backend)
{
	struct authorities *authorities = authorities_new(arena, backend);
	struct prebuilt *prebuilt = arena_alloc(arena, sizeof(*prebuilt));
	uint8_t bytes[ROOM];
	struct spop_writer writer;

	if (!prebuilt)
		return NULL;
	spop_writer_init(&writer, bytes, sizeof(bytes));
	put_string(&writer, "backend", backend->name);
	prebuilt->backend = keep(arena, &writer, bytes);
	prebuilt->brief = build_target(arena, backend, slice_of(NULL, 0));
	atomic_init(&prebuilt->authorities, authorities);
	if (!prebuilt->backend.ptr || !prebuilt->brief.ptr || !authorities || !build_servers(arena, backend, prebuilt))
		return NULL;
	return prebuilt;
}
