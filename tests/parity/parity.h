/* SPDX-License-Identifier: MIT */
/*
 * One generated sequence of calls, played on every pair of paths against one
 * model of a TLS stream: what is counted arrives, in order and once; what is
 * refused leaves nothing behind; how a stream ends does not depend on who
 * encrypts it.
 */
#ifndef PARITY_H
#define PARITY_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/ssl.h>

#include "ktls/ktls.h"
#include "tests/fuzz/stream.h"

#define PARITY_STEPS 28
#define PARITY_LEN_MAX 70000
#define PARITY_STREAM_MAX (1 << 20)
#define PARITY_FILE_MAX 120000
#define PARITY_CUTS 20

/* Bytes that tell their place; data and files are pieces of it. */
#define PARITY_PATTERN (1 << 20)
#define PARITY_FILE_AT (PARITY_PATTERN - PARITY_FILE_MAX)
extern uint8_t parity_pattern[PARITY_PATTERN];

enum parity_op {
	OP_WRITE, OP_SENDFILE, OP_RESIZE, OP_SPLICE_WRITE, OP_UPDATE, OP_ALERT,
	OP_BAD_CALL, OP_READ, OP_SPLICE_READ, OP_READ_DRY, OP_ARRIVES,
	OP_PEER_DATA, OP_PEER_EMPTY, OP_PEER_HALF, OP_PEER_UPDATE,
	/* what ends one direction or both */
	OP_SHUTDOWN, OP_FATAL, OP_LINGER, OP_ABANDON, OP_PEER_CLOSE,
	OP_PEER_FIN, OP_PEER_RESET, OP_PEER_FATAL, OP_PEER_FORGE, OP_READ_END,
	OP_ERROR,
	PARITY_OPS
};

/* What a sendfile reads from. */
enum parity_source {
	SOURCE_FILE, SOURCE_EMPTY, SOURCE_PIPE, SOURCE_SOCKET, SOURCE_DIRECTORY,
	SOURCE_CLOSED, SOURCE_WRITE_ONLY,
	PARITY_SOURCES
};

enum parity_peer_kind { PEER_RAW, PEER_SSL, PEER_KTLS, PARITY_PEERS };

struct parity_step {
	enum parity_op op;
	size_t len;
	size_t from;        /* place in the pattern */
	int more;
	int cuts;           /* pieces of an iovec; 0: the call without one */
	uint64_t draw;      /* whatever else there is to choose */
	enum parity_source source;
	int null_offset;
	off_t off;
	int change_at;      /* at this read of the file it gets... */
	off_t change_to;    /* ... this size; change_at 0: never */
	unsigned flags;
};

struct parity_script {
	uint64_t seed;
	uint16_t version;
	int suite;          /* 0 to 2 */
	int server;         /* our role */
	int nonblock;
	int tight;          /* little room: counts may be short */
	unsigned disturb;   /* one call in so many fails or is cut; 0: none */
	enum parity_peer_kind peer;
	enum ktls_choice peer_path;
	int n;
	struct parity_step steps[PARITY_STEPS];
};

struct parity_paths {
	enum ktls_choice tx;
	enum ktls_choice rx;
};

/* What the command line chose, and the kernel has. */
struct parity_options {
	uint64_t seed;
	unsigned long iterations;
	unsigned jobs;
	int kernel;         /* 0: none, 1: the stand-in, 2: the real one */
	int rekey;
	int trace;
	long only;          /* a pair of paths by its number; -1: all */
	struct ktls_features features;
};
extern struct parity_options parity_options;

/* The peer as it stands. */
struct parity_peer {
	SSL *ssl;
	struct ktls *k;
	struct ktls_keys tx;
	struct ktls_keys rx;
	uint8_t secret[2][48]; /* client's, server's */
	size_t secret_len;
	uint8_t *wire;         /* of a raw one: what is not a record yet */
	size_t wire_len;
	uint8_t *held;         /* and what it has not sent yet */
	size_t held_len;
	int closed;            /* close_notify came */
	int fin;
	int reset;
	int alert;             /* that came and ends it; -1: none */
	unsigned warnings;     /* user_canceled, that is */
	int gone;              /* its end of the socket is closed */
	int fin_sent;
	int blind;             /* an SSL that reads no more */
	size_t half;           /* data of a record that is not all sent */
	unsigned updates_got;
};

/* user_canceled: the one alert that ends nothing. */
#define PARITY_WARNING 90

/* How a direction has ended. */
#define PARITY_DEAD 1       /* reset: ECONNRESET or EPIPE */

struct parity_conn {
	const struct parity_script *script;
	struct parity_paths paths;
	int at;                /* the step */
	int fd;
	int peer_fd;
	SSL *ssl;
	struct ktls *k;
	struct parity_peer peer;

	/* Ours: counted, of them due to arrive with no further call, arrived;
	 * behind what is counted stands what was offered. */
	uint8_t *out;
	size_t counted;
	size_t due;
	size_t offered;
	size_t got;
	int abandoned;         /* a write waits for room, for good */
	int has_other;         /* this may have been sealed at the end */
	uint8_t other;
	int tx_end;            /* 0, the error of all writes, PARITY_DEAD */
	int told_dead;         /* a call that writes was */
	int tried_shut;
	int shut;
	unsigned updates;
	unsigned alerts;

