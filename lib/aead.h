/* SPDX-License-Identifier: MIT */
/*
 * Seal and open one TLS record in userspace: for the TX probe, the resync
 * record and alerts of the library path.
 */
#ifndef KTLS_AEAD_H
#define KTLS_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "ktls/ktls.h"

/* Header, explicit nonce, inner type and tag at most. */
#define KTLS__RECORD_OVERHEAD 32

/*
 * Seal in[0..in_len) as one record of `type` at keys->seq (TLS 1.2 AES-GCM:
 * with the explicit nonce keys->iv[4..11]).  `out` has room for in_len +
 * KTLS__RECORD_OVERHEAD bytes and may not overlap `in`.
 * Returns the record's length, header included; -KTLS_ESUITE; -EMSGSIZE
 * (in_len over 16384); -KTLS_ECRYPTO.  *keys does not move on.
 */
int ktls__record_seal(uint8_t *out, const struct ktls_keys *keys, uint8_t type,
		      const uint8_t *in, size_t in_len);

/*
 * Open one whole record, header included, at keys->seq.  `out` has room for
 * rec_len bytes.  TLS 1.2 AES-GCM takes the explicit nonce off the record.
 * TLS 1.3 padding is removed; *type is the inner type.
 * Returns the plaintext's length; -EBADMSG: not authentic, or malformed;
 * -KTLS_ESUITE; -KTLS_ECRYPTO.  On failure `out` is wiped.
 */
int ktls__record_open(uint8_t *out, uint8_t *type,
		      const struct ktls_keys *keys, const uint8_t *rec,
		      size_t rec_len);

#endif
