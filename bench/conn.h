/* SPDX-License-Identifier: MIT */
/* Connections to measure on, and the thread at their other end. */
#ifndef KTLS_BENCH_CONN_H
#define KTLS_BENCH_CONN_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/ssl.h>

#include <ktls/ktls.h>

/* Payload of a full record, and what TLS 1.3 adds to it on the wire. */
#define RECORD 16384
#define RECORD_EXTRA 22
/* As many as the advice for an engine names: a send carries no more. */
#define BATCH 16

struct suite {
	const char *name;
	const char *version;   /* "TLSv1.3" */
	int protocol;          /* TLS1_3_VERSION */
	const char *openssl;   /* what OpenSSL calls it */
	const EVP_CIPHER *(*cipher)(void);
	int key;               /* bytes */
};

extern const struct suite suites[];
extern const int suite_total;

/* How an end of a connection is driven. */
enum drive {
	DRIVE_TCP,             /* no TLS */
	DRIVE_SSL,
	DRIVE_SSL_AHEAD,       /* with read-ahead */
	DRIVE_SSL_RELEASE,     /* with SSL_MODE_RELEASE_BUFFERS */
	DRIVE_KTLS,            /* handed over, the SSL freed */
	DRIVES
};

struct end {
	int fd;
	SSL *ssl;
	struct ktls *k;
	const char *provider;
};

struct conn {
	struct end server, client;
};

/* Said of whatever failed, with the reason; returns -1. */
int complain(const char *what, int err);

/* A pair on the loopback, congestion control set.  fd[0] was accepted. */
int tcp_pair(int fd[2]);
const char *tcp_congestion(void);
void tcp_blocking(int fd, int on);
/* Close without TIME_WAIT: the measured numbers of them would fill up. */
void tcp_drop(int fd);

/* A context of one end, made anew each time.  NULL: failed. */
SSL_CTX *tls_context(int server, enum drive drive, const struct suite *s);
/*
 * The handshake of two ends in one thread.  *server_cpu, if given, grows by
 * what the server's calls took.
 */
int tls_handshake(SSL *server, SSL *client, double *server_cpu);
/* Over to libktls, by its record layer in userspace; frees e->ssl. */
int end_handoff(struct end *e);

int conn_open(struct conn *c, const struct suite *s, enum drive server,
	      enum drive client);
/*
 * The same with contexts of yours.  *server_cpu, if given, grows by what the
 * server's SSL_new() and handshake took.
 */
int conn_shake(struct conn *c, SSL_CTX *server, SSL_CTX *client,
	       double *server_cpu);
void conn_close(struct conn *c);
/* Whoever gives up ends the other end's wait. */
void conn_abort(struct conn *c);
void end_close(struct end *e);

/* Whole messages, by whatever drives the end. */
int end_write(struct end *e, const void *buf, size_t len);
int end_read(struct end *e, void *buf, size_t len);

/* ---------------------------------------------------------- the other end */

/* One thread, on another processor if there is one, does one job at once. */
int worker_start(int (*job)(void *arg), void *arg);
int worker_wait(void);
/* Keep the calling thread on the first processor that we may use. */
void pin_measured(void);

/* Receive and drop whatever comes. */
int drain_start(int fd);
/* Once all of sender_fd's bytes have arrived. */
int drain_stop(int sender_fd);

/* ------------------------------------------------------------------ bytes */

/* A file, hot in the page cache, and the same bytes in memory. */
struct source {
	int fd;
	size_t size;
	const uint8_t *map;
	uint8_t *memory;       /* SOURCE_MEMORY bytes of its beginning */
};

#define SOURCE_FILE ((size_t)256 << 20)
#define SOURCE_MEMORY ((size_t)16 << 20)
/* Calls that are no larger go round in it: in the page cache, and so large
 * that copying costs the same alone and between the other parts. */
#define SOURCE_WINDOW ((size_t)64 << 20)

/* Made with the first call; NULL: failed, and said so. */
const struct source *source_get(void);

#endif
