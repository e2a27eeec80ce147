/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All clients of a cell, made before it begins: the same seed makes the same ones, so that what is compared had the same to
 * do.
 */
#ifndef SIM_CLIENTS_H
#define SIM_CLIENTS_H

#include "cell.h"

struct client {
	double start;         /* when it asks where to go */
	uint32_t first, last; /* its requests */
	uint32_t agent;       /* whom it asks */
};

struct request {
	double work;    /* seconds at speed 1 */
	double think;   /* of the client before it */
	double arrival; /* at the server */
	uint32_t client, server;
};

struct clients {
	double begin, end; /* requests between are measured; no client starts after */
	struct client *each;
	struct request *requests;
	uint32_t n, n_requests;
};

/* Requests of a client, in the mean. */
double clients_mean_requests(const struct cell *cell);

/* Requests that come in a second. */
double clients_rate(const struct cell *cell);

/* Out of memory it ends the program. */
void clients_make(struct clients *clients, const struct cell *cell);
void clients_release(struct clients *clients);

#endif
