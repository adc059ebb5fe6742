/* SPDX-License-Identifier: MIT */
/*
 * A stock `openssl s_client` or `openssl s_server` as the other end: typed
 * into and read from through pipes.
 */
#ifndef KTLS_TEST_STOCK_H
#define KTLS_TEST_STOCK_H

#include <stddef.h>
#include <sys/types.h>

#define STOCK_ARGS 48

struct stock {
	pid_t pid;
	int in;       /* its standard input */
	int out;      /* its standard output */
	char *seen;   /* all that it has printed */
	size_t len;
	size_t room;
	size_t mark;  /* what stands before has been looked at */
	char *argv[STOCK_ARGS + 1];
	int argc;
};

/* Begin a command line: "s_client" or "s_server". */
void stock_init(struct stock *stock, const char *command);

/* Add one argument; it must outlive stock_start(). */
void stock_arg(struct stock *stock, const char *arg);

/* Add two. */
void stock_opt(struct stock *stock, const char *opt, const char *value);

/* 0 or -errno.  The process dies with ours. */
int stock_start(struct stock *stock, int stderr_too);

/* Type bytes.  0 or -errno. */
int stock_type(struct stock *stock, const void *buf, size_t len);

/* Read its output up to and with `text`: 0; -1: it ended before. */
int stock_until(struct stock *stock, const char *text);

/* The port an s_server listens on, or -1. */
int stock_port(struct stock *stock);

/*
 * Skip chatter up to the first five bytes of buf, then take len bytes.
 * 0: they are those of buf; 1: they are not; -1: it ended before.
 */
int stock_expect(struct stock *stock, const void *buf, size_t len);

/* Close its standard input. */
void stock_eof(struct stock *stock);

void stock_stop(struct stock *stock);

#endif
