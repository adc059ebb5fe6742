/* SPDX-License-Identifier: MIT */
/*
 * Two ends of one connection in one thread, for tests by Check: ours is the
 * server and is handed off on the fake kernel, theirs is an SSL that knows
 * of nothing.
 */
#ifndef DUO_H
#define DUO_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "ktls/ktls.h"

struct duo {
	SSL_CTX *ctx;
	SSL_CTX *other; /* a context for the servername callback */
	SSL_CTX *peer_ctx;
	SSL *ssl;
	SSL *peer;
	int fd;
	int peer_fd;
	int alert;   /* the last one that the peer has read; -1: none */
	size_t sent; /* bytes of the pattern: taken by our side */
	size_t got;  /* ... and come to the peer */
};

/* Contexts and connected, non-blocking sockets; `rekey` as in fake_kernel.h. */
void duo_open(struct duo *d, int rekey);

/* The two SSLs, and their handshake. */
void duo_ssl(struct duo *d);
void duo_shake(struct duo *d);

/* Both of these on a prepared context. */
void duo_ready(struct duo *d);

/* The same SSL on new sockets, to a new peer; the handshake is still due. */
void duo_again(struct duo *d);

/* Our SSL and the peer's on a pair of BIOs, or on memory BIOs (`memory`). */
void duo_bios(struct duo *d, int memory);

/* Frees k, too. */
void duo_close(struct duo *d, struct ktls *k);

/* The text arrives, and nothing else. */
void duo_to_peer(struct duo *d, const char *text);
void duo_to_us(struct ktls *k, const char *text);

/* Two records each way. */
void duo_alive(struct duo *d, struct ktls *k);

/* Little room for what we send. */
void duo_small(struct duo *d);

/* What the peer writes in between goes out in one piece. */
BIO *duo_hold(struct duo *d);
void duo_release(struct duo *d, BIO *held);

/* The peer resets the connection, and we could know it by now. */
void duo_reset(struct duo *d);

/* A pattern without end, and one place in it; DUO_PIECE bytes are there. */
#define DUO_PIECE (1 << 18)
const uint8_t *duo_pattern(size_t at);

/* The next `len` bytes of the pattern: ktls_write(), counted. */
ssize_t duo_put(struct duo *d, struct ktls *k, size_t len);

/* ... until -EAGAIN. */
void duo_fill(struct duo *d, struct ktls *k);

/* What has come to the peer by now; it is the pattern. */
size_t duo_drain(struct duo *d);

/* Read at the peer, until this alert comes and no other. */
void duo_alert(struct duo *d, int number);

/* ktls_read() until it is not -EAGAIN. */
ssize_t duo_read(struct ktls *k, void *buf, size_t len);

/* Both directions into the kernel. */
struct ktls_opts duo_both(void);

/* Hand off, by these choices. */
struct ktls *duo_choose(struct duo *d, enum ktls_choice tx,
			enum ktls_choice rx);

/* The paths, and whether the SSL is kept for them. */
void duo_paths(struct ktls *k, enum ktls_path tx, enum ktls_path rx);

/* The reasons, and the paths that go with them. */
void duo_reasons(struct ktls *k, enum ktls_reason tx, enum ktls_reason rx);

/* Hand off, free the SSL at once, look at the reasons, go on, and close. */
void duo_expect(struct duo *d, const struct ktls_opts *opts,
		enum ktls_reason tx, enum ktls_reason rx);

#endif
