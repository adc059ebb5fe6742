/* SPDX-License-Identifier: MIT */
/*
 * One cell: a connection and both of its ends, moved in turn by one thread.
 * Bursts go into the sockets' buffers and out of them again, and the clock
 * runs for one of the two only: neither end ever waits, or is woken, so that
 * the scheduler has no part in what is counted.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kbench.h"

#define BURST BUF_SIZE
/* Bursts in plaintext, before the handshake, until TCP's windows have grown
 * to their sizes; then some of the real ones before those that count. */
#define GROWTH 24
#define WARM_UP 4
#define BURSTS 5

struct rig {
	const struct cell *cell;
	struct end end;
	struct end peer;
	const char *peer_why;
	double costs[WARM_UP + BURSTS]; /* per byte */
};

uint64_t thread_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *set_up_peer(void *arg)
{
	struct rig *rig = arg;

	rig->peer_why = ends_setup_peer(&rig->peer, rig->cell);
	return NULL;
}

static int grow(struct rig *rig)
{
	int sends = rig->cell->dir == KTLS_TX;
	struct end *from = sends ? &rig->end : &rig->peer;
	struct end *to = sends ? &rig->peer : &rig->end;
	int i;

	for (i = 0; i < GROWTH; i++) {
		if (move_send(from, BURST) != (ssize_t)BURST)
			return -1;
		while (move_discard(to, BURST) > 0)
			;
	}
	return 0;
}

/* The handshake alone takes two threads. */
static const char *set_up(struct rig *rig)
{
	pthread_t thread;
	const char *why;

	if (grow(rig) < 0)
		return "TCP does not take a burst";
	if (pthread_create(&thread, NULL, set_up_peer, rig) != 0)
		return "no thread";
	why = ends_setup(&rig->end, rig->cell);
	if (why != NULL)
		ends_close(&rig->end);
	pthread_join(thread, NULL);
	return why != NULL ? why : rig->peer_why;
}

static int move_burst(struct rig *rig, int i)
{
	uint64_t start = thread_clock();
	size_t done = 0;
	ssize_t n;

	while (done < BURST) {
		n = rig->cell->move(&rig->end, rig->cell->size);
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	rig->costs[i] = (double)(thread_clock() - start) / (double)done;
	return 0;
}

static int send_and_drain(struct rig *rig, int i)
{
	if (move_burst(rig, i) < 0)
		return -1;
	while (move_discard(&rig->peer, BUF_SIZE) > 0)
		;
	return 0;
}

static int fill_and_receive(struct rig *rig, int i)
{
	if (move_send(&rig->peer, BURST) != (ssize_t)BURST)
		return -1;
	return move_burst(rig, i);
}

static const char *run(struct rig *rig)
{
	int sends = rig->cell->dir == KTLS_TX;
	int i;

	for (i = 0; i < WARM_UP + BURSTS; i++)
		if ((sends ? send_and_drain(rig, i) :
			     fill_and_receive(rig, i)) < 0)
			return "the call failed";
	return ends_check(&rig->end, rig->cell);
}

/* Both ends' memory and the file stay the same, so that every cell finds the
 * caches of the kernel in the same state. */
static const struct end *memory(void)
{
	static struct end end;
	char name[] = "/run/lab/kbench.XXXXXX";
	size_t i;

	if (end.buf != NULL)
		return &end;
	end.buf = malloc(BUF_SIZE);
	end.file = mkstemp(name);
	if (end.buf == NULL || end.file < 0)
		return NULL;
	unlink(name);
	memset(end.buf, 'k', BUF_SIZE);
	for (i = 0; i < FILE_SIZE; i += BUF_SIZE)
		if (write(end.file, end.buf, BUF_SIZE) != (ssize_t)BUF_SIZE)
			return NULL;
	return &end;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

void measure_line(const struct cell *cell, double *costs, size_t n)
{
	const int is_tls = cell->setup != PLAIN;
	const char *version = cell->version == KTLS_TLS_1_3 ? "TLSv1.3" :
							      "TLSv1.2";

	qsort(costs, n, sizeof(*costs), compare);
	printf("%s\t%s\t%s\t%s\t%s\t%zu\t%.6g\t%.6g\t%.6g\n", cell->name,
	       cell->call, cell->path, is_tls ? version : "-",
	       is_tls ? cell->suite->name : "-", cell->size, costs[n / 2],
	       costs[0], costs[n - 1]);
	fflush(stdout);
}

static void tell(struct rig *rig, const char *why)
{
	const struct cell *cell = rig->cell;

	if (why == NULL)
		measure_line(cell, rig->costs + WARM_UP, BURSTS);
	else
		fprintf(stderr, "kbench: %s %s %s %zu: %s\n", cell->call,
			cell->path, cell->suite->name, cell->size, why);
}

static int measure_cell(const struct cell *cell, int unseen)
{
	const struct end *with = memory();
	struct rig rig = { .cell = cell };
	int fds[2] = { -1, -1 };
	const char *why;

	if (with == NULL || ends_connect(fds) < 0) {
		perror("kbench");
		return -1;
	}
	rig.end = *with;
	rig.peer = *with;
	rig.end.fd = fds[0];
	rig.peer.fd = fds[1];
	why = set_up(&rig);
	if (why == NULL)
		why = run(&rig);
	ends_close(&rig.end);
	ends_close(&rig.peer);
	if (!unseen)
		tell(&rig, why);
	return 0;
}

int measure(const struct cell *cell)
{
	return measure_cell(cell, 0);
}

int measure_unseen(const struct cell *cell)
{
	return measure_cell(cell, 1);
}
