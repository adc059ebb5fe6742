/* SPDX-License-Identifier: MIT */
/*
 * An SSL whose connection has left it in one direction or both: it still
 * understands handshake messages of TLS 1.3, under the keys and sequence
 * numbers at which it stands since.  What it is told is sealed for it here,
 * what it says is opened.
 */
#ifndef KTLS_BACKEND_FEED_H
#define KTLS_BACKEND_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keylog.h"
#include "ktls/ktls.h"
#include "link.h"

struct ssl_st;

/* Where the SSL stands.  Secret. */
struct ktls__stale {
	struct ktls_keys rx;     /* what it expects next; version 0: RX has
				  * not left it */
	struct ktls_keys tx;     /* what it seals next; version 0: TX has not
				  * left it */
	uint8_t tx_secret[KTLS__SECRET_MAX];
	uint8_t rx_secret[KTLS__SECRET_MAX];
	size_t secret_len;
	uint64_t tx_updates;     /* KeyUpdates that it knows of */
	uint64_t rx_updates;
};

/* What it has said. */
struct ktls__said {
	uint8_t *bytes;          /* handshake messages, in order, the first
				  * one from its beginning */
	size_t len;
	size_t cap;
	_Atomic uint64_t updates; /* stale->tx_updates at the first of them */
	int alert;               /* number of a fatal alert; -1: none */
	unsigned warnings;       /* no_renegotiation, so many times */
	bool key_update;         /* it answers a KeyUpdate that it has read */
};

void ktls__said_init(struct ktls__said *said);

/* As it was after ktls__said_init(). */
void ktls__said_wipe(struct ktls__said *said);

/*
 * Give the SSL a whole handshake message, its header included, and add what
 * it answers to *said.  RX has left it.  `link` is that of its BIO.  Never a
 * KeyUpdate: the SSL stays on its key.
 * 0; -KTLS_EHANDSHAKE: it refuses, said->alert is its alert (or -1: where TX
 * has not left it, it has sent that itself); -ENOMEM: the SSL was not told;
 * -KTLS_ECRYPTO, -KTLS_ESSL: it can be told no more.
 */
int ktls__backend_feed(struct ssl_st *ssl, struct ktls__link *link,
		       struct ktls__stale *stale, const uint8_t *msg,
		       size_t len, struct ktls__said *said);

/*
 * Have the SSL change the keys that TX, or RX, has changed without it: the
 * Finished of a client authentication depends on them (RFC 8446 section
 * 4.4.4).  0; -EAGAIN: it is in the middle of something; -ENOMEM;
 * -KTLS_ESSL, -KTLS_ECRYPTO: it can be told no more.
 */
int ktls__backend_follow_tx(struct ssl_st *ssl, struct ktls__link *link,
			    struct ktls__stale *stale,
			    struct ktls__said *said);
int ktls__backend_follow_rx(struct ssl_st *ssl, struct ktls__link *link,
			    struct ktls__stale *stale,
			    struct ktls__said *said);

/*
 * Have the SSL say all that it has queued: tickets, a CertificateRequest, the
 * answer to a KeyUpdate.  Where TX has not left it, this goes to the socket,
 * else into *said.  `link` is NULL where the SSL keeps BIOs of its own;
 * otherwise nothing is read off the socket.
 * 0; -EAGAIN: it is in the middle of an authentication, and says the rest
 * when that is over (link NULL: or its BIO has no room); -ENOMEM: call
 * again; -KTLS_ESSL; -KTLS_ECRYPTO; -errno of the socket.
 */
int ktls__backend_speak(struct ssl_st *ssl, struct ktls__link *link,
			struct ktls__stale *stale, struct ktls__said *said);

/*
 * Add to *said what an SSL that TX has left has sealed meanwhile, in
 * link->spoken; a KeyUpdate among it moves stale->tx on to its next key and
 * sets said->key_update, and is itself left out.
 * 0; -ENOMEM: call again; -KTLS_ESSL: not to be opened; -KTLS_ECRYPTO.
 */
int ktls__backend_hear(struct ktls__link *link, struct ktls__stale *stale,
		       struct ktls__said *said);

#endif
