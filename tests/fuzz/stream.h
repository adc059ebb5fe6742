/* SPDX-License-Identifier: MIT */
/* Seeded numbers, and payload that knows its own place in the stream. */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>
#include <stdint.h>

struct stream_random {
	uint64_t state;
};

/* A generator of its own for each (seed, index). */
void stream_seed(struct stream_random *r, uint64_t seed, uint64_t index);
uint64_t stream_next(struct stream_random *r);
/* 0 to n-1; 0 for n 0. */
size_t stream_below(struct stream_random *r, size_t n);
/* from..to, both included. */
size_t stream_between(struct stream_random *r, size_t from, size_t to);
/* 1 in n times true. */
int stream_one_in(struct stream_random *r, size_t n);

/* The bytes [off, off + len) of the stream that `key` names. */
void stream_fill(uint64_t key, uint64_t off, void *buf, size_t len);
/* How many bytes are right before the first wrong one. */
size_t stream_check(uint64_t key, uint64_t off, const void *buf, size_t len);

#endif
