/* SPDX-License-Identifier: MIT */
/* The bytes of a gathered write that are still to be taken. */
#ifndef KTLS_SOURCE_H
#define KTLS_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct ktls__source {
	const struct iovec *iov;
	int iovcnt;
	size_t off;          /* in the first of them */
	size_t left;
	uint8_t last;        /* the byte before it */
};

size_t ktls__iov_total(const struct iovec *iov, int iovcnt);

void ktls__source_init(struct ktls__source *src, const struct iovec *iov,
		       int iovcnt);

/* `len` bytes are taken, at most src->left. */
void ktls__source_advance(struct ktls__source *src, size_t len);

/* The next bytes up to the end of their buffer; *len is their number. */
const uint8_t *ktls__source_next(const struct ktls__source *src, size_t *len);

/* The next `len` bytes in one piece: where they are, or copied to `to`. */
const uint8_t *ktls__source_gather(const struct ktls__source *src, uint8_t *to,
				   size_t len);

/* The next `len` bytes as far as `max` pieces reach.  The number of them. */
int ktls__source_cut(const struct ktls__source *src, struct iovec *pieces,
		     int max, size_t len);

#endif
