/* SPDX-License-Identifier: MIT */
/*
 * ktls_open() with the last sequence numbers that there are: no number comes
 * twice, a key that can change does in time, one that cannot has a named end,
 * and the last number is that of the closing alert.
 */
#include <errno.h>

#include "open_ways.h"
#include "tests/unit/suite_main.h"

/* Of this record no other follows. */
#define LAST (UINT64_MAX - 1)

/* Data that may go out before it. */
#define BEFORE 2

static struct keyed c;

static void make(int way, unsigned flags, uint64_t key_records)
{
	open_way(&c, way);
	keyed_seq(&c, LAST - BEFORE, 5);
	c.opts.flags = flags;
	c.opts.key_records = key_records;
}

/* The peer takes a KeyUpdate for what it is. */
static void follow(void)
{
	uint8_t buf[KEYED_RECORD_MAX];
	uint8_t type = 0;

	ck_assert_int_eq(keyed_recv(&c, &type, buf), 5);
	ck_assert_int_eq(type, KTLS_RECORD_HANDSHAKE);
	keyed_next_rx(&c);
}

static int can_change(int way)
{
	return open_way_secret(&c) && !open_way_fixed(&c, way, KTLS_TX);
}

/* Data that is refused, and the last word. */
static void ends(void)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), -KTLS_EKEYLIMIT);
	keyed_quiet(&c);
	ck_assert_int_eq(ktls_shutdown(c.k), 0);
	keyed_gets_alert(&c, 1, 0);
}

/* No option makes it more. */
static void count_up(int way, unsigned flags, uint64_t key_records)
{
	make(way, flags, key_records);
	keyed_open(&c);
	for (int i = 0; i < BEFORE; i++) {
		ck_assert_int_eq(ktls_write(c.k, "data", 4, 0), 4);
		keyed_gets_text(&c, "data");
	}
	if (can_change(way)) {
		ck_assert_int_eq(ktls_write(c.k, "on", 2, 0), 2);
		follow();
		keyed_gets_text(&c, "on");
		keyed_alive(&c);
	} else {
		ends();
	}
	keyed_close(&c);
}

OPEN_TEST(exceeded)
{
	open_way(&c, way);
	keyed_close(&c);
	/* a key that can change does so at once where it has a limit */
	if (can_change(way))
		return;
	count_up(way, KTLS_EXCEED_KEY_LIMIT, 0);
	count_up(way, KTLS_EXCEED_KEY_LIMIT, 1000);
	count_up(way, 0, UINT64_MAX);
}

/* More than there are numbers for: what has one is sent. */
OPEN_TEST(in_one_call)
{
	static uint8_t much[(BEFORE + 3) * 16384];
	const ssize_t sent = BEFORE * 16384;
	ssize_t n;

	make(way, KTLS_EXCEED_KEY_LIMIT, 1000);
	keyed_open(&c);
	if (!can_change(way)) {
		n = ktls_write(c.k, much, sizeof(much), 0);
		ck_assert_int_eq(n, sent);
		for (int i = 0; i < BEFORE; i++)
			keyed_gets(&c, KTLS_RECORD_DATA, much, 16384);
		ends();
	}
	keyed_close(&c);
}

/* A warning may have the last number; then there is none. */
OPEN_TEST(none_is_left)
{
	make(way, KTLS_EXCEED_KEY_LIMIT, 0);
	keyed_seq(&c, LAST, 5);
	keyed_open(&c);
	if (!can_change(way)) {
		ck_assert_int_eq(ktls_alert(c.k, 90), 0);
		keyed_gets_alert(&c, 1, 90);
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(ktls_write(c.k, "x", 1, 0),
					 -KTLS_EKEYLIMIT);
		keyed_quiet(&c);
	}
	keyed_close(&c);
}

OPEN_TEST(by_the_number)
{
	count_up(way, 0, UINT64_MAX);
}

/* A limit far below, where nothing is to be exceeded. */
OPEN_TEST(at_once)
{
	make(way, 0, 1000);
	keyed_open(&c);
	if (can_change(way)) {
		ck_assert_int_eq(ktls_write(c.k, "on", 2, 0), 2);
		follow();
		keyed_gets_text(&c, "on");
	} else {
		ends();
	}
	keyed_close(&c);
}

/* RX does not go where ktls_open() would not put it. */
OPEN_TEST(left_over)
{
	for (int last = 0; last < 2; last++) {
		open_way(&c, way);
		keyed_seq(&c, 5, LAST - 1 + (uint64_t)last);
		keyed_seal(&c, KTLS_RECORD_DATA, "left", 4);
		keyed_leave(&c, SIZE_MAX);
		keyed_open(&c);
		keyed_reads_text(&c, "left");
		if (last)
			ck_assert_int_eq(keyed_info(&c).rx.path,
					 KTLS_PATH_USERSPACE);
		else
			open_way_check(&c, way);
		keyed_waits(&c);
		ck_assert_int_eq(ktls_write(c.k, "mine", 4, 0), 4);
		keyed_gets_text(&c, "mine");
		keyed_close(&c);
	}
}

int main(void)
{
	Suite *all = suite_create("open_last");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, exceeded, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, in_one_call, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, none_is_left, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, by_the_number, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, at_once, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, left_over, 0, OPEN_PROCESSES);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
