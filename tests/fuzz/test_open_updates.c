/* SPDX-License-Identifier: MIT */
/*
 * ktls_open() with KeyUpdates in its ciphertext: they are followed before the
 * call returns, and answered by the next write.
 */
#include <errno.h>
#include <string.h>

#include "open_ways.h"
#include "tests/unit/suite_main.h"

#define TICKET "\x04\0\0\x1b" "\0\0\x0e\x10" "\x01\x02\x03\x04" "\x02\0\0" \
	       "\0\x0c" "ticket-bytes" "\0\0"
#define TICKET_LEN 31
#define UPDATE "\x18\0\0\x01\0"
#define UPDATE_BACK "\x18\0\0\x01\x01"
#define UPDATE_LEN 5

static struct keyed c;

static void seal(const char *text)
{
	keyed_seal(&c, KTLS_RECORD_DATA, text, strlen(text));
}

static void seal_message(const void *msg, size_t len)
{
	keyed_seal(&c, KTLS_RECORD_HANDSHAKE, msg, len);
}

static void open_all(void)
{
	keyed_leave(&c, SIZE_MAX);
	keyed_open(&c);
}

/* Every way that has TLS 1.3; our role, -1: either. */
static int way_1_3(int i, int server)
{
	open_way(&c, i);
	return c.version == KTLS_TLS_1_3 &&
	       (server < 0 || c.session.server == server);
}

static int can_answer(int i)
{
	return open_way_secret(&c) && !open_way_fixed(&c, i, KTLS_TX);
}

/* What follows is under another key, in the ciphertext and in the socket. */
static void follow(int i)
{
	seal("new");
	open_all();
	open_way_check(&c, i);
	ck_assert_uint_eq(keyed_info(&c).key_updates_received, 1);
	keyed_event(&c, 0, KTLS_EVENT_KEY_UPDATE_RECEIVED, 0);
	keyed_reads_text(&c, "oldnew");
	keyed_alive(&c);
	ck_assert_uint_eq(keyed_info(&c).key_updates_sent, 0);
}

OPEN_TEST(key_update)
{
	if (way_1_3(way, -1) && open_way_secret(&c)) {
		seal("old");
		keyed_update(&c, 0);
		follow(way);
	}
	keyed_close(&c);
}

/* A message may be cut anywhere, this one too. */
OPEN_TEST(key_update_in_pieces)
{
	if (way_1_3(way, -1) && open_way_secret(&c)) {
		seal("old");
		seal_message(UPDATE, (size_t)(1 + way % 4));
		seal_message(&UPDATE[1 + way % 4], (size_t)(4 - way % 4));
		keyed_next_tx(&c);
		follow(way);
	}
	keyed_close(&c);
}

OPEN_TEST(key_update_behind_ticket)
{
	if (way_1_3(way, 0) && open_way_secret(&c)) {
		seal_message(TICKET UPDATE, TICKET_LEN + UPDATE_LEN);
		keyed_next_tx(&c);
		seal("new");
		open_all();
		open_way_check(&c, way);
		ck_assert_uint_eq(c.event_count, 2);
		keyed_reads_text(&c, "new");
		keyed_alive(&c);
	}
	keyed_close(&c);
}

/* A ticket whose last bytes look like one changes nothing. */
OPEN_TEST(no_key_update)
{
	char msg[TICKET_LEN + 1] = TICKET;

	if (way_1_3(way, 0)) {
		memcpy(msg + TICKET_LEN - UPDATE_LEN, UPDATE, UPDATE_LEN);
		seal_message(msg, TICKET_LEN);
		seal("same");
		open_all();
		open_way_check(&c, way);
		ck_assert_uint_eq(keyed_info(&c).key_updates_received, 0);
		keyed_reads_text(&c, "same");
		keyed_alive(&c);
	}
	keyed_close(&c);
}

/* Our own is due before the next data. */
static void answer(void)
{
	ck_assert_uint_eq(keyed_info(&c).key_updates_sent, 0);
	keyed_quiet(&c);
	keyed_reads_text(&c, "new");
	ck_assert_int_eq(ktls_write(c.k, "answer", 6, 0), 6);
	keyed_gets(&c, KTLS_RECORD_HANDSHAKE, UPDATE, UPDATE_LEN);
	keyed_next_rx(&c);
	keyed_gets_text(&c, "answer");
	ck_assert_uint_eq(keyed_info(&c).key_updates_sent, 1);
	keyed_alive(&c);
}

/* There is none to be had: RFC 8446 asks for one. */
static void no_answer(int i)
{
	if (c.opts.flags & KTLS_LEAVE_UNANSWERED) {
		open_way_check(&c, i);
		keyed_reads_text(&c, "new");
		keyed_alive(&c);
		return;
	}
	keyed_gets_alert(&c, 2, 80);
	keyed_ends(&c, -KTLS_EKEYUPDATE);
	ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), -KTLS_EKEYUPDATE);
	ck_assert_int_eq(keyed_info(&c).alert_sent, 80);
}

OPEN_TEST(key_update_requested)
{
	if (way_1_3(way, -1) && open_way_secret(&c)) {
		c.opts.flags = way & 1 ? KTLS_LEAVE_UNANSWERED : 0;
		keyed_update(&c, 1);
		seal("new");
		open_all();
		keyed_event(&c, 0, KTLS_EVENT_KEY_UPDATE_RECEIVED, 1);
		if (can_answer(way))
			answer();
		else
			no_answer(way);
	}
	keyed_close(&c);
}

/* Many, each of another generation. */
OPEN_TEST(key_updates)
{
	int n = 0;

	if (way_1_3(way, -1) && open_way_secret(&c)) {
		while (n++ < 20) {
			keyed_update(&c, 0);
			if (n % 3)
				seal("z");
		}
		seal("!");
		open_all();
		open_way_check(&c, way);
		keyed_reads_text(&c, "zzzzzzzzzzzzzz!");
		ck_assert_uint_eq(keyed_info(&c).key_updates_received, 20);
		keyed_alive(&c);
	}
	keyed_close(&c);
}

/* Where there is no secret there are no next keys. */
OPEN_TEST(no_secret)
{
	if (way_1_3(way, -1) && !open_way_secret(&c)) {
		seal("before");
		seal_message(way & 1 ? UPDATE_BACK : UPDATE, UPDATE_LEN);
		/* under a key that nobody here can know */
		keyed_bytes(&c, "\x17\x03\x03\0\x20"
			    "01234567890123456789012345678901", 37);
		open_all();
		keyed_gets_alert(&c, 2, 80);
		keyed_reads_text(&c, "before");
		keyed_ends(&c, -KTLS_EKEYUPDATE);
		ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), -KTLS_EKEYUPDATE);
	}
	keyed_close(&c);
}

int main(void)
{
	Suite *all = suite_create("open_updates");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, key_update, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, key_update_in_pieces, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, key_update_behind_ticket, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, no_key_update, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, key_update_requested, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, key_updates, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, no_secret, 0, OPEN_PROCESSES);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
