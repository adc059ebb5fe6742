/* SPDX-License-Identifier: MIT */
/* Small messages, there and back: both ends in one thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jobs.h"

#define MESSAGE_MAX 1024
#define VERIFIED 1000

struct pair {
	struct conn c;
	uint8_t out[MESSAGE_MAX], in[MESSAGE_MAX];
};

static int there_and_back(struct pair *p, size_t len)
{
	if (end_write(&p->c.client, p->out, len) < 0 ||
	    end_read(&p->c.server, p->in, len) < 0 ||
	    end_write(&p->c.server, p->in, len) < 0)
		return -1;
	return end_read(&p->c.client, p->in, len);
}

static double run(struct way *w, long calls)
{
	double began = cpu_now();

	for (; calls > 0; calls--)
		if (there_and_back(w->state, w->bytes) < 0)
			return -1;
	return cpu_now() - began;
}

static int verify(struct way *w)
{
	struct pair *p = w->state;
	size_t i;

	for (i = 0; i < VERIFIED; i++) {
		memcpy(p->out, source_get()->memory + i * w->bytes, w->bytes);
		memset(p->in, 0, sizeof(p->in));
		if (there_and_back(p, w->bytes) < 0)
			return -1;
		if (memcmp(p->in, p->out, w->bytes) != 0)
			return complain("wrong bytes", -EBADMSG);
	}
	return 0;
}

static void close_pair(struct way *w)
{
	struct pair *p = w->state;

	conn_close(&p->c);
	free(p);
	w->state = NULL;
}

static int add(struct race *r, const char *name, enum role role,
	       const struct suite *suite, enum drive drive)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct way *w;

	if (!p || !source_get() || conn_open(&p->c, suite, drive, drive) < 0) {
		free(p);
		return -1;
	}
	w = race_add(r, name, role);
	w->run = run;
	w->verify = verify;
	w->close = close_pair;
	w->state = p;
	w->provider = p->c.server.provider;
	return 0;
}

static int race(const struct suite *suite, size_t size)
{
	static struct race r;

	r = (struct race){ .name = "round-trip", .version = suite->version,
			   .suite = suite->name, .size = size,
			   .unit = UNIT_US };
	if (!race_wanted(&r))
		return 0;
	if (add(&r, "libktls", ROLE_OURS, suite, DRIVE_KTLS) < 0 ||
	    add(&r, "SSL_read, SSL_write", ROLE_PEER, suite, DRIVE_SSL) < 0 ||
	    add(&r, "the same, ahead", ROLE_PEER, suite, DRIVE_SSL_AHEAD) < 0 ||
	    add(&r, "plain TCP", ROLE_PEER, suite, DRIVE_TCP) < 0)
		return race_failed(&r, "set-up");
	return race_run(&r);
}

int bench_round_trips(void)
{
	static const size_t sizes[] = { 64, MESSAGE_MAX };
	size_t n;
	int err = 0;

	for (n = 0; n < sizeof(sizes) / sizeof(*sizes); n++)
		if (race(&suites[0], sizes[n]) < 0)
			err = -1;
	return err;
}
