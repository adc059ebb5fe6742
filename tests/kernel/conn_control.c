/* SPDX-License-Identifier: MIT */
/* Alerts and handshake messages that arrive after the hand-off. */
#include <errno.h>
#include <string.h>

#include "conn.h"
#include "rig.h"

/* A NewSessionTicket of RFC 8446 section 4.6.1; 4 + 27 bytes. */
static const uint8_t ticket[] = {
	4, 0, 0, 27,
	0, 0, 14, 16,           /* lifetime */
	1, 2, 3, 4,             /* age_add */
	2, 0, 0,                /* nonce */
	0, 12, 't', 'i', 'c', 'k', 'e', 't', '-', 'b', 'y', 't', 'e', 's',
	0, 0                    /* extensions */
};
static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };
static const uint8_t key_update_back[] = { 24, 0, 0, 1, 1 };

#define handshake(rig, bytes) \
	rig_send(rig, KTLS_RECORD_HANDSHAKE, bytes, sizeof(bytes))

static int is_1_3(const struct rig *rig)
{
	return rig->config.version == KTLS_TLS_1_3;
}

static void expect_data(struct rig *rig, const char *text)
{
	char buf[32];
	size_t len = strlen(text);

	ck_assert_int_eq(rig_read_all(rig, buf, len), (ssize_t)len);
	ck_assert_mem_eq(buf, text, len);
}

static void expect_error(struct rig *rig, int err)
{
	char buf[32];
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(rig_read(rig, buf, sizeof(buf)), err);
	ck_assert_int_eq(rig_info(rig).rx.error, err);
}

START_TEST(test_fatal_alert)
{
	struct rig rig;

	rig_start(&rig, _i);
	rig_send(&rig, KTLS_RECORD_DATA, "data", 4);
	rig_send_alert(&rig, 2, 40);
	expect_data(&rig, "data");
	expect_error(&rig, -KTLS_EALERT);
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
	expect_data(&rig, "one");
	rig_send_alert(&rig, 1, 112);
	rig_send(&rig, KTLS_RECORD_DATA, "two", 3);
	if (is_1_3(&rig))
		expect_error(&rig, -KTLS_EALERT);
	else
		expect_data(&rig, "two");
	ck_assert_int_eq(rig_info(&rig).alert_received, 112);
	rig_close(&rig);
}
END_TEST

START_TEST(test_ticket)
{
	uint8_t two[2 * sizeof(ticket)];
	struct rig rig;

	rig_start(&rig, _i);
	if (!is_1_3(&rig) || rig.config.server) {
		rig_close(&rig);
		return;
	}
	handshake(&rig, ticket);
	rig_send(&rig, KTLS_RECORD_DATA, "one", 3);
	expect_data(&rig, "one");
	memcpy(two, ticket, sizeof(ticket));
	memcpy(two + sizeof(ticket), ticket, sizeof(ticket));
	handshake(&rig, two);
	rig_send(&rig, KTLS_RECORD_DATA, "two", 3);
	expect_data(&rig, "two");
	rig_send(&rig, KTLS_RECORD_HANDSHAKE, ticket, 11);
	rig_send(&rig, KTLS_RECORD_HANDSHAKE, ticket + 11, sizeof(ticket) - 11);
	rig_send(&rig, KTLS_RECORD_DATA, "three", 5);
	expect_data(&rig, "three");
	if (rig.rx_kernel)
		ck_assert_uint_eq(rig_info(&rig).tickets, 4);
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
		handshake(&rig, ticket);
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
		rig_send(&rig, KTLS_RECORD_HANDSHAKE, ticket, 11);
		rig_send(&rig, KTLS_RECORD_DATA, "x", 1);
		expect_error(&rig, -KTLS_EPROTOCOL);
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
		handshake(&rig, ticket);
		expect_error(&rig, -KTLS_EPROTOCOL);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(test_key_update)
{
	struct rig rig;

	rig_start(&rig, _i);
	if (is_1_3(&rig)) {
		rig_send(&rig, KTLS_RECORD_DATA, "old", 3);
		handshake(&rig, key_update);
		rig_peer_rekey(&rig);
		rig_send(&rig, KTLS_RECORD_DATA, "new", 3);
		expect_data(&rig, "old");
		if (rig.rx_kernel)
			expect_error(&rig, -KTLS_EKEYUPDATE);
		else
			expect_data(&rig, "new");
	}
	rig_close(&rig);
}
END_TEST

/* Only the SSL that has both directions can answer. */
START_TEST(test_key_update_requested)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;
	struct rig rig;

	rig_start(&rig, _i);
	if (!is_1_3(&rig)) {
		rig_close(&rig);
		return;
	}
	handshake(&rig, key_update_back);
	rig_peer_rekey(&rig);
	if (rig.rx_kernel || rig.tx_kernel) {
		expect_error(&rig, -KTLS_EKEYUPDATE);
	} else {
		rig_send(&rig, KTLS_RECORD_DATA, "new", 3);
		expect_data(&rig, "new");
		ck_assert_int_eq(rig_write_all(&rig, "mine", 4), 4);
		ck_assert_int_eq(rig_recv(&rig, &type, buf), 5);
		ck_assert_int_eq(type, KTLS_RECORD_HANDSHAKE);
		ck_assert_mem_eq(buf, key_update, 5);
	}
	rig_close(&rig);
}
END_TEST

