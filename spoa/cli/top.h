/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `top` shows, apart from the terminal that it shows it on: answers of the runtime API in, lines of a screen out. */
#ifndef SPOA_CLI_TOP_H
#define SPOA_CLI_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "spoa-redirect/base/slice.h"

/* What is asked, and answered in this order. */
#define TOP_COMMANDS "show info;show load;show servers state"

enum top_order { TOP_AS_CONFIGURED, TOP_BY_LOAD, TOP_BY_RATE, TOP_BY_STATE, TOP_ORDERS };

struct top_view;

/* NULL: out of memory. */
struct top_view *top_view_new(void);
void top_view_free(struct top_view *view);

/* An answer to TOP_COMMANDS that came at `now`, in seconds. False: it is none, and all stays as it was. */
bool top_view_take(struct top_view *view, struct slice answer, double now);

/* No answer came: why; NULL: one did. Shown with what is known from before. */
void top_view_fail(struct top_view *view, const char *why);

/* What a key does: a byte, or one of these. False: it is that which ends the program. */
enum top_key {
	TOP_UP = 0x100,
	TOP_DOWN,
	TOP_PAGE_UP,
	TOP_PAGE_DOWN,
	TOP_HOME,
	TOP_END,
	TOP_F4,
	TOP_F5,
	TOP_F6,
	TOP_F7,
	TOP_F8,
	TOP_F9,
	TOP_F10
};
bool top_view_key(struct top_view *view, int key, unsigned rows);

/* What has been agreed to by a key is to be sent, once; NULL: nothing. Until the next key. */
const char *top_view_command(struct top_view *view);

/* What was answered to it, "" if nothing, for that is done. */
void top_view_answer(struct top_view *view, struct slice answer);

/*
 * The command that a key stands for, of a server with such a weight, which may be no number. False: for none; or the names
 * are such that a command cannot have them.
 */
bool top_command(char *text, size_t size, int key, const char *backend, const char *server, const char *weight);

/* The keys that a terminal sends, one after the other; moves on. −1: none is left. */
int top_take_key(struct slice *in);

/*
 * A screen of so many rows and columns, with escape sequences if it is a terminal's, with colours where wanted; rows 0: all
 * servers, once, without any.
 */
void top_view_draw(struct top_view *view, FILE *out, unsigned rows, unsigned columns, bool colours);

size_t top_view_servers(const struct top_view *view);

#endif
