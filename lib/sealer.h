/* SPDX-License-Identifier: MIT */
/* Sealing the records of one direction in userspace, in order. */
#ifndef KTLS_SEALER_H
#define KTLS_SEALER_H

#include <stddef.h>
#include <stdint.h>

#include "ktls/ktls.h"
#include "suite.h"

/* All zero: no key yet, and nothing may be asked of it but a key. */
struct ktls__sealer {
	const struct ktls__suite *suite;
	void *ctx;           /* the AEAD, keyed once */
	uint8_t iv[12];      /* TLS 1.2 AES-GCM: with the next explicit nonce */
	uint64_t seq;        /* of the next record */
};

/* Begin with keys, or go on under others: seq becomes keys->seq.
 * 0; -KTLS_ESUITE, -KTLS_ECRYPTO, -ENOMEM: it is as it was. */
int ktls__sealer_key(struct ktls__sealer *s, const struct ktls_keys *keys);
void ktls__sealer_wipe(struct ktls__sealer *s);

/* Bytes before the payload in a record of this suite: header and explicit
 * nonce.  A record is suite->overhead longer than its payload. */
size_t ktls__sealer_head(const struct ktls__sealer *s);

/*
 * Seal in[0..len), at most 16384 bytes, as the next record.  `out` has room
 * for len + suite->overhead bytes; `in` is out + ktls__sealer_head(), or does
 * not overlap `out`.
 * Returns the record's length, and seq has moved; -KTLS_ECRYPTO, also where
 * the sequence number would wrap: out is wiped; -EMSGSIZE: len is over 16384,
 * nothing was written.  After both seq has not moved, and no further record
 * may be sealed.
 */
int ktls__sealer_seal(struct ktls__sealer *s, uint8_t *out, uint8_t type,
		      const uint8_t *in, size_t len);

#endif
