/* SPDX-License-Identifier: MIT */
/*
 * Secrets are gone when a call returns: each runs on a stack that is ours,
 * and that is searched afterwards.
 */
#include <pthread.h>
#include <string.h>

#include "aead.h"
#include "ktls/ktls.h"
#include "suite_main.h"
#include "wipe.h"

#define STACK_LEN ((size_t)1 << 20)

static uint8_t *stack;

/* Results and inputs, all off that stack. */
static uint8_t secret[48];
static uint8_t client_random[32], server_random[32];
static struct ktls_keys keys, peer;
static uint8_t bytes[256];
static int result;

static void fill(uint8_t *out, size_t len, uint8_t from)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(from + from * i + i * i);
}

/* The stack grows down: below a frame of this size nothing is written any
 * more by the thread on its way out. */
static void *from_below(void *fn)
{
	uint8_t room[16384];

	memset(room, 0, sizeof(room));
	__asm__ volatile("" : : "r"(room) : "memory");
	(*(void (**)(void))fn)();
	__asm__ volatile("" : : "r"(room) : "memory");
	return NULL;
}

static void run(void (*fn)(void))
{
	pthread_attr_t attr;
	pthread_t thread;

	stack = aligned_alloc(4096, STACK_LEN);
	ck_assert_ptr_nonnull(stack);
	memset(stack, 0, STACK_LEN);
	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstack(&attr, stack, STACK_LEN), 0);
	ck_assert_int_eq(pthread_create(&thread, &attr, from_below, &fn), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
}

/* Any 8 bytes in a row of what was secret. */
static int on_stack(const void *needle, size_t len)
{
	for (size_t i = 0; i + 8 <= len; i++)
		if (memmem(stack, STACK_LEN, (const uint8_t *)needle + i, 8))
			return 1;
	return 0;
}

static void setup(void)
{
	fill(secret, sizeof(secret), 0x31);
	fill(client_random, sizeof(client_random), 0x52);
	fill(server_random, sizeof(server_random), 0x73);
}

static void teardown(void)
{
	free(stack);
	stack = NULL;
}

/* What the search must find, and what it must not: the same function with
 * and without the wipe. */
static void hold(int wipe)
{
	uint8_t local[48];

	memcpy(local, secret, sizeof(local));
	__asm__ volatile("" : : "r"(local) : "memory");
	if (wipe)
		ktls__wipe(local, sizeof(local));
}

static void hold_only(void)
{
	hold(0);
}

static void hold_and_wipe(void)
{
	hold(1);
}

START_TEST(the_search_finds)
{
	run(hold_only);
	ck_assert(on_stack(secret, sizeof(secret)));
}
END_TEST

START_TEST(the_wipe_is_kept)
{
	run(hold_and_wipe);
	ck_assert(!on_stack(secret, sizeof(secret)));
}
END_TEST

START_TEST(wipe_takes_exactly_its_length)
{
	uint8_t local[48];

	memset(local, 0xee, sizeof(local));
	ktls__wipe(local + 8, 32);
	for (size_t i = 0; i < sizeof(local); i++)
		ck_assert_uint_eq(local[i], i < 8 || i >= 40 ? 0xee : 0);
	ktls__wipe(local, 0);
	ck_assert_uint_eq(local[0], 0xee);
	ktls__wipe(NULL, 0);
}
END_TEST

static void derive_13(void)
{
	result = ktls_keys_tls13(&keys, 0x1302, secret, 48);
}

START_TEST(keys_tls13)
{
	run(derive_13);
	ck_assert_int_eq(result, 0);
	ck_assert(!on_stack(secret, sizeof(secret)));
	ck_assert(!on_stack(keys.key, sizeof(keys.key)));
	ck_assert(!on_stack(keys.iv, sizeof(keys.iv)));
}
END_TEST

static void next_secret(void)
{
	result = ktls_secret_next(0x1302, secret, 48);
}

START_TEST(secret_next)
{
	uint8_t before[48];

	memcpy(before, secret, sizeof(before));
	run(next_secret);
	ck_assert_int_eq(result, 0);
	ck_assert_mem_ne(before, secret, sizeof(before));
	ck_assert(!on_stack(before, sizeof(before)));
	ck_assert(!on_stack(secret, sizeof(secret)));
}
END_TEST

static void derive_12(void)
{
	result = ktls_keys_tls12(&keys, &peer, 0xc030, secret, client_random,
				 server_random);
}

START_TEST(keys_tls12)
{
	run(derive_12);
	ck_assert_int_eq(result, 0);
	ck_assert(!on_stack(secret, sizeof(secret)));
	ck_assert(!on_stack(keys.key, sizeof(keys.key)));
	ck_assert(!on_stack(peer.key, sizeof(peer.key)));
}
END_TEST

static void crypto_info(void)
{
	result = ktls_crypto_info(bytes, KTLS_CRYPTO_INFO_MAX, &keys);
}

START_TEST(info)
{
	ck_assert_int_eq(ktls_keys_tls13(&keys, 0x1302, secret, 48), 0);
	run(crypto_info);
	ck_assert_int_eq(result, 56);
	ck_assert(!on_stack(keys.key, sizeof(keys.key)));
}
END_TEST

static void seal_and_open(void)
{
	uint8_t type;

	result = ktls__record_seal(bytes, &keys, KTLS_RECORD_DATA,
				   client_random, sizeof(client_random));
	if (result > 0)
		result = ktls__record_open(bytes + 128, &type, &keys, bytes,
					   (size_t)result);
}

START_TEST(records)
{
	ck_assert_int_eq(ktls_keys_tls13(&keys, 0x1302, secret, 48), 0);
	run(seal_and_open);
	ck_assert_int_eq(result, sizeof(client_random));
	ck_assert(!on_stack(keys.key, sizeof(keys.key)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wipe");
	TCase *tc = tcase_create("stack");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_search_finds);
	tcase_add_test(tc, the_wipe_is_kept);
	tcase_add_test(tc, wipe_takes_exactly_its_length);
	tcase_add_test(tc, keys_tls13);
	tcase_add_test(tc, secret_next);
	tcase_add_test(tc, keys_tls12);
	tcase_add_test(tc, info);
	tcase_add_test(tc, records);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
