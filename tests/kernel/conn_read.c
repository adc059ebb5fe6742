/* SPDX-License-Identifier: MIT */
/* Reading: bytes, buffers, arguments and the ways a stream ends. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "conn.h"
#include "rig.h"

START_TEST(test_bytes)
{
	static const size_t sizes[] = { 1, 3, 5000, 16384, 100 };
	uint8_t buf[16384];
	uint64_t at = 0;
	struct rig rig;
	size_t i;

	rig_start(&rig, _i);
	for (i = 0; i < 5; i++) {
		rig_fill(buf, sizes[i], at);
		rig_send(&rig, KTLS_RECORD_DATA, buf, sizes[i]);
		at += sizes[i];
	}
	for (i = 0, at = 0; i < 5; i++) {
		ck_assert_int_eq(rig_read_all(&rig, buf, sizes[4 - i]),
				 (ssize_t)sizes[4 - i]);
		ck_assert(rig_same(buf, sizes[4 - i], at));
		at += sizes[4 - i];
	}
	ck_assert_uint_eq(rig_info(&rig).rx.bytes, at);
	rig_close(&rig);
}
END_TEST

START_TEST(test_small_reads)
{
	uint8_t buf[1000];
	struct rig rig;
	uint64_t at;

	rig_start(&rig, _i);
	rig_fill(buf, sizeof(buf), 0);
	rig_send(&rig, KTLS_RECORD_DATA, buf, sizeof(buf));
	for (at = 0; at < 1000;) {
		ssize_t n = rig_read(&rig, buf, 7);

		ck_assert_int_ge(n, 1);
		ck_assert_int_le(n, 7);
		ck_assert(rig_same(buf, (size_t)n, at));
		at += (uint64_t)n;
	}
	rig_close(&rig);
}
END_TEST

START_TEST(test_readv)
{
	uint8_t buf[6][2000];
	struct iovec iov[6];
	uint8_t sent[5000];
	struct rig rig;
	size_t have = 0;
	int i;

	rig_start(&rig, _i);
	rig_fill(sent, sizeof(sent), 0);
	rig_send(&rig, KTLS_RECORD_DATA, sent, sizeof(sent));
	while (have < sizeof(sent)) {
		size_t left;
		ssize_t n;

		for (i = 0; i < 6; i++) {
			iov[i].iov_base = buf[i];
			iov[i].iov_len = (size_t)(i * 11);
		}
		while ((n = ktls_readv(rig.k, iov, 6)) == -EAGAIN)
			rig_wait(&rig);
		ck_assert_int_gt(n, 0);
		for (i = 0, left = (size_t)n; left > 0; i++) {
			size_t len = left < iov[i].iov_len ? left :
							     iov[i].iov_len;

			ck_assert(rig_same(buf[i], len, have));
			have += len;
			left -= len;
		}
	}
	rig_close(&rig);
}
END_TEST

START_TEST(test_arguments)
{
	struct iovec iov[1025];
	char buf[8];
	struct rig rig;
	int i;

	rig_start(&rig, _i);
	for (i = 0; i < 1025; i++) {
		iov[i].iov_base = buf;
		iov[i].iov_len = 0;
	}
	rig_send(&rig, KTLS_RECORD_DATA, "kept", 4);
	ck_assert_int_eq(ktls_read(rig.k, buf, 0), -EINVAL);
	ck_assert_int_eq(ktls_readv(rig.k, iov, 0), -EINVAL);
	ck_assert_int_eq(ktls_readv(rig.k, iov, -1), -EINVAL);
	ck_assert_int_eq(ktls_readv(rig.k, iov, 4), -EINVAL);
	iov[0].iov_len = 4;
	ck_assert_int_eq(ktls_readv(rig.k, iov, 1025), -EINVAL);
	ck_assert_int_eq(rig_read_all(&rig, buf, 4), 4);
	ck_assert_mem_eq(buf, "kept", 4);
	rig_close(&rig);
}
END_TEST

START_TEST(test_nothing_there)
{
	char byte;
	struct rig rig;

	rig_start(&rig, _i);
	if (rig.config.nonblock) {
		ck_assert_int_eq(ktls_read(rig.k, &byte, 1), -EAGAIN);
		ck_assert_int_eq(ktls_events(rig.k), POLLIN);
		ck_assert_int_eq(ktls_read(rig.k, &byte, 1), -EAGAIN);
	}
	rig_send(&rig, KTLS_RECORD_DATA, "x", 1);
	ck_assert_int_eq(rig_read(&rig, &byte, 1), 1);
	ck_assert_int_eq(byte, 'x');
	rig_close(&rig);
}
END_TEST

/* A non-blocking reader looks again after each byte of the record. */
START_TEST(test_byte_by_byte)
{
	uint8_t record[64];
	char buf[8];
	struct rig rig;
	size_t len;
	size_t i;

	rig_start(&rig, _i);
	len = rig_seal(&rig, record, KTLS_RECORD_DATA, "abcdef", 6);
	for (i = 0; i < len; i++) {
		if (rig.config.nonblock)
			ck_assert_int_eq(ktls_read(rig.k, buf, 8), -EAGAIN);
		rig_send_bytes(&rig, record + i, 1);
	}
	ck_assert_int_eq(rig_read_all(&rig, buf, 6), 6);
	ck_assert_mem_eq(buf, "abcdef", 6);
	rig_close(&rig);
}
END_TEST

