/* SPDX-License-Identifier: MIT */
/* The key schedule beyond what ktls.h has of it. */
#ifndef KTLS_SCHEDULE_H
#define KTLS_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

#include "ktls/ktls.h"

/*
 * The generation behind `secret`, which becomes it, with its keys in `out`
 * (RFC 8446 section 7.2).
 * 0; -KTLS_ECRYPTO: `secret` is what it was, and `out` empty.
 */
int ktls__keys_next(struct ktls_keys *out, uint16_t suite, uint8_t *secret,
		    size_t secret_len);

#endif
