/* SPDX-License-Identifier: MIT */
/* From the connection into a pipe: every byte once, and control records on
 * the way as in any other read. */
#include <errno.h>

#include "conn.h"
#include "conn_pipe.h"
#include "rig.h"

#define handshake(rig, bytes) \
	rig_send(rig, KTLS_RECORD_HANDSHAKE, bytes, sizeof(bytes))

static const uint8_t ticket[] = {
	4, 0, 0, 27, 0, 0, 14, 16, 1, 2, 3, 4, 2, 0, 0, 0, 12,
	't', 'i', 'c', 'k', 'e', 't', '-', 'b', 'y', 't', 'e', 's', 0, 0
};
static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };

static int is_1_3(const struct rig *rig)
{
	return rig->config.version == KTLS_TLS_1_3;
}

START_TEST(test_records)
{
	static const size_t sizes[] = { 1, 16384, 100, 5000, 16383, 2, 9000 };
	uint64_t end = 0;
	struct rig rig;
	int fd[2];
	int i;

	rig_start(&rig, _i);
	pipe_open(fd, 0, 0);
	for (i = 0; i < 7; i++)
		end = pipe_send(&rig, end, sizes[i]);
	pipe_until(&rig, fd, 0, end);
	ck_assert_uint_eq(rig_info(&rig).rx.bytes, end);
	ck_assert_uint_eq(ktls_pending(rig.k), 0);
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

/* Everything that is not data between the data, and close_notify behind. */
START_TEST(test_control)
{
	uint64_t at = 0;
	struct rig rig;
	int fd[2];
	int i;

	rig_start(&rig, _i);
	pipe_open(fd, 0, 0);
	for (i = 0; i < 4; i++) {
		at = pipe_send(&rig, at, 3000);
		rig_send(&rig, KTLS_RECORD_DATA, "", 0);
		at = pipe_send(&rig, at, 16384);
		rig_send_alert(&rig, 1, 90);
		if (is_1_3(&rig) && !rig.config.server)
			handshake(&rig, ticket);
		if (is_1_3(&rig) && (!rig.rx_kernel || rig_rekey())) {
			handshake(&rig, key_update);
			rig_peer_rekey(&rig);
		}
	}
	at = pipe_send(&rig, at, 7);
	rig_send(&rig, KTLS_RECORD_DATA, "", 0);
	rig_send_alert(&rig, 1, 0);
	pipe_until(&rig, fd, 0, at);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(pipe_splice(&rig, fd, 100), 0);
	pipe_is_empty(fd[0]);
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

/* Less than a record, and the rest by any call. */
START_TEST(test_length)
{
	uint8_t buf[1000];
	struct rig rig;
	int fd[2];

	rig_start(&rig, _i);
	pipe_open(fd, 0, 0);
	pipe_send(&rig, 0, 4000);
	ck_assert_int_eq(pipe_splice(&rig, fd, 1), 1);
	pipe_holds(fd[0], 1, 0);
	ck_assert_int_eq(pipe_splice(&rig, fd, 999), 999);
	pipe_holds(fd[0], 999, 1);
	ck_assert_int_eq(rig_read_all(&rig, buf, 1000), 1000);
	ck_assert(rig_same(buf, 1000, 1000));
	pipe_until(&rig, fd, 2000, 4000);
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

static void fails(struct rig *rig, const int fd[2], int err)
{
	char byte;
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(pipe_splice(rig, fd, 100), err);
	ck_assert_int_eq(rig_read(rig, &byte, 1), err);
	ck_assert_int_eq(rig_info(rig).rx.error, err);
	pipe_is_empty(fd[0]);
}

START_TEST(test_truncated)
{
	struct rig rig;
	int fd[2];

	rig_start(&rig, _i);
	pipe_open(fd, 0, 0);
	pipe_send(&rig, 0, 5000);
	rig_send_bytes(&rig, "\x17\x03\x03\x00\x80half", 9);
	rig_fin(&rig);
	pipe_until(&rig, fd, 0, 5000);
	fails(&rig, fd, -KTLS_ETRUNCATED);
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

/* The peer gets the same alert as after any other read. */
START_TEST(test_forged)
{
	uint8_t record[RIG_RECORD_MAX];
	uint8_t type;
	struct rig rig;
	size_t len;
	int fd[2];

	rig_start(&rig, _i);
	pipe_open(fd, 0, 0);
	pipe_send(&rig, 0, 5000);
	len = rig_seal(&rig, record, KTLS_RECORD_DATA, "secret", 6);
	record[len - 1] ^= 1;
	rig_send_bytes(&rig, record, len);
	pipe_until(&rig, fd, 0, 5000);
	fails(&rig, fd, -KTLS_EBADRECORD);
	if (rig.tx_kernel || !rig.rx_kernel) {
		ck_assert_int_eq(rig_recv(&rig, &type, record), 2);
		ck_assert_int_eq(type, KTLS_RECORD_ALERT);
		ck_assert_int_eq(record[1], 20);
	}
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

/* Half a message, then data: not to be moved past the check. */
START_TEST(test_interleaved)
{
	struct rig rig;
	int fd[2];

	rig_start(&rig, _i);
	if (is_1_3(&rig) && !rig.config.server) {
		pipe_open(fd, 0, 0);
		rig_send(&rig, KTLS_RECORD_HANDSHAKE, ticket, 11);
		pipe_send(&rig, 0, 100);
		fails(&rig, fd, -KTLS_EPROTOCOL);
		pipe_close(fd);
	}
	rig_close(&rig);
}
END_TEST

TCase *conn_splice_case(void)
{
	TCase *tcase = tcase_create("splice");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_records);
	conn_add(tcase, test_control);
	conn_add(tcase, test_length);
	conn_add(tcase, test_truncated);
	conn_add(tcase, test_forged);
	conn_add(tcase, test_interleaved);
	return tcase;
}
