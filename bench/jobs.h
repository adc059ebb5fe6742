/* SPDX-License-Identifier: MIT */
/* The jobs, each of which adds its races to the result. */
#ifndef KTLS_BENCH_JOBS_H
#define KTLS_BENCH_JOBS_H

#include "conn.h"
#include "race.h"

/* Each returns 0, or -1: some race of it failed to run. */
int bench_send(void);
int bench_receive(void);
int bench_round_trips(void);
int bench_handoff(void);
int bench_connections(void);
int bench_memory(void);

/*
 * Parts of the limit, as ways of a race: what encrypting, copying and the
 * socket cost alone, per byte of payload.  `size` is that of a call.
 */
int part_seal(struct race *r, const struct suite *s, bool in_place);
int part_open(struct race *r, const struct suite *s);
int part_copy(struct race *r, const struct source *source);
int part_send(struct race *r, const struct suite *s);
int part_recv(struct race *r, const struct suite *s);
/*
 * The parts in one loop, which is no TLS for want of headers and keys, but
 * costs what one would: a peer.
 */
int bare_loop(struct race *r, const struct suite *s, bool file);
/* 1 / (the sum of the times of all parts), as a peer named "limit". */
void part_limit(struct race *r);

#endif
