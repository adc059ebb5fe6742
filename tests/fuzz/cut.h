/* SPDX-License-Identifier: MIT */
/*
 * Two ends of duo.h, and what stops ours in the middle of something: a full
 * socket, a BIO that refuses, a record that says nothing.
 */
#ifndef CUT_H
#define CUT_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/bio.h>

#include "duo.h"

/* KeyUpdates that the peer has read. */
extern int cut_key_updates;

/* Bytes that the BIO of cut_own_bio() takes yet. */
extern size_t cut_room;

/* The handshake is still due. */
void cut_open(struct duo *d, int prepared);

/* Neither end takes much that nobody reads. */
void cut_narrow(struct duo *d);

/* A write of `len` bytes of the pattern is cut by a full socket. */
void cut_write(struct duo *d, int prepared, size_t len);

/* It is repeated, and all of it comes once, and all behind it. */
void cut_go_on(struct duo *d, struct ktls *k, size_t len);

/* ktls_handoff(), and the caller's part after success. */
int cut_handoff(struct duo *d, struct ktls **k, enum ktls_choice path,
		unsigned flags);

/* Until it is not -EAGAIN, while the peer reads. */
int cut_call(struct duo *d, struct ktls *k, int (*what)(struct ktls *k));

/* The end of our side arrives, and all is closed. */
void cut_ends(struct duo *d, struct ktls *k);

/* A BIO of the application's own, on the socket; the caller frees it. */
BIO_METHOD *cut_own_bio(struct duo *d);

/* Fills the socket below the SSL, by so many bytes ... */
size_t cut_fill(struct duo *d);
/* ... that the peer takes out again. */
void cut_empty(struct duo *d, size_t sum);

/* The peer's first record, of no data and much padding. */
#define CUT_RECORD 61
void cut_pad(struct duo *d, uint8_t rec[CUT_RECORD]);

#endif
