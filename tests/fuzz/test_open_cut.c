/* SPDX-License-Identifier: MIT */
/*
 * ktls_open() where the ciphertext ends: at every byte of a stream, with its
 * rest in the socket, half there, or yet to come; and inside of a message.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "open_ways.h"
#include "tests/unit/suite_main.h"

#define TICKET "\x04\0\0\x1b" "\0\0\x0e\x10" "\x01\x02\x03\x04" "\x02\0\0" \
	       "\0\x0c" "ticket-bytes" "\0\0"
#define TICKET_LEN 31

static struct keyed c;

/* From one cut to the next; an emulated kernel takes its time for each. */
#define STEP ((size_t)(keyed_worlds() == 1 ? 12 : 4))

static void seal(const char *text)
{
	keyed_seal(&c, KTLS_RECORD_DATA, text, strlen(text));
}

static void seal_message(const void *msg, size_t len)
{
	keyed_seal(&c, KTLS_RECORD_HANDSHAKE, msg, len);
}

/* Where the record ends that has byte `at`, or begins there. */
static size_t record_end(size_t at)
{
	size_t end = 0;

	while (end < at)
		end += (size_t)(5 + (c.wire[end + 3] << 8 | c.wire[end + 4]));
	return end;
}

/* With `more` bytes of the rest in the socket; the others come later. */
static void cut(int i, size_t at, size_t more)
{
	size_t end;

	open_way(&c, i);
	seal("abc");
	seal("defghij");
	seal("k");
	end = record_end(at);
	keyed_leave(&c, at);
	keyed_send(&c, more);
	keyed_open(&c);
	if (at + more >= end) {
		open_way_check(&c, i);
	} else {
		ck_assert_int_eq(keyed_info(&c).rx.path, KTLS_PATH_USERSPACE);
		if (open_way_kernel(&c, i, KTLS_RX))
			ck_assert_int_eq(keyed_info(&c).rx.reason,
					 KTLS_REASON_PARTIAL_RECORD);
	}
	keyed_send(&c, SIZE_MAX);
	keyed_reads_text(&c, "abcdefghijk");
	keyed_waits(&c);
	ck_assert_uint_eq(keyed_info(&c).rx.records, 3);
	keyed_alive(&c);
	keyed_close(&c);
}

static size_t stream_len(int i)
{
	size_t len;

	open_way(&c, i);
	seal("abc");
	seal("defghij");
	seal("k");
	len = c.wire_len;
	keyed_close(&c);
	return len;
}

OPEN_TEST(rest_is_there)
{
	size_t len = stream_len(way);
	size_t at;

	for (at = (size_t)way % STEP; at <= len; at += STEP)
		cut(way, at, len - at);
}

OPEN_TEST(rest_comes_later)
{
	size_t len = stream_len(way);
	size_t at;

	for (at = (size_t)way % STEP; at <= len; at += STEP)
		cut(way, at, 0);
}

/* In two pieces, the second never in time for the whole record. */
OPEN_TEST(rest_comes_half)
{
	size_t len = stream_len(way);
	size_t at;

	for (at = (size_t)way % STEP; at < len; at += STEP)
		cut(way, at, at % 5);
}

/* The socket has the rest of the record and the stream's end. */
OPEN_TEST(rest_and_fin)
{
	open_way(&c, way);
	seal("almost");
	keyed_leave(&c, 9);
	keyed_send(&c, SIZE_MAX);
	ck_assert_int_eq(shutdown(c.peer_fd, SHUT_WR), 0);
	keyed_open(&c);
	keyed_reads_text(&c, "almost");
	keyed_ends(&c, -KTLS_ETRUNCATED);
	keyed_close(&c);
}

OPEN_TEST(half_and_fin)
{
	open_way(&c, way);
	seal("whole");
	seal("half");
	keyed_leave(&c, c.wire_len - 3);
	ck_assert_int_eq(shutdown(c.peer_fd, SHUT_WR), 0);
	keyed_open(&c);
	keyed_reads_text(&c, "whole");
	keyed_ends(&c, -KTLS_ETRUNCATED);
	keyed_close(&c);
}

/* Whole records, but not a whole message. */
OPEN_TEST(half_a_message)
{
	open_way(&c, way);
	if (c.version == KTLS_TLS_1_3 && !c.session.server) {
		seal("a");
		seal_message(TICKET, 10);
		keyed_leave(&c, SIZE_MAX);
		keyed_open(&c);
		ck_assert_int_eq(keyed_info(&c).rx.path, KTLS_PATH_USERSPACE);
		if (open_way_kernel(&c, way, KTLS_RX))
			ck_assert_int_eq(keyed_info(&c).rx.reason,
					 KTLS_REASON_PARTIAL_RECORD);
		ck_assert_uint_eq(c.event_count, 0);
		seal_message(&TICKET[10], TICKET_LEN - 10);
		seal("b");
		keyed_send(&c, SIZE_MAX);
		keyed_reads_text(&c, "ab");
		ck_assert_uint_eq(keyed_info(&c).tickets, 1);
		keyed_event(&c, 0, KTLS_EVENT_TICKET, 0);
		keyed_alive(&c);
	}
	keyed_close(&c);
}

/* A message in pieces, of which the last is in the socket: nobody reads on
 * there for it. */
OPEN_TEST(message_across)
{
	size_t i;

	open_way(&c, way);
	if (c.version == KTLS_TLS_1_3 && !c.session.server) {
		for (i = 0; i < TICKET_LEN; i++)
			seal_message(&TICKET[i], 1);
		seal("x");
		keyed_leave(&c, (size_t)(way % 17) * 29 + 1);
		keyed_send(&c, SIZE_MAX);
		keyed_open(&c);
		keyed_reads_text(&c, "x");
		ck_assert_uint_eq(keyed_info(&c).tickets, 1);
		ck_assert_uint_eq(c.events[0].len, TICKET_LEN);
		keyed_alive(&c);
	}
	keyed_close(&c);
}

int main(void)
{
	Suite *all = suite_create("open_cut");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, rest_is_there, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, rest_comes_later, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, rest_comes_half, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, rest_and_fin, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, half_and_fin, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, half_a_message, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, message_across, 0, OPEN_PROCESSES);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
