/* SPDX-License-Identifier: MIT */
/*
 * What a connection costs: system calls, heap and copies are counted while
 * `costs.on`, in this process alone.  The peer is another process.
 */
#ifndef COSTS_H
#define COSTS_H

#include <stddef.h>
#include <stdint.h>

#include "ktls/ktls.h"

/* Heap and copies cannot be counted beneath a sanitizer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COSTS_OF_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define COSTS_OF_MEMORY 0
#endif
#endif
#ifndef COSTS_OF_MEMORY
#define COSTS_OF_MEMORY 1
#endif

/* Less is a header, a tag, a struct. */
#define COSTS_COPY_MIN 512

struct costs {
	int on;
	unsigned long sends;   /* system calls */
	unsigned long receives;
	unsigned long preads;
	unsigned long others;
	unsigned long allocs;  /* malloc(), calloc(), realloc() */
	size_t copied;         /* bytes, by memcpy() and memmove() */
	long live;             /* bytes of heap, on or not */
	long fail_at;          /* so many allocations on, one fails, and this
				* is 0; 0 from the start: none does */
	/* Sees what is freed, before it is; NULL: nobody looks. */
	void (*look)(const void *block, size_t len);
};

extern struct costs costs;

/* costs_heap.c: not while a stand-in for the kernel is at work. */
extern int costs_outside;

/* costs_calls.c: over the table that is there.  A socket takes all that it is
 * given, and with `full` a receive fills its buffer. */
void costs_calls(int full);

/* costs_peer.c: the other end of every connection; the parent's end of its
 * control socket is kept. */
void costs_peer_start(uint16_t version);
void costs_peer_stop(void);

/* A connection whose handshake is done and handed off, its SSL freed; our
 * side is the server. */
struct ktls *costs_connect(const struct ktls_opts *opts);

enum costs_work {
	COSTS_OPEN = 1, /* one connection */
	COSTS_DRAIN,    /* `len` bytes of connection 0 */
	COSTS_SEND,     /* `len` bytes to connection 0 */
	COSTS_ECHO      /* `len` bytes to each, and back */
};
void costs_peer_do(enum costs_work work, size_t len);
/* It has done that. */
void costs_peer_wait(void);

#endif
