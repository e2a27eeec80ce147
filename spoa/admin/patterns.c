/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Acls and maps at run time, in HAProxy's words: its management guide, from "add acl" to "show map". */
#include <stdlib.h>
#include <string.h>

#include "admin.h"

/* What stands behind "add map": "[@<version>] <list> …". */
struct asked {
	struct pattern_list *list;
	bool is_map, has_version;
	unsigned version; /* the list's own unless it is given */
	char **words;     /* behind the list's name */
	size_t n;
};

static struct lists *lists_here(const struct session *session)
{
	return ruleset_lists(session->admin->running->site.ruleset);
}

/* words[-1] is the command's own last word, "acl" or "map". */
static void take_version(struct asked *asked, char **words, size_t n)
{
	*asked = (struct asked){ .is_map = strcmp(words[-1], "map") == 0, .words = words, .n = n };
	if (n > 0 && words[0][0] == '@') {
		asked->version = (unsigned)strtoul(words[0] + 1, NULL, 10);
		asked->has_version = true;
		asked->words++;
		asked->n--;
	}
}

static bool take_list(struct session *session, FILE *out, struct asked *asked)
{
	asked->list = asked->n > 0 ? lists_find(lists_here(session), asked->words[0], asked->is_map) : NULL;
	if (!asked->list) {
		fprintf(out, "Unknown %s identifier. Please use #<id> or <file>.\n", asked->is_map ? "map" : "ACL");
		return false;
	}
	asked->words++;
	asked->n--;
	if (!asked->has_version)
		asked->version = list_version(asked->list);
	return true;
}

/* From here on workers find what was changed. */
static void sync_lists(struct session *session, FILE *out, struct retired *retired)
{
	if (!lists_sync(lists_here(session), &retired))
		fprintf(out, "Out of memory: some of it is not found yet.\n");
	grace_after(session->admin->running->grace, retired);
}

/* ---- show and get ---- */

void show_patterns(struct session *session, FILE *out, char **words, size_t n)
{
	struct asked asked;

	take_version(&asked, words, n);
	if (asked.n == 0 && !asked.has_version)
		lists_put(lists_here(session), asked.is_map, out);
	else if (take_list(session, out, &asked))
		list_put(asked.list, asked.version, out);
}

void get_pattern(struct session *session, FILE *out, char **words, size_t n)
{
	struct asked asked;

	take_version(&asked, words, n);
	if (asked.n < 2)
		fprintf(out, "Missing %s identifier and/or key.\n", asked.is_map ? "map" : "ACL");
	else if (take_list(session, out, &asked))
		list_get(asked.list, asked.words[0], out);
}

/* ---- add ---- */

static bool add_one(const struct asked *asked, const char *text, const char *value, FILE *out)
{
	char why[300];
	bool good = list_add(asked->list, asked->version, text, value, why, sizeof(why));

	if (!good)
		fprintf(out, "%s\n", why);
	return good;
}

/* Of each line the key, and of maps what is left of it without blanks around; the first bad one ends it. */
static void add_payload(const struct asked *asked, char *payload, FILE *out)
{
	char *rest = NULL;

	for (char *line = strtok_r(payload, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *key = line + strspn(line, " \t"), *value = key + strcspn(key, " \t\r"),
		     *end = line + strlen(line);

		while (end > value && strchr(" \t\r", end[-1]))
			*--end = 0;
		if (*value)
			*value++ = 0;
		value += strspn(value, " \t");
		if (asked->is_map && !*value) {
			fprintf(out, "Missing value for key '%s'.\n", key);
			return;
		}
		if (*key && !add_one(asked, key, value, out))
			return;
	}
}

/* The words of a value, with one blank between. */
static char *joined(char **words, size_t n)
{
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	if (!to)
		return NULL;
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%s%s", i > 0 ? " " : "", words[i]);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

void add_pattern(struct session *session, FILE *out, char **words, size_t n)
{
	struct asked asked;
	char *value;

	take_version(&asked, words, n);
	if (asked.is_map && asked.n < (session->payload ? 1 : 3)) {
		fprintf(out, "'add map' expects three parameters (map identifier, key and value) or one parameter (map "
			     "identifier) and a payload\n");
		return;
	}
	if (!asked.is_map && asked.n < (session->payload ? 1 : 2)) {
		fprintf(out, "'add acl' expects two parameters: ACL identifier and pattern.\n");
		return;
	}
	if (!take_list(session, out, &asked))
		return;
	if ((int)(asked.version - list_newest(asked.list)) > 0) {
		fprintf(out, "Version number in the future, please use 'prepare %s' before.\n",
			asked.is_map ? "map" : "acl");
		return;
	}
	if (session->payload) {
		add_payload(&asked, session->payload, out);
	} else {
		value = joined(asked.words + 1, asked.n - 1);
		add_one(&asked, asked.words[0], value ? value : "", out);
		free(value);
	}
	sync_lists(session, out, NULL);
}

/* ---- set, del, clear ---- */

void set_pattern(struct session *session, FILE *out, char **words, size_t n)
{
	struct retired *retired = NULL;
	struct asked asked;
	char why[300], *value;

	take_version(&asked, words, n);
	if (asked.n < 3) {
		fprintf(out, "'set map' expects three parameters: map identifier, key and value.\n");
		return;
	}
	if (!take_list(session, out, &asked))
		return;
	value = joined(asked.words + 1, asked.n - 1);
	if (!value || !list_set(asked.list, asked.words[0], value, &retired, why, sizeof(why)))
		fprintf(out, "%s\n", value ? why : "out of memory.");
	free(value);
	sync_lists(session, out, retired);
}

void del_pattern(struct session *session, FILE *out, char **words, size_t n)
{
	struct asked asked;

	take_version(&asked, words, n);
	if (asked.n < 2) {
		fprintf(out, "This command expects two parameters: %s identifier and key.\n",
			asked.is_map ? "map" : "ACL");
		return;
	}
	if (!take_list(session, out, &asked))
		return;
	if (!list_delete(asked.list, asked.words[0]))
		fprintf(out, "Key not found.\n");
	sync_lists(session, out, NULL);
}

void clear_patterns(struct session *session, FILE *out, char **words, size_t n)
{
	struct asked asked;

	take_version(&asked, words, n);
	if (asked.n == 0) {
		fprintf(out, "Missing %s identifier.\n", asked.is_map ? "map" : "ACL");
		return;
	}
	if (!take_list(session, out, &asked))
		return;
	list_clear(asked.list, asked.has_version ? &asked.version : NULL);
	sync_lists(session, out, NULL);
}

/* ---- versions ---- */

void prepare_patterns(struct session *session, FILE *out, char **words, size_t n)
{
	struct asked asked;

	take_version(&asked, words, n);
	if (take_list(session, out, &asked))
		fprintf(out, "New version created: %u\n", list_prepare(asked.list));
}

void commit_patterns(struct session *session, FILE *out, char **words, size_t n)
{
	struct asked asked;

	take_version(&asked, words, n);
	if (!asked.has_version) {
		fprintf(out, "Missing version number.\n");
		return;
	}
	if (!take_list(session, out, &asked))
		return;
	if (!list_commit(asked.list, asked.version)) {
		fprintf(out, "Version number out of range.\n");
		return;
	}
	sync_lists(session, out, NULL);
}
