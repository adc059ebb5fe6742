/* SPDX-License-Identifier: MIT */
/* Plaintext that was here before a connection was handed over, in order. */
#ifndef KTLS_LEFTOVER_H
#define KTLS_LEFTOVER_H

#include <stddef.h>
#include <stdint.h>

struct ktls__chunk {
	struct ktls__chunk *next;
	struct ktls__chunk *last; /* of the list, in its first one alone */
	size_t len;
	size_t off;
	uint8_t data[];
};

struct ktls__leftover {
	struct ktls__chunk *head;
};

/* Room for `cap` bytes, of which none are there yet; NULL: no memory. */
struct ktls__chunk *ktls__chunk_new(size_t cap);

/* In no more memory than its bytes need, if there is any: the chunk, or
 * another in its place. */
struct ktls__chunk *ktls__chunk_fit(struct ktls__chunk *c);

/* Behind all others. */
void ktls__leftover_add(struct ktls__leftover *list, struct ktls__chunk *c);
void ktls__leftover_wipe(struct ktls__leftover *list);
size_t ktls__leftover_len(const struct ktls__leftover *list);

/* `n` bytes of the first chunk are delivered; it goes with its last. */
void ktls__leftover_take(struct ktls__leftover *list, size_t n);

#endif
