/* SPDX-License-Identifier: MIT */
/*
 * The tape: what the peer sends, sealed before the measurement, so that the
 * peer needs no time to encrypt while it is received.
 */
#ifndef KTLS_BENCH_TAPE_H
#define KTLS_BENCH_TAPE_H

#include "conn.h"

/* Bytes of payload on it, at most. */
#define TAPE_PLAIN ((size_t)64 << 20)

/* Plain bytes: the source's first SOURCE_MEMORY ones, over and over. */
int tape_fill(size_t len);

/* What `ssl` makes of `len` such bytes; it writes nowhere else any more. */
int tape_seal(SSL *ssl, size_t len);

/*
 * Send it from the client's end, while `len` bytes are read at the server's
 * in calls of `size`.  Returns the reader's CPU seconds, negative: failed.
 */
double tape_play(struct conn *c, void *buf, size_t size, size_t len);

/* The same, with the bytes compared and nothing measured. */
int tape_check(struct conn *c, void *buf, size_t size, size_t len);

/* Only send it; worker_wait() ends that. */
int tape_start(struct conn *c);
size_t tape_length(void);

#endif
