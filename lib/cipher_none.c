/* SPDX-License-Identifier: MIT */
/* The AEADs of no library, where libcrypto's would be: it takes none, so that
 * no connection gets a key here. */
#include <errno.h>

#include "cipher_provider.h"

static bool takes(const struct ktls__suite *suite)
{
	(void)suite;
	return false;
}

static int set_key(void **ctx, const struct ktls__suite *suite,
		   const uint8_t *key, int enc)
{
	(void)ctx;
	(void)suite;
	(void)key;
	(void)enc;
	return -EOPNOTSUPP;
}

static void free_ctx(void *ctx)
{
	(void)ctx;
}

static int refuse(void *ctx, const struct ktls__cipher_text *text)
{
	(void)ctx;
	(void)text;
	return -EOPNOTSUPP;
}

const struct ktls__provider ktls__libcrypto = {
	.name = "none",
	.takes = takes,
	.key = set_key,
	.free = free_ctx,
	.seal = refuse,
	.open = refuse,
};
