/* SPDX-License-Identifier: MIT */
/* Alerts and handshake messages that arrive after the hand-off. */
#include <errno.h>
#include <string.h>

#include "conn.h"
#include "rig.h"

#define handshake(rig, bytes) \
	rig_send(rig, KTLS_RECORD_HANDSHAKE, bytes, sizeof(bytes))

static int is_1_3(const struct rig *rig)
{
	return rig->config.version == KTLS_TLS_1_3;
}

START_TEST(test_fatal_alert)
{
	struct rig rig;

	rig_start(&rig, _i);
	rig_send(&rig, KTLS_RECORD_DATA, "data", 4);
	rig_send_alert(&rig, 2, 40);
	conn_expect_data(&rig, "data");
	conn_expect_error(&rig, -KTLS_EALERT);
	ck_assert_int_eq(rig_info(&rig).alert_received, 40);
	ck_assert_int_lt(rig_write(&rig, "x", 1), 0);
	rig_close(&rig);
}
END_TEST

/* TLS 1.3 knows no level: all but two alerts are fatal. */
START_TEST(test_warning)
{
	struct rig rig;

	rig_start(&rig, _i);
	rig_send_alert(&rig, 1, 90);
	rig_send(&rig, KTLS_RECORD_DATA, "one", 3);
	conn_expect_data(&rig, "one");
	rig_send_alert(&rig, 1, 112);
	rig_send(&rig, KTLS_RECORD_DATA, "two", 3);
	if (is_1_3(&rig))
		conn_expect_error(&rig, rig_is_boring(&rig) ?
						-KTLS_EPROTOCOL :
						-KTLS_EALERT);
	else
		conn_expect_data(&rig, "two");
	ck_assert_int_eq(rig_info(&rig).alert_received, 112);
	rig_close(&rig);
}
END_TEST

START_TEST(test_ticket)
{
	uint8_t two[2 * sizeof(conn_ticket)];
	struct ktls_conn_info info;
	struct rig rig;

	rig_start(&rig, _i);
	if (!is_1_3(&rig) || rig.config.server) {
		rig_close(&rig);
		return;
	}
	handshake(&rig, conn_ticket);
	rig_send(&rig, KTLS_RECORD_DATA, "one", 3);
	conn_expect_data(&rig, "one");
	memcpy(two, conn_ticket, sizeof(conn_ticket));
	memcpy(two + sizeof(conn_ticket), conn_ticket, sizeof(conn_ticket));
	handshake(&rig, two);
	rig_send(&rig, KTLS_RECORD_DATA, "two", 3);
	conn_expect_data(&rig, "two");
	rig_send(&rig, KTLS_RECORD_HANDSHAKE, conn_ticket, 11);
	rig_send(&rig, KTLS_RECORD_HANDSHAKE, conn_ticket + 11,
		 CONN_TICKET_LEN - 11);
	rig_send(&rig, KTLS_RECORD_DATA, "three", 5);
	conn_expect_data(&rig, "three");
	info = rig_info(&rig);
	ck_assert_uint_eq(info.tickets, 4);
	ck_assert_uint_eq(info.tickets_fed, info.ssl_held ? 4 : 0);
	rig_close(&rig);
}
END_TEST

/* Read with a buffer far smaller than the message. */
START_TEST(test_ticket_one_byte)
{
	char byte;
	struct rig rig;

	rig_start(&rig, _i);
	if (is_1_3(&rig) && !rig.config.server)
		handshake(&rig, conn_ticket);
	rig_send(&rig, KTLS_RECORD_DATA, "x", 1);
	ck_assert_int_eq(rig_read(&rig, &byte, 1), 1);
	ck_assert_int_eq(byte, 'x');
	rig_close(&rig);
}
END_TEST

START_TEST(test_ticket_interleaved)
{
	struct rig rig;

	rig_start(&rig, _i);
	if (is_1_3(&rig) && !rig.config.server) {
		rig_send(&rig, KTLS_RECORD_HANDSHAKE, conn_ticket, 11);
		rig_send(&rig, KTLS_RECORD_DATA, "x", 1);
		conn_expect_error(&rig, -KTLS_EPROTOCOL);
	}
	rig_close(&rig);
}
END_TEST

