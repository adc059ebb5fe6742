/* SPDX-License-Identifier: MIT */
/* AEADs of BoringSSL's libcrypto.  A context is keyed once; a record brings
 * its nonce. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/aead.h>
#include <openssl/err.h>

#include "cipher_provider.h"
#include "ktls/ktls.h"
#include "wipe.h"

/* The longest text that is opened away from its place: RFC 8446 section 5.2,
 * with its type. */
#define TEXT_MAX (16384 + 256)

static const EVP_AEAD *aead_of(const struct ktls__suite *suite)
{
	switch (suite->cipher_bit) {
	case KTLS_CIPHER_AES_128_GCM:
		return EVP_aead_aes_128_gcm();
	case KTLS_CIPHER_AES_256_GCM:
		return EVP_aead_aes_256_gcm();
	case KTLS_CIPHER_CHACHA20_POLY1305:
		return EVP_aead_chacha20_poly1305();
	default:
		return NULL;
	}
}

/* Its cleanup leaves the key where it was. */
static void clear(EVP_AEAD_CTX *ctx)
{
	EVP_AEAD_CTX_cleanup(ctx);
	ktls__wipe(ctx, sizeof(*ctx));
	EVP_AEAD_CTX_zero(ctx);
}

static int init(EVP_AEAD_CTX *ctx, const struct ktls__suite *suite,
		const uint8_t *key)
{
	const EVP_AEAD *aead = aead_of(suite);
	int ok;

	if (!aead)
		return -KTLS_ECRYPTO;
	/* What it says of a failure stays out of the thread's error queue:
	 * the application may look there for another connection's. */
	ERR_set_mark();
	ok = EVP_AEAD_CTX_init(ctx, aead, key, EVP_AEAD_key_length(aead),
			       KTLS__TAG_LEN, NULL);
	ERR_pop_to_mark();
	return ok ? 0 : -KTLS_ECRYPTO;
}

/* A key serves both directions. */
static int set_key(void **ctx, const struct ktls__suite *suite,
		   const uint8_t *key, int enc)
{
	EVP_AEAD_CTX *fresh;
	int err;

	(void)enc;
	if (*ctx) {
		clear(*ctx);
		return init(*ctx, suite, key);
	}
	fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	EVP_AEAD_CTX_zero(fresh);
	err = init(fresh, suite, key);
	if (err == 0)
		*ctx = fresh;
	else
		free(fresh);
	return err;
}

static void free_ctx(void *ctx)
{
	clear(ctx);
	free(ctx);
}

/* The type is sealed from where it stands, and no copy is made. */
static int seal(void *ctx, const struct ktls__cipher_text *t)
{
	const size_t extra = t->type != NULL;
	size_t tag_len;
	int ok;

	ERR_set_mark();
	ok = EVP_AEAD_CTX_seal_scatter(ctx, t->out, t->out + t->len, &tag_len,
				       extra + KTLS__TAG_LEN, t->nonce,
				       KTLS__NONCE_LEN, t->in, t->len, t->type,
				       extra, t->aad, t->aad_len);
	ERR_pop_to_mark();
	return ok == 1 ? 0 : -KTLS_ECRYPTO;
}

/* `len` bytes from t->in, the tag behind them. */
static int open_to(void *ctx, uint8_t *out, const struct ktls__cipher_text *t,
		   size_t len)
{
	int ok;

	ERR_set_mark();
	ok = EVP_AEAD_CTX_open_gather(ctx, out, t->nonce, KTLS__NONCE_LEN,
				      t->in, len, t->in + len, KTLS__TAG_LEN,
				      t->aad, t->aad_len);
	ERR_pop_to_mark();
	return ok == 1 ? 0 : -KTLS_EBADRECORD;
}

/* There is no way to open a text to two places: all of it goes to a third
 * first. */
static int open_apart(void *ctx, const struct ktls__cipher_text *t)
{
	uint8_t plain[TEXT_MAX];
	int err;

	if (t->len >= sizeof(plain))
		return -KTLS_ECRYPTO;
	err = open_to(ctx, plain, t, t->len + 1);
	if (err == 0) {
		if (t->len > 0)
			memcpy(t->out, plain, t->len);
		*t->type = plain[t->len];
	}
	ktls__wipe(plain, t->len + 1);
	return err;
}

static int open_ctx(void *ctx, const struct ktls__cipher_text *t)
{
	int err;

	if (!t->type)
		return open_to(ctx, t->out, t, t->len);
	if (t->in != t->out)
		return open_apart(ctx, t);
	err = open_to(ctx, t->out, t, t->len + 1);
	if (err == 0)
		*t->type = t->out[t->len];
	return err;
}

const struct ktls__provider ktls__libcrypto = {
	.name = "boringssl",
	.key = set_key,
	.free = free_ctx,
	.seal = seal,
	.open = open_ctx,
};
