/* SPDX-License-Identifier: MIT */
/*
 * Two TCP sockets that are connected, with keys in the kernel: `fd` sends to
 * `peer` under `out`, `peer` to `fd` under `in`.  No TLS library takes part.
 */
#ifndef KTLS_TEST_PAIR_H
#define KTLS_TEST_PAIR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ktls/ktls.h"

/* The longest plaintext of a record. */
#define PAIR_MAX 16384

struct pair {
	int fd;
	int peer;
	struct ktls_keys out;
	struct ktls_keys in;
};

/* What the kernel has, and how many suites a test is looped over. */
extern struct ktls_features pair_features;
extern int pair_suites;

/*
 * Once, before any test.  0: go on; else the exit status: 77 where this
 * kernel has no TLS, or 1 where KTLS_REQUIRE_KERNEL=1 wants all of it.
 */
int pair_setup(void);

/* Connected TCP, and the keys of suite i (below pair_suites) for later. */
void pair_tcp(struct pair *p, int i);
void pair_tcp6(struct pair *p, int i);
/* The ULP on both ends too. */
void pair_attached(struct pair *p, int i);
/* Keys in all four places. */
void pair_tls(struct pair *p, int i);
/* Keys at `peer` only: `fd` is plain TCP, for records of our own making. */
void pair_crafted(struct pair *p, int i);
void pair_close(struct pair *p);

int pair_is_1_3(const struct pair *p);
void pair_install(int fd, int dir, const struct ktls_keys *keys);
/* setsockopt() itself, which a second time is a rekey: 0 or -errno. */
int pair_set_keys(int fd, int dir, const struct ktls_keys *keys);
/* The number of the next record. */
uint64_t pair_seq(const struct pair *p, int fd, int dir);

/* A record from `fd`, sealed in this process: its length. */
#define PAIR_RECORD (PAIR_MAX + 64)
size_t pair_seal(struct pair *p, uint8_t rec[PAIR_RECORD], uint8_t type,
		 const void *data, size_t len);
void pair_raw(int fd, const void *bytes, size_t len);
void pair_craft(struct pair *p, uint8_t type, const void *data, size_t len);
/* The next record that `peer` sent to a plain `fd`, opened here: its length. */
size_t pair_open(struct pair *p, uint8_t *type, void *data);

/* All of it is taken; the next call gives exactly this, or fails like this. */
void pair_send(int fd, uint8_t type, const void *data, size_t len);
void pair_recv(int fd, uint8_t type, const void *data, size_t len);
void pair_recv_flags(int fd, uint8_t type, const void *data, size_t len,
		     int flags);
/* Data, in as many calls as it takes. */
void pair_recv_all(int fd, const void *data, size_t len);
void pair_fails(int fd, int err);
/* No whole record is there. */
void pair_nothing(int fd);
/* The peer's FIN. */
void pair_fin(int fd);

void pair_nonblock(int fd);
void pair_buffers(int fd, int len);
/* Bytes that tell their place. */
void pair_fill(void *buf, size_t len);
/* poll() at once, or until something is there; events 0: an error or the end.
 */
int pair_poll(int fd, int events);
int pair_poll_wait(int fd, int events);
int pair_so_error(int fd);

#endif
