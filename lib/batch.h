/* SPDX-License-Identifier: MIT */
/*
 * Records of data, several for each send: sealed out of the caller's memory,
 * or where a file was read to.  Few at once while the socket takes less than
 * it is given, so that little waits for a slow peer; many while it takes all.
 */
#ifndef KTLS_BATCH_H
#define KTLS_BATCH_H

#include "conn.h"
#include "source.h"

/* Bytes that the next batch holds: at most `left`, and as the key allows. */
size_t ktls__batch_len(const struct ktls *k, size_t left);

/* The socket has taken a whole one; or a call leaves some of it behind. */
void ktls__batch_taken(struct ktls *k);
void ktls__batch_parked(struct ktls *k);

/* Under the lock: the next batch of *src, behind the link's queue.  Bytes
 * sealed; -ENOMEM; -KTLS_ECRYPTO. */
ssize_t ktls__batch_seal(struct ktls *k, struct ktls__source *src);

/* Plaintext where its records will be.  Secret until it is sealed. */
struct ktls__draft {
	uint8_t *buf;
	size_t cap;
	size_t len;      /* plaintext */
};

/* Read the file for a batch, without the lock.  Bytes, at most `len`, which
 * ktls__batch_len() gave; 0: the file ends here; -ENOMEM; -errno of the file.
 * Only after bytes there is a draft. */
ssize_t ktls__draft_read(const struct ktls *k, struct ktls__draft *d,
			 int in_fd, off_t pos, size_t len);

/* The byte at `pos` of a draft. */
uint8_t ktls__draft_byte(const struct ktls *k, const struct ktls__draft *d,
			 size_t pos);

/* Under the lock: seal it in place, behind the link's queue.  0; -ENOMEM,
 * -KTLS_ECRYPTO: none of it is there.  The draft is gone in any case. */
int ktls__draft_seal(struct ktls *k, struct ktls__draft *d);

void ktls__draft_drop(const struct ktls *k, struct ktls__draft *d);

#endif