	/* The peer's. */
	uint8_t *in;
	size_t sent;
	size_t read;
	size_t wire_bytes;
	int rx_end;            /* what follows: 1: close_notify, or the error */
	int rx_has_end;
	int rx_over;           /* and reading has said so */
	int asked;             /* the peer wants new keys of ours */
	int peer_said;         /* control records since the last dry read */
	int lingered;

	int file;
	off_t file_size;
	long idle_since;
	long results[PARITY_STEPS];
	int failed;
	char why[400];
};

/* A result that depends on room and timing. */
#define PARITY_ANY LONG_MIN

/* script.c */
void parity_script(struct parity_script *s, uint64_t seed);
void parity_script_print(const struct parity_script *s, int last);

/* play.c: the sequence on every pair; 0 or -1. */
int parity_play(const struct parity_script *s);
void parity_play_close(void);
int parity_fail(struct parity_conn *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int parity_is_dead(ssize_t n);

/* contexts.c */
int parity_contexts_open(void);
void parity_contexts_close(void);
SSL *parity_ssl(const struct parity_script *s, int ours);

/* conn.c: connected, handed over, and gone again; 0 or -1. */
int parity_conn_open(struct parity_conn *c);
void parity_conn_close(struct parity_conn *c);
int parity_listeners(void);

/* files.c: sources of sendfile, and what changes one meanwhile. */
int parity_files_open(void);
void parity_files_close(void);
int parity_source(enum parity_source source);
int parity_file_resize(int fd, off_t from, off_t to);
/* At the n-th read of the file from now on it gets that size. */
void parity_file_change(int n, int fd, off_t from, off_t to);
/* 1: it has happened. */
int parity_file_changed(void);
/* Before each connection. */
void parity_files_reset(int nonblock);
extern int parity_pipe[2];
/* Of what nobody took: 0 or -1. */
int parity_pipe_empty(void);

/* peer.c: 0 or -1. */
int parity_peer_open(struct parity_conn *c);
void parity_peer_close(struct parity_conn *c);
int parity_peer_send(struct parity_conn *c, const uint8_t *p, size_t len,
		     size_t pad);
int parity_peer_update(struct parity_conn *c, int ask);
int parity_peer_notify(struct parity_conn *c);
/* A raw peer's: a fatal alert, a record that is not authentic. */
int parity_peer_bad(struct parity_conn *c, int forged);
int parity_peer_fin(struct parity_conn *c);
int parity_peer_reset(struct parity_conn *c);
/* All that is there: 1: something was, 0: nothing; -1. */
int parity_peer_drain(struct parity_conn *c);
/* Data that came is ours. */
int parity_peer_took(struct parity_conn *c, const uint8_t *p, size_t len);

/* peer_raw.c */
void parity_raw_keylog(const SSL *ssl, const char *line);
int parity_raw_open(struct parity_conn *c);
int parity_raw_send(struct parity_conn *c, uint8_t type, const void *p,
		    size_t len, size_t pad);
/* What was made is sent, but for the last bytes of it. */
int parity_raw_hold(struct parity_conn *c, size_t keep);
int parity_raw_update(struct parity_conn *c, int ask);
int parity_raw_drain(struct parity_conn *c);

/* wait.c: 0 or -1. */
/* After -EAGAIN, until something may go on. */
int parity_wait(struct parity_conn *c, const char *call, int events);
void parity_moved(struct parity_conn *c);
/* All that is due comes to the peer, with no call of ours. */
int parity_arrives(struct parity_conn *c);
/* The same for the end of the stream: `closed` by close_notify. */
int parity_ends(struct parity_conn *c, int closed);

/* step_*.c: 0 or -1; the result goes to c->results. */
typedef int parity_do(struct parity_conn *c, const struct parity_step *s);
parity_do parity_write, parity_bad_call, parity_abandon;
parity_do parity_sendfile, parity_resize, parity_splice_write;
parity_do parity_read, parity_splice_read, parity_read_dry, parity_read_end;
parity_do parity_update, parity_alert, parity_fatal, parity_shutdown,
	parity_linger, parity_error;

/* One call that takes bytes, again until all of them are taken.  `call` gets
 * how many were before. */
struct parity_put {
	const struct parity_step *s;
	const char *name;
	ssize_t (*call)(struct parity_conn *c, const struct parity_step *s,
			size_t done, size_t left);
	size_t len;
	int may_end;         /* 0 is an answer, too */
	int may_retry;       /* -EAGAIN may be about something else */
};
ssize_t parity_put(struct parity_conn *c, const struct parity_put *put);
/* The step's result is this, whatever the path. */
int parity_expect(struct parity_conn *c, const char *call, ssize_t is,
		  ssize_t due);
/* Writing is over: the step's result is the reason. */
int parity_refused(struct parity_conn *c, const char *call, ssize_t n);
/* What was sealed and found no room goes out. */
int parity_push(struct parity_conn *c);
/* A call that writes has met the peer's fatal end before the reader did. */
int parity_is_early(struct parity_conn *c, ssize_t n);
/* A reset that no call has told of yet; the step's result is open then. */
int parity_is_unknown(struct parity_conn *c);
/* Cuts [p, p + len) into s->cuts pieces, empty ones among them. */
int parity_cut(const struct parity_step *s, struct iovec *iov,
	       const uint8_t *p, size_t len);

/* SIGPIPE, as often as it came and was no matter of the peer's. */
extern volatile sig_atomic_t parity_signals;

/* check.c: what holds after every call. */
int parity_check(struct parity_conn *c);

#endif
