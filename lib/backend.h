/* SPDX-License-Identifier: MIT */
/*
 * The link-time contract of a TLS library: hooks that watch the handshake,
 * and the questions and moves that a hand-off makes on an SSL.
 */
#ifndef KTLS_BACKEND_H
#define KTLS_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handshake.h"
#include "keylog.h"
#include "leftover.h"
#include "link.h"

struct ssl_st;

/* One direction, as the hooks saw it. */
struct ktls__flow {
	uint8_t secret[KTLS__SECRET_MAX]; /* TLS 1.3: of the present keys */
	size_t secret_len;                /* 0: none was seen */
	uint64_t records;                 /* under the present keys: of TX, and
					   * with OpenSSL of RX too */
	uint64_t bytes;                   /* 5 + length over all headers */
	const void *bio;                  /* whose counter is compared */
	uint64_t base;                    /* that counter before TLS */
	uint64_t last;                    /* it never runs backwards */
	uint64_t fed;                     /* given to the SSL beside its BIO */
	uint64_t queued;                  /* of `bytes`: sealed KeyUpdates that
					   * wait for the SSL's next write */
	bool update;                      /* the next record has one */
	bool silent;                      /* the last record brought neither
					   * data nor a whole message */
	bool paused;                      /* its BIO is away for a moment */
};

/* What the hooks keep for each SSL: its ex_data, wiped with it. */
struct ktls__trace {
	struct ktls__flow rx;
	struct ktls__flow tx;
	int alert_received;      /* -1: none */
	int alert_sent;
	uint64_t alerts_received;
	uint64_t alerts_sent;
	uint64_t warnings;       /* of them received that end nothing, and
				  * requests to renegotiate */
	uint64_t key_updates_received;
	uint64_t updates_requested; /* of them, those that want an answer */
	uint64_t key_updates_sent;
	uint64_t tickets;        /* NewSessionTickets read */
	uint64_t owed;           /* tx.bytes when a flush of ours was cut */
	size_t read_len;         /* of the last record that was read, its
				  * header included; 0: none was */
	bool stop;               /* a message or alert was read: the SSL has
				  * to come back to the caller */
	int attached_fd;         /* has the ULP by our hand; -1: none */
	void (*app_msg)(int write_p, int version, int type, const void *buf,
			size_t len, struct ssl_st *ssl, void *arg);
	void *app_arg;
};

/* Its counters begin anew; the ULP is attached to that descriptor (-1: to
 * none), or need not be. */
void ktls__trace_restart(struct ktls__trace *t, int attached_fd);

/* The trace of an SSL; NULL: its SSL_CTX was not prepared in time. */
struct ktls__trace *ktls__trace_of(struct ssl_st *ssl);

/* How the SSL reaches its peer. */
enum ktls__transport {
	KTLS__TRANSPORT_SOCKET,  /* a socket BIO on a known descriptor */
	KTLS__TRANSPORT_MEMORY,  /* memory BIOs; the caller named the socket */
	KTLS__TRANSPORT_FOREIGN  /* anything else: left alone */
};

/* Role, version and suite.  0; -KTLS_ENOTREADY; -KTLS_ECLOSED. */
int ktls__backend_handshake(struct ssl_st *ssl, struct ktls__handshake *hs);

/* Finds the transport; *fd becomes the socket's, or stays as it was given. */
enum ktls__transport ktls__backend_transport(struct ssl_st *ssl, int *fd);

/* Why no direction of this connection can leave the SSL, or NONE. */
enum ktls_reason ktls__backend_obstacle(struct ssl_st *ssl,
					const struct ktls__handshake *hs);

/* Were the SSL's records counted on the BIOs that it has now?  What others
 * still owe cannot be told. */
bool ktls__backend_is_counted(struct ssl_st *ssl);

/* Does the library itself drive kernel TLS on this SSL? */
bool ktls__backend_ktls_on(struct ssl_st *ssl);

/*
 * Send whatever the SSL owes.  0: it owes nothing now; -EAGAIN: the socket
 * is full; -KTLS_EPENDING: an SSL_write() is unfinished; -KTLS_ESSL: its
 * bytes are not accounted for; other errors: the connection failed.
 */
int ktls__backend_flush(struct ssl_st *ssl, enum ktls__transport transport,
			int fd);

/*
 * Read everything inside the SSL into `list`, up to a record boundary and no
 * byte further.  0: the SSL is empty; 1: it has read close_notify; -EAGAIN:
 * half a record is inside and the rest has not come; -ERANGE: its bytes are
 * not accounted for; -ENOMEM; a final error of ktls_read() otherwise.
 * What was read before is in `list` in each case.
 */
int ktls__backend_drain(struct ssl_st *ssl, enum ktls__transport transport,
			int fd, int recv_flags, struct ktls__leftover *list);

