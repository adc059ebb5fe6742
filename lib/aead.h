/* SPDX-License-Identifier: MIT */
/*
 * The form of a TLS record: header, nonce, additional data, inner type and
 * padding.  Below it what seals and opens one record at a time, for the TX
 * probe, the resync record and alerts of the library path; a direction's
 * records in order are sealer.h and opener.h.
 */
#ifndef KTLS_AEAD_H
#define KTLS_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "cipher.h"
#include "ktls/ktls.h"
#include "suite.h"

#define KTLS__HEADER_LEN 5

/* Header, explicit nonce, inner type and tag at most. */
#define KTLS__RECORD_OVERHEAD 32

/* The row of the keys' suite; NULL: unknown, or not of their version. */
const struct ktls__suite *ktls__aead_suite(const struct ktls_keys *keys);

/* Bytes before the text of a record: header and explicit nonce. */
size_t ktls__aead_head(const struct ktls__suite *suite);

/* The length behind a header; -KTLS_EPROTOCOL: not the header of a sealed
 * record; -KTLS_EOVERSIZE; -KTLS_EBADRECORD: too short for the suite. */
int ktls__aead_body(const struct ktls__suite *suite, const uint8_t *header);

/* What nonce and additional data of a record are made of.  The iv is that of
 * struct ktls_keys. */
struct ktls__place {
	const struct ktls__suite *suite;
	const uint8_t *iv;
	uint64_t seq; /* UINT64_MAX is never used: it would have no next */
};

/*
 * Seal in[0..len) into out[0..len + overhead).  `in` is out + head, or does
 * not overlap `out`.
 * Returns the record's length; -EMSGSIZE: len is over 16384, nothing was
 * written; -KTLS_ECRYPTO: `out` is wiped.
 */
int ktls__aead_seal(const struct ktls__cipher *c, const struct ktls__place *at,
		    uint8_t *out, uint8_t type, const uint8_t *in, size_t len);

/*
 * Open a whole record whose header ktls__aead_body() has passed.  `out` has
 * room for rec_len - overhead bytes; it is rec + head, or does not overlap
 * `rec`.
 * Returns the payload's length; -KTLS_EBADRECORD; -KTLS_EPROTOCOL: no type
 * inside; -KTLS_EOVERSIZE; -KTLS_ECRYPTO.  On failure `out` is wiped.
 */
int ktls__aead_open(const struct ktls__cipher *c, const struct ktls__place *at,
		    uint8_t *out, uint8_t *type, const uint8_t *rec,
		    size_t rec_len);

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
 * rec_len bytes and may not overlap `rec`.  TLS 1.2 AES-GCM takes the
 * explicit nonce off the record.  TLS 1.3 padding is removed; *type is the
 * inner type.
 * Returns the plaintext's length; -EBADMSG: not authentic, or malformed;
 * -KTLS_ESUITE; -KTLS_ECRYPTO.  On failure `out` is wiped.
 */
int ktls__record_open(uint8_t *out, uint8_t *type,
		      const struct ktls_keys *keys, const uint8_t *rec,
		      size_t rec_len);

#endif