START_TEST(test_empty_records)
{
	char buf[2];
	struct rig rig;

	rig_start(&rig, _i);
	rig_send(&rig, KTLS_RECORD_DATA, "", 0);
	rig_send(&rig, KTLS_RECORD_DATA, "", 0);
	rig_send(&rig, KTLS_RECORD_DATA, "a", 1);
	rig_send(&rig, KTLS_RECORD_DATA, "", 0);
	rig_send(&rig, KTLS_RECORD_DATA, "b", 1);
	rig_send(&rig, KTLS_RECORD_DATA, "", 0);
	rig_send_alert(&rig, 1, 0);
	rig_fin(&rig);
	ck_assert_int_eq(rig_read_all(&rig, buf, 2), 2);
	ck_assert_mem_eq(buf, "ab", 2);
	ck_assert_int_eq(rig_read(&rig, buf, 1), 0);
	rig_close(&rig);
}
END_TEST

/* No data at all: an empty record is not the end, nor is it a result. */
START_TEST(test_only_empty_records)
{
	char byte;
	struct rig rig;

	rig_start(&rig, _i);
	rig_send(&rig, KTLS_RECORD_DATA, "", 0);
	if (rig.config.nonblock)
		ck_assert_int_eq(ktls_read(rig.k, &byte, 1), -EAGAIN);
	rig_send(&rig, KTLS_RECORD_DATA, "", 0);
	rig_fin(&rig);
	ck_assert_int_eq(rig_read(&rig, &byte, 1), -KTLS_ETRUNCATED);
	rig_close(&rig);
}
END_TEST

/* The peer's end is not ours: what we write still arrives. */
static void still_writes(struct rig *rig)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;

	ck_assert_int_eq(rig_write_all(rig, "bye", 3), 3);
	ck_assert_int_eq(rig_recv(rig, &type, buf), 3);
	ck_assert_int_eq(type, KTLS_RECORD_DATA);
	ck_assert_mem_eq(buf, "bye", 3);
}

