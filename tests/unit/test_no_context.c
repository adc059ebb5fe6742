/* SPDX-License-Identifier: MIT */
/* All contexts are in use, and there is no memory for another: nothing is
 * lost by it, neither what came nor the number of what is to be sent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "contexts.h"
#include "fake_wire.h"
#include "inbox.h"
#include "sample_keys.h"
#include "sealed_conn.h"
#include "suite_main.h"

#define LETTER 'q'
#define RECORD 16384
#define RECORDS 3
#define ALL (RECORDS * RECORD)

/* Allocations of libcrypto that succeed from here on. */
static size_t allowed = SIZE_MAX;

static bool spend(void)
{
	if (allowed == 0)
		return false;
	allowed -= allowed != SIZE_MAX;
	return true;
}

static void *scarce_malloc(size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return spend() ? malloc(len) : NULL;
}

static void *scarce_realloc(void *p, size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return spend() ? realloc(p, len) : NULL;
}

static void scarce_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static struct ktls__owner others[KTLS__CONTEXTS];

/* What is asked for next is a spare, with so many allocations at most. */
static void scarce(size_t allocations)
{
	const struct ktls__suite *suite = ktls__suite_find(0x1301);
	uint8_t key[32] = { 1 };

	for (unsigned i = 0; i < KTLS__CONTEXTS; i++) {
		key[1] = (uint8_t)i;
		ck_assert_int_eq(ktls__contexts_rekey(&others[i], suite, key,
						      1), 0);
		ck_assert_int_eq(ktls__contexts_hold(&others[i], suite, 1), 0);
	}
	allowed = allocations;
}

/* Whether all that was allowed was spent. */
static bool plenty(void)
{
	bool spent = allowed == 0;

	allowed = SIZE_MAX;
	for (unsigned i = 0; i < KTLS__CONTEXTS; i++)
		ktls__contexts_drop(&others[i]);
	return spent;
}

static uint8_t buf[ALL + 1];
static uint8_t text[ALL];

static ssize_t take(struct ktls__inbox *in)
{
	const struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	uint8_t type;

	return ktls__inbox_recv(in, FAKE_FD, &type, &iov, 1, NULL);
}

/* One way through: -ENOMEM, wherever it is met, and then all the rest.
 * How many records came before it. */
static ssize_t read_with(size_t allocations, bool *spent)
{
	const struct ktls_keys keys = sample_keys(0x1301);
	struct ktls__sealer sealer = { .seq = 0 };
	struct ktls__inbox in = { .len = 0 };
	ssize_t n;

	fake_wire();
	ck_assert_int_eq(ktls__sealer_key(&sealer, &keys), 0);
	ck_assert_int_eq(ktls__inbox_key(&in, &keys), 0);
	for (int i = 0; i < RECORDS; i++)
		fake_wire_seal(&sealer, KTLS_RECORD_DATA, text, RECORD);
	scarce(allocations);
	n = take(&in);
	*spent = plenty();
	if (n < 0)
		ck_assert_int_eq(n, -ENOMEM);
	else
		ck_assert_mem_eq(buf, text, (size_t)n);
	n = n < 0 ? 0 : n;
	memset(buf, 0, sizeof(buf));
	if (n < ALL) {
		ck_assert_int_eq(take(&in), ALL - n);
		ck_assert_mem_eq(buf, text, (size_t)(ALL - n));
	}
	ck_assert_int_eq(take(&in), -EAGAIN);
	ktls__inbox_wipe(&in);
	ktls__sealer_wipe(&sealer);
	fake_wire_end();
	return n / RECORD;
}

START_TEST(records_that_came_stay)
{
	unsigned met[RECORDS + 1] = { 0 };
	bool spent = true;

	for (size_t i = 0; spent; i++)
		met[read_with(i, &spent)]++;
	for (size_t i = 0; i <= RECORDS; i++)
		ck_assert_uint_gt(met[i], 0);
}
END_TEST

static struct ktls k;

/* 1: it had to do with less; 0: it went out at once. */
static bool send_with(size_t allocations)
{
	int fd = sealed_file(LETTER, ALL);
	off_t pos = 0;
	ssize_t n;

	sealed_open(&k);
	ck_assert_int_eq(ktls_write(&k, text, 100, 0), 100);
	scarce(allocations);
	n = ktls_sendfile(&k, fd, &pos, ALL, 0);
	(void)plenty();
	if (n < 0) {
		ck_assert_int_eq(n, -ENOMEM);
		ck_assert_int_eq(pos, 0);
		ck_assert_int_eq(ktls_write(&k, text, 100, 0), 100);
		ck_assert_uint_eq(sealed_arrived(LETTER), 200);
		ck_assert_int_eq(ktls_sendfile(&k, fd, &pos, ALL, 0), ALL);
	} else {
		ck_assert_uint_eq(sealed_arrived(LETTER), 100 + (size_t)n);
		ck_assert_int_eq(n, ALL);
	}
	if (n < 0)
		ck_assert_uint_eq(sealed_arrived(LETTER), ALL);
	sealed_close(&k);
	close(fd);
	return n < 0;
}

/* It fails at each of the records, the last of them included. */
START_TEST(numbers_are_taken_back)
{
	size_t fewest = 0;

	while (send_with(fewest))
		fewest++;
	ck_assert_uint_ge(fewest, RECORDS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("no_context");
	TCase *tc = tcase_create("no_context");

	if (CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc,
				     scarce_free) != 1)
		return EXIT_FAILURE;
	memset(text, LETTER, sizeof(text));
	tcase_add_test(tc, records_that_came_stay);
	tcase_add_test(tc, numbers_are_taken_back);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
