/* SPDX-License-Identifier: MIT */
/* Single calls of the inbox: what is joined and what waits, flags, what is
 * pending, and every error in its place. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_wire.h"
#include "inbox.h"
#include "sample_keys.h"
#include "sealer.h"
#include "suite_main.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FD FAKE_FD
#define DATA KTLS_RECORD_DATA

static struct ktls__sealer sealer;
static struct ktls__inbox inbox;
static uint8_t buf[128 * 1024];

static void setup_suite(uint16_t suite)
{
	const struct ktls_keys keys = sample_keys(suite);

	memset(&sealer, 0, sizeof(sealer));
	memset(&inbox, 0, sizeof(inbox));
	memset(buf, 0xee, sizeof(buf));
	fake_wire();
	ck_assert_int_eq(ktls__sealer_key(&sealer, &keys), 0);
	ck_assert_int_eq(ktls__inbox_key(&inbox, &keys), 0);
}

static void teardown(void)
{
	ktls__inbox_wipe(&inbox);
	ktls__sealer_wipe(&sealer);
	fake_wire_end();
}

static void setup(void)
{
	setup_suite(0x1301);
}

static void put(uint8_t type, const char *bytes)
{
	fake_wire_seal(&sealer, type, bytes, strlen(bytes));
}

/* One call with `room` bytes: its result, type and MSG_EOR. */
static void expect(size_t room, ssize_t result, uint8_t type, int eor,
		   const char *bytes)
{
	const struct iovec iov = { .iov_base = buf, .iov_len = room };
	int flags = MSG_DONTWAIT;
	uint8_t seen = 99;
	ssize_t n = ktls__inbox_recv(&inbox, FD, &seen, &iov, 1, &flags);

	ck_assert_int_eq(n, result);
	ck_assert_uint_eq(seen, type);
	if (n >= 0)
		ck_assert_int_eq(flags, eor ? MSG_EOR : 0);
	if (bytes)
		ck_assert_mem_eq(buf, bytes, (size_t)n);
}

static void expect_err(int err)
{
	expect(100, err, 0, 0, NULL);
}

/* Nothing of a record is in the caller's buffer from here on. */
static void clean_from(size_t at)
{
	size_t strange = 0;

	for (size_t i = at; i < sizeof(buf); i++)
		strange += buf[i] != 0 && buf[i] != 0xee;
	ck_assert_uint_eq(strange, 0);
}

static void damage(size_t at)
{
	fake_wire_bytes()[at] ^= 1;
}

START_TEST(data_is_joined)
{
	put(DATA, "one");
	put(DATA, "two");
	put(DATA, "three");
	expect(8, 8, DATA, 0, "onetwoth");
	ck_assert_uint_eq(ktls__inbox_pending(&inbox), 3);
	expect(2, 2, DATA, 0, "re");
	put(DATA, "four");
	/* The rest is here: the socket is not asked. */
	expect(100, 1, DATA, 1, "e");
	ck_assert_uint_eq(fake_wire_calls(), 1);
	expect(100, 4, DATA, 1, "four");
	ck_assert_ptr_null(inbox.buf);
	expect_err(-EAGAIN);
	ck_assert_ptr_null(inbox.buf);
}
END_TEST

/* And nothing behind it is opened before the next call. */
static void check_control_alone(size_t room)
{
	const uint64_t seq = inbox.opener.seq;

	put(DATA, "one");
	put(KTLS_RECORD_ALERT, "\1");
	put(DATA, "two");
	put(KTLS_RECORD_HANDSHAKE, "message");
	put(DATA, "three");
	expect(room, 3, DATA, 0, "one");
	ck_assert_uint_eq(inbox.opener.seq, seq + 2);
	ck_assert_uint_eq(ktls__inbox_pending(&inbox),
			  1 + 5 * 22 + 3 + 7 + 5 - 2 * 22);
	expect(room, 1, KTLS_RECORD_ALERT, 1, "\1");
	ck_assert_uint_eq(inbox.opener.seq, seq + 2);
	expect(room, 3, DATA, 0, "two");
	expect(4, 4, KTLS_RECORD_HANDSHAKE, 0, "mess");
	ck_assert_uint_eq(inbox.opener.seq, seq + 4);
	expect(room, 3, KTLS_RECORD_HANDSHAKE, 1, "age");
	ck_assert_uint_eq(inbox.opener.seq, seq + 4);
	expect(room, 5, DATA, 1, "three");
}

START_TEST(control_comes_alone)
{
	/* First in place, then through the caller's own buffer, where it may
	 * not stay. */
	check_control_alone(5);
	check_control_alone(100);
	ck_assert_uint_eq(fake_wire_calls(), 2);
}
END_TEST

