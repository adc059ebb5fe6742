/* SPDX-License-Identifier: MIT */
/*
 * A keyed AEAD context, of whichever library takes the AEAD.  What a record
 * looks like is not known here: see aead.h.
 */
#ifndef KTLS_CIPHER_H
#define KTLS_CIPHER_H

#include <stdbool.h>
#include <stdint.h>

#include "cipher_provider.h"
#include "suite.h"

/* All zero: none. */
struct ktls__cipher {
	const struct ktls__provider *by;
	void *ctx;
	uint8_t bit;         /* KTLS_CIPHER_*: of the AEAD */
};

/* Is there anybody here who has this suite's AEAD? */
bool ktls__cipher_takes(const struct ktls__suite *suite);

/* Key it, to seal (enc 1) or to open (enc 0): one of the same AEAD in its
 * place, without an allocation; any other is freed first.
 * 0; -ENOMEM, -KTLS_ECRYPTO: there is none any more. */
int ktls__cipher_key(struct ktls__cipher *c, const struct ktls__suite *suite,
		     const uint8_t *key, int enc);

/* It is all zero again. */
void ktls__cipher_free(struct ktls__cipher *c);

/* As in struct ktls__provider. */
int ktls__cipher_seal(const struct ktls__cipher *c,
		      const struct ktls__cipher_text *text);
int ktls__cipher_open(const struct ktls__cipher *c,
		      const struct ktls__cipher_text *text);

/* The name of the library that takes this suite's AEAD: a constant. */
const char *ktls__cipher_provider(const struct ktls__suite *suite);

#endif
