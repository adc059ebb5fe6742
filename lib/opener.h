/* SPDX-License-Identifier: MIT */
/* Opening the records of one direction in userspace, in order. */
#ifndef KTLS_OPENER_H
#define KTLS_OPENER_H

#include <stddef.h>
#include <stdint.h>

#include "ktls/ktls.h"
#include "suite.h"

/* All zero: no key yet, and nothing may be asked of it but a key. */
struct ktls__opener {
	const struct ktls__suite *suite;
	void *ctx;           /* the AEAD, keyed once */
	uint8_t iv[12];
	uint64_t seq;        /* of the next record */
};

/* Begin with keys, or go on under others: seq becomes keys->seq.
 * 0; -KTLS_ESUITE, -KTLS_ECRYPTO, -ENOMEM: it is as it was. */
int ktls__opener_key(struct ktls__opener *o, const struct ktls_keys *keys);
void ktls__opener_wipe(struct ktls__opener *o);

/* Bytes before the text in a record of this suite: header and explicit
 * nonce. */
size_t ktls__opener_head(const struct ktls__opener *o);

/*
 * Open rec[0..rec_len), one whole record with a header that fits its length
 * (ktls__aead_body() checks one).  `out` has room for rec_len -
 * suite->overhead bytes: payload and, for TLS 1.3, padding.  It is rec + head,
 * or does not overlap rec.
 * Returns the payload's length, *type is the inner type, and seq has moved;
 * -KTLS_EBADRECORD: not authentic; -KTLS_EPROTOCOL: without a type inside
 * (RFC 8446 section 5.4); -KTLS_EOVERSIZE: more than 16384 bytes of payload
 * and padding; -KTLS_ECRYPTO, also where the sequence number would wrap.  On
 * failure `out` is wiped, and *type is as it was.
 */
int ktls__opener_open(struct ktls__opener *o, uint8_t *out, uint8_t *type,
		      const uint8_t *rec, size_t rec_len);

#endif
