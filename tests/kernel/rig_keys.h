/* SPDX-License-Identifier: MIT */
/*
 * What our side of a rig knows of its own keys, and opens a connection with
 * once its SSL is gone: an application with any TLS stack.  No hook of the
 * library is in that SSL.
 */
#ifndef KTLS_TEST_RIG_KEYS_H
#define KTLS_TEST_RIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "ktls/ktls.h"
#include "tests/tls_calls.h"

/* Reads the records that our SSL sends, as they pass. */
struct rig_tap {
	uint8_t head[13];       /* header, and an explicit nonce */
	size_t have;
	size_t skip;
	int encrypted;
};

struct rig_own {
	struct ktls_session session;
	struct ktls_keys keys[2];  /* client's, server's; TLS 1.2 */
	uint8_t secret[2][48];     /* the same; TLS 1.3 */
	size_t secret_len;
	uint64_t seq[2];           /* RX, TX */
	uint64_t nonce;            /* TLS 1.2: of the last record we sent */
	struct rig_tap tap;
	struct tls_watch watch;
	uint8_t plaintext[16384];  /* that the SSL had left */
	int taken;                 /* the SSL is gone, `session` is there */
};

struct rig;

/* From here on connections are opened by keys.  Before any rig. */
void rig_use_keys(void);
int rig_keys(void);

/* Before the first SSL_new(), and behind it. */
void rig_keys_context(SSL_CTX *ctx);
void rig_keys_watch(struct rig *rig);

/* ktls_handoff() of rig->ssl, or ktls_open() in its place, which frees it
 * whatever comes of it. */
int rig_take_over(struct rig *rig, const struct ktls_opts *opts);

#endif
