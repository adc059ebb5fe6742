/* SPDX-License-Identifier: MIT */
/* The table of keyed contexts: what it allocates, and what is left of a key. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "contexts_table.h"
#include "opener.h"
#include "sealer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OWNERS 100

static const uint8_t text[] = "attack at dawn";

/* libcrypto's memory, each block behind its length.  Threads use it. */
static struct {
	_Atomic size_t live;
	_Atomic size_t allocs;
	_Atomic size_t most;      /* allocations over it fail */
	const uint8_t *needle;    /* 16 bytes that nothing freed may hold */
	int found;
} memory = { .most = SIZE_MAX };

#define LENGTH_ROOM 16

static void *counted_malloc(size_t len, const char *file, int line)
{
	uint8_t *p;

	(void)file;
	(void)line;
	p = len > memory.most ? NULL : malloc(len + LENGTH_ROOM);
	if (!p)
		return NULL;
	memcpy(p, &len, sizeof(len));
	memory.live++;
	memory.allocs++;
	return p + LENGTH_ROOM;
}

static void counted_free(void *block, const char *file, int line)
{
	uint8_t *p = block;
	size_t len;

	(void)file;
	(void)line;
	if (!p)
		return;
	memcpy(&len, p - LENGTH_ROOM, sizeof(len));
	if (memory.needle && memmem(p, len, memory.needle, 16))
		memory.found = 1;
	memory.live--;
	free(p - LENGTH_ROOM);
}

static void *counted_realloc(void *block, size_t len, const char *file,
			     int line)
{
	uint8_t *p = block, *fresh = counted_malloc(len, file, line);
	size_t old;

	if (!p || !fresh)
		return fresh;
	memcpy(&old, p - LENGTH_ROOM, sizeof(old));
	memcpy(fresh, p, old < len ? old : len);
	counted_free(p, file, line);
	return fresh;
}

START_TEST(all_are_in_use)
{
	const struct ktls__suite *suite = ktls__suite_find(0x1303);
	struct ktls__owner o[KTLS__CONTEXTS], more = owner(0x1303, 500);
	struct ktls__lease leases[KTLS__CONTEXTS], spare;
	size_t live;

	for (unsigned i = 0; i < COUNT(o); i++) {
		o[i] = owner(0x1303, i);
		take(&o[i], 0x1303, &leases[i]);
	}
	ck_assert_uint_eq(slots(BUSY), KTLS__CONTEXTS);
	live = memory.live;
	take(&more, 0x1303, &spare);
	ck_assert_ptr_eq(spare.cipher, &spare.spare);
	ck_assert_uint_gt(memory.live, live);
	check_keyed(spare.cipher, 0x1303, 500);
	ktls__contexts_give(&more, &spare);
	ck_assert_uint_eq(memory.live, live);
	/* Nothing to hold, and nothing held. */
	ck_assert_int_eq(ktls__contexts_hold(&more, suite, 1), 0);
	use(&more, 0x1303, 500);
	ktls__contexts_release(&more);
	ck_assert_uint_eq(memory.live, live);
	for (unsigned i = 0; i < COUNT(o); i++) {
		check_keyed(leases[i].cipher, 0x1303, i);
		ktls__contexts_give(&o[i], &leases[i]);
		use(&more, 0x1303, 500);
		ktls__contexts_drop(&o[i]);
	}
	ktls__contexts_drop(&more);
	nobody_is_left();
}
END_TEST

/* The key is found in what libcrypto keeps, or the search would prove
 * nothing; and it is gone with its owner. */
START_TEST(a_dropped_key_is_wiped)
{
	static const struct ktls__owner none;
	const struct ktls_keys keys = keys_of(0x1303, 77);
	struct ktls__owner o = owner(0x1303, 77);
	size_t live = memory.live;

	memory.needle = keys.key;
	ktls__contexts_drop(&o);
	ck_assert_int_eq(memory.found, 0);
	ck_assert_uint_lt(memory.live, live);
	ck_assert_mem_eq(&o, &none, sizeof(o));
	nobody_is_left();
	ktls__contexts_drop(&o);
	/* Two keys, the first of them over. */
	o = owner(0x1303, 77);
	live = memory.live;
	ck_assert_int_eq(ktls__contexts_rekey(&o, ktls__suite_find(0x1301),
					      keys.key + 1, 1), 0);
	ck_assert_uint_eq(slots(0xff), 1);
	ck_assert_int_eq(memory.found, 0);
	ktls__contexts_drop(&o);
	counted_free(memcpy(counted_malloc(16, "", 0), keys.key, 16), "", 0);
	ck_assert_int_eq(memory.found, 1);
}
END_TEST

