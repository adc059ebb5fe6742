/* SPDX-License-Identifier: MIT */
/* Out of a pipe into the connection. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "conn_pipe.h"
#include "rig.h"
#include "tests/tls_calls.h"

#define MUCH (256 * 1024)

/* ktls_splice_write(), waiting in place of -EAGAIN: for room if it says so,
 * else for the pipe. */
static ssize_t splice_write(struct rig *rig, int fd, size_t len)
{
	struct pollfd pfd = { fd, POLLIN, 0 };
	ssize_t n;

	while ((n = ktls_splice_write(rig->k, fd, len)) == -EAGAIN)
		if ((ktls_events(rig->k) & POLLOUT) != 0)
			rig_wait(rig);
		else
			poll(&pfd, 1, -1);
	return n;
}

/* All that comes out of the pipe, in calls of `len`. */
static void splice_all(struct rig *rig, int fd, size_t len, size_t total)
{
	size_t done = 0;

	while (done < total) {
		ssize_t n = splice_write(rig, fd, len);

		ck_assert_int_gt(n, 0);
		ck_assert_uint_le((size_t)n, len);
		done += (size_t)n;
		ck_assert_uint_eq(rig_info(rig).tx.bytes, done);
	}
	ck_assert_uint_eq(done, total);
}

static void put(int fd, uint64_t at, size_t len)
{
	static uint8_t buf[65536];

	rig_fill(buf, len, at);
	ck_assert_int_eq(write(fd, buf, len), (ssize_t)len);
}

START_TEST(test_sizes)
{
	static const size_t sizes[] = { 1, 16384, 16385, 60000, 100, 49152 };
	struct rig rig;
	uint64_t at = 0;
	int fd[2];
	int i;

	rig_start(&rig, _i);
	pipe_open(fd, 0, -1);
	for (i = 0; i < 6; i++) {
		put(fd[1], at, sizes[i]);
		ck_assert_int_eq(splice_write(&rig, fd[0], 1 << 20),
				 (ssize_t)sizes[i]);
		conn_bytes_arrive(&rig, sizes[i], at);
		at += sizes[i];
	}
	ck_assert_uint_eq(rig_info(&rig).tx.bytes, at);
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(test_ends)
{
	struct rig rig;
	int fd[2];

	rig_start(&rig, _i);
	pipe_open(fd, 0, -1);
	ck_assert_int_eq(ktls_splice_write(rig.k, fd[0], 0), 0);
	ck_assert_int_eq(ktls_splice_write(rig.k, fd[0], 9), -EAGAIN);
	ck_assert_int_eq(ktls_events(rig.k) & POLLOUT, 0);
	put(fd[1], 0, 3000);
	close(fd[1]);
	ck_assert_int_eq(splice_write(&rig, fd[0], 1000), 1000);
	ck_assert_int_eq(splice_write(&rig, fd[0], 9000), 2000);
	ck_assert_int_eq(ktls_splice_write(rig.k, fd[0], 9), 0);
	ck_assert_int_eq(ktls_splice_write(rig.k, fd[0], 9), 0);
	conn_bytes_arrive(&rig, 3000, 0);
	close(fd[0]);
	rig_close(&rig);
}
END_TEST

START_TEST(test_arguments)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	struct rig rig;
	int fd[2];

	rig_start(&rig, _i);
	pipe_open(fd, 0, 0);
	ck_assert_int_eq(ktls_splice_write(rig.k, file, 9), -KTLS_ENOTPIPE);
	ck_assert_int_eq(ktls_splice_write(rig.k, rig.peer_fd, 9),
			 -KTLS_ENOTPIPE);
	ck_assert_int_eq(ktls_splice_write(rig.k, -1, 9), -EBADF);
	ck_assert_int_eq(ktls_splice_write(rig.k, 9999, 9), -EBADF);
	ck_assert_int_eq(ktls_splice_write(rig.k, fd[1], 9), -EBADF);
	/* not one of them is the connection's end */
	put(fd[1], 0, 10);
	ck_assert_int_eq(splice_write(&rig, fd[0], 10), 10);
	conn_bytes_arrive(&rig, 10, 0);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	put(fd[1], 0, 10);
	ck_assert_int_eq(ktls_splice_write(rig.k, fd[0], 10), -KTLS_ECLOSED);
	pipe_holds(fd[0], 10, 0);
	pipe_close(fd);
	rig_close(&rig);
	close(file);
}
END_TEST

