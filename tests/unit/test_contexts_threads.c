/* SPDX-License-Identifier: MIT */
/* The table of keyed contexts, shared by threads: under TSan, too. */
#include <pthread.h>
#include <string.h>

#include "opener.h"
#include "sample_keys.h"
#include "sealer.h"
#include "suite_main.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t text[] = "attack at dawn";

/* Each owner has a key of its own. */
static struct ktls_keys keys_of(uint16_t suite, unsigned n)
{
	struct ktls_keys keys = sample_keys(suite);

	keys.key[0] = (uint8_t)n;
	keys.key[1] = (uint8_t)(n >> 8);
	return keys;
}

/* 40 owners each: more than there are slots for both. */
#define OF_A_THREAD 40
#define ROUNDS 150

/* Sealed by one owner, opened by another, now and then while they hold their
 * contexts, or under the next key. */
static int exchange(struct ktls__sealer *s, struct ktls__opener *o,
		    unsigned step)
{
	uint8_t rec[64], out[64], type;
	int hold = step % 5 == 0, good = 1, len;

	if (hold)
		good = ktls__sealer_begin(s) == 0 && ktls__opener_begin(o) == 0;
	for (int i = 0; i < 4; i++) {
		len = ktls__sealer_seal(s, rec, 23, text, 14);
		good = good && len > 14 &&
		       ktls__opener_open(o, out, &type, rec, (size_t)len) ==
			       14 &&
		       memcmp(out, text, 14) == 0;
	}
	ktls__sealer_end(s);
	ktls__opener_end(o);
	return good;
}

static void *hammer(void *arg)
{
	const unsigned base = *(const unsigned *)arg;
	struct ktls__sealer s[OF_A_THREAD];
	struct ktls__opener o[OF_A_THREAD];
	size_t bad = 0;

	memset(s, 0, sizeof(s));
	memset(o, 0, sizeof(o));
	for (unsigned step = 0; step < ROUNDS * OF_A_THREAD; step++) {
		const unsigned i = step * 7 % OF_A_THREAD;
		const struct ktls_keys keys =
			keys_of(sample_suites[step % SAMPLE_SUITES],
				base + step);

		if (step < 7 * OF_A_THREAD || step % 11 == 0) {
			bad += ktls__sealer_key(&s[i], &keys) != 0;
			bad += ktls__opener_key(&o[i], &keys) != 0;
		}
		bad += !exchange(&s[i], &o[i], step);
	}
	for (unsigned i = 0; i < OF_A_THREAD; i++) {
		ktls__sealer_wipe(&s[i]);
		ktls__opener_wipe(&o[i]);
	}
	return (void *)bad;
}

START_TEST(threads_share_it)
{
	static unsigned bases[] = { 0, 20000, 40000 };
	pthread_t threads[COUNT(bases)];

	for (size_t i = 0; i < COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer,
						&bases[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *bad = NULL;

		ck_assert_int_eq(pthread_join(threads[i], &bad), 0);
		ck_assert_ptr_null(bad);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("contexts_threads");
	TCase *tc = tcase_create("threads");

	tcase_add_test(tc, threads_share_it);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
