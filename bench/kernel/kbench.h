/* SPDX-License-Identifier: MIT */
/*
 * What it costs to move bytes through kernel TLS and beside it, in the
 * measured thread's CPU time.  Under QEMU's -icount that clock counts executed
 * instructions, of the program and of the kernel below it (run.sh).
 *
 *   ends.c     two ends of a connection over loopback
 *   calls.c    the calls that are compared
 *   cells.c    which of them with which sizes, versions and suites
 *   measure.c  one of them: the measured thread, and its peer
 *   handoff.c  what the hand-off itself costs
 */
#ifndef KBENCH_H
#define KBENCH_H

#include <stdint.h>
#include <sys/types.h>

#include <openssl/ssl.h>

#include "ktls/ktls.h"

/* Larger than any call; the file is read over and over. */
#define BUF_SIZE ((size_t)1 << 20)
#define FILE_SIZE ((size_t)4 << 20)

/* How the measured end gets its keys. */
enum setup {
	PLAIN,       /* none: TCP */
	RAW,         /* setsockopt(), and nothing else */
	RAW_NO_PAD,  /* and TLS_RX_EXPECT_NO_PAD */
	HANDED,      /* ktls_handoff() to the kernel */
	HANDED_NO_PAD,
	HANDED_USER, /* ktls_handoff() to the library's own record layer */
	SSL_USER,    /* an SSL */
	SSL_KERNEL   /* an SSL with SSL_OP_ENABLE_KTLS */
};

struct suite {
	const char *name;
	const char *name_1_3;
	const char *name_1_2;
	uint16_t id_1_3;
	uint16_t id_1_2;
};

/* One end of a connection, and what a call works on. */
struct end {
	int fd;
	SSL *ssl;
	struct ktls *ktls;
	int file;
	off_t at;
	uint8_t *buf;
};

/* Moves up to len bytes: a count, or what is not positive. */
typedef ssize_t move_fn(struct end *end, size_t len);

struct cell {
	const char *name; /* what is done */
	int dir;          /* KTLS_TX or KTLS_RX */
	const char *call;
	const char *path;
	enum setup setup;
	move_fn *move;
	uint16_t version;
	const struct suite *suite;
	size_t size;
};

/* calls.c */
move_fn move_sendfile, move_send, move_pread_send, move_ktls_sendfile,
	move_ktls_write, move_ssl_sendfile, move_ssl_write,
	move_pread_ssl_write, move_recv, move_recvmsg, move_ktls_read,
	move_ssl_read, move_discard;

/* cells.c: calls `run` for each, until it fails. */
#define SUITES 3
extern const struct suite suites[SUITES];
int cells_warm_up(int (*run)(const struct cell *cell));
int cells_each(int quick, int (*run)(const struct cell *cell));

/* ends.c */

/* A certificate and key for both ends of all handshakes. */
int ends_init(void);
/* Two connected sockets, with the same congestion control everywhere. */
int ends_connect(int fds[2]);
/* The measured end, and the one that only blasts or discards; may wait for
 * one another.  0, or why not. */
const char *ends_setup(struct end *end, const struct cell *cell);
const char *ends_setup_peer(struct end *end, const struct cell *cell);
/* Whether what was set up has stayed so. */
const char *ends_check(struct end *end, const struct cell *cell);
/* An SSL on fd, before its handshake. */
SSL *ends_ssl(int fd, const struct cell *cell, int server, int prepare);
/* Kernel TLS with keys that both ends know. */
int ends_install(int fd, const struct cell *cell, int dir);
void ends_close(struct end *end);

/* measure.c: prints a line, or why there is none.  0, or -1: give up. */
int measure(const struct cell *cell);
/* The same, but says nothing. */
int measure_unseen(const struct cell *cell);
/* Sorts the costs. */
void measure_line(const struct cell *cell, double *costs, size_t n);
uint64_t thread_clock(void);

/* handoff.c */
int handoff_costs(void);

#endif
