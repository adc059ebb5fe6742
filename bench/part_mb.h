/* SPDX-License-Identifier: MIT */
/*
 * AES-GCM alone by Intel's multi-buffer library, for a libktls that is built
 * with it: its limit is not that of libcrypto.
 */
#ifndef KTLS_BENCH_PART_MB_H
#define KTLS_BENCH_PART_MB_H

#include <stdbool.h>

#include "conn.h"

struct mb;

/* NULL: not built with it, or not a suite of its. */
struct mb *mb_new(const struct suite *s, const uint8_t *key);
void mb_free(struct mb *m);

/*
 * The text, then `last` more bytes that follow in `tail`, which stay there;
 * the tag goes to or comes from `tag`.  mb_open() is false for a wrong one.
 */
void mb_seal(struct mb *m, uint8_t *out, const uint8_t *in, size_t len,
	     uint8_t *tail, size_t last, const uint8_t *iv,
	     const uint8_t *aad, size_t aad_len, uint8_t *tag);
bool mb_open(struct mb *m, uint8_t *out, const uint8_t *in, size_t len,
	     const uint8_t *tail, size_t last, const uint8_t *iv,
	     const uint8_t *aad, size_t aad_len, const uint8_t *tag);

#endif
