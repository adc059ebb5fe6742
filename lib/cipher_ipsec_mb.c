/* SPDX-License-Identifier: MIT */
/*
 * AES-GCM of Intel's multi-buffer library, where the processor has AES
 * instructions: it brings VAES to those whose libcrypto does without.  Only
 * its direct calls are used, one text at a time; they keep no state but what
 * they are given, so a context is only a key.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#include "cipher_provider.h"
#include "ktls/ktls.h"
#include "wipe.h"

struct direction {
	aes_gcm_enc_dec_t all;
	aes_gcm_enc_dec_update_t update;
	aes_gcm_enc_dec_finalize_t final;
};

/* One of the key sizes. */
struct gcm {
	aes_gcm_pre_t key;
	aes_gcm_init_t init;
	struct direction enc;
	struct direction dec;
};

struct context {
	const struct gcm *gcm;
	/* The library's instructions want it so, its header does not say. */
	_Alignas(64) struct gcm_key_data key;
};

/* Its manager is a table of what fits this processor, and large: made once,
 * copied from, and freed.  Constant after that. */
static struct {
	pthread_once_t once;
	bool usable;
	struct gcm aes_128;
	struct gcm aes_256;
} calls = { .once = PTHREAD_ONCE_INIT };

static void copy_calls(const IMB_MGR *m)
{
	calls.aes_128 = (struct gcm){
		.key = m->gcm128_pre,
		.init = m->gcm128_init,
		.enc = { m->gcm128_enc, m->gcm128_enc_update,
			 m->gcm128_enc_finalize },
		.dec = { m->gcm128_dec, m->gcm128_dec_update,
			 m->gcm128_dec_finalize },
	};
	calls.aes_256 = (struct gcm){
		.key = m->gcm256_pre,
		.init = m->gcm256_init,
		.enc = { m->gcm256_enc, m->gcm256_enc_update,
			 m->gcm256_enc_finalize },
		.dec = { m->gcm256_dec, m->gcm256_dec_update,
			 m->gcm256_dec_finalize },
	};
}

/* Without AES instructions it would look keys' bytes up in tables: slow, and
 * seen from outside. */
static void find_calls(void)
{
	IMB_ARCH arch = IMB_ARCH_NONE;
	IMB_MGR *m = alloc_mb_mgr(0);

	if (!m)
		return;
	init_mb_mgr_auto(m, &arch);
	if (imb_get_errno(m) == 0 && arch > IMB_ARCH_NOAESNI) {
		copy_calls(m);
		calls.usable = true;
	}
	free_mb_mgr(m);
}

/* NULL: not for this library. */
static const struct gcm *gcm_of(const struct ktls__suite *suite)
{
	pthread_once(&calls.once, find_calls);
	if (!calls.usable)
		return NULL;
	if (suite->cipher_bit == KTLS_CIPHER_AES_128_GCM)
		return &calls.aes_128;
	return suite->cipher_bit == KTLS_CIPHER_AES_256_GCM ? &calls.aes_256 :
							      NULL;
}

static bool takes(const struct ktls__suite *suite)
{
	return gcm_of(suite) != NULL;
}

/* A GCM key serves both directions. */
static int set_key(void **ctx, const struct ktls__suite *suite,
		   const uint8_t *key, int enc)
{
	struct context *c = *ctx;

	(void)enc;
	if (!c) {
		c = aligned_alloc(_Alignof(struct context), sizeof(*c));
		if (!c)
			return -ENOMEM;
		c->gcm = gcm_of(suite);
		*ctx = c;
	}
	c->gcm->key(key, &c->key);
	return 0;
}

static void free_ctx(void *ctx)
{
	ktls__wipe(ctx, sizeof(struct context));
	free(ctx);
}

/* The text, the byte of the type in or out, and the tag that results. */
static void run(const struct context *c, const struct direction *d,
		const struct ktls__cipher_text *t, const uint8_t *type_in,
		uint8_t *type_out, uint8_t *tag)
{
	struct gcm_context_data state;

	if (!t->type) {
		d->all(&c->key, &state, t->out, t->in, t->len, t->nonce,
		       t->aad, t->aad_len, tag, KTLS__TAG_LEN);
	} else {
		c->gcm->init(&c->key, &state, t->nonce, t->aad, t->aad_len);
		d->update(&c->key, &state, t->out, t->in, t->len);
		d->update(&c->key, &state, type_out, type_in, 1);
		d->final(&c->key, &state, tag, KTLS__TAG_LEN);
	}
	ktls__wipe(&state, sizeof(state));
}

/* In its place the text has room behind it, and the type is part of it. */
static struct ktls__cipher_text with_type(const struct ktls__cipher_text *t)
{
	struct ktls__cipher_text whole = *t;

	whole.len++;
	whole.type = NULL;
	return whole;
}

static int seal(void *ctx, const struct ktls__cipher_text *t)
{
	const struct context *c = ctx;
	uint8_t *end = t->out + t->len;
	struct ktls__cipher_text whole;

	if (t->type && t->in == t->out) {
		*end = *t->type;
		whole = with_type(t);
		run(c, &c->gcm->enc, &whole, NULL, NULL, end + 1);
	} else {
		run(c, &c->gcm->enc, t, t->type, end, end + (t->type != NULL));
	}
	return 0;
}

static int open_ctx(void *ctx, const struct ktls__cipher_text *t)
{
	const struct context *c = ctx;
	const uint8_t *end = t->in + t->len;
	struct ktls__cipher_text whole;
	uint8_t tag[KTLS__TAG_LEN];

	if (t->type && t->in == t->out) {
		whole = with_type(t);
		run(c, &c->gcm->dec, &whole, NULL, NULL, tag);
		*t->type = *end;
	} else {
		run(c, &c->gcm->dec, t, end, t->type, tag);
	}
	return CRYPTO_memcmp(tag, end + (t->type != NULL), sizeof(tag)) == 0 ?
		       0 :
		       -KTLS_EBADRECORD;
}

const struct ktls__provider ktls__ipsec_mb = {
	.name = "ipsec-mb",
	.takes = takes,
	.key = set_key,
	.free = free_ctx,
	.seal = seal,
	.open = open_ctx,
};
