/* SPDX-License-Identifier: MIT */
/*
 * What a library that has AEADs brings along: one such table each, in
 * cipher_NAME.c.  Who takes which AEAD is decided in cipher.c, and is no
 * business of anybody else.
 */
#ifndef KTLS_CIPHER_PROVIDER_H
#define KTLS_CIPHER_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "suite.h"

#define KTLS__NONCE_LEN 12
#define KTLS__TAG_LEN 16

/*
 * One text, all of it at once, since there are libraries that take it in no
 * other way.  Sealed, it is `len` bytes, one more for the type, and the tag.
 */
struct ktls__cipher_text {
	const uint8_t *nonce;
	const uint8_t *aad;
	size_t aad_len;
	uint8_t *out;      /* `in`, or apart from all of it */
	const uint8_t *in;
	size_t len;
	uint8_t *type;     /* one more byte, sealed behind the text, or opened
			    * to here: `out` of an opened text has no room for
			    * it but where it is `in`.  NULL: none */
};

struct ktls__provider {
	const char *name;

	/* Here and now: the processor may lack what it needs.  NULL: it takes
	 * all of them. */
	bool (*takes)(const struct ktls__suite *suite);

	/*
	 * To seal (enc 1) or to open (enc 0).  *ctx is NULL, and is made, or
	 * a context of the same AEAD, which is keyed anew in its place:
	 * nothing is allocated for that.  0; -ENOMEM, -KTLS_ECRYPTO: a new
	 * one is not made, and an old one only fit to be freed.
	 */
	int (*key)(void **ctx, const struct ktls__suite *suite,
		   const uint8_t *key, int enc);

	/* No byte of the key is left. */
	void (*free)(void *ctx);

	/* 0; -KTLS_ECRYPTO; open, too: -KTLS_EBADRECORD: not authentic.  On
	 * failure anything may stand where the text would. */
	int (*seal)(void *ctx, const struct ktls__cipher_text *text);
	int (*open)(void *ctx, const struct ktls__cipher_text *text);
};

/* The one of the backend: OpenSSL's, BoringSSL's, or nobody's. */
extern const struct ktls__provider ktls__libcrypto;
extern const struct ktls__provider ktls__ipsec_mb; /* with KTLS_IPSEC_MB */

#endif
