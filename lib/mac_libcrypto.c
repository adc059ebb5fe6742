/* SPDX-License-Identifier: MIT */
/*
 * libcrypto's HMAC.  HMAC() and a new EVP_MAC_CTX fetch its parts anew each
 * time, which was two thirds of a hand-off: here one that has its digest, and
 * no key, is made once for each hash, and copied.
 */
#include <stdatomic.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "ktls/ktls.h"
#include "mac.h"
#include "wipe.h"

/* Never freed.  A failure is not kept. */
static _Atomic(EVP_MAC_CTX *) originals[] = {
	[KTLS__SHA256] = NULL,
	[KTLS__SHA384] = NULL,
};

static EVP_MAC_CTX *new_ctx(const char *digest)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST,
				       (char *)(uintptr_t)digest, 0),
		OSSL_PARAM_END
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	if (ctx && EVP_MAC_CTX_set_params(ctx, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

static const EVP_MAC_CTX *original_of(enum ktls__hash hash)
{
	EVP_MAC_CTX *known = atomic_load_explicit(&originals[hash],
						  memory_order_acquire);
	EVP_MAC_CTX *fresh;

	if (known)
		return known;
	fresh = new_ctx(hash == KTLS__SHA384 ? "SHA384" : "SHA256");
	if (!fresh || atomic_compare_exchange_strong(&originals[hash], &known,
						     fresh))
		return fresh;
	EVP_MAC_CTX_free(fresh);
	return known;
}

/* Its own words stay out of the application's error queue. */
int ktls__mac_begin(struct ktls__mac *mac, const struct ktls__suite *suite,
		    const uint8_t *key, size_t key_len)
{
	const EVP_MAC_CTX *original;

	ERR_set_mark();
	original = original_of((enum ktls__hash)suite->hash);
	mac->suite = suite;
	mac->key = key;
	mac->key_len = key_len;
	mac->ctx = original ? EVP_MAC_CTX_dup(original) : NULL;
	ERR_pop_to_mark();
	return mac->ctx ? 0 : -KTLS_ECRYPTO;
}

/* With the key each time: to begin anew without it does not work in all of
 * OpenSSL 3.0. */
int ktls__mac_text(const struct ktls__mac *mac, uint8_t *out, const uint8_t *in,
		   size_t in_len)
{
	size_t len;
	int ok;

	ERR_set_mark();
	ok = EVP_MAC_init(mac->ctx, mac->key, mac->key_len, NULL) == 1 &&
	     EVP_MAC_update(mac->ctx, in, in_len) == 1 &&
	     EVP_MAC_final(mac->ctx, out, &len, mac->suite->hash_len) == 1;
	ERR_pop_to_mark();
	return ok ? 0 : -KTLS_ECRYPTO;
}

/* libcrypto clears what a context has hashed, and its key. */
void ktls__mac_end(struct ktls__mac *mac)
{
	EVP_MAC_CTX_free(mac->ctx);
	ktls__wipe(mac, sizeof(*mac));
}
