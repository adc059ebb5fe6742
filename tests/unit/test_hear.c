/* SPDX-License-Identifier: MIT */
/* backend_feed.c: records of an SSL taken apart, scripted. */
#include <string.h>

#include "aead.h"
#include "backend_feed.h"
#include "suite.h"
#include "suite_main.h"

static const uint16_t suites[] = { 0x1301, 0x1302, 0x1303 };

/* What the SSL would have. */
static struct ktls_keys tx;
static uint8_t secret[KTLS__SECRET_MAX];
static size_t secret_len;

/* And we. */
static struct ktls__link link_;
static struct ktls__stale stale;
static struct ktls__said said;

static const uint8_t update[] = { 24, 0, 0, 1, 0 };

static void setup(int i)
{
	secret_len = ktls__suite_find(suites[i])->hash_len;
	memset(secret, 0x5a + i, secret_len);
	ck_assert_int_eq(ktls_keys_tls13(&tx, suites[i], secret, secret_len),
			 0);
	tx.seq = 7;
	memset(&stale, 0, sizeof(stale));
	stale.tx = tx;
	memcpy(stale.tx_secret, secret, secret_len);
	stale.secret_len = secret_len;
	ktls__link_init(&link_, -1);
	link_.no_output = true;
	ktls__said_init(&said);
}

static void teardown(void)
{
	ck_assert_ptr_null(link_.spoken);
	ktls__link_wipe(&link_);
	ktls__said_wipe(&said);
	ck_assert_int_eq(said.alert, -1);
}

static void next_key(void)
{
	uint16_t suite = tx.suite;

	ck_assert_int_eq(ktls_secret_next(suite, secret, secret_len), 0);
	ck_assert_int_eq(ktls_keys_tls13(&tx, suite, secret, secret_len), 0);
}

static size_t seal(uint8_t *rec, uint8_t type, const void *bytes, size_t len)
{
	int n = ktls__record_seal(rec, &tx, type, bytes, len);

	ck_assert_int_gt(n, 0);
	tx.seq++;
	return (size_t)n;
}

static void say(uint8_t type, const void *bytes, size_t len)
{
	uint8_t rec[256];
	size_t n = seal(rec, type, bytes, len);

	ck_assert_int_eq(ktls__link_speak(&link_, rec, n), 0);
}

static int hear(void)
{
	return ktls__backend_hear(&link_, &stale, &said);
}

static void heard(const char *bytes, size_t len)
{
	ck_assert_int_eq(hear(), 0);
	ck_assert_uint_eq(said.len, len);
	ck_assert_mem_eq(said.bytes, bytes, len);
	ck_assert_mem_eq(&stale.tx.key, &tx.key, sizeof(tx.key));
	ck_assert_uint_eq(stale.tx.seq, tx.seq);
}

/* A piece of a message that begins like a KeyUpdate is none. */
START_TEST(pieces)
{
	setup(_i);
	say(KTLS_RECORD_HANDSHAKE, "\4\0\0", 3);
	say(KTLS_RECORD_HANDSHAKE, "\6a", 2);
	heard("\4\0\0\6a", 5);
	say(KTLS_RECORD_HANDSHAKE, "\30\0\0\1\0", 5);
	heard("\4\0\0\6a\30\0\0\1\0", 10);
	ck_assert(!said.key_update);
	say(KTLS_RECORD_HANDSHAKE, update, sizeof(update));
	next_key();
	heard("\4\0\0\6a\30\0\0\1\0", 10);
	ck_assert(said.key_update);
	teardown();
}
END_TEST

/* It is left out, wherever it stands, and all after it has another key. */
START_TEST(key_updates)
{
	setup(_i);
	say(KTLS_RECORD_HANDSHAKE, "\4\0\0\1a", 5);
	say(KTLS_RECORD_HANDSHAKE, update, sizeof(update));
	next_key();
	say(KTLS_RECORD_HANDSHAKE, "\4\0\0\1b\30\0", 7);
	say(KTLS_RECORD_HANDSHAKE, update + 2, 3);
	next_key();
	say(KTLS_RECORD_HANDSHAKE, "\4\0\0\0", 4);
	heard("\4\0\0\1a\4\0\0\1b\4\0\0\0", 14);
	ck_assert(said.key_update);
	ck_assert_mem_eq(stale.tx_secret, secret, secret_len);
	teardown();
}
END_TEST

