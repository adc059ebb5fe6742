/* SPDX-License-Identifier: MIT */
/* See sealer.h: the place of the next record, and the key's change. */
#include <string.h>

#include "aead.h"
#include "contexts.h"
#include "sealer.h"
#include "wipe.h"

int ktls__sealer_key(struct ktls__sealer *s, const struct ktls_keys *keys)
{
	const struct ktls__suite *suite = ktls__aead_suite(keys);
	int err;

	if (!suite)
		return -KTLS_ESUITE;
	err = ktls__contexts_rekey(&s->owner, suite, keys->key, 1);
	if (err < 0)
		return err;
	s->suite = suite;
	memcpy(s->iv, keys->iv, sizeof(s->iv));
	s->seq = keys->seq;
	return 0;
}

void ktls__sealer_wipe(struct ktls__sealer *s)
{
	ktls__contexts_drop(&s->owner);
	ktls__wipe(s, sizeof(*s));
}

int ktls__sealer_begin(struct ktls__sealer *s)
{
	return ktls__contexts_hold(&s->owner, s->suite, 1);
}

void ktls__sealer_end(struct ktls__sealer *s)
{
	ktls__contexts_release(&s->owner);
}

size_t ktls__sealer_head(const struct ktls__sealer *s)
{
	return ktls__aead_head(s->suite);
}

/* TLS 1.2 AES-GCM has a counter of its own (RFC 5288 section 3), big-endian;
 * the other suites' iv is fixed in its whole length. */
static void move_on(struct ktls__sealer *s)
{
	size_t i = sizeof(s->iv);

	s->seq++;
	while (i > s->suite->fixed_iv_len && ++s->iv[--i] == 0)
		;
}

int ktls__sealer_seal(struct ktls__sealer *s, uint8_t *out, uint8_t type,
		      const uint8_t *in, size_t len)
{
	const struct ktls__place at = { s->suite, s->iv, s->seq };
	struct ktls__lease lease;
	int n = ktls__contexts_take(&s->owner, s->suite, 1, &lease);

	if (n < 0)
		return n;
	n = ktls__aead_seal(lease.cipher, &at, out, type, in, len);
	ktls__contexts_give(&s->owner, &lease);
	if (n > 0)
		move_on(s);
	return n;
}
