/* SPDX-License-Identifier: MIT */
/* BoringSSL's HMAC.  A context that has its key begins anew without it. */
#include <stdbool.h>

#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/hmac.h>

#include "ktls/ktls.h"
#include "mac.h"
#include "wipe.h"

static int begin(struct ktls__mac *mac)
{
	const EVP_MD *md = mac->suite->hash == KTLS__SHA384 ? EVP_sha384() :
							      EVP_sha256();
	HMAC_CTX *ctx = HMAC_CTX_new();

	if (ctx && HMAC_Init_ex(ctx, mac->key, mac->key_len, md, NULL) == 1) {
		mac->ctx = ctx;
		return 0;
	}
	HMAC_CTX_free(ctx);
	return -KTLS_ECRYPTO;
}

/* Its own words stay out of the application's error queue. */
int ktls__mac_begin(struct ktls__mac *mac, const struct ktls__suite *suite,
		    const uint8_t *key, size_t key_len)
{
	int err;

	mac->suite = suite;
	mac->key = key;
	mac->key_len = key_len;
	mac->ctx = NULL;
	ERR_set_mark();
	err = begin(mac);
	ERR_pop_to_mark();
	return err;
}

int ktls__mac_text(const struct ktls__mac *mac, uint8_t *out, const uint8_t *in,
		   size_t in_len)
{
	unsigned len;
	bool ok;

	ERR_set_mark();
	ok = HMAC_Init_ex(mac->ctx, NULL, 0, NULL, NULL) == 1 &&
	     HMAC_Update(mac->ctx, in, in_len) == 1 &&
	     HMAC_Final(mac->ctx, out, &len) == 1;
	ERR_pop_to_mark();
	return ok ? 0 : -KTLS_ECRYPTO;
}

/* BoringSSL clears what it frees. */
void ktls__mac_end(struct ktls__mac *mac)
{
	HMAC_CTX_free(mac->ctx);
	ktls__wipe(mac, sizeof(*mac));
}
