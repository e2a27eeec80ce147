/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that datagrams with reports come to, read many at a time, and what becomes of each. Control thread. */
#ifndef SPOA_LOAD_RECEIVER_H
#define SPOA_LOAD_RECEIVER_H

#include "probe.h"
#include "settings.h"

struct receiver;

/* Of nothing yet. NULL: out of memory. */
struct receiver *receiver_new(struct load *load);

/* As load_prepare() and its kin. */
bool receiver_prepare(struct receiver *receiver, const struct load_settings *settings, struct inherited *inherited,
		      char *why, size_t size);
void receiver_unprepare(struct receiver *receiver);
void receiver_move(struct receiver *receiver);
void receiver_pause(struct receiver *receiver);
size_t receiver_sockets(const struct receiver *receiver, struct listening_socket *to, size_t room);
uint64_t receiver_count(const struct receiver *receiver, enum load_datagram outcome);
uint64_t receiver_lost(const struct receiver *receiver);

/* One datagram; the address only for the log. */
enum load_datagram receiver_take(struct receiver *receiver, struct slice bytes, const struct endpoint *from,
				 double now);

void receiver_free(struct receiver *receiver);

#endif
