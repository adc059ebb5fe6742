/* SPDX-License-Identifier: MIT */
/* Records that a good peer never sends: each has one lasting error. */
#include <errno.h>
#include <string.h>

#include "conn.h"
#include "rig.h"

/* Latched in both directions, and the same each time. */
static void over(struct rig *rig, int err)
{
	char buf[64];
	ssize_t n;
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(rig_read(rig, buf, sizeof(buf)), err);
	ck_assert_int_eq(rig_info(rig).rx.error, err);
	n = rig_write(rig, "x", 1);
	ck_assert_int_lt(n, 0);
	ck_assert_int_eq(rig_write(rig, "x", 1), n);
}

static void good_then(struct rig *rig, int i, const void *bad, size_t len)
{
	char buf[8];

	rig_start(rig, i);
	rig_send(rig, KTLS_RECORD_DATA, "good", 4);
	rig_send_bytes(rig, bad, len);
	ck_assert_int_eq(rig_read_all(rig, buf, 4), 4);
	ck_assert_mem_eq(buf, "good", 4);
}

START_TEST(test_forged)
{
	uint8_t record[256];
	char buf[64];
	struct rig rig;
	size_t len;

	rig_start(&rig, _i);
	rig_send(&rig, KTLS_RECORD_DATA, "good", 4);
	len = rig_seal(&rig, record, KTLS_RECORD_DATA, "secret", 6);
	record[len - 1] ^= 1;
	rig_send_bytes(&rig, record, len);
	rig_send(&rig, KTLS_RECORD_DATA, "late", 4);
	ck_assert_int_eq(rig_read_all(&rig, buf, 4), 4);
	ck_assert_mem_eq(buf, "good", 4);
	over(&rig, -KTLS_EBADRECORD);
	rig_close(&rig);
}
END_TEST

/* bad_record_mac(20) reaches the peer, once. */
START_TEST(test_forged_alert)
{
	uint8_t record[RIG_RECORD_MAX];
	uint8_t type = 0;
	struct rig rig;
	size_t len;

	rig_start(&rig, _i);
	len = rig_seal(&rig, record, KTLS_RECORD_DATA, "secret", 6);
	record[len - 1] ^= 1;
	rig_send_bytes(&rig, record, len);
	over(&rig, -KTLS_EBADRECORD);
	ck_assert_int_eq(rig_recv(&rig, &type, record), 2);
	ck_assert_int_eq(type, KTLS_RECORD_ALERT);
	ck_assert_int_eq(record[0], 2);
	ck_assert_int_eq(record[1], 20);
	ck_assert_int_eq(rig_info(&rig).alert_sent, 20);
	ck_assert_uint_eq(rig_info(&rig).alerts_sent, 1);
	rig_close(&rig);
}
END_TEST

/* The record before last was lost on its way. */
START_TEST(test_out_of_sequence)
{
	uint8_t record[256];
	struct rig rig;

	rig_start(&rig, _i);
	rig_seal(&rig, record, KTLS_RECORD_DATA, "lost", 4);
	rig_send(&rig, KTLS_RECORD_DATA, "next", 4);
	over(&rig, -KTLS_EBADRECORD);
	rig_close(&rig);
}
END_TEST

START_TEST(test_replayed)
{
	uint8_t record[256];
	char buf[8];
	struct rig rig;
	size_t len;

	rig_start(&rig, _i);
	len = rig_seal(&rig, record, KTLS_RECORD_DATA, "once", 4);
	rig_send_bytes(&rig, record, len);
	ck_assert_int_eq(rig_read_all(&rig, buf, 4), 4);
	rig_send_bytes(&rig, record, len);
	over(&rig, -KTLS_EBADRECORD);
	rig_close(&rig);
}
END_TEST

START_TEST(test_oversize)
{
	uint8_t bad[200] = { 23, 3, 3, 0xff, 0xff };
	struct rig rig;

	good_then(&rig, _i, bad, sizeof(bad));
	over(&rig, -KTLS_EOVERSIZE);
	rig_close(&rig);
}
END_TEST

START_TEST(test_too_short)
{
	uint8_t bad[64] = { 23, 3, 3, 0, 4 };
	struct rig rig;

	good_then(&rig, _i, bad, sizeof(bad));
	over(&rig, -KTLS_EBADRECORD);
	rig_close(&rig);
}
END_TEST

START_TEST(test_wrong_version)
{
	uint8_t bad[64] = { 23, 3, 2, 0, 40 };
	struct rig rig;

	good_then(&rig, _i, bad, sizeof(bad));
	over(&rig, -KTLS_EPROTOCOL);
	rig_close(&rig);
}
END_TEST

START_TEST(test_garbage)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct rig rig;

	good_then(&rig, _i, text, sizeof(text) - 1);
	over(&rig, -KTLS_EPROTOCOL);
	rig_close(&rig);
}
END_TEST

/*
 * TLS 1.2: a ChangeCipherSpec under the keys.  TLS 1.3: the plaintext one
 * that handshakes may have; a kernel takes it for a forged record.
 */
START_TEST(test_change_cipher_spec)
{
	static const uint8_t plain[] = { 20, 3, 3, 0, 1, 1 };
	char buf[8];
	struct rig rig;
	ssize_t n;

	rig_start(&rig, _i);
	if (rig.config.version == KTLS_TLS_1_2)
		rig_send(&rig, KTLS_RECORD_CCS, "\1", 1);
	else
		rig_send_bytes(&rig, plain, sizeof(plain));
	n = rig_read(&rig, buf, sizeof(buf));
	if ((rig.rx_kernel || rig_is_boring(&rig)) &&
	    rig.config.version == KTLS_TLS_1_3)
		ck_assert_int_eq(n, -KTLS_EBADRECORD);
	else
		ck_assert_int_eq(n, -KTLS_EPROTOCOL);
	over(&rig, (int)n);
	rig_close(&rig);
}
END_TEST

TCase *conn_record_case(void)
{
	TCase *tcase = tcase_create("records");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_forged);
	conn_add(tcase, test_forged_alert);
	conn_add(tcase, test_out_of_sequence);
	conn_add(tcase, test_replayed);
	conn_add(tcase, test_oversize);
	conn_add(tcase, test_too_short);
	conn_add(tcase, test_wrong_version);
	conn_add(tcase, test_garbage);
	conn_add(tcase, test_change_cipher_spec);
	return tcase;
}