/* None at all, or none for what is large in a context: seq has not moved,
 * nothing is written, and later it goes on. */
START_TEST(no_memory_is_no_end)
{
	const struct ktls_keys keys = keys_of(0x1303, 3);
	struct ktls__sealer s = { .seq = 0 };
	struct ktls__opener o = { .seq = 0 };
	uint8_t out[64], want[64], type;
	int len = ktls__record_seal(want, &keys, 23, text, 14);

	for (size_t most = 0; most <= 200; most += 200) {
		ck_assert_int_eq(ktls__sealer_key(&s, &keys), 0);
		ck_assert_int_eq(ktls__opener_key(&o, &keys), 0);
		/* Their slots are lost. */
		empty(take_own(&s.owner) ? slot_of(&s.owner) : NULL);
		empty(take_own(&o.owner) ? slot_of(&o.owner) : NULL);
		memset(out, 0xee, sizeof(out));
		type = 99;
		memory.most = most;
		ck_assert_int_eq(ktls__sealer_begin(&s), -ENOMEM);
		ck_assert_int_eq(ktls__sealer_seal(&s, out, 23, text, 14),
				 -ENOMEM);
		ck_assert_int_eq(ktls__opener_open(&o, out, &type, want,
						   (size_t)len), -ENOMEM);
		memory.most = SIZE_MAX;
		for (size_t i = 0; i < sizeof(out); i++)
			ck_assert_uint_eq(out[i], 0xee);
		ck_assert_uint_eq(s.seq, keys.seq);
		ck_assert_uint_eq(o.seq, keys.seq);
		ck_assert_uint_eq(type, 99);
		ck_assert_int_eq(ktls__sealer_seal(&s, out, 23, text, 14), len);
		ck_assert_mem_eq(out, want, (size_t)len);
		ck_assert_int_eq(ktls__opener_open(&o, out, &type, want,
						   (size_t)len), 14);
	}
	ktls__sealer_wipe(&s);
	ktls__opener_wipe(&o);
	nobody_is_left();
}
END_TEST

static void round_of_records(struct ktls__sealer *s, struct ktls__opener *o)
{
	uint8_t rec[64], out[64], type;
	int len;

	for (unsigned i = 0; i < OWNERS; i++) {
		len = ktls__sealer_seal(&s[i], rec, 23, text, 14);
		ck_assert_int_gt(len, 14);
		ck_assert_int_eq(ktls__opener_open(&o[i], out, &type, rec,
						   (size_t)len), 14);
		ck_assert_mem_eq(out, text, 14);
	}
}

/* All of 200 owners miss, each time. */
START_TEST(records_allocate_nothing)
{
	static struct ktls__sealer s[OWNERS];
	static struct ktls__opener o[OWNERS];
	const void *ctx[KTLS__CONTEXTS];
	size_t allocs;

	for (unsigned i = 0; i < OWNERS; i++) {
		const struct ktls_keys keys = keys_of(sample_suites[_i], i);

		ck_assert_int_eq(ktls__sealer_key(&s[i], &keys), 0);
		ck_assert_int_eq(ktls__opener_key(&o[i], &keys), 0);
	}
	round_of_records(s, o);
	for (size_t i = 0; i < KTLS__CONTEXTS; i++)
		ctx[i] = table[i].cipher.ctx;
	allocs = memory.allocs;
	for (int i = 0; i < 3; i++)
		round_of_records(s, o);
	ck_assert_uint_eq(memory.allocs, allocs);
	for (size_t i = 0; i < KTLS__CONTEXTS; i++)
		ck_assert_ptr_eq(table[i].cipher.ctx, ctx[i]);
	for (unsigned i = 0; i < OWNERS; i++) {
		ktls__sealer_wipe(&s[i]);
		ktls__opener_wipe(&o[i]);
	}
	nobody_is_left();
}
END_TEST

START_TEST(no_larger_than_the_key_and_its_place)
{
	ck_assert_uint_le(sizeof(struct ktls__sealer), 72);
	ck_assert_uint_le(sizeof(struct ktls__opener), 72);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("contexts_memory");
	TCase *tc = tcase_create("memory");

	if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc,
				     counted_free) != 1)
		return EXIT_FAILURE;
	tcase_add_test(tc, all_are_in_use);
	tcase_add_test(tc, a_dropped_key_is_wiped);
	tcase_add_test(tc, no_memory_is_no_end);
	tcase_add_loop_test(tc, records_allocate_nothing, 0, SAMPLE_SUITES);
	tcase_add_test(tc, no_larger_than_the_key_and_its_place);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