/* No server ever gets one, nor does TLS 1.2 have one now. */
START_TEST(test_ticket_unexpected)
{
	struct rig rig;

	rig_start(&rig, _i);
	if (!is_1_3(&rig) || rig.config.server) {
		handshake(&rig, conn_ticket);
		conn_expect_error(&rig, -KTLS_EPROTOCOL);
	}
	rig_close(&rig);
}
END_TEST

/* RFC 8446 section 5.1: a message has the records it needs for itself. */
START_TEST(test_alert_inside_message)
{
	struct rig rig;

	rig_start(&rig, _i);
	if (is_1_3(&rig)) {
		rig_send(&rig, KTLS_RECORD_HANDSHAKE, "\30\0", 2);
		/* BoringSSL takes a close_notify even there */
		rig_send_alert(&rig, 1, 0);
		if (rig_is_boring(&rig)) {
			conn_expect_error(&rig, 0);
			rig_close(&rig);
			return;
		}
		conn_expect_error(&rig, -KTLS_EPROTOCOL);
		conn_expect_alert(&rig, 2, 10);
	}
	rig_close(&rig);
}
END_TEST

/* By BoringSSL, whose client ignores it, and whose server does not go on. */
static void renegotiation_with_boringssl(struct rig *rig)
{
	char byte;

	if (rig->config.server) {
		conn_expect_data(rig, "data");
		conn_expect_error(rig, -KTLS_EPROTOCOL);
		/* through a TX of ours it is the warning that it is named */
		conn_expect_alert(rig, rig->tx_path == KTLS_PATH_LIBRARY ?
						2 : 1, 100);
		return;
	}
	conn_expect_data(rig, "datamore");
	conn_expect_sent(rig, "mine");
	ck_assert_uint_eq(rig_info(rig).alerts_sent, 0);
	rig_send_alert(rig, 1, 0);
	ck_assert_int_eq(rig_read(rig, &byte, 1), 0);
}

/* Renegotiation is declined, and that is all. */
START_TEST(test_renegotiation)
{
	static const uint8_t hello_request[4] = { 0 };
	static const uint8_t client_hello[44] = { 1, 0, 0, 40, 3, 3 };
	struct rig rig;
	int i;

	rig_start(&rig, _i);
	for (i = 0; i < 2 && !is_1_3(&rig); i++) {
		rig_send(&rig, KTLS_RECORD_DATA, "data", 4);
		if (rig.config.server)
			handshake(&rig, client_hello);
		else
			handshake(&rig, hello_request);
		rig_send(&rig, KTLS_RECORD_DATA, "more", 4);
		if (rig_is_boring(&rig)) {
			renegotiation_with_boringssl(&rig);
			break;
		}
		conn_expect_data(&rig, "datamore");
		conn_expect_alert(&rig, 1, 100);
		conn_expect_sent(&rig, "mine");
		ck_assert_uint_eq(rig_info(&rig).alerts_sent, 1U + (unsigned)i);
	}
	rig_close(&rig);
}
END_TEST

/* Nobody has offered post-handshake authentication. */
START_TEST(test_certificate_request)
{
	static const uint8_t request[] = { 13, 0, 0, 11, 0, 0, 8, 0, 13, 0,
					   4, 0, 2, 4, 3 };
	char buf[8];
	struct rig rig;
	ssize_t n;

	rig_start(&rig, _i);
	if (is_1_3(&rig) && !rig.config.server) {
		handshake(&rig, request);
		n = rig_read(&rig, buf, sizeof(buf));
		ck_assert(n == -KTLS_EHANDSHAKE ||
			  (rig.rx_path == KTLS_PATH_LIBRARY &&
			   n == -KTLS_EPROTOCOL));
		conn_expect_error(&rig, (int)n);
	}
	rig_close(&rig);
}
END_TEST

TCase *conn_control_case(void)
{
	TCase *tcase = tcase_create("control");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_fatal_alert);
	conn_add(tcase, test_warning);
	conn_add(tcase, test_ticket);
	conn_add(tcase, test_ticket_one_byte);
	conn_add(tcase, test_ticket_interleaved);
	conn_add(tcase, test_ticket_unexpected);
	conn_add(tcase, test_alert_inside_message);
	conn_add(tcase, test_renegotiation);
	conn_add(tcase, test_certificate_request);
	return tcase;
}
