/* SPDX-License-Identifier: MIT */
/* Receiving what a peer sends as fast as it can. */
#include <errno.h>
#include <stdlib.h>

#include "jobs.h"
#include "tape.h"

#define VERIFIED ((size_t)16 << 20)

struct reader {
	struct conn c;
	uint8_t *buffer;
};

static int record_tape(struct reader *rd, size_t len)
{
	if (rd->c.client.ssl)
		return tape_seal(rd->c.client.ssl, len);
	return tape_fill(len);
}

static double run(struct way *w, long calls)
{
	struct reader *rd = w->state;
	size_t left = w->bytes * (size_t)calls, piece;
	double took = 0, cpu;

	for (; left > 0; left -= piece) {
		piece = left < TAPE_PLAIN ? left : TAPE_PLAIN;
		if (record_tape(rd, piece) < 0)
			return -1;
		cpu = tape_play(&rd->c, rd->buffer, w->bytes, piece);
		if (cpu < 0)
			return -1;
		took += cpu;
	}
	return took;
}

static int verify(struct way *w)
{
	struct reader *rd = w->state;

	if (record_tape(rd, VERIFIED) < 0)
		return -1;
	return tape_check(&rd->c, rd->buffer, w->bytes, VERIFIED);
}

static void close_reader(struct way *w)
{
	struct reader *rd = w->state;

	conn_close(&rd->c);
	free(rd->buffer);
	free(rd);
	w->state = NULL;
}

static int add(struct race *r, const char *name, enum role role,
	       const struct suite *suite, enum drive drive)
{
	struct reader *rd = calloc(1, sizeof(*rd));
	struct way *w;

	if (!rd)
		return -1;
	rd->c.server.fd = rd->c.client.fd = -1;
	rd->buffer = aligned_alloc(4096, r->size);
	w = race_add(r, name, role);
	w->run = run;
	w->verify = verify;
	w->close = close_reader;
	w->state = rd;
	if (!rd->buffer || conn_open(&rd->c, suite, drive, DRIVE_SSL) < 0)
		return -1;
	w->provider = rd->c.server.provider;
	return 0;
}

static int race(const struct suite *suite, size_t size)
{
	static struct race r;

	r = (struct race){ .name = "receive", .version = suite->version,
			   .suite = suite->name, .size = size,
			   .unit = UNIT_MB };
	if (!race_wanted(&r))
		return 0;
	if (add(&r, "libktls", ROLE_OURS, suite, DRIVE_KTLS) < 0 ||
	    add(&r, "SSL_read", ROLE_PEER, suite, DRIVE_SSL) < 0 ||
	    add(&r, "SSL_read ahead", ROLE_PEER, suite, DRIVE_SSL_AHEAD) < 0 ||
	    add(&r, "plain TCP", ROLE_PEER, suite, DRIVE_TCP) < 0 ||
	    part_open(&r, suite) < 0 || part_recv(&r, suite) < 0)
		return race_failed(&r, "set-up");
	part_limit(&r);
	return race_run(&r);
}

int bench_receive(void)
{
	static const size_t sizes[] = { 16 << 10, 64 << 10, 256 << 10,
					1 << 20 };
	size_t n;
	int i, err = 0;

	for (i = 0; i < suite_total; i++)
		for (n = 0; n < sizeof(sizes) / sizeof(*sizes); n++)
			if ((sizes[n] == 256 << 10 ||
			     (i == 0 && !settings.quick)) &&
			    race(&suites[i], sizes[n]) < 0)
				err = -1;
	return err;
}
