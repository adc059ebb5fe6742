/* SPDX-License-Identifier: MIT */
/*
 * One iteration of the hand-off fuzz test.  `near` is the side that is
 * handed off, on a real TCP socket; the peer is a plain SSL on memory BIOs;
 * between them `wire`, the other end of near's TCP connection, from which
 * this process carries bytes to the peer and back, in pieces.
 */
#ifndef RUN_H
#define RUN_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "ktls/ktls.h"
#include "stream.h"

#define RUN_BUFFER 40000
#define RUN_WRITE_MAX 39000

/* What the command line chose. */
struct run_options {
	uint64_t seed;
	unsigned long iterations;
	long only;           /* -1: all */
	int fake_kernel;
	int rekey;           /* a kernel can change keys */
	int read_ahead;
	int trace;
};

/* How an SSL_CTX of the near side was prepared. */
enum run_prepare {
	RUN_EARLY,
	RUN_LATE,
	RUN_UNPREPARED,
	RUN_PREPARES
};

/* All that is drawn before an iteration begins. */
struct run_plan {
	uint16_t version;
	int suite;           /* 0 to 2 */
	int near_server;
	int blocking;
	int memory_bio;
	int closing_bio;
	int give_fd;
	enum run_prepare prepare;
	int small_buffers;
	size_t chunk;        /* most bytes the wire carries at once */
	int refuse_ulp;      /* errno, or 0 */
	int refuse_tx;
	int refuse_rx;
	enum ktls_choice tx;
	enum ktls_choice rx;
	unsigned flags;
	int keep_ssl;
	size_t tickets;
	int hello_retry;
	int key_updates;
	size_t steps_before;
	size_t writes_after;
	unsigned disturb;    /* one call in so many; 0: none */
	int truncate;        /* the peer ends without close_notify */
};

/* Bytes that wait to be carried. */
struct run_queue {
	uint8_t *data;
	size_t len;
	size_t off;
	size_t room;
	uint64_t total;      /* ever put in */
};

/* Reads the records that near sends, as they pass. */
struct run_tap {
	uint8_t head[13];    /* header, and an explicit nonce */
	size_t have;
	size_t skip;
	int encrypted;
	int gcm12;
	int counting;
	uint64_t nonce;
	unsigned long records;
};

/* A write of near's that is not through yet. */
struct run_write {
	enum { WRITE_NONE, WRITE_PLAIN, WRITE_VECTOR, WRITE_FILE } kind;
	size_t len;          /* still to go */
	off_t file_off;
	int file_pos;        /* sendfile() with the file's own position */
};

struct run {
	const struct run_options *options;
	unsigned long index;
	struct stream_random random;
	struct run_plan plan;
	SSL *near;
	SSL *peer;
	BIO *near_in;        /* of a near side on memory BIOs */
	BIO *near_out;
	BIO *peer_in;
	BIO *peer_out;
	int fd;
	int wire;
	int handed_off;
	struct ktls *k;
	struct run_queue to_near;
	struct run_tap tap;
	unsigned idle;       /* steps in a row in which no byte moved */
	uint64_t near_key;   /* of what near sends */
	uint64_t peer_key;
	uint64_t near_sent;
	uint64_t near_got;
	uint64_t peer_sent;
	uint64_t peer_got;
	uint64_t sent_at_handoff;
	uint64_t got_at_handoff;
	uint64_t key_update_at; /* where the peer's last one begins, plus 1 */
	int may_end;         /* it wants an answer that cannot be given */
	struct run_write write;
	int read_owes;       /* SSL_read() waits for room to write */
	int peer_closed;     /* near's close_notify has reached the peer */
	int near_ended;      /* ktls_read() has returned 0 */
	int ended;           /* nothing more to see, and no failure */
	int failed;
	char why[300];
};

