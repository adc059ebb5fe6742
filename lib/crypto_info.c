/* SPDX-License-Identifier: MIT */
/*
 * struct ktls_keys to what setsockopt(SOL_TLS) takes.  The kernel's structs
 * are all one shape: info, iv, key, salt, rec_seq, with the suite's sizes.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "ktls/ktls.h"
#include "suite.h"
#include "uapi.h"

_Static_assert(
	KTLS_CRYPTO_INFO_MAX ==
		sizeof(struct ktls__tls12_crypto_info_aes_gcm_256) &&
	KTLS_CRYPTO_INFO_MAX ==
		sizeof(struct ktls__tls12_crypto_info_chacha20_poly1305),
	"the largest");

static uint8_t *put(uint8_t *at, const void *from, size_t len)
{
	memcpy(at, from, len);
	return at + len;
}

int ktls_crypto_info(void *out, size_t out_len, const struct ktls_keys *keys)
{
	const struct ktls__suite *suite = ktls__suite_find(keys->suite);
	struct ktls__tls_crypto_info info = { .version = keys->version };
	const uint64_t seq = htobe64(keys->seq);
	uint8_t *at = out;

	if (keys->version != KTLS_TLS_1_2 && keys->version != KTLS_TLS_1_3)
		return -KTLS_EVERSION;
	if (!suite || suite->version != keys->version)
		return -KTLS_ESUITE;
	if (out_len < suite->info_len)
		return -ENOBUFS;

	info.cipher_type = suite->cipher_type;
	at = put(at, &info, sizeof(info));
	/* keys->iv is salt and iv as the nonce joins them, also in TLS 1.3
	 * where the kernel has no name of its own for the first 4 bytes. */
	at = put(at, keys->iv + suite->salt_len,
		 sizeof(keys->iv) - suite->salt_len);
	at = put(at, keys->key, suite->key_len);
	at = put(at, keys->iv, suite->salt_len);
	put(at, &seq, sizeof(seq));
	return suite->info_len;
}
