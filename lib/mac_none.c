/* SPDX-License-Identifier: MIT */
/* See mac.h: a build that has no hash functions derives no keys. */
#include "mac.h"

#include <errno.h>

int ktls__mac_begin(struct ktls__mac *mac, const struct ktls__suite *suite,
		    const uint8_t *key, size_t key_len)
{
	(void)mac;
	(void)suite;
	(void)key;
	(void)key_len;
	return -EOPNOTSUPP;
}

int ktls__mac_text(const struct ktls__mac *mac, uint8_t *out, const uint8_t *in,
		   size_t in_len)
{
	(void)mac;
	(void)out;
	(void)in;
	(void)in_len;
	return -EOPNOTSUPP;
}

void ktls__mac_end(struct ktls__mac *mac)
{
	(void)mac;
}
