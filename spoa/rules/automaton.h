/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A regular regex as a table of states: one look for each byte of a text, whatever the regex and whatever the text. Rabin
 * and Scott, "Finite automata and their decision problems", IBM Journal 3(2), 1959. Built once, then only read.
 */
#ifndef SPOA_RULES_AUTOMATON_H
#define SPOA_RULES_AUTOMATON_H

#include "spoa-redirect/base/arena.h"
#include "spoa-redirect/base/slice.h"

struct automaton;

/* NULL: the regex, which PCRE2 compiled, is not regular, or its table would be large; or out of memory. */
struct automaton *automaton_new(struct arena *arena, struct slice regex, bool nocase);

/*
 * Of a regex that is more than regular, and may go back and forth over a text for long: an automaton without what is more,
 * so that what it does not match, the regex does not match either. NULL: there is none of use.
 */
struct automaton *automaton_new_guard(struct arena *arena, struct slice regex, bool nocase);

/*
 * Whether a match begins in text at *at or behind; a match that has begun before is not seen. `pauses`: it may stop where
 * no match has begun that goes on. *at is where it stopped.
 */
bool automaton_match(const struct automaton *automaton, struct slice text, bool pauses, size_t *at);

#endif
