/* SPDX-License-Identifier: MIT */
/* Opening the records of one direction in userspace, in order. */
#ifndef KTLS_OPENER_H
#define KTLS_OPENER_H

#include <stddef.h>
#include <stdint.h>

#include "contexts.h"
#include "ktls/ktls.h"
#include "suite.h"

/* All zero: no key yet, and nothing may be asked of it but a key. */
struct ktls__opener {
	const struct ktls__suite *suite;
	struct ktls__owner owner; /* of the key's context */
	uint8_t iv[12];
	uint64_t seq;        /* of the next record */
};

/* Begin with keys, or go on under others: seq becomes keys->seq.
 * 0; -KTLS_ESUITE, -KTLS_ECRYPTO, -ENOMEM: it is as it was. */
int ktls__opener_key(struct ktls__opener *o, const struct ktls_keys *keys);
void ktls__opener_wipe(struct ktls__opener *o);

/*
 * Keep the key's context between begin and end, instead of looking for it at
 * each record: for the records of one call, since others cannot have it
 * meanwhile.  A new key ends it, as wiping does; to begin again, and to end
 * what has not begun, is nothing.
 * 0; -ENOMEM, -KTLS_ECRYPTO: it has not begun, as with a record.
 */
int ktls__opener_begin(struct ktls__opener *o);
void ktls__opener_end(struct ktls__opener *o);

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
 * and padding; -KTLS_ECRYPTO, also where the sequence number would wrap;
 * -ENOMEM: it may be tried again.  On failure `out` is wiped, or untouched
 * where no context could be made: then the record is as it was; *type is in
 * any case.
 */
int ktls__opener_open(struct ktls__opener *o, uint8_t *out, uint8_t *type,
		      const uint8_t *rec, size_t rec_len);

#endif
