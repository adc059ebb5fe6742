/* SPDX-License-Identifier: MIT */
/*
 * What each TLS stack has to do for peer.c: a handshake, a first exchange if
 * there is one, and giving its keys to ktls_open().  gnutls.c, mbedtls.c and
 * wolfssl.c are one program each with peer.c.
 */
#ifndef KTLS_EXAMPLE_STACK_H
#define KTLS_EXAMPLE_STACK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktls/ktls.h>

/* Plaintext of the longest record, and of those that libktls and the kernel
 * send, which cut nothing to a peer's size. */
#define RECORD_MAX 16384

struct settings {
	int server;
	const char *host;      /* a client's: whom the certificate must name */
	const char *cert, *key; /* a server's, PEM files */
	const char *ca;        /* a client's, PEM file */
	const char *suites;    /* in the stack's own words, or NULL */
};

/*
 * Between the socket and the stack, which asks for a record's header and then
 * for the rest of it, no more.  With read_ahead whatever has come is taken
 * off the socket: what the stack has not asked for by the end is ciphertext
 * that ktls_open() must get.
 */
struct input {
	int fd;
	int read_ahead;
	size_t begin, end;     /* what is in buf, and not the stack's yet */
	uint8_t buf[2 * RECORD_MAX];
};

/* As recv(2), errno included. */
ssize_t input_read(struct input *in, void *buf, size_t len);

/*
 * All of these return a negative number on failure, and have said on stderr
 * what the stack says of it.
 */
struct stack;
int stack_handshake(struct stack **out, const struct settings *set,
		    struct input *in);
ssize_t stack_read(struct stack *s, void *buf, size_t len);
int stack_write(struct stack *s, const void *buf, size_t len);

/* For stack_take_over(), with the most that the peer takes in a record, as far
 * as it was agreed on: where that is less than RECORD_MAX the connection has to
 * stay the stack's.  A negative number then. */
int check_record_limit(size_t max);

/* After success the stack's session is dead: neither side may be used through
 * it, only stack_free() is left. */
int stack_take_over(struct ktls **k, struct stack *s);

/* Sends nothing.  NULL is allowed. */
void stack_free(struct stack *s);

#endif