static void small_buffer(int fd, int name)
{
	int size = 8192;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, name, &size, sizeof(size)),
			 0);
}

/* Little room to send, and a pipe that is filled as it empties. */
static void much(int i, int size, size_t step, size_t len)
{
	struct pipe_writer writer;
	struct rig_reader reader;
	struct rig rig;
	int fd[2];

	rig_start(&rig, i);
	small_buffer(rig.fd, SO_SNDBUF);
	pipe_open(fd, size, rig.config.nonblock ? -1 : 0);
	rig_reader_start(&reader, &rig, MUCH);
	pipe_writer_start(&writer, fd[1], MUCH, step);
	splice_all(&rig, fd[0], len, MUCH);
	ck_assert_int_eq(splice_write(&rig, fd[0], len), 0);
	pipe_writer_join(&writer);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	rig_reader_join(&reader);
	ck_assert_uint_eq(reader.len, MUCH);
	ck_assert(rig_same(reader.data, MUCH, 0));
	ck_assert_int_eq(reader.closed, 1);
	rig_reader_free(&reader);
	close(fd[0]);
	rig_close(&rig);
}

START_TEST(test_much)
{
	much(_i, 0, 65536, 1 << 20);
	much(_i, 4096, 3000, 1 << 20);
	much(_i, 0, 10000, 20000);
}
END_TEST

/* Until nothing goes any more: what went in, and what has been counted. */
static size_t jam(struct rig *rig, const int fd[2], size_t *counted)
{
	static uint8_t buf[4096];
	size_t put_in = 0;
	size_t done = 0;
	int refused = 0;
	ssize_t n;

	while (refused < 20) {
		rig_fill(buf, sizeof(buf), put_in);
		n = write(fd[1], buf, sizeof(buf));
		ck_assert(n > 0 || errno == EAGAIN);
		put_in += n > 0 ? (size_t)n : 0;
		n = ktls_splice_write(rig->k, fd[0], 1 << 20);
		ck_assert(n > 0 || n == -EAGAIN);
		done += n > 0 ? (size_t)n : 0;
		refused += n < 0;
	}
	*counted = done;
	return put_in;
}

/* Nobody reads: what has left the pipe and was not counted comes next, and
 * nothing else may come before it. */
START_TEST(test_stuck)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	struct rig_reader reader;
	struct rig rig;
	size_t total;
	size_t done;
	off_t off = 0;
	int fd[2];

	rig_start(&rig, _i);
	if (!rig.config.nonblock) {
		rig_close(&rig);
		return;
	}
	ck_assert_int_eq(write(file, "abc", 3), 3);
	small_buffer(rig.fd, SO_SNDBUF);
	small_buffer(rig.peer_fd, SO_RCVBUF);
	pipe_open(fd, 0, -1);
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
	total = jam(&rig, fd, &done);
	ck_assert_int_eq(ktls_events(rig.k) & POLLOUT, POLLOUT);
	if (!rig.tx_kernel) {
		ck_assert_int_eq(ktls_write(rig.k, "#", 1, 0), -KTLS_ERETRY);
		ck_assert_int_eq(ktls_sendfile(rig.k, file, &off, 3, 0),
				 -KTLS_ERETRY);
		ck_assert_int_eq(off, 0);
	}
	close(fd[1]);
	rig_reader_start(&reader, &rig, total + 3);
	while (done < total) {
		ssize_t n = splice_write(&rig, fd[0], 5000);

		ck_assert_int_gt(n, 0);
		done += (size_t)n;
	}
	ck_assert_int_eq(splice_write(&rig, fd[0], 5000), 0);
	ck_assert_int_eq(rig_write_all(&rig, "end", 3), 3);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	rig_reader_join(&reader);
	ck_assert_uint_eq(reader.len, total + 3);
	ck_assert(rig_same(reader.data, total, 0));
	ck_assert_mem_eq(reader.data + total, "end", 3);
	rig_reader_free(&reader);
	close(fd[0]);
	close(file);
	rig_close(&rig);
}
END_TEST