/* The kernel looks at a record's first byte only. */
START_TEST(test_key_update_behind_ticket)
{
	uint8_t both[sizeof(ticket) + sizeof(key_update)];
	struct rig rig;

	rig_start(&rig, _i);
	if (is_1_3(&rig) && !rig.config.server && rig.rx_kernel) {
		memcpy(both, ticket, sizeof(ticket));
		memcpy(both + sizeof(ticket), key_update, sizeof(key_update));
		handshake(&rig, both);
		rig_peer_rekey(&rig);
		rig_send(&rig, KTLS_RECORD_DATA, "new", 3);
		expect_error(&rig, -KTLS_EKEYUPDATE);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(test_key_update_in_pieces)
{
	struct rig rig;

	rig_start(&rig, _i);
	if (is_1_3(&rig)) {
		rig_send(&rig, KTLS_RECORD_HANDSHAKE, key_update, 1);
		rig_send(&rig, KTLS_RECORD_HANDSHAKE, key_update + 1, 4);
		rig_peer_rekey(&rig);
		rig_send(&rig, KTLS_RECORD_DATA, "new", 3);
		if (rig.rx_kernel)
			expect_error(&rig, -KTLS_EKEYUPDATE);
		else
			expect_data(&rig, "new");
	}
	rig_close(&rig);
}
END_TEST

/*
 * Renegotiation.  An SSL declines it and goes on, which cannot be told from
 * here; the kernel path has nobody to decline.
 */
START_TEST(test_renegotiation)
{
	static const uint8_t hello_request[4] = { 0 };
	static const uint8_t client_hello[44] = { 1, 0, 0, 40, 3, 3 };
	struct rig rig;

	rig_start(&rig, _i);
	if (is_1_3(&rig)) {
		rig_close(&rig);
		return;
	}
	rig_send(&rig, KTLS_RECORD_DATA, "data", 4);
	if (rig.config.server)
		handshake(&rig, client_hello);
	else
		handshake(&rig, hello_request);
	expect_data(&rig, "data");
	if (rig.rx_kernel) {
		expect_error(&rig, -KTLS_EHANDSHAKE);
	} else {
		rig_send(&rig, KTLS_RECORD_DATA, "more", 4);
		expect_data(&rig, "more");
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
			  (!rig.rx_kernel && n == -KTLS_EPROTOCOL));
		expect_error(&rig, (int)n);
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
	conn_add(tcase, test_key_update);
	conn_add(tcase, test_key_update_requested);
	conn_add(tcase, test_key_update_behind_ticket);
	conn_add(tcase, test_key_update_in_pieces);
	conn_add(tcase, test_renegotiation);
	conn_add(tcase, test_certificate_request);
	return tcase;
}
