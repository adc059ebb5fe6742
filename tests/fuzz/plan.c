/* SPDX-License-Identifier: MIT */
/* Draws what one iteration of the hand-off fuzz test will do. */
#include <errno.h>
#include <string.h>

#include "run.h"
#include "tests/tls_calls.h"

static int one_in(struct run *r, size_t n)
{
	return stream_one_in(&r->random, n);
}

static enum ktls_choice choice(struct run *r)
{
	switch (stream_below(&r->random, 8)) {
	case 0:
		return KTLS_LIBRARY;
	case 1:
		return KTLS_USERSPACE;
	case 2:
	case 3:
		return KTLS_AUTO;
	default:
		return KTLS_KERNEL;
	}
}

/* A few bytes at a time are slow: seldom. */
static size_t chunk(struct run *r)
{
	switch (stream_below(&r->random, 12)) {
	case 0:
		return stream_between(&r->random, 3, 30);
	case 1:
	case 2:
		return stream_between(&r->random, 100, 700);
	case 3:
	case 4:
	case 5:
		return stream_between(&r->random, 1000, 8000);
	default:
		return RUN_BUFFER;
	}
}

static void plan_refusals(struct run *r)
{
	struct run_plan *p = &r->plan;

	if (one_in(r, 16))
		p->refuse_ulp = one_in(r, 2) ? ENOENT : ENOTCONN;
	if (one_in(r, 6))
		p->refuse_tx = one_in(r, 2) ? EINVAL : ENOENT;
	if (one_in(r, 6))
		p->refuse_rx = one_in(r, 2) ? EINVAL : ENOMEM;
}

static void plan_transport(struct run *r)
{
	struct run_plan *p = &r->plan;

	p->blocking = one_in(r, 4);
	p->memory_bio = one_in(r, 4);
	p->closing_bio = !p->memory_bio && one_in(r, 8);
	p->give_fd = p->memory_bio || one_in(r, 4);
	p->small_buffers = !p->blocking && one_in(r, 3);
	p->chunk = p->blocking ? RUN_BUFFER : chunk(r);
	p->prepare = one_in(r, 24) ? RUN_UNPREPARED :
		     one_in(r, 2) ? RUN_EARLY : RUN_LATE;
	if (!p->blocking && one_in(r, 2))
		p->disturb = (unsigned)stream_between(&r->random, 3, 40);
	else if (p->blocking && one_in(r, 4))
		p->disturb = 20;
}

/* The one that is drawn, or that two ends come to by themselves. */
static int suite(struct run *r)
{
	int drawn = (int)stream_below(&r->random, 3);

	if (r->plan.version != KTLS_TLS_1_3 || tls_has(TLS_CHOICE_1_3) ||
	    tls_group_of_suite(run_suites_1_3[drawn]))
		return drawn;
	return strstr(tls_suite_of_two(), "CHACHA20") ? 2 : 0;
}

void run_plan(struct run *r)
{
	struct run_plan *p = &r->plan;

	p->version = one_in(r, 3) ? KTLS_TLS_1_2 : KTLS_TLS_1_3;
	p->suite = suite(r);
	p->near_server = one_in(r, 2);
	plan_transport(r);
	plan_refusals(r);
	p->tx = choice(r);
	p->rx = choice(r);
	p->flags = (one_in(r, 4) ? (unsigned)KTLS_KEEP_SSL : 0) |
		   (one_in(r, 6) ? (unsigned)KTLS_NO_WAIT : 0);
	p->keep_ssl = one_in(r, 2);
	/* not drawn, so that seeds of before give the connections of before */
	if (!tls_has(TLS_REFERENCES) || r->index % 3 == 2)
		p->flags |= KTLS_TAKE_SSL;
	p->tickets = stream_below(&r->random, 5);
	p->hello_retry = p->version == KTLS_TLS_1_3 && one_in(r, 8);
	p->key_updates = p->version == KTLS_TLS_1_3 && one_in(r, 2);
	p->steps_before = one_in(r, 4) ? 0 : stream_below(&r->random, 12);
	p->writes_after = stream_between(&r->random, 2, 5);
	p->truncate = one_in(r, 16);
	run_trace(r, "plan: version %x suite %d %s%s%s%s%s chunk %zu "
		  "prepare %d refuse %d %d %d choice %d %d flags %x disturb %u",
		  p->version, p->suite, p->near_server ? "server" : "client",
		  p->blocking ? " blocking" : "",
		  p->memory_bio ? " memory" : "",
		  p->closing_bio ? " closing" : "",
		  p->small_buffers ? " small" : "", p->chunk, p->prepare,
		  p->refuse_ulp, p->refuse_tx, p->refuse_rx, p->tx, p->rx,
		  p->flags, p->disturb);
}
