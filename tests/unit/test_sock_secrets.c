/* SPDX-License-Identifier: MIT */
/* sock.c: keys are wiped on every way out. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "fake_sys.h"
#include "sample_keys.h"
#include "sock.h"
#include "suite_main.h"

#define FD FAKE_FD

static void finish(void)
{
	ck_assert_uint_eq(fake_left(), 0);
	fake_sys_end();
}

/* The calls of one case, run on a stack that is searched afterwards. */
struct errand {
	const struct ktls_keys *keys;
	int set;
	int result;
};

static void *run_errand(void *arg)
{
	struct errand *e = arg;

	e->result = ktls_sock_install(FD, KTLS_TX, e->keys);
	if (e->result == 0) {
		const struct ktls__suite *suite =
			ktls__suite_find(e->keys->suite);
		uint64_t seq;

		e->result = ktls__sock_rec_seq(FD, KTLS_TX, suite, &seq);
	}
	return NULL;
}

static void run_on(void *stack, size_t len, struct errand *e)
{
	pthread_attr_t attr;
	pthread_t thread;

	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstack(&attr, stack, len), 0);
	ck_assert_int_eq(pthread_create(&thread, &attr, run_errand, e), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
}

static void script_errand(int which, uint8_t *blob, size_t len)
{
	fake_sys();
	fake_push(FAKE_GETSOCKOPT, -EBUSY);
	fake_push(FAKE_SETSOCKOPT, which == 1 ? -EINVAL : 0);
	if (which != 1)
		fake_push_data(FAKE_GETSOCKOPT, 0, blob, len);
	if (which == 0)
		fake_push_data(FAKE_GETSOCKOPT, 0, blob, len);
}

static size_t count_key(const uint8_t *stack, size_t len, const uint8_t *key)
{
	size_t found = 0;

	for (size_t at = 0; at + 8 <= len; at++)
		for (size_t k = 0; k + 8 <= 32; k += 8)
			found += !memcmp(stack + at, key + k, 8);
	return found;
}

/*
 * Success, refusal, and an echo that differs: no eight bytes of the key stay
 * on the stack.  The first round is for the dynamic linker, which saves all
 * vector registers there when it resolves a function.
 */
START_TEST(no_key_stays_behind)
{
	static const int results[] = {0, -EINVAL, -KTLS_EUNPROVEN};
	static struct ktls_keys keys;
	static uint8_t blob[KTLS_CRYPTO_INFO_MAX];
	const size_t stack_len = 256 * 1024;
	struct errand e = {.keys = &keys};
	int len;
	uint8_t *stack = aligned_alloc(4096, stack_len);

	ck_assert_ptr_nonnull(stack);
	keys = sample_keys(0x1302);
	len = ktls_crypto_info(blob, sizeof(blob), &keys);
	ck_assert_int_gt(len, 0);
	if (_i == 2)
		blob[len - 1] ^= 1;
	for (int round = 0; round < 2; round++) {
		memset(stack, 0, stack_len);
		script_errand(_i, blob, (size_t)len);
		run_on(stack, stack_len, &e);
		ck_assert_int_eq(e.result, results[_i]);
	}
	ck_assert_uint_eq(count_key(stack, stack_len, keys.key), 0);
	free(stack);
	finish();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sock_secrets");
	TCase *tcase = tcase_create("sock_secrets");

	tcase_add_loop_test(tcase, no_key_stays_behind, 0, 3);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