/* What happened, over all iterations: one name each. */
enum run_count {
	COUNT_TX_KERNEL, COUNT_RX_KERNEL, COUNT_TX_USERSPACE,
	COUNT_RX_USERSPACE, COUNT_TX_LIBRARY, COUNT_RX_LIBRARY,
	COUNT_CLIENT, COUNT_SERVER, COUNT_TLS12, COUNT_TLS13,
	COUNT_AES128, COUNT_AES256, COUNT_CHACHA, COUNT_AES256_TLS13,
	COUNT_BLOCKING, COUNT_NONBLOCKING, COUNT_SOCKET_BIO, COUNT_MEMORY_BIO,
	COUNT_CLOSING_BIO, COUNT_ATTACH_EARLY, COUNT_ATTACH_LATE,
	COUNT_UNPREPARED, COUNT_HELLO_RETRY,
	COUNT_REFUSED_ULP, COUNT_REFUSED_TX, COUNT_REFUSED_RX,
	COUNT_SSL_KEPT, COUNT_SSL_FREED, COUNT_SSL_GIVEN,
	COUNT_HANDOFF_AGAIN, COUNT_HANDOFF_PENDING,
	COUNT_NO_WAIT_RECORD, COUNT_NO_WAIT_WRITE,
	COUNT_IN_FLIGHT, COUNT_LEFTOVER, COUNT_PARTIAL_WRITE,
	COUNT_MIXED_PATHS,
	COUNT_KEY_UPDATE_NEAR, COUNT_KEY_UPDATE_PEER, COUNT_KEY_UPDATE_QUEUED,
	COUNT_KEY_UPDATE_INSIDE, COUNT_KEY_UPDATE_END,
	COUNT_TICKET_NEAR, COUNT_TICKET_PEER, COUNT_TICKET_SKIPPED,
	COUNT_WRITE, COUNT_WRITEV, COUNT_SENDFILE, COUNT_READ, COUNT_READV,
	COUNT_WRITE_AGAIN, COUNT_WRITE_SHORT, COUNT_READ_AGAIN,
	COUNT_SHUTDOWN_AGAIN, COUNT_PEER_FIRST, COUNT_TRUNCATED,
	COUNT_QUEUED, COUNT_FAULTS,
	COUNTS
};

/* report.c */
void run_count(enum run_count what);
void run_count_add(enum run_count what, unsigned long n);
void run_count_reason(int dir, enum ktls_reason reason);
/* Prints the counts; 0, or the number of classes never met. */
int run_report(const struct run_options *options, unsigned long ran);

/* The iteration has failed: keeps the first reason, returns -1. */
int run_fail(struct run *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void run_trace(const struct run *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* plan.c */
void run_plan(struct run *r);

/* contexts.c: shared by all iterations. */
extern const char *const run_suites_1_3[3];
int run_contexts_open(void);
void run_contexts_close(void);
int run_ssl_open(struct run *r);

/* wire.c */
int wire_open(struct run *r);
void wire_close(struct run *r);
void wire_put(struct run *r, const void *buf, size_t len);
/* Carry at most `most` bytes towards near, or from near to the peer.
 * The bytes carried, or -1. */
ssize_t wire_deliver(struct run *r, size_t most);
ssize_t wire_take(struct run *r, size_t most);
/* The same for all that is there, the peer reading on its way. */
int wire_deliver_all(struct run *r);
int wire_take_all(struct run *r);
/* One random portion each way; long idle: wait for TCP. */
int wire_step(struct run *r);

/* peer.c: each 0 or -1. */
int peer_handshake(struct run *r, int *done);
int peer_read(struct run *r);
int peer_write(struct run *r, size_t len);
int peer_key_update(struct run *r, int request);
int peer_ticket(struct run *r);
int peer_shutdown(struct run *r);

/* near.c: near, while it is an SSL; each 0 or -1. */
int near_handshake(struct run *r);
int near_feed(struct run *r);
int near_drain_out(struct run *r);
int near_read(struct run *r);
int near_write(struct run *r, size_t len);
int near_before(struct run *r);
int near_finish_write(struct run *r);
int near_check(struct run *r, const void *buf, size_t len);

/* over.c: the hand-off itself. */
int over(struct run *r);

/* after.c: near, when it is a struct ktls. */
int after(struct run *r);
size_t run_some_len(struct run *r);

#endif
