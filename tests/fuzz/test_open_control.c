/* SPDX-License-Identifier: MIT */
/*
 * ktls_open() with ciphertext that holds more than data: tickets, alerts,
 * messages in pieces.  It is dealt with before the call returns.
 */
#include <errno.h>
#include <string.h>

#include "open_ways.h"
#include "tests/unit/suite_main.h"

#define TICKET "\x04\0\0\x1b" "\0\0\x0e\x10" "\x01\x02\x03\x04" "\x02\0\0" \
	       "\0\x0c" "ticket-bytes" "\0\0"
#define TICKET_LEN 31
#define REQUEST "\x0d\0\0\x0f" "\x04" "ctxt" "\0\x08" "\0\x0d" "\0\x04" \
		"\0\x02" "\x04\x03"
#define REQUEST_LEN 19

static struct keyed c;

static void seal(const char *text)
{
	keyed_seal(&c, KTLS_RECORD_DATA, text, strlen(text));
}

static void seal_message(const void *msg, size_t len)
{
	keyed_seal(&c, KTLS_RECORD_HANDSHAKE, msg, len);
}

static void seal_alert(uint8_t level, uint8_t number)
{
	const uint8_t alert[2] = { level, number };

	keyed_seal(&c, KTLS_RECORD_ALERT, alert, sizeof(alert));
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

OPEN_TEST(tickets)
{
	if (way_1_3(way, 0)) {
		seal_message(TICKET, TICKET_LEN);
		seal("a");
		seal_message(TICKET TICKET, 2 * TICKET_LEN);
		open_all();
		open_way_check(&c, way);
		ck_assert_uint_eq(keyed_info(&c).tickets, 3);
		ck_assert_uint_eq(keyed_info(&c).tickets_fed, 0);
		ck_assert_uint_eq(c.event_count, 3);
		keyed_event(&c, 0, KTLS_EVENT_TICKET, 0);
		keyed_event(&c, 2, KTLS_EVENT_TICKET, 0);
		ck_assert_uint_eq(c.events[2].len, TICKET_LEN);
		keyed_reads_text(&c, "a");
		keyed_waits(&c);
		keyed_alive(&c);
	}
	keyed_close(&c);
}

OPEN_TEST(ticket_in_pieces)
{
	size_t i;

	if (way_1_3(way, 0)) {
		for (i = 0; i < TICKET_LEN; i += 2)
			seal_message(&TICKET[i], TICKET_LEN - i < 2 ? 1 : 2);
		seal("x");
		open_all();
		open_way_check(&c, way);
		ck_assert_uint_eq(c.event_count, 1);
		keyed_event(&c, 0, KTLS_EVENT_TICKET, 0);
		keyed_reads_text(&c, "x");
		keyed_alive(&c);
	}
	keyed_close(&c);
}

OPEN_TEST(close_notify)
{
	open_way(&c, way);
	c.session.plaintext = "the ";
	c.session.plaintext_len = 4;
	seal("end");
	seal_alert(1, 0);
	if (way & 1)
		keyed_bytes(&c, "whatever follows", 16);
	open_all();
	keyed_event(&c, 0, KTLS_EVENT_ALERT_RECEIVED, 0);
	keyed_reads_text(&c, "the end");
	keyed_ends(&c, 0);
	ck_assert_int_eq(keyed_info(&c).alert_received, 0);
	ck_assert_int_eq(ktls_write(c.k, "answer", 6, 0), 6);
	keyed_gets_text(&c, "answer");
	ck_assert_int_eq(ktls_shutdown(c.k), 0);
	keyed_gets_alert(&c, 1, 0);
	keyed_close(&c);
}

OPEN_TEST(fatal_alert)
{
	open_way(&c, way);
	seal("last");
	seal_alert(2, 40);
	open_all();
	keyed_event(&c, 0, KTLS_EVENT_ALERT_RECEIVED, 40);
	keyed_reads_text(&c, "last");
	keyed_ends(&c, -KTLS_EALERT);
	ck_assert_int_eq(keyed_info(&c).alert_received, 40);
	ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), -KTLS_EALERT);
	keyed_quiet(&c);
	keyed_close(&c);
}

OPEN_TEST(warning)
{
	open_way(&c, way);
	seal_alert(1, 90);
	seal("on");
	open_all();
	open_way_check(&c, way);
	keyed_event(&c, 0, KTLS_EVENT_ALERT_RECEIVED, 90);
	keyed_reads_text(&c, "on");
	keyed_alive(&c);
	keyed_close(&c);
}

OPEN_TEST(renegotiation)
{
	static const char hello[] = "\x01\0\0\x2b" "\x03\x03"
		"01234567890123456789012345678901" "\0" "\0\x02" "\xc0\x2b"
		"\x01\0" "\0\0";

	open_way(&c, way);
	if (c.version == KTLS_TLS_1_2) {
		if (c.session.server)
			seal_message(hello, sizeof(hello) - 1);
		else
			seal_message("\0\0\0\0", 4);
		seal("x");
		open_all();
		open_way_check(&c, way);
		keyed_gets_alert(&c, 1, 100);
		keyed_reads_text(&c, "x");
		keyed_alive(&c);
	}
	keyed_close(&c);
}

/* What ktls_read() would call a fault is one here. */
OPEN_TEST(certificate_request)
{
	if (way_1_3(way, 0)) {
		seal("data");
		seal_message(REQUEST, REQUEST_LEN);
		open_all();
		keyed_gets_alert(&c, 2, 10);
		keyed_reads_text(&c, "data");
		keyed_ends(&c, -KTLS_EHANDSHAKE);
	}
	keyed_close(&c);
}

OPEN_TEST(unexpected_message)
{
	open_way(&c, way);
	seal("data");
	seal_message("\x0b\0\0\x04" "cert", 8);
	seal("never");
	open_all();
	keyed_gets_alert(&c, 2, 10);
	keyed_reads_text(&c, "data");
	keyed_ends(&c, -KTLS_EPROTOCOL);
	keyed_close(&c);
}

OPEN_TEST(flood)
{
	int i;

	if (way_1_3(way, 0)) {
		seal("data");
		for (i = 0; i <= KTLS_CONTROL_RUN; i++)
			seal_message(TICKET, TICKET_LEN);
		open_all();
		keyed_gets_alert(&c, 2, 10);
		keyed_reads_text(&c, "data");
		keyed_ends(&c, -KTLS_EFLOOD);
		ck_assert_uint_eq(keyed_info(&c).limits_hit, 1);
	}
	keyed_close(&c);
}

OPEN_TEST(padded)
{
	if (way_1_3(way, -1)) {
		keyed_seal_padded(&c, KTLS_RECORD_DATA, "padded", 6, 100);
		keyed_seal_padded(&c, KTLS_RECORD_DATA, NULL, 0, 16000);
		keyed_seal_padded(&c, KTLS_RECORD_DATA, "!", 1, 16383);
		open_all();
		open_way_check(&c, way);
		keyed_reads_text(&c, "padded!");
		keyed_alive(&c);
	}
	keyed_close(&c);
}

int main(void)
{
	Suite *all = suite_create("open_control");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, tickets, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, ticket_in_pieces, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, close_notify, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, fatal_alert, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, warning, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, renegotiation, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, certificate_request, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, unexpected_message, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, flood, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, padded, 0, OPEN_PROCESSES);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
