/* SPDX-License-Identifier: MIT */
/* Half a record behind what was delivered may wait for long: in how large a
 * buffer it does. */
#include <errno.h>
#include <string.h>

#include "fake_wire.h"
#include "inbox.h"
#include "pool.h"
#include "sample_keys.h"
#include "suite_main.h"

#define DATA KTLS_RECORD_DATA
#define RECORD 16384
#define SEALED (RECORD + 22)
#define HALF 10000
#define LETTER 'q'

static struct ktls__sealer sealer;
static struct ktls__inbox inbox;
static uint8_t buf[1 << 20];
static uint8_t text[RECORD];

static void setup(void)
{
	const struct ktls_keys keys = sample_keys(0x1301);

	memset(&sealer, 0, sizeof(sealer));
	memset(&inbox, 0, sizeof(inbox));
	memset(text, LETTER, sizeof(text));
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

static ssize_t take(size_t room)
{
	const struct iovec iov = { .iov_base = buf, .iov_len = room };
	uint8_t type;

	return ktls__inbox_recv(&inbox, FAKE_FD, &type, &iov, 1, NULL);
}

/* Whole records, and half of one. */
static uint8_t rest[SEALED - HALF];

static void put_halved(size_t records)
{
	uint8_t rec[SEALED];

	while (records-- > 0)
		fake_wire_seal(&sealer, DATA, text, sizeof(text));
	ck_assert_int_eq(ktls__sealer_seal(&sealer, rec, DATA, text, RECORD),
			 SEALED);
	fake_wire_put(rec, HALF);
	memcpy(rest, rec + HALF, sizeof(rest));
}

/* It waits in the smallest buffer, and loses nothing there. */
static void check_parked(void)
{
	ck_assert_uint_eq(inbox.cap, KTLS__BUFFER_SMALL);
	ck_assert_uint_eq(inbox.len - inbox.off, HALF);
	ck_assert_int_eq(take(sizeof(buf)), -EAGAIN);
	ck_assert_uint_eq(inbox.cap, KTLS__BUFFER_SMALL);
	fake_wire_put(rest, sizeof(rest));
	ck_assert_int_eq(take(sizeof(buf)), RECORD);
	ck_assert_mem_eq(buf, text, RECORD);
	ck_assert_ptr_null(inbox.buf);
}

START_TEST(behind_one_record)
{
	put_halved(1);
	ck_assert_int_eq(take(sizeof(buf)), RECORD);
	ck_assert_uint_eq(fake_wire_room(), KTLS__BUFFER_MIDDLE);
	check_parked();
}
END_TEST

/* The last piece of a record is delivered with the second call. */
START_TEST(behind_pieces)
{
	put_halved(1);
	ck_assert_int_eq(take(1000), 1000);
	ck_assert_uint_eq(inbox.cap, KTLS__BUFFER_MIDDLE);
	ck_assert_int_eq(take(sizeof(buf)), RECORD - 1000);
	check_parked();
}
END_TEST

START_TEST(behind_many_records)
{
	put_halved(14);
	ck_assert_int_eq(take(sizeof(buf)), 4 * RECORD);
	ck_assert_int_eq(take(sizeof(buf)), 10 * RECORD);
	ck_assert_uint_gt(fake_wire_room(), KTLS__BUFFER_MIDDLE);
	check_parked();
}
END_TEST

/* A whole record is next: the buffer stays for it. */
START_TEST(not_while_a_record_is_there)
{
	put_halved(2);
	ck_assert_int_eq(take(RECORD), RECORD);
	ck_assert_uint_eq(inbox.cap, KTLS__BUFFER_MIDDLE);
	ck_assert_int_eq(take(RECORD), RECORD);
	check_parked();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inbox_parked");
	TCase *tc = tcase_create("parked");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, behind_one_record);
	tcase_add_test(tc, behind_pieces);
	tcase_add_test(tc, behind_many_records);
	tcase_add_test(tc, not_while_a_record_is_there);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
