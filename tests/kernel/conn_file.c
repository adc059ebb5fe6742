/* SPDX-License-Identifier: MIT */
/* Large files through small buffers, and files that change meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "rig.h"

#define MUCH (1024 * 1024)

static int make_file(void)
{
	uint8_t *buf = malloc(MUCH);
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	rig_fill(buf, MUCH, 0);
	ck_assert_int_eq(write(fd, buf, MUCH), MUCH);
	free(buf);
	return fd;
}

static void set_sndbuf(struct rig *rig, int size)
{
	ck_assert_int_eq(setsockopt(rig->fd, SOL_SOCKET, SO_SNDBUF, &size,
				    sizeof(size)), 0);
}

static void send_rest(struct rig *rig, int fd, off_t *off, off_t end)
{
	while (*off < end) {
		ssize_t n = ktls_sendfile(rig->k, fd, off,
					  (size_t)(end - *off), 0);

		if (n == -EAGAIN) {
			rig_wait(rig);
			continue;
		}
		ck_assert_int_gt(n, 0);
	}
}

static void whole_file(int i, int sndbuf)
{
	struct rig_reader reader;
	int fd = make_file();
	struct rig rig;
	off_t off = 0;

	rig_start(&rig, i);
	if (sndbuf)
		set_sndbuf(&rig, sndbuf);
	rig_reader_start(&reader, &rig, MUCH);
	send_rest(&rig, fd, &off, MUCH);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	rig_reader_join(&reader);
	ck_assert_uint_eq(reader.len, MUCH);
	ck_assert(rig_same(reader.data, MUCH, 0));
	ck_assert_int_eq(reader.closed, 1);
	rig_reader_free(&reader);
	rig_close(&rig);
	close(fd);
}

START_TEST(test_default_buffer)
{
	whole_file(_i, 0);
}
END_TEST

START_TEST(test_sndbuf_4096)
{
	whole_file(_i, 4096);
}
END_TEST

START_TEST(test_sndbuf_16384)
{
	whole_file(_i, 16384);
}
END_TEST

START_TEST(test_sndbuf_65536)
{
	whole_file(_i, 65536);
}
END_TEST

/* Until one of the two can go on: a record held back would stop both. */
static void wait_either(struct rig *rig, int sending)
{
	struct pollfd pfd[2] = { { rig->peer_fd, POLLIN, 0 },
				 { rig->fd, POLLOUT, 0 } };

	poll(pfd, sending ? 2 : 1, -1);
}

START_TEST(test_slow_reader)
{
	uint8_t buf[10000];
	int fd = make_file();
	struct rig rig;
	off_t off = 0;
	uint64_t at = 0;

	rig_start(&rig, _i);
	set_sndbuf(&rig, 16384);
	fcntl(rig.peer_fd, F_SETFL, O_RDWR | O_NONBLOCK);
	while (rig.config.nonblock && at < MUCH) {
		ssize_t n = 0;
		int got;

		while (n >= 0 && off < MUCH)
			n = ktls_sendfile(rig.k, fd, &off,
					  (size_t)(MUCH - off), 0);
		ck_assert(n >= 0 || n == -EAGAIN);
		got = SSL_read(rig.peer, buf, sizeof(buf));
		if (got <= 0) {
			wait_either(&rig, off < MUCH);
			continue;
		}
		ck_assert(rig_same(buf, (size_t)got, at));
		at += (uint64_t)got;
	}
	rig_close(&rig);
	close(fd);
}
END_TEST

START_TEST(test_shrunk_between)
{
	struct rig_reader reader;
	int fd = make_file();
	struct rig rig;
	off_t off = 0;
	ssize_t n = 1;

	rig_start(&rig, _i);
	rig_reader_start(&reader, &rig, MUCH);
	send_rest(&rig, fd, &off, 50000);
	ck_assert_int_eq(ftruncate(fd, 120000), 0);
	while (n != 0) {
		n = ktls_sendfile(rig.k, fd, &off, MUCH, 0);
		if (n == -EAGAIN)
			rig_wait(&rig);
		else
			ck_assert_int_ge(n, 0);
	}
	ck_assert_int_eq(off, 120000);
	ck_assert_int_eq(ftruncate(fd, 10), 0);
	ck_assert_int_eq(ktls_sendfile(rig.k, fd, &off, MUCH, 0), 0);
	ck_assert_int_eq(rig_write_all(&rig, "end", 3), 3);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	rig_reader_join(&reader);
	ck_assert_uint_eq(reader.len, 120003);
	ck_assert(rig_same(reader.data, 120000, 0));
	ck_assert_mem_eq(reader.data + 120000, "end", 3);
	rig_reader_free(&reader);
	rig_close(&rig);
	close(fd);
}
END_TEST

struct cutter {
	pthread_t thread;
	int fd;
	_Atomic int stop;
};

static void *cut(void *arg)
{
	struct cutter *cutter = arg;

	while (!cutter->stop)
		if (ftruncate(cutter->fd, 1000) < 0 ||
		    ftruncate(cutter->fd, MUCH) < 0)
			break;
	return NULL;
}

/* Whatever was there at the time: the count is right, the stream whole. */
START_TEST(test_shrinking)
{
	struct cutter cutter = { .fd = make_file() };
	struct rig_reader reader;
	struct rig rig;
	size_t sum = 0;
	int i;

	rig_start(&rig, _i);
	set_sndbuf(&rig, 32768);
	rig_reader_start(&reader, &rig, 40 * MUCH);
	ck_assert_int_eq(pthread_create(&cutter.thread, NULL, cut, &cutter),
			 0);
	for (i = 0; i < 40; i++) {
		off_t off = 0;
		ssize_t n = ktls_sendfile(rig.k, cutter.fd, &off, MUCH, 0);

		if (n == -EAGAIN) {
			rig_wait(&rig);
			n = 0;
		}
		ck_assert(n >= 0 || n == -EIO);
		ck_assert(n < 0 || off == n);
		sum += n > 0 ? (size_t)n : 0;
	}
	cutter.stop = 1;
	ck_assert_int_eq(pthread_join(cutter.thread, NULL), 0);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	rig_reader_join(&reader);
	/* one byte of what is sealed here is kept back: see ktls_write() */
	if (reader.len != sum + 1 || rig.tx_kernel || !rig.config.nonblock)
		ck_assert_uint_eq(reader.len, sum);
	ck_assert_int_eq(reader.closed, 1);
	rig_reader_free(&reader);
	rig_close(&rig);
	close(cutter.fd);
}
END_TEST

TCase *conn_file_case(void)
{
	TCase *tcase = tcase_create("files");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_default_buffer);
	conn_add(tcase, test_sndbuf_4096);
	conn_add(tcase, test_sndbuf_16384);
	conn_add(tcase, test_sndbuf_65536);
	conn_add(tcase, test_slow_reader);
	conn_add(tcase, test_shrunk_between);
	conn_add(tcase, test_shrinking);
	return tcase;
}
