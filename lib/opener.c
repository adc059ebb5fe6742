/* SPDX-License-Identifier: MIT */
/* See opener.h: the place of the next record, and the key's change. */
#include <string.h>

#include "aead.h"
#include "contexts.h"
#include "opener.h"
#include "wipe.h"

int ktls__opener_key(struct ktls__opener *o, const struct ktls_keys *keys)
{
	const struct ktls__suite *suite = ktls__aead_suite(keys);
	int err;

	if (!suite)
		return -KTLS_ESUITE;
	err = ktls__contexts_rekey(&o->owner, suite, keys->key, 0);
	if (err < 0)
		return err;
	o->suite = suite;
	memcpy(o->iv, keys->iv, sizeof(o->iv));
	o->seq = keys->seq;
	return 0;
}

void ktls__opener_wipe(struct ktls__opener *o)
{
	ktls__contexts_drop(&o->owner);
	ktls__wipe(o, sizeof(*o));
}

int ktls__opener_begin(struct ktls__opener *o)
{
	return ktls__contexts_hold(&o->owner, o->suite, 0);
}

void ktls__opener_end(struct ktls__opener *o)
{
	ktls__contexts_release(&o->owner);
}

size_t ktls__opener_head(const struct ktls__opener *o)
{
	return ktls__aead_head(o->suite);
}

int ktls__opener_open(struct ktls__opener *o, uint8_t *out, uint8_t *type,
		      const uint8_t *rec, size_t rec_len)
{
	const struct ktls__place at = { o->suite, o->iv, o->seq };
	struct ktls__lease lease;
	int n;

	if (rec_len < o->suite->overhead)
		return -KTLS_EBADRECORD;
	n = ktls__contexts_take(&o->owner, o->suite, 0, &lease);
	if (n < 0)
		return n;
	n = ktls__aead_open(lease.cipher, &at, out, type, rec, rec_len);
	ktls__contexts_give(&o->owner, &lease);
	if (n >= 0)
		o->seq++;
	return n;
}
