/* SPDX-License-Identifier: MIT */
/*
 * The hand-off: what each of its steps costs, beside the server's handshake.
 * Both ends take turns in one thread, so that a step's time is all its own.
 */
#include <stdlib.h>
#include <string.h>

#include "jobs.h"

enum step {
	STEP_PREPARE,   /* ktls_prepare(): once for an SSL_CTX */
	STEP_HANDSHAKE, /* the server's, with our hooks in it */
	STEP_HANDOFF,
	STEP_SSL_FREE,  /* after it */
	STEP_FREE,      /* ktls_free() */
	STEPS
};

struct steps {
	SSL_CTX *ctx[2], *client; /* ctx[1]: prepared */
	const struct suite *suite;
	double took[STEPS], plain, plain_free;
	const char *provider;
};

/* Since `began`, which becomes now. */
static double lap(double *began)
{
	double last = *began;

	*began = cpu_now();
	return *began - last - cpu_overhead();
}

static int plain_once(struct steps *s)
{
	struct conn c;
	double began;
	int err = conn_shake(&c, s->ctx[0], s->client, &s->plain);

	began = cpu_now();
	SSL_free(c.server.ssl);
	s->plain_free += lap(&began);
	c.server.ssl = NULL;
	conn_close(&c);
	return err;
}

static double run_plain(struct way *w, long calls)
{
	struct steps *s = w->state;

	s->plain = s->plain_free = 0;
	for (; calls > 0; calls--)
		if (plain_once(s) < 0)
			return -1;
	return s->plain;
}

static int hand_over(struct steps *s, struct conn *c)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	struct ktls_opts opts = KTLS_OPTS_INIT;
	double began;
	int err;

	opts.tx = KTLS_USERSPACE;
	opts.rx = KTLS_USERSPACE;
	began = cpu_now();
	err = ktls_handoff(&c->server.k, c->server.ssl, &opts);
	s->took[STEP_HANDOFF] += lap(&began);
	if (err < 0)
		return complain("ktls_handoff", err);
	SSL_free(c->server.ssl);
	s->took[STEP_SSL_FREE] += lap(&began);
	c->server.ssl = NULL;
	ktls_info(c->server.k, &info);
	if (info.tx.path != KTLS_PATH_USERSPACE ||
	    info.rx.path != KTLS_PATH_USERSPACE || info.ssl_held)
		return complain("not on the userspace path", -KTLS_ESSL);
	s->provider = info.tx.provider;
	began = cpu_now();
	ktls_free(c->server.k);
	s->took[STEP_FREE] += lap(&began);
	c->server.k = NULL;
	return 0;
}

static int prepare_once(struct steps *s)
{
	SSL_CTX *ctx = tls_context(1, DRIVE_SSL, s->suite);
	double began = cpu_now();
	int err = ctx ? ktls_prepare(ctx, 0) : -KTLS_ESSL;

	s->took[STEP_PREPARE] += lap(&began);
	SSL_CTX_free(ctx);
	return err < 0 ? complain("ktls_prepare", err) : 0;
}

static double run_steps(struct way *w, long calls)
{
	struct steps *s = w->state;
	struct conn c;
	int err;

	memset(s->took, 0, sizeof(s->took));
	/* Once a round: a new SSL_CTX before each handshake would be paid for
	 * in the handshake's caches. */
	if (prepare_once(s) < 0)
		return -1;
	s->took[STEP_PREPARE] *= (double)calls;
	for (; calls > 0; calls--) {
		err = conn_shake(&c, s->ctx[1], s->client,
				 &s->took[STEP_HANDSHAKE]);
		if (err == 0)
			err = hand_over(s, &c);
		conn_close(&c);
		if (err < 0)
			return -1;
	}
	w->provider = s->provider;
	return s->took[STEP_HANDOFF];
}

static double mean(const struct way *w, double total)
{
	return total * 1e6 / (double)w->calls;
}

static double prepare_us(const struct way *w, int round)
{
	(void)round;
	return mean(w, ((struct steps *)w->state)->took[STEP_PREPARE]);
}

static double handshake_us(const struct way *w, int round)
{
	(void)round;
	return mean(w, ((struct steps *)w->state)->took[STEP_HANDSHAKE]);
}

static double ssl_free_us(const struct way *w, int round)
{
	(void)round;
	return mean(w, ((struct steps *)w->state)->took[STEP_SSL_FREE]);
}

static double free_us(const struct way *w, int round)
{
	(void)round;
	return mean(w, ((struct steps *)w->state)->took[STEP_FREE]);
}

static double plain_free_us(const struct way *w, int round)
{
	(void)round;
	return mean(w, ((struct steps *)w->state)->plain_free);
}

static void add_steps(struct race *r, struct steps *s)
{
	static const struct {
		const char *name;
		double (*run)(struct way *, long);
		double (*derive)(const struct way *, int);
	} ours[] = {
		{ "ktls_handoff", run_steps, NULL },
		{ "SSL_free after it", NULL, ssl_free_us },
		{ "SSL_free without it", NULL, plain_free_us },
		{ "ktls_free", NULL, free_us },
		{ "handshake, prepared", NULL, handshake_us },
		{ "ktls_prepare, once", NULL, prepare_us },
	};
	struct way *w;
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		w = race_add(r, ours[i].name, ROLE_OURS);
		w->run = ours[i].run;
		w->derive = ours[i].derive;
		w->state = s;
	}
	w = race_add(r, "server's handshake", ROLE_PEER);
	w->run = run_plain;
	w->state = s;
}

int bench_handoff(void)
{
	static struct race r;
	struct steps s = { .suite = &suites[0] };
	int err;

	r = (struct race){ .name = "hand-off", .version = suites[0].version,
			   .suite = suites[0].name, .unit = UNIT_US,
			   .compare = COMPARE_SHARE,
			   .calls = settings.quick ? 50 : 150 };
	if (!race_wanted(&r))
		return 0;
	s.ctx[0] = tls_context(1, DRIVE_SSL, s.suite);
	s.ctx[1] = tls_context(1, DRIVE_KTLS, s.suite);
	s.client = tls_context(0, DRIVE_SSL, s.suite);
	add_steps(&r, &s);
	err = s.ctx[0] && s.ctx[1] && s.client ? race_run(&r) :
						 race_failed(&r, "set-up");
	SSL_CTX_free(s.ctx[0]);
	SSL_CTX_free(s.ctx[1]);
	SSL_CTX_free(s.client);
	return err;
}