/* Its own record would have had two keys. */
START_TEST(key_update_with_company)
{
	setup(_i);
	say(KTLS_RECORD_HANDSHAKE, "\30\0\0\1\0\4\0\0\0", 9);
	ck_assert_int_eq(hear(), -KTLS_ESSL);
	teardown();
}
END_TEST

/* A buffer may end anywhere: what is not whole waits. */
START_TEST(cut_records)
{
	uint8_t rec[256];
	size_t n;

	setup(_i);
	say(KTLS_RECORD_HANDSHAKE, "\4\0\0\1a", 5);
	n = seal(rec, KTLS_RECORD_HANDSHAKE, "\4\0\0\1b", 5);
	tx.seq--;
	ck_assert_int_eq(ktls__link_speak(&link_, rec, 4), 0);
	heard("\4\0\0\1a", 5);
	ck_assert_int_eq(ktls__link_speak(&link_, rec + 4, n - 5), 0);
	heard("\4\0\0\1a", 5);
	tx.seq++;
	ck_assert_int_eq(ktls__link_speak(&link_, rec + n - 1, 1), 0);
	heard("\4\0\0\1a\4\0\0\1b", 10);
	teardown();
}
END_TEST

START_TEST(alerts)
{
	setup(_i);
	say(KTLS_RECORD_ALERT, "\1\132", 2);
	say(KTLS_RECORD_ALERT, "\2\12", 2);
	ck_assert_int_eq(hear(), 0);
	ck_assert_int_eq(said.alert, 10);
	ck_assert_uint_eq(said.len, 0);
	say(KTLS_RECORD_ALERT, "\2", 1);
	ck_assert_int_eq(hear(), -KTLS_ESSL);
	ck_assert_int_eq(said.alert, 10);
	teardown();
}
END_TEST

/* Not what an SSL says that nobody has given any. */
START_TEST(data)
{
	setup(_i);
	say(KTLS_RECORD_DATA, "x", 1);
	ck_assert_int_eq(hear(), -KTLS_ESSL);
	ck_assert_uint_eq(said.len, 0);
	teardown();
}
END_TEST

START_TEST(forged)
{
	setup(_i);
	say(KTLS_RECORD_HANDSHAKE, "\4\0\0\1a", 5);
	say(KTLS_RECORD_HANDSHAKE, "\4\0\0\1b", 5);
	link_.spoken[link_.spoken_len - 1] ^= 1;
	ck_assert_int_eq(hear(), -KTLS_ESSL);
	ck_assert_uint_eq(said.len, 5);
	ck_assert_mem_eq(said.bytes, "\4\0\0\1a", 5);
	ck_assert_uint_eq(stale.tx.seq, 8);
	ktls__link_forget(&link_, link_.spoken_len);
	teardown();
}
END_TEST

/* A key whose secret nobody has cannot change. */
START_TEST(no_secret)
{
	setup(_i);
	stale.secret_len = 0;
	say(KTLS_RECORD_HANDSHAKE, update, sizeof(update));
	ck_assert_int_eq(hear(), -KTLS_ECRYPTO);
	teardown();
}
END_TEST

START_TEST(nothing)
{
	setup(_i);
	memset(&stale, 0, sizeof(stale));
	ck_assert_int_eq(hear(), 0);
	ck_assert_ptr_null(said.bytes);
	teardown();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hear");
	TCase *tcase = tcase_create("records");

	tcase_add_loop_test(tcase, pieces, 0, 3);
	tcase_add_loop_test(tcase, key_updates, 0, 3);
	tcase_add_loop_test(tcase, key_update_with_company, 0, 3);
	tcase_add_loop_test(tcase, cut_records, 0, 3);
	tcase_add_loop_test(tcase, alerts, 0, 3);
	tcase_add_loop_test(tcase, data, 0, 3);
	tcase_add_loop_test(tcase, forged, 0, 3);
	tcase_add_loop_test(tcase, no_secret, 0, 3);
	tcase_add_loop_test(tcase, nothing, 0, 1);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
