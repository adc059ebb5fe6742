/* SPDX-License-Identifier: MIT */
/* What the parts of the limit and the bare loop share. */
#ifndef KTLS_BENCH_PARTS_H
#define KTLS_BENCH_PARTS_H

#include "conn.h"

/* Bytes before the text of a record. */
#define HEADER 5

struct aead;

/* Of one key, for records of so many bytes.  NULL: failed. */
struct aead *aead_new(const struct suite *s, size_t payload);
void aead_free(struct aead *a);

/* One record into a slot, whose text begins behind HEADER; from there too. */
int aead_seal(struct aead *a, uint8_t *slot, const uint8_t *from);

#endif