START_TEST(test_close_notify)
{
	char buf[8];
	struct rig rig;
	int i;

	rig_start(&rig, _i);
	rig_send(&rig, KTLS_RECORD_DATA, "last", 4);
	rig_send_alert(&rig, 1, 0);
	ck_assert_int_eq(rig_read_all(&rig, buf, 4), 4);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(rig_read(&rig, buf, 8), 0);
	ck_assert_int_eq(ktls_events(rig.k) & POLLIN, 0);
	ck_assert_int_eq(rig_info(&rig).alert_received, 0);
	still_writes(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(test_fin)
{
	char buf[8];
	struct rig rig;
	int i;

	rig_start(&rig, _i);
	rig_send(&rig, KTLS_RECORD_DATA, "last", 4);
	rig_fin(&rig);
	ck_assert_int_eq(rig_read_all(&rig, buf, 4), 4);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(rig_read(&rig, buf, 8), -KTLS_ETRUNCATED);
	ck_assert_int_eq(rig_info(&rig).rx.error, -KTLS_ETRUNCATED);
	ck_assert_int_eq(rig_info(&rig).tx.error, 0);
	still_writes(&rig);
	rig_close(&rig);
}
END_TEST

static void fin_after(struct rig *rig, int i, size_t part)
{
	static const uint8_t text[100];
	uint8_t record[RIG_RECORD_MAX];
	char buf[8];

	rig_start(rig, i);
	rig_send(rig, KTLS_RECORD_DATA, "last", 4);
	ck_assert_uint_gt(rig_seal(rig, record, KTLS_RECORD_DATA, text,
				   sizeof(text)), part);
	rig_send_bytes(rig, record, part);
	rig_fin(rig);
	ck_assert_int_eq(rig_read_all(rig, buf, 4), 4);
	ck_assert_mem_eq(buf, "last", 4);
	ck_assert_int_eq(rig_read(rig, buf, 8), -KTLS_ETRUNCATED);
	ck_assert_int_eq(rig_read(rig, buf, 8), -KTLS_ETRUNCATED);
	rig_close(rig);
}

START_TEST(test_fin_in_record)
{
	struct rig rig;

	fin_after(&rig, _i, 3);
	fin_after(&rig, _i, 5);
	fin_after(&rig, _i, 60);
}
END_TEST

/* What the SSL had decrypted comes first, and can be asked for. */
START_TEST(test_pending)
{
	struct rig_config config = rig_variant(_i);
	uint8_t buf[1000];
	struct rig rig;

	rig_open(&rig, &config);
	rig_fill(buf, sizeof(buf), 0);
	ck_assert_int_eq(SSL_write(rig.peer, buf, sizeof(buf)), sizeof(buf));
	while (SSL_read(rig.ssl, buf, 10) < 0)
		continue;
	rig_handoff(&rig);
	ck_assert_uint_eq(ktls_pending(rig.k), 990);
	ck_assert_int_eq(rig_read(&rig, buf, 90), 90);
	ck_assert(rig_same(buf, 90, 10));
	ck_assert_uint_eq(ktls_pending(rig.k), 900);
	ck_assert_int_eq(rig_read_all(&rig, buf, 900), 900);
	ck_assert(rig_same(buf, 900, 100));
	ck_assert_uint_eq(ktls_pending(rig.k), 0);
	ck_assert_int_eq(SSL_write(rig.peer, "more", 4), 4);
	ck_assert_int_eq(rig_read_all(&rig, buf, 4), 4);
	ck_assert_mem_eq(buf, "more", 4);
	rig_close(&rig);
}
END_TEST

TCase *conn_read_case(void)
{
	TCase *tcase = tcase_create("read");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_bytes);
	conn_add(tcase, test_small_reads);
	conn_add(tcase, test_readv);
	conn_add(tcase, test_arguments);
	conn_add(tcase, test_nothing_there);
	conn_add(tcase, test_byte_by_byte);
	conn_add(tcase, test_empty_records);
	conn_add(tcase, test_only_empty_records);
	conn_add(tcase, test_close_notify);
	conn_add(tcase, test_fin);
	conn_add(tcase, test_fin_in_record);
	conn_add(tcase, test_pending);
	return tcase;
}
