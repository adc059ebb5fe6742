/* SPDX-License-Identifier: MIT */
/* What the hand-off costs, beside the handshake that comes before it. */
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#include "kbench.h"

/* A signature takes now more, now less: the median of some. */
#define TIMES 21

struct costs {
	double handshake[TIMES];
	double handoff[TIMES];
};

struct client {
	const struct cell *cell;
	int fd;
	int ok;
};

static void *connect_client(void *arg)
{
	struct client *client = arg;
	SSL *ssl = ends_ssl(client->fd, client->cell, 0, 0);
	char byte;

	client->ok = ssl != NULL && SSL_do_handshake(ssl) == 1;
	SSL_free(ssl);
	/* Until the server closes. */
	while (recv(client->fd, &byte, 1, 0) > 0)
		;
	return NULL;
}

static int take(const struct cell *cell, struct end *end, struct costs *costs,
		int i)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	uint64_t start;
	uint64_t done;
	int err;

	opts.tx = cell->setup == HANDED_USER ? KTLS_USERSPACE : KTLS_KERNEL;
	opts.rx = opts.tx;
	end->ssl = ends_ssl(end->fd, cell, 1, 1);
	start = thread_clock();
	if (end->ssl == NULL || SSL_do_handshake(end->ssl) != 1)
		return -1;
	done = thread_clock();
	err = ktls_handoff(&end->ktls, end->ssl, &opts);
	costs->handoff[i] = (double)(thread_clock() - done);
	costs->handshake[i] = (double)(done - start);
	return err;
}

static int connect_once(const struct cell *cell, struct costs *costs, int i)
{
	struct client client = { .cell = cell };
	struct end end = { .fd = -1 };
	struct end peer = { .fd = -1 };
	pthread_t thread;
	int fds[2];
	int err;

	if (ends_connect(fds) < 0)
		return -1;
	end.fd = fds[0];
	peer.fd = fds[1];
	client.fd = fds[1];
	if (pthread_create(&thread, NULL, connect_client, &client) != 0)
		return -1;
	err = take(cell, &end, costs, i);
	shutdown(end.fd, SHUT_RDWR);
	ends_close(&end);
	pthread_join(thread, NULL);
	ends_close(&peer);
	return client.ok ? err : -1;
}

static void tell(const struct cell *like, const char *call, double *values)
{
	struct cell cell = *like;

	cell.call = call;
	measure_line(&cell, values, TIMES);
}

/* The kernel's own part: three setsockopt()s, each looked at before and
 * after as the library does. */
static int steps(const struct cell *cell, double *cost)
{
	uint64_t start;
	int fds[2];
	int err;

	if (ends_connect(fds) < 0)
		return -1;
	start = thread_clock();
	err = ends_install(fds[0], cell, KTLS_TX);
	if (err == 0)
		err = ends_install(fds[0], cell, KTLS_RX);
	*cost = (double)(thread_clock() - start);
	ends_close(&(struct end){ .fd = fds[0] });
	ends_close(&(struct end){ .fd = fds[1] });
	return err;
}

static int sockets(const struct cell *cell)
{
	double values[TIMES];
	int i;

	for (i = 0; i < TIMES; i++)
		if (steps(cell, &values[i]) < 0)
			return -1;
	tell(cell, "attach+install", values);
	return 0;
}

static int connections(const struct cell *cell)
{
	struct costs costs;
	int i;

	for (i = 0; i < TIMES; i++)
		if (connect_once(cell, &costs, i) < 0)
			return -1;
	tell(cell, "SSL_accept", costs.handshake);
	tell(cell, "ktls_handoff", costs.handoff);
	return 0;
}

int handoff_costs(void)
{
	static const struct cell kernel = { .name = "hand-off",
					    .path = "kernel",
					    .setup = HANDED,
					    .version = KTLS_TLS_1_3,
					    .suite = &suites[0] };
	struct cell user = kernel;

	user.path = "userspace";
	user.setup = HANDED_USER;
	if (connections(&kernel) == 0 && connections(&user) == 0 &&
	    sockets(&kernel) == 0)
		return 0;
	fprintf(stderr, "kbench: the hand-offs could not be measured\n");
	return -1;
}
