/* SPDX-License-Identifier: MIT */
/* Heap bytes of a connection that is idle after some traffic. */
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "jobs.h"

#define WARM 64

struct crowd {
	SSL_CTX *ctx, *client;
	enum drive drive;
};

static double heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + (double)m.hblkhd;
}

static int open_one(struct crowd *cr, struct conn *c)
{
	if (conn_shake(c, cr->ctx, cr->client, NULL) < 0)
		return -1;
	return cr->drive == DRIVE_KTLS ? end_handoff(&c->server) : 0;
}

/* A full record each way; then the client is a descriptor and no more. */
static int exchange(struct conn *c)
{
	static uint8_t message[RECORD];

	if (end_write(&c->client, message, sizeof(message)) < 0 ||
	    end_read(&c->server, message, sizeof(message)) < 0 ||
	    end_write(&c->server, message, sizeof(message)) < 0 ||
	    end_read(&c->client, message, sizeof(message)) < 0)
		return -1;
	SSL_free(c->client.ssl);
	c->client.ssl = NULL;
	return 0;
}

static double hold(struct crowd *cr, struct conn *c, long n)
{
	double before = heap(), after;
	long i, open = 0;
	int err = 0;

	for (i = 0; i < n && err == 0; i++) {
		err = open_one(cr, &c[i]);
		open++;
		if (err == 0)
			err = exchange(&c[i]);
	}
	after = heap();
	for (i = 0; i < open; i++)
		conn_close(&c[i]);
	return err < 0 ? -1 : after - before;
}

static double run(struct way *w, long calls)
{
	struct conn *c = calloc((size_t)calls, sizeof(*c));
	double bytes;

	if (!c)
		return -1;
	/* what is made once is made now, and the free lists are filled */
	bytes = hold(w->state, c, WARM < calls ? WARM : calls);
	if (bytes >= 0)
		bytes = hold(w->state, c, calls);
	free(c);
	return bytes;
}

static void close_crowd(struct way *w)
{
	struct crowd *cr = w->state;

	SSL_CTX_free(cr->ctx);
	SSL_CTX_free(cr->client);
	free(cr);
	w->state = NULL;
}

static int add(struct race *r, const char *name, enum role role,
	       enum drive drive)
{
	struct crowd *cr = calloc(1, sizeof(*cr));
	struct way *w;

	if (!cr)
		return -1;
	cr->ctx = tls_context(1, drive, &suites[0]);
	cr->client = tls_context(0, DRIVE_SSL, &suites[0]);
	cr->drive = drive;
	w = race_add(r, name, role);
	w->run = run;
	w->close = close_crowd;
	w->state = cr;
	return cr->ctx && cr->client ? 0 : -1;
}

/* Two descriptors each, and some for ourselves. */
static long descriptors(long connections)
{
	struct rlimit limit;
	long most;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	most = limit.rlim_max > 1 << 20 ? 1 << 20 : (long)limit.rlim_max;
	most = (most - 64) / 2;
	return connections < most ? connections : most;
}

int bench_memory(void)
{
	static struct race r;

	/* one round: these bytes do not vary */
	r = (struct race){ .name = "memory", .version = suites[0].version,
			   .suite = suites[0].name, .unit = UNIT_BYTES,
			   .calls = descriptors(settings.connections),
			   .rounds = 1 };
	if (!race_wanted(&r))
		return 0;
	if (add(&r, "libktls", ROLE_OURS, DRIVE_KTLS) < 0 ||
	    add(&r, "SSL", ROLE_PEER, DRIVE_SSL) < 0 ||
	    add(&r, "SSL release buffers", ROLE_PEER, DRIVE_SSL_RELEASE) < 0)
		return race_failed(&r, "set-up");
	return race_run(&r);
}
