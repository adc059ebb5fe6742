/* SPDX-License-Identifier: MIT */
/* HMAC under one key, of as many texts as are asked for: all that the key
 * schedule takes from another library. */
#ifndef KTLS_MAC_H
#define KTLS_MAC_H

#include <stddef.h>
#include <stdint.h>

#include "suite.h"

#define KTLS__MAC_MAX 48

struct ktls__mac {
	const struct ktls__suite *suite; /* its hash */
	const uint8_t *key;
	size_t key_len;
	void *ctx;
};

/* The key, of at most KTLS__MAC_MAX bytes, stays with the caller.
 * 0; -KTLS_ECRYPTO, or -EOPNOTSUPP where this build has no hashes: there is
 * nothing to end. */
int ktls__mac_begin(struct ktls__mac *mac, const struct ktls__suite *suite,
		    const uint8_t *key, size_t key_len);

/* `out`: hash_len bytes, apart from `in`.
 * 0; -KTLS_ECRYPTO: whatever is in it, it is for the caller to wipe. */
int ktls__mac_text(const struct ktls__mac *mac, uint8_t *out, const uint8_t *in,
		   size_t in_len);

/* Nothing of key or texts is left. */
void ktls__mac_end(struct ktls__mac *mac);

#endif
