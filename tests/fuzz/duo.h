/* SPDX-License-Identifier: MIT */
/*
 * Two ends of one connection in one thread, for tests by Check: ours is the
 * server and is handed off on the fake kernel, theirs is an SSL that knows
 * of nothing.
 */
#ifndef DUO_H
#define DUO_H

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
};

/* Contexts and connected, non-blocking sockets; `rekey` as in fake_kernel.h. */
void duo_open(struct duo *d, int rekey);

/* The two SSLs, and their handshake. */
void duo_ssl(struct duo *d);
void duo_shake(struct duo *d);

/* Both of these on a prepared context. */
void duo_ready(struct duo *d);

/* Frees k, too. */
void duo_close(struct duo *d, struct ktls *k);

/* The text arrives, and nothing else. */
void duo_to_peer(struct duo *d, const char *text);
void duo_to_us(struct ktls *k, const char *text);

/* Two records each way. */
void duo_alive(struct duo *d, struct ktls *k);

/* Both directions into the kernel. */
struct ktls_opts duo_both(void);

/* The reasons, and the paths that go with them. */
void duo_reasons(struct ktls *k, enum ktls_reason tx, enum ktls_reason rx);

/* Hand off, free the SSL at once, look at the reasons, go on, and close. */
void duo_expect(struct duo *d, const struct ktls_opts *opts,
		enum ktls_reason tx, enum ktls_reason rx);

#endif
