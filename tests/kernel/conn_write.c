/* SPDX-License-Identifier: MIT */
/* Writing and alerts: what the peer sees of them, record by record. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conn.h"
#include "rig.h"

#define MUCH (1024 * 1024)

static void expect_alert(struct rig *rig, uint8_t level, uint8_t description)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;

	ck_assert_int_eq(rig_recv(rig, &type, buf), 2);
	ck_assert_int_eq(type, KTLS_RECORD_ALERT);
	ck_assert_int_eq(buf[0], level);
	ck_assert_int_eq(buf[1], description);
}

START_TEST(test_write)
{
	static const size_t sizes[] = { 1, 100, 16384, 16385, 50000 };
	uint8_t buf[50000];
	struct rig rig;
	uint64_t at = 0;
	int i;

	rig_start(&rig, _i);
	for (i = 0; i < 5; i++) {
		rig_fill(buf, sizes[i], at);
		ck_assert_int_eq(rig_write_all(&rig, buf, sizes[i]),
				 (ssize_t)sizes[i]);
		conn_bytes_arrive(&rig, sizes[i], at);
		at += sizes[i];
	}
	ck_assert_uint_eq(rig_info(&rig).tx.bytes, at);
	rig_close(&rig);
}
END_TEST

START_TEST(test_writev)
{
	uint8_t buf[30000];
	struct iovec iov[6] = {
		{ buf, 0 }, { buf, 5 }, { buf + 5, 20000 }, { buf, 0 },
		{ buf + 20005, 9995 }, { buf, 0 }
	};
	struct rig rig;

	rig_start(&rig, _i);
	rig_fill(buf, sizeof(buf), 0);
	/* there is room for all of it */
	ck_assert_int_eq(ktls_writev(rig.k, iov, 6, 0), sizeof(buf));
	conn_bytes_arrive(&rig, sizeof(buf), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(test_many_buffers)
{
	uint8_t buf[1024];
	struct iovec iov[1024];
	struct rig rig;
	int i;

	rig_start(&rig, _i);
	rig_fill(buf, sizeof(buf), 0);
	for (i = 0; i < 1024; i++) {
		iov[i].iov_base = buf + i;
		iov[i].iov_len = 1;
	}
	ck_assert_int_eq(ktls_writev(rig.k, iov, 1024, 0), 1024);
	conn_bytes_arrive(&rig, 1024, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(test_arguments)
{
	static struct iovec iov[1025];
	uint8_t buf[RIG_RECORD_MAX];
	struct rig rig;
	uint8_t type;

	rig_start(&rig, _i);
	ck_assert_int_eq(ktls_write(rig.k, buf, 0, 0), 0);
	ck_assert_int_eq(ktls_writev(rig.k, iov, 0, 0), 0);
	ck_assert_int_eq(ktls_writev(rig.k, iov, 1024, 0), 0);
	ck_assert_int_eq(ktls_writev(rig.k, iov, 1025, 0), -EINVAL);
	ck_assert_int_eq(ktls_writev(rig.k, iov, -1, 0), -EINVAL);
	/* none of them has sent a record */
	ck_assert_int_eq(rig_write_all(&rig, "x", 1), 1);
	ck_assert_int_eq(rig_recv(&rig, &type, buf), 1);
	ck_assert_int_eq(buf[0], 'x');
	rig_close(&rig);
}
END_TEST

START_TEST(test_alerts)
{
	uint8_t buf[100];
	struct rig rig;

	rig_start(&rig, _i);
	rig_fill(buf, sizeof(buf), 0);
	ck_assert_int_eq(rig_write_all(&rig, buf, 50), 50);
	ck_assert_int_eq(rig_alert(&rig, 90), 0);
	ck_assert_int_eq(rig_alert(&rig, 100), 0);
	ck_assert_int_eq(rig_write_all(&rig, buf + 50, 50), 50);
	ck_assert_int_eq(rig_alert(&rig, 40), 0);
	ck_assert_int_eq(rig_info(&rig).alert_sent, 40);
	ck_assert_int_eq(rig_write(&rig, "x", 1), -KTLS_ECLOSED);
	ck_assert_int_eq(rig_write(&rig, "x", 1), -KTLS_ECLOSED);
	ck_assert_int_eq(rig_alert(&rig, 40), -KTLS_ECLOSED);
	conn_bytes_arrive(&rig, 50, 0);
	expect_alert(&rig, 1, 90);
	expect_alert(&rig, 1, 100);
	conn_bytes_arrive(&rig, 50, 50);
	expect_alert(&rig, 2, 40);
	rig_close(&rig);
}
END_TEST

START_TEST(test_alert_close_notify)
{
	char byte;
	struct rig rig;

	rig_start(&rig, _i);
	ck_assert_int_eq(rig_alert(&rig, 0), 0);
	ck_assert_int_eq(rig_write(&rig, "x", 1), -KTLS_ECLOSED);
	expect_alert(&rig, 1, 0);
	rig_send(&rig, KTLS_RECORD_DATA, "y", 1);
	ck_assert_int_eq(rig_read(&rig, &byte, 1), 1);
	rig_close(&rig);
}
END_TEST

/* An alert may follow a failure of reading. */
START_TEST(test_alert_after_error)
{
	uint8_t record[64];
	char buf[8];
	struct rig rig;

	rig_start(&rig, _i);
	rig_seal(&rig, record, KTLS_RECORD_DATA, "lost", 4);
	rig_fin(&rig);
	ck_assert_int_eq(rig_read(&rig, buf, 8), -KTLS_ETRUNCATED);
	ck_assert_int_eq(rig_alert(&rig, 50), 0);
	expect_alert(&rig, 2, 50);
	rig_close(&rig);
}
END_TEST

static void small_buffer(struct rig *rig, int size)
{
	ck_assert_int_eq(setsockopt(rig->fd, SOL_SOCKET, SO_SNDBUF, &size,
				    sizeof(size)), 0);
}

/* What nobody reads at first: short counts, -EAGAIN, and all of it later. */
START_TEST(test_full)
{
	uint8_t *buf = malloc(MUCH);
	struct rig_reader reader;
	struct rig rig;
	size_t have = 0;
	ssize_t n = 0;

	rig_start(&rig, _i);
	small_buffer(&rig, 8192);
	rig_fill(buf, MUCH, 0);
	while (rig.config.nonblock && n >= 0) {
		n = ktls_write(rig.k, buf + have, MUCH - have, 0);
		if (n > 0)
			have += (size_t)n;
	}
	if (rig.config.nonblock) {
		ck_assert_int_eq(n, -EAGAIN);
		ck_assert_uint_lt(have, MUCH);
		ck_assert_int_eq(ktls_events(rig.k), POLLIN | POLLOUT);
	}
	rig_reader_start(&reader, &rig, MUCH);
	ck_assert_int_eq(rig_write_all(&rig, buf + have, MUCH - have),
			 (ssize_t)(MUCH - have));
	ck_assert_int_eq(ktls_events(rig.k), POLLIN);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	rig_reader_join(&reader);
	ck_assert_uint_eq(reader.len, MUCH);
	ck_assert_mem_eq(reader.data, buf, MUCH);
	ck_assert_int_eq(reader.closed, 1);
	rig_reader_free(&reader);
	rig_close(&rig);
	free(buf);
}
END_TEST

static void peer_takes_all(struct rig *rig)
{
	static uint8_t buf[16384];

	fcntl(rig->peer_fd, F_SETFL, O_RDWR | O_NONBLOCK);
	while (SSL_read(rig->peer, buf, sizeof(buf)) > 0)
		continue;
}

/* The writer is still waiting, whatever reading has done meanwhile. */
START_TEST(test_events_last)
{
	static uint8_t buf[16384];
	struct pollfd pfd = { .events = POLLOUT };
	struct rig rig;
	ssize_t n = 0;

	rig_start(&rig, _i);
	small_buffer(&rig, 8192);
	while (rig.config.nonblock && n >= 0)
		n = ktls_write(rig.k, buf, sizeof(buf), 0);
	if (rig.config.nonblock) {
		peer_takes_all(&rig);
		ck_assert_int_eq(ktls_read(rig.k, buf, 1), -EAGAIN);
		ck_assert_int_eq(ktls_events(rig.k), POLLIN | POLLOUT);
		pfd.fd = rig.fd;
		ck_assert_int_eq(poll(&pfd, 1, -1), 1);
		ck_assert_int_gt(ktls_write(rig.k, buf, 1, 0), 0);
		ck_assert_int_eq(ktls_events(rig.k), POLLIN);
	}
	rig_close(&rig);
}
END_TEST

/* What was sealed cannot be unsealed: other bytes are refused, not mixed. */
START_TEST(test_other_bytes)
{
	uint8_t *buf = malloc(MUCH);
	struct rig_reader reader;
	struct rig rig;
	uint8_t other;
	ssize_t n;
	ssize_t err;

	rig_start(&rig, _i);
	if (!rig.config.nonblock || rig.tx_kernel) {
		rig_close(&rig);
		free(buf);
		return;
	}
	small_buffer(&rig, 8192);
	rig_fill(buf, MUCH, 0);
	n = ktls_write(rig.k, buf, MUCH, 0);
	ck_assert_int_gt(n, 0);
	ck_assert_int_lt(n, MUCH);
	other = buf[n] ^ 1;
	rig_reader_start(&reader, &rig, MUCH);
	while ((err = ktls_write(rig.k, &other, 1, 0)) == -EAGAIN)
		rig_wait(&rig);
	ck_assert_int_eq(err, -KTLS_ERETRY);
	ck_assert_int_eq(rig_write_all(&rig, buf + n, (size_t)(MUCH - n)),
			 MUCH - n);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	rig_reader_join(&reader);
	ck_assert_uint_eq(reader.len, MUCH);
	ck_assert_mem_eq(reader.data, buf, MUCH);
	rig_reader_free(&reader);
	rig_close(&rig);
	free(buf);
}
END_TEST

TCase *conn_write_case(void)
{
	TCase *tcase = tcase_create("write");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_write);
	conn_add(tcase, test_writev);
	conn_add(tcase, test_many_buffers);
	conn_add(tcase, test_arguments);
	conn_add(tcase, test_alerts);
	conn_add(tcase, test_alert_close_notify);
	conn_add(tcase, test_alert_after_error);
	conn_add(tcase, test_full);
	conn_add(tcase, test_events_last);
	conn_add(tcase, test_other_bytes);
	return tcase;
}
