/* SPDX-License-Identifier: MIT */
/* A connection of control_conn.h that is written to: its socket takes as much
 * as a test says, and the peer opens what was taken. */
#ifndef SEALED_CONN_H
#define SEALED_CONN_H

#include <stddef.h>
#include <stdint.h>

#include "control_conn.h"

/* What the socket does; a test changes it at any time. */
struct sealed_socket {
	size_t room;        /* bytes that it still takes */
	int send_err;       /* of sendmsg() instead; 0: none */
	int read_err;       /* of preadv() instead; 0: none */
	int nonblocking;
	int poll;           /* what poll() returns */
	unsigned polls;     /* how often it was called */
	size_t sent;        /* bytes, in all */
};

extern struct sealed_socket sealed_socket;

/* TLS 1.3 in userspace; a non-blocking socket with all the room. */
void sealed_open(struct ktls *k);
void sealed_close(struct ktls *k);

/* The payload that has come to the peer since the last look, of whole
 * records: all data, each byte of it `letter`. */
size_t sealed_arrived(uint8_t letter);

/* A file of `len` bytes, each of them `letter`. */
int sealed_file(uint8_t letter, size_t len);

#endif