/* Records under the present keys of a direction, which is the number of the
 * next: KTLS_TX or KTLS_RX.  0: not known. */
uint64_t ktls__backend_sequence(struct ssl_st *ssl, int dir);

/* Keys of both directions, with their sequence numbers.
 * 0; -KTLS_ECRYPTO; -KTLS_ESSL. */
int ktls__backend_keys(struct ssl_st *ssl, const struct ktls__handshake *hs,
		       struct ktls_keys *tx, struct ktls_keys *rx);

/* Where the SSL stands against its peer. */
enum ktls__step {
	KTLS__IN_STEP,
	KTLS__AHEAD,  /* by one record, at keys->seq: a resync is due */
	KTLS__LOST    /* and nobody knows where */
};

/*
 * Have the SSL seal one byte that never reaches the wire, and compare with
 * *tx: sequence number, and for TLS 1.2 AES-GCM the explicit nonce, which is
 * stored into tx->iv.
 * KTLS_REASON_NONE: proven, KTLS__AHEAD.  PADDING, SEQUENCE, NO_MEMORY: see
 * *step; tx->seq is the SSL's own unless it is lost.
 */
enum ktls_reason ktls__backend_probe_tx(struct ssl_st *ssl,
					struct ktls_keys *tx,
					enum ktls__step *step);

/*
 * A BIO over `link` for the SSL's I/O after the hand-off; NULL: no memory.
 * `link` must live until retire().  Freed with ktls__backend_free_bio().
 */
void *ktls__backend_make_bio(struct ktls__link *link);

/* The SSL's I/O from now on goes through `bio`. */
void ktls__backend_adopt(struct ssl_st *ssl, void *bio);

/* Memory BIOs: move what they hold into `link`.  0; -ENOMEM, and they are as
 * they were. */
int ktls__backend_take_memory(struct ssl_st *ssl, struct ktls__link *link);

/* A BIO that would close the descriptor, with a reference; else NULL. */
void *ktls__backend_closing_bio(struct ssl_st *ssl);
void ktls__backend_free_bio(void *bio);

/* A reference on the SSL: its own, or with `take` the caller's.  0; -ENOMEM;
 * -EINVAL: BoringSSL knows only the caller's. */
int ktls__backend_hold(struct ssl_st *ssl, bool take);
void ktls__backend_drop(struct ssl_st *ssl);

/* The SSL has no part in the connection any more: cut `bio` (NULL is
 * allowed) off its link, and keep its session resumable when it is freed. */
void ktls__backend_retire(struct ssl_st *ssl, void *bio);

/*
 * Has the application begun a write that it has to repeat before anything else
 * is written?  New keys, which OpenSSL refuses meanwhile, would wait for it,
 * and it for them; a write of nothing would be OpenSSL's end, and makes
 * BoringSSL forget how far the other one was.  What only a flush has begun any
 * write ends.
 */
enum ktls__cut {
	KTLS__NOT_CUT,
	KTLS__CUT,
	KTLS__MAYBE_CUT /* not told by anything that leaves it as it is */
};
enum ktls__cut ktls__backend_is_cut(struct ssl_st *ssl);

/* Where it may be: find out at any price.  0: it is not; -KTLS_EPENDING: it
 * is; else it was, and cannot go on any more, or the socket failed. */
int ktls__backend_end_doubt(struct ssl_st *ssl, struct ktls__link *link);

/* Settings of an SSL on the library path; `foreign`: it keeps its BIOs. */
void ktls__backend_enter_library(struct ssl_st *ssl, bool foreign);

/* The library path.  As their public namesakes, but -EAGAIN whatever the
 * socket's mode when `link` has nothing to read or write. */
ssize_t ktls__backend_read(struct ssl_st *ssl, struct ktls__link *link,
			   void *buf, size_t len);
ssize_t ktls__backend_write(struct ssl_st *ssl, struct ktls__link *link,
			    const void *buf, size_t len);
int ktls__backend_close_notify(struct ssl_st *ssl, struct ktls__link *link);

/* Queue a KeyUpdate, where one is queued already only if it asks for more.
 * 0; -EAGAIN: the SSL is in the middle of a message; else as send_owed(). */
int ktls__backend_order_update(struct ssl_st *ssl, struct ktls__link *link,
			       int ask);

/* Send what the SSL has queued: a KeyUpdate's answer, tickets. */
int ktls__backend_send_owed(struct ssl_st *ssl, struct ktls__link *link);
size_t ktls__backend_pending(struct ssl_st *ssl);

/* 1: a peer asked for a KeyUpdate that the SSL has not sent. */
int ktls__backend_owes_key_update(struct ssl_st *ssl);

/* KeyUpdates that are on their way, without what is only queued. */
uint64_t ktls__backend_key_updates_sent(struct ssl_st *ssl);

#endif
