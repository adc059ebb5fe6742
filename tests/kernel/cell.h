/* SPDX-License-Identifier: MIT */
/*
 * One cell of the hand-off matrix: one scenario with one cipher suite, one
 * version and one role, run in a process of its own.
 */
#ifndef KTLS_TEST_CELL_H
#define KTLS_TEST_CELL_H

#include <openssl/ssl.h>

#include "cells.h"
#include "certs.h"
#include "ktls/ktls.h"
#include "stock.h"

/* What a scenario does beside a plain hand-off. */
enum {
	CELL_RESUME = 1 << 0,       /* hand off a resumed session */
	CELL_HELLO_RETRY = 1 << 1,
	CELL_CLIENT_CERT = 1 << 2,
	CELL_PSK = 1 << 3,
	CELL_EXCHANGES = 1 << 4,    /* three through the SSL first */
	CELL_NONBLOCK = 1 << 5,
	CELL_READ_AHEAD = 1 << 6,
	CELL_MEMORY = 1 << 7,       /* memory BIOs, not empty at hand-off */
	CELL_HALF_RECORD = 1 << 8,  /* and half a record in one */
	CELL_EARLY = 1 << 9,        /* 0-RTT data, accepted */
	CELL_NO_TICKETS = 1 << 10,
	CELL_LATE = 1 << 11,        /* KTLS_ATTACH_LATE */
	CELL_ATTACHED = 1 << 12,    /* attached by the application already */
	CELL_TX_REFUSED = 1 << 13,  /* the kernel says EINVAL to TLS_TX */
	CELL_SNI = 1 << 14,         /* a callback switches the SSL_CTX */
	CELL_UNPREPARED = 1 << 15,  /* to one that is not prepared */
	CELL_HALF_CLOSE = 1 << 16,  /* request and FIN before the hand-off */
	CELL_CALLBACKS = 1 << 17,   /* the application has its own */
	CELL_FREED = 1 << 18,       /* resume what was freed at once */
	CELL_KTLS_OPTION = 1 << 19, /* SSL_OP_ENABLE_KTLS before prepare */
	CELL_KTLS_CONF = 1 << 20,   /* the same from openssl.cnf */
	CELL_KTLS_AGAIN = 1 << 21,  /* set again after prepare */
	CELL_RENEGOTIATE = 1 << 22,
	CELL_KEYUPDATE = 1 << 23,   /* typed into the peer after hand-off */
	CELL_REQUESTED = 1 << 24,   /* and it wants one back */
	CELL_KEEP = 1 << 25,        /* KTLS_KEEP_SSL */
	CELL_UNANSWERED = 1 << 26,  /* KTLS_LEAVE_UNANSWERED */
	CELL_OURS = 1 << 27,        /* KeyUpdates of ours, between */
	CELL_UNREAD = 1 << 28,      /* bytes that the SSL has opened */
	CELL_TAKE = 1 << 29         /* KTLS_TAKE_SSL, whatever the library */
};

enum {
	CELL_CLIENT = 1,
	CELL_SERVER = 2,
	CELL_BOTH = 3
};

struct scenario {
	const char *name;
	unsigned flags;
	unsigned roles;          /* CELL_CLIENT | CELL_SERVER */
	uint16_t only;           /* a version, or 0 for both */
	enum ktls_choice tx;
	enum ktls_choice rx;
};

/* One AEAD and its suites. */
struct aead_names {
	const char *name;
	unsigned bit;            /* KTLS_CIPHER_* */
	const char *suite_1_3;
	const char *suite_1_2;
	const char *psk_1_2;
	uint16_t id_1_3;
	uint16_t id_1_2;
	uint16_t id_psk_1_2;
	const char *label;       /* of cells.h */
};

/* Made once, before any cell runs. */
struct matrix_files {
	struct certs certs;
	char dir[200];
	char cert[256];          /* P-256, key and certificate */
	char sess[256];          /* s_client's session */
	char early[256];         /* its early data */
	char conf[256];          /* an openssl.cnf that turns kTLS on */
};

/* What a cell tells the process that started it. */
struct verdict {
	int tx_installs;         /* that /proc/net/tls_stat must show */
	int rx_installs;
	int inexact;             /* there may be more of them */
	enum cells_where where;  /* the connection that was tested */
	char why[240];           /* it failed */
};

struct cell {
	const struct scenario *sc;
	const struct aead_names *aead;
	const struct matrix_files *files;
	const struct ktls_features *features;
	struct verdict *verdict;
	int version;
	int server;
	enum ktls_choice only;   /* no kernel TLS: the path instead of it, or
				  * 0 */

	SSL_CTX *ctx;
	SSL_CTX *other;          /* where SNI leads */
	SSL *ssl;
	struct ktls *k;
	SSL_SESSION *session;
	struct stock peer;
	int listener;
	int fd;
	int first;               /* the connection before the one tested */
	int port;                /* of who listens */
	int messages;            /* so far: no two are alike */
	int openssl_on;          /* directions OpenSSL put into the kernel */
	uint64_t sent;           /* through struct ktls */
	uint64_t received;
	int keylog_calls;
	int msg_calls;
	unsigned updates;        /* the peer's, so far */
	unsigned answers;        /* that we owe it, or have given */
	unsigned ours;           /* of our own accord */
};

/* Ends the process, with the reason where the matrix finds it. */
_Noreturn void cell_failed(const struct cell *cell, const char *file, int line,
			   const char *what);

#define cell_want(cell, cond) \
	((cond) ? (void)0 : cell_failed(cell, __FILE__, __LINE__, #cond))

/* The whole of it.  Comes back only if all was well. */
void cell_run(struct cell *cell);

/* cell_context.c */
void cell_contexts(struct cell *cell);
extern const char cell_early_data[];

/* cell_peer.c: peers, sockets and what goes through the SSL. */
void cell_connect(struct cell *cell);
void cell_listen(struct cell *cell);
/* The connected descriptor and the SSL on it; port 0: accept. */
void cell_sockets(struct cell *cell, int port);
void cell_handshake(struct cell *cell);
void cell_ssl_put(struct cell *cell, const void *buf, size_t len);
void cell_ssl_get(struct cell *cell, void *buf, size_t len);

/* cell_io.c: the same through struct ktls, and rounds of both. */
#define CELL_MESSAGE_MAX 20000
void cell_message(struct cell *cell, char *buf, size_t len);
void cell_put(struct cell *cell, const void *buf, size_t len);
/* Bytes, 0 or the error that came first. */
ssize_t cell_get(struct cell *cell, void *buf, size_t len);
void cell_ssl_round(struct cell *cell, size_t len);
void cell_round(struct cell *cell, size_t len);
void cell_finish(struct cell *cell);

/* cell_expect.c: where each direction must be, and whether it is. */
void cell_expect_paths(struct cell *cell);
/* What the cell wants of a direction, for the paths that there are. */
enum ktls_choice cell_choice(const struct cell *cell, int dir);
void cell_refuse_tx(void);
void cell_no_kernel(void);

/* cell_rekey.c: KeyUpdates after the hand-off, and the end. */
void cell_key_updates(struct cell *cell);

/* cell_halfclose.c: a peer in a process of its own that half-closes. */
void cell_half_close(struct cell *cell);

#endif
