/* SPDX-License-Identifier: MIT */
/* The table of keyed contexts, looked into: a test that includes this has it
 * in its own program text. */
#ifndef KTLS_TESTS_CONTEXTS_TABLE_H
#define KTLS_TESTS_CONTEXTS_TABLE_H

#include <string.h>

#include "aead.h"
#include "lib/contexts.c"
#include "sample_keys.h"
#include "suite_main.h"

/* Each owner has a key of its own. */
static inline struct ktls_keys keys_of(uint16_t suite, unsigned n)
{
	struct ktls_keys keys = sample_keys(suite);

	keys.key[0] = (uint8_t)n;
	keys.key[1] = (uint8_t)(n >> 8);
	return keys;
}

static inline struct ktls__owner owner(uint16_t suite, unsigned n)
{
	const struct ktls_keys keys = keys_of(suite, n);
	struct ktls__owner o = { .ticket = 0 };

	ck_assert_int_eq(ktls__contexts_rekey(&o, ktls__suite_find(suite),
					      keys.key, 1), 0);
	return o;
}

/* What this context seals is what the n-th key seals. */
static inline void check_keyed(const struct ktls__cipher *c, uint16_t suite,
			unsigned n)
{
	const struct ktls_keys keys = keys_of(suite, n);
	const struct ktls__place at = { ktls__suite_find(suite), keys.iv,
					keys.seq };
	static const uint8_t text[] = "attack at dawn";
	uint8_t out[64], want[64];
	int len = ktls__record_seal(want, &keys, 23, text, 14);

	ck_assert_int_eq(ktls__aead_seal(c, &at, out, 23, text,
					14), len);
	ck_assert_mem_eq(out, want, (size_t)len);
}

static inline void take(struct ktls__owner *o, uint16_t suite,
		 struct ktls__lease *lease)
{
	ck_assert_int_eq(ktls__contexts_take(o, ktls__suite_find(suite), 1,
					     lease), 0);
}

static inline void use(struct ktls__owner *o, uint16_t suite, unsigned n)
{
	struct ktls__lease lease;

	take(o, suite, &lease);
	check_keyed(lease.cipher, suite, n);
	ktls__contexts_give(o, &lease);
}

static inline unsigned slots(uint64_t flag)
{
	unsigned n = 0;

	for (size_t i = 0; i < KTLS__CONTEXTS; i++)
		n += (table[i].word & flag) != 0;
	return n;
}

static inline void nobody_is_left(void)
{
	static const struct ktls__cipher none;

	ck_assert_uint_eq(slots(0xff), 0);
	ck_assert_uint_eq(filled, 0);
	for (size_t i = 0; i < KTLS__CONTEXTS; i++)
		ck_assert_mem_eq(&table[i].cipher, &none, sizeof(none));
}

#endif
