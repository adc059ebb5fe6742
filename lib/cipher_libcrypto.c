/* SPDX-License-Identifier: MIT */
/* libcrypto's AEADs.  A context is keyed once; a record sets its nonce. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "cipher_provider.h"
#include "ktls/ktls.h"

static const struct {
	unsigned bit;
	const char *name;
} ciphers[] = {
	{ KTLS_CIPHER_AES_128_GCM, "AES-128-GCM" },
	{ KTLS_CIPHER_AES_256_GCM, "AES-256-GCM" },
	{ KTLS_CIPHER_CHACHA20_POLY1305, "ChaCha20-Poly1305" },
};
#define CIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

/* Fetched once, and never freed: EVP_aes_128_gcm() and its like would be
 * fetched for every context.  A failure is not kept. */
static _Atomic(EVP_CIPHER *) fetched[CIPHERS];

static const EVP_CIPHER *fetch(size_t i)
{
	EVP_CIPHER *known = atomic_load_explicit(&fetched[i],
						 memory_order_acquire);
	EVP_CIPHER *fresh;

	if (known)
		return known;
	fresh = EVP_CIPHER_fetch(NULL, ciphers[i].name, NULL);
	if (!fresh || atomic_compare_exchange_strong(&fetched[i], &known,
						     fresh))
		return fresh;
	EVP_CIPHER_free(fresh);
	return known;
}

static const EVP_CIPHER *cipher_of(const struct ktls__suite *suite)
{
	for (size_t i = 0; i < CIPHERS; i++)
		if (ciphers[i].bit == suite->cipher_bit)
			return fetch(i);
	return NULL;
}

/* A cipher that was found, and still fails, had no memory for its context. */
static int make(void **ctx, const struct ktls__suite *suite,
		const uint8_t *key, int enc)
{
	const EVP_CIPHER *cipher = cipher_of(suite);
	EVP_CIPHER_CTX *fresh;

	if (!cipher)
		return -KTLS_ECRYPTO;
	fresh = EVP_CIPHER_CTX_new();
	if (fresh && EVP_CipherInit_ex(fresh, cipher, NULL, key, NULL,
				       enc) == 1) {
		*ctx = fresh;
		return 0;
	}
	EVP_CIPHER_CTX_free(fresh);
	return -ENOMEM;
}

/* What libcrypto says of a failure stays out of the thread's error queue: the
 * application may look there for an error of another connection. */
static int make_quietly(void **ctx, const struct ktls__suite *suite,
			const uint8_t *key, int enc)
{
	int err;

	ERR_set_mark();
	err = make(ctx, suite, key, enc);
	ERR_pop_to_mark();
	return err;
}

/* Named once more, a cipher would be fetched and its context made anew. */
static int set_key(void **ctx, const struct ktls__suite *suite,
		   const uint8_t *key, int enc)
{
	if (!*ctx)
		return make_quietly(ctx, suite, key, enc);
	return EVP_CipherInit_ex(*ctx, NULL, NULL, key, NULL, enc) == 1 ?
		       0 :
		       -KTLS_ECRYPTO;
}

static void free_ctx(void *ctx)
{
	EVP_CIPHER_CTX_free(ctx);
}

/* EVP takes no empty update from every cipher: leave it out. */
static int update(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in,
		  size_t len)
{
	int n;

	return len == 0 || EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1;
}

/* All three ciphers take a nonce of 12 bytes unless told otherwise. */
static int start(EVP_CIPHER_CTX *ctx, const struct ktls__cipher_text *t)
{
	return EVP_CipherInit_ex(ctx, NULL, NULL, NULL, t->nonce, -1) == 1 &&
	       update(ctx, NULL, t->aad, t->aad_len);
}

/* In its place the text has room behind it: the type goes there, and one
 * update does for both. */
static int seal_text(EVP_CIPHER_CTX *ctx, const struct ktls__cipher_text *t)
{
	if (!t->type)
		return update(ctx, t->out, t->in, t->len);
	if (t->in != t->out)
		return update(ctx, t->out, t->in, t->len) &&
		       update(ctx, t->out + t->len, t->type, 1);
	t->out[t->len] = *t->type;
	return update(ctx, t->out, t->out, t->len + 1);
}

static int seal(void *ctx, const struct ktls__cipher_text *t)
{
	uint8_t *tag = t->out + t->len + (t->type != NULL);
	int n;

	return start(ctx, t) && seal_text(ctx, t) &&
			       EVP_CipherFinal_ex(ctx, tag, &n) == 1 &&
			       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG,
						   KTLS__TAG_LEN, tag) == 1 ?
		       0 :
		       -KTLS_ECRYPTO;
}

static int open_text(EVP_CIPHER_CTX *ctx, const struct ktls__cipher_text *t)
{
	if (!t->type)
		return update(ctx, t->out, t->in, t->len);
	if (t->in != t->out)
		return update(ctx, t->out, t->in, t->len) &&
		       update(ctx, t->type, t->in + t->len, 1);
	if (!update(ctx, t->out, t->out, t->len + 1))
		return 0;
	*t->type = t->out[t->len];
	return 1;
}

/* EVP copies the tag, but takes no pointer to what it may not change. */
static int check_tag(EVP_CIPHER_CTX *ctx, const uint8_t *expected)
{
	uint8_t none[1]; /* Final adds nothing, but wants a place. */
	uint8_t tag[KTLS__TAG_LEN];
	int n;

	memcpy(tag, expected, sizeof(tag));
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, KTLS__TAG_LEN,
				tag) != 1)
		return -KTLS_ECRYPTO;
	return EVP_CipherFinal_ex(ctx, none, &n) == 1 ? 0 : -KTLS_EBADRECORD;
}

static int open_ctx(void *ctx, const struct ktls__cipher_text *t)
{
	if (!start(ctx, t) || !open_text(ctx, t))
		return -KTLS_ECRYPTO;
	return check_tag(ctx, t->in + t->len + (t->type != NULL));
}

const struct ktls__provider ktls__libcrypto = {
	.name = "libcrypto",
	.key = set_key,
	.free = free_ctx,
	.seal = seal,
	.open = open_ctx,
};
