/* SPDX-License-Identifier: MIT */
/* See cipher.h: which library takes an AEAD. */
#include "cipher.h"

#include <string.h>

/* libcrypto takes what is left. */
static const struct ktls__provider *provider_of(const struct ktls__suite *suite)
{
#ifdef KTLS_IPSEC_MB
	if (ktls__ipsec_mb.takes(suite))
		return &ktls__ipsec_mb;
#else
	(void)suite;
#endif
	return &ktls__libcrypto;
}

bool ktls__cipher_takes(const struct ktls__suite *suite)
{
	const struct ktls__provider *by = provider_of(suite);

	return by->takes == NULL || by->takes(suite);
}

int ktls__cipher_key(struct ktls__cipher *c, const struct ktls__suite *suite,
		     const uint8_t *key, int enc)
{
	int err;

	if (c->bit != suite->cipher_bit) {
		ktls__cipher_free(c);
		c->by = provider_of(suite);
		c->bit = suite->cipher_bit;
	}
	err = c->by->key(&c->ctx, suite, key, enc);
	if (err < 0)
		ktls__cipher_free(c);
	return err;
}

void ktls__cipher_free(struct ktls__cipher *c)
{
	if (c->ctx)
		c->by->free(c->ctx);
	memset(c, 0, sizeof(*c));
}

int ktls__cipher_seal(const struct ktls__cipher *c,
		      const struct ktls__cipher_text *text)
{
	return c->by->seal(c->ctx, text);
}

int ktls__cipher_open(const struct ktls__cipher *c,
		      const struct ktls__cipher_text *text)
{
	return c->by->open(c->ctx, text);
}

const char *ktls__cipher_provider(const struct ktls__suite *suite)
{
	return provider_of(suite)->name;
}
