/* SPDX-License-Identifier: MIT */
/* Sealing the records of one direction in userspace, in order. */
#ifndef KTLS_SEALER_H
#define KTLS_SEALER_H

#include <stddef.h>
#include <stdint.h>

#include "contexts.h"
#include "ktls/ktls.h"
#include "suite.h"

/* All zero: no key yet, and nothing may be asked of it but a key. */
struct ktls__sealer {
	const struct ktls__suite *suite;
	struct ktls__owner owner; /* of the key's context */
	uint8_t iv[12];      /* TLS 1.2 AES-GCM: with the next explicit nonce */
	uint64_t seq;        /* of the next record */
};

/* Begin with keys, or go on under others: seq becomes keys->seq.
 * 0; -KTLS_ESUITE, -KTLS_ECRYPTO, -ENOMEM: it is as it was. */
int ktls__sealer_key(struct ktls__sealer *s, const struct ktls_keys *keys);
void ktls__sealer_wipe(struct ktls__sealer *s);

/*
 * Keep the key's context between begin and end, instead of looking for it at
 * each record: for the records of one call, since others cannot have it
 * meanwhile.  A new key ends it, as wiping does; to begin again, and to end
 * what has not begun, is nothing.
 * 0; -ENOMEM, -KTLS_ECRYPTO: it has not begun, as with a record.
 */
int ktls__sealer_begin(struct ktls__sealer *s);
void ktls__sealer_end(struct ktls__sealer *s);

/* Bytes before the payload in a record of this suite: header and explicit
 * nonce.  A record is suite->overhead longer than its payload. */
size_t ktls__sealer_head(const struct ktls__sealer *s);

/*
 * Seal in[0..len), at most 16384 bytes, as the next record.  `out` has room
 * for len + suite->overhead bytes; `in` is out + ktls__sealer_head(), or does
 * not overlap `out`.
 * Returns the record's length, and seq has moved; -KTLS_ECRYPTO, also where
 * the sequence number would wrap: out is wiped, or untouched where there is
 * no context; -EMSGSIZE: len is over 16384, nothing was written.  After both
 * seq has not moved, and no further record may be sealed; -ENOMEM: no context
 * could be made, nothing was written, and it may be tried again.
 */
int ktls__sealer_seal(struct ktls__sealer *s, uint8_t *out, uint8_t type,
		      const uint8_t *in, size_t len);

#endif