START_TEST(control_leaves_the_callers_buffer)
{
	put(DATA, "one");
	put(KTLS_RECORD_HANDSHAKE, "message");
	expect(100, 3, DATA, 0, "one");
	clean_from(3);
	expect(100, 7, KTLS_RECORD_HANDSHAKE, 1, "message");
}
END_TEST

START_TEST(each_empty_record_is_a_call)
{
	put(DATA, "");
	put(DATA, "");
	put(DATA, "one");
	put(DATA, "");
	put(DATA, "two");
	put(KTLS_RECORD_HANDSHAKE, "");
	put(KTLS_RECORD_HANDSHAKE, "");
	expect(100, 0, DATA, 1, NULL);
	expect(100, 0, DATA, 1, NULL);
	expect(100, 3, DATA, 1, "one");
	expect(100, 3, DATA, 0, "two");
	ck_assert_uint_eq(ktls__inbox_pending(&inbox), 1 + 22);
	expect(100, 0, KTLS_RECORD_HANDSHAKE, 1, NULL);
	expect(100, 0, KTLS_RECORD_HANDSHAKE, 1, NULL);
	ck_assert_uint_eq(ktls__inbox_pending(&inbox), 0);
	expect_err(-EAGAIN);
}
END_TEST

START_TEST(padding_alone_is_empty)
{
	fake_wire_seal_padded(&sealer, DATA, "", 0, 16000);
	fake_wire_seal_padded(&sealer, DATA, "abc", 3, 10);
	expect(100, 0, DATA, 1, NULL);
	/* Its text is longer than the room, its payload is not. */
	expect(5, 3, DATA, 1, "abc");
}
END_TEST

START_TEST(arguments)
{
	struct iovec iov[2] = { { buf, 0 }, { buf, 0 } };
	int flags = MSG_PEEK;
	uint8_t type = 99;

	put(DATA, "one");
	ck_assert_int_eq(ktls__inbox_recv(&inbox, FD, &type, iov, 2, NULL),
			 -EINVAL);
	ck_assert_uint_eq(type, 0);
	ck_assert_int_eq(ktls__inbox_recv(&inbox, FD, &type, iov, 0, NULL),
			 -EINVAL);
	iov[1].iov_len = 3;
	ck_assert_int_eq(ktls__inbox_recv(&inbox, FD, &type, iov, 2, &flags),
			 -EINVAL);
	flags = MSG_WAITALL;
	ck_assert_int_eq(ktls__inbox_recv(&inbox, FD, &type, iov, 2, &flags),
			 -EINVAL);
	ck_assert_uint_eq(fake_wire_calls(), 0);
	flags = MSG_EOR;
	ck_assert_int_eq(ktls__inbox_recv(&inbox, FD, &type, iov, 2, &flags),
			 3);
	ck_assert_int_eq(flags, MSG_EOR);
	ck_assert_int_eq(fake_wire_flags(), 0);
	expect_err(-EAGAIN);
	ck_assert_int_eq(fake_wire_flags(), MSG_DONTWAIT);
}
END_TEST

/* With half a record here, and with none. */
START_TEST(errors_that_lose_nothing)
{
	static const int errs[] = { -EAGAIN, -EINTR, -ENOMEM, -EAGAIN };

	for (size_t i = 0; i < COUNT(errs); i++)
		fake_wire_result(0, errs[i]);
	put(DATA, "one");
	for (size_t i = 0; i < COUNT(errs); i++)
		fake_wire_result(4 + 6 * i, errs[i]);
	for (size_t i = 0; i < 2 * COUNT(errs); i++)
		expect_err(errs[i % COUNT(errs)]);
	expect(100, 3, DATA, 1, "one");
}
END_TEST

START_TEST(errors_of_the_socket_come_behind_data)
{
	put(DATA, "one");
	fake_wire_result(fake_wire_len(), -ECONNRESET);
	fake_wire_result(fake_wire_len(), 0);
	expect(2, 2, DATA, 0, "on");
	expect(100, 1, DATA, 1, "e");
	expect_err(-ECONNRESET);
	expect_err(0);
}
END_TEST

START_TEST(fin_at_every_byte)
{
	size_t len = 1;

	for (size_t cut = 0; cut <= len; cut++) {
		teardown();
		setup();
		put(DATA, "one");
		put(KTLS_RECORD_ALERT, "\1");
		len = fake_wire_len();
		fake_wire_result(cut, 0);
		if (cut >= 25)
			expect(100, 3, DATA, cut < len, "one");
		if (cut == len)
			expect(100, 1, KTLS_RECORD_ALERT, 1, "\1");
		for (int i = 0; i < 3; i++)
			expect_err(0);
		ck_assert_uint_eq(ktls__inbox_pending(&inbox), 0);
		ck_assert_ptr_null(inbox.buf);
	}
}
END_TEST

