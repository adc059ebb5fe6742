/* SPDX-License-Identifier: MIT */
/*
 * Two SSLs after a TLS 1.3 handshake in memory: one that its connection has
 * left, as after a hand-off, and its peer, an ordinary one.  Between them
 * stand we, with the keys of the connection.
 */
#ifndef KTLS_TESTS_FEED_PAIR_H
#define KTLS_TESTS_FEED_PAIR_H

#include <openssl/ssl.h>

#include "backend.h"
#include "backend_feed.h"

#define FEED_SUITES 3
#define FEED_MAX (1 << 17)

struct feed_opts {
	int suite;           /* 0 to FEED_SUITES - 1 */
	bool server;         /* the server is the one that is left */
	bool rx_stays;       /* with the SSL */
	bool tx_stays;
	bool no_auth;        /* the client offers none after the handshake */
	unsigned tickets;    /* that the server sends by itself */
	size_t cert_pad;     /* bytes that make the certificate longer */
};

struct feed_pair {
	SSL_CTX *client_ctx;
	SSL_CTX *server_ctx;
	SSL *stale;
	SSL *peer;
	BIO *to_peer;            /* what the peer reads */
	BIO *of_peer;            /* what it writes */
	int fd;                  /* the other end of the link's socket */
	void *bio;
	struct ktls__link link;
	struct ktls__stale at;   /* where the stale SSL stands */
	struct ktls_keys rx;     /* where the connection stands */
	struct ktls_keys tx;
	struct ktls__said said;
	uint8_t msgs[FEED_MAX];  /* plaintext of the peer's messages */
};

/* Sessions that the client's callback was given, and the last of them. */
extern int feed_sessions;
extern SSL_SESSION *feed_session;

struct feed_pair *feed_open(const struct feed_opts *opts);
void feed_close(struct feed_pair *p);

/* The peer's handshake messages, off the connection: into p->msgs. */
size_t feed_hear_peer(struct feed_pair *p);

/* The stale SSL is given p->msgs, message by message. */
int feed_each(struct feed_pair *p, size_t len);

/* What was said goes to the peer on the connection, and is forgotten. */
void feed_answer_peer(struct feed_pair *p);

/* Data of ours, which the peer reads. */
void feed_send_data(struct feed_pair *p);

/* SSL_read() has nothing, and no error. */
void feed_reads_nothing(SSL *ssl);

/* Has a server queue a ticket. */
void feed_queue_ticket(SSL *server);

/* Sends what is queued, one queue. */
void feed_write_nothing(SSL *ssl);

/* Bytes between the peer and the link's socket. */
void feed_carry_to_peer(struct feed_pair *p);
void feed_carry_from_peer(struct feed_pair *p, size_t max);

/* The last session that the client got resumes. */
void feed_resumes(const struct feed_pair *p);

#endif