/* Many small pages: the kernel closes a record before it is full. */
START_TEST(test_fragments)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	static uint8_t buf[128 * 4096];
	struct rig_reader reader;
	size_t total = 0;
	struct rig rig;
	int fd[2];
	int i;

	rig_start(&rig, _i);
	pipe_open(fd, 1 << 20, -1);
	rig_fill(buf, sizeof(buf), 0);
	for (i = 0; i < 128; i++) {
		off_t off = i * 4096;
		size_t len = (size_t)(1 + i * 7 % 100);

		ck_assert_int_eq(pwrite(file, buf + total, len, off),
				 (ssize_t)len);
		ck_assert_int_eq(splice(file, &off, fd[1], NULL, len, 0),
				 (ssize_t)len);
		total += len;
	}
	rig_reader_start(&reader, &rig, total);
	splice_all(&rig, fd[0], 1 << 20, total);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	rig_reader_join(&reader);
	ck_assert_uint_eq(reader.len, total);
	ck_assert(rig_same(reader.data, total, 0));
	rig_reader_free(&reader);
	pipe_close(fd);
	close(file);
	rig_close(&rig);
}
END_TEST

static void handoff(struct rig *rig, uint64_t key_records)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct pollfd pfd = { rig->fd, POLLIN, 0 };
	int err;

	opts.flags = tls_take();
	opts.tx = rig->config.tx;
	opts.rx = rig->config.rx;
	opts.key_records = key_records;
	while ((err = rig_take_over(rig, &opts)) == -EAGAIN)
		poll(&pfd, 1, -1);
	ck_assert_int_eq(err, 0);
	rig->ssl = tls_kept(rig->ssl, opts.flags);
}

/* No key seals more than it may, inside of one call too: of pipes with few
 * buffers and with many. */
static void within_limit(const struct rig_config *config, int size)
{
	struct pipe_writer writer;
	struct rig_reader reader;
	struct ktls_conn_info info;
	struct rig rig;
	int fd[2];

	rig_open(&rig, config);
	handoff(&rig, 8);
	pipe_open(fd, size, 0);
	rig_reader_start(&reader, &rig, MUCH);
	pipe_writer_start(&writer, fd[1], MUCH, 50000);
	splice_all(&rig, fd[0], 1 << 20, MUCH);
	info = rig_info(&rig);
	ck_assert_uint_gt(info.key_updates_sent, 0);
	ck_assert_uint_le(info.tx.key_records, 8);
	ck_assert_uint_le(info.tx.records, 8 * (info.key_updates_sent + 1));
	pipe_writer_join(&writer);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	rig_reader_join(&reader);
	ck_assert_uint_eq(reader.len, MUCH);
	ck_assert(rig_same(reader.data, MUCH, 0));
	rig_reader_free(&reader);
	close(fd[0]);
	rig_close(&rig);
}

START_TEST(test_key_limit)
{
	struct rig_config config = rig_variant(_i);

	if (config.version != KTLS_TLS_1_3 ||
	    (config.tx == KTLS_KERNEL && !rig_rekey()))
		return;
	within_limit(&config, 0);
	within_limit(&config, 1 << 20);
}
END_TEST

START_TEST(test_dead)
{
	struct pollfd pfd;
	struct rig rig;
	int fd[2];
	int err;
	int i;

	rig_start(&rig, _i);
	signal(SIGPIPE, SIG_DFL);
	pipe_open(fd, 0, 0);
	rig_reset(&rig);
	pfd = (struct pollfd){ rig.fd, 0, 0 };
	ck_assert_int_eq(poll(&pfd, 1, -1), 1);
	for (i = 0; i < 3; i++) {
		put(fd[1], 0, 10);
		err = (int)ktls_splice_write(rig.k, fd[0], 10);
		ck_assert(err == -ECONNRESET || err == -EPIPE);
	}
	ck_assert_int_ne(rig_info(&rig).tx.error, 0);
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

TCase *conn_splice_write_case(void)
{
	TCase *tcase = tcase_create("splice, writing");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_sizes);
	conn_add(tcase, test_ends);
	conn_add(tcase, test_arguments);
	conn_add(tcase, test_much);
	conn_add(tcase, test_stuck);
	conn_add(tcase, test_fragments);
	conn_add(tcase, test_key_limit);
	conn_add(tcase, test_dead);
	return tcase;
}