/* `good` bytes of data, then the error, which stays. */
static void check_final(const char *good, int err)
{
	const size_t calls = fake_wire_calls();
	const size_t len = strlen(good);

	if (len) {
		expect(sizeof(buf), (ssize_t)len, DATA, 1, good);
		clean_from(len);
		ck_assert_uint_gt(ktls__inbox_pending(&inbox), 0);
	}
	for (int i = 0; i < 3; i++)
		expect_err(err);
	ck_assert_uint_eq(ktls__inbox_pending(&inbox), 0);
	ck_assert_ptr_null(inbox.buf);
	ck_assert_uint_eq(fake_wire_calls(), calls + 1);
	clean_from(len);
}

/* A record of secret text, damaged at its `at`-th byte, alone and behind
 * data, and good ones behind it. */
static void check_damage(uint16_t suite, const char *good, size_t at, int err)
{
	char big[5000];
	size_t begin;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	setup_suite(suite);
	if (*good)
		put(DATA, good);
	begin = fake_wire_len();
	put(DATA, big);
	put(DATA, "behind");
	damage(begin + at);
	check_final(good, err);
	teardown();
}

START_TEST(forged_records)
{
	teardown();
	for (size_t i = 0; i < SAMPLE_SUITES; i++) {
		const uint16_t id = sample_suites[i];

		check_damage(id, "", 5 + 8 + 4999, -KTLS_EBADRECORD);
		check_damage(id, "good", 5 + 8 + 4999, -KTLS_EBADRECORD);
		check_damage(id, "good", 100, -KTLS_EBADRECORD);
		check_damage(id, "good", 2, -KTLS_EPROTOCOL);
		check_damage(id, "", 1, -KTLS_EPROTOCOL);
		check_damage(id, "good", 0,
			     id >> 8 == 0x13 ? -KTLS_EPROTOCOL
					     : -KTLS_EBADRECORD);
	}
	setup();
}
END_TEST

/* In place, where the caller's room is short. */
START_TEST(forged_in_place)
{
	size_t begin;

	put(DATA, "good");
	begin = fake_wire_len();
	put(DATA, "secret text");
	damage(begin + 7);
	expect(6, 4, DATA, 1, "good");
	ck_assert_uint_eq(buf[4], 0xee);
	expect(6, -KTLS_EBADRECORD, 0, 0, NULL);
	ck_assert_uint_eq(buf[4], 0xee);
	ck_assert_ptr_null(inbox.buf);
}
END_TEST

START_TEST(headers_that_end_it)
{
	static const struct {
		uint16_t suite;
		uint8_t head[5];
		int err;
	} rows[] = {
		{ 0x1301, { 20, 3, 3, 0, 1 }, -KTLS_EPROTOCOL },
		{ 0x1301, { 23, 3, 3, 0, 16 }, -KTLS_EBADRECORD },
		{ 0x1301, { 23, 3, 3, 65, 1 }, -KTLS_EOVERSIZE },
		{ 0xc02f, { 23, 3, 3, 0, 23 }, -KTLS_EBADRECORD },
		{ 0xc02f, { 23, 3, 3, 64, 25 }, -KTLS_EOVERSIZE },
		{ 0xcca8, { 23, 3, 3, 64, 17 }, -KTLS_EOVERSIZE },
		{ 0xcca8, { 'H', 'T', 'T', 'P', '/' }, -KTLS_EPROTOCOL },
	};

	teardown();
	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		setup_suite(rows[i / 2].suite);
		if (i % 2)
			put(DATA, "good");
		fake_wire_put(rows[i / 2].head, 5);
		check_final(i % 2 ? "good" : "", rows[i / 2].err);
		teardown();
	}
	setup();
}
END_TEST

/* TLS 1.2's is encrypted, and for the caller to refuse. */
START_TEST(change_cipher_spec_passes_up)
{
	teardown();
	setup_suite(0xc030);
	put(DATA, "one");
	put(KTLS_RECORD_CCS, "\1");
	expect(100, 3, DATA, 0, "one");
	expect(100, 1, KTLS_RECORD_CCS, 1, "\1");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inbox_calls");
	TCase *tc = tcase_create("calls");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, data_is_joined);
	tcase_add_test(tc, control_comes_alone);
	tcase_add_test(tc, control_leaves_the_callers_buffer);
	tcase_add_test(tc, each_empty_record_is_a_call);
	tcase_add_test(tc, padding_alone_is_empty);
	tcase_add_test(tc, arguments);
	tcase_add_test(tc, errors_that_lose_nothing);
	tcase_add_test(tc, errors_of_the_socket_come_behind_data);
	tcase_add_test(tc, fin_at_every_byte);
	tcase_add_test(tc, forged_records);
	tcase_add_test(tc, forged_in_place);
	tcase_add_test(tc, headers_that_end_it);
	tcase_add_test(tc, change_cipher_spec_passes_up);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
