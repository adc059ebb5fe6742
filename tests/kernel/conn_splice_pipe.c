/* SPDX-License-Identifier: MIT */
/* The pipe that the connection is spliced into: any size, any fill, and each
 * end waits by its own descriptor's mode. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conn.h"
#include "conn_pipe.h"
#include "rig.h"

/* Of a page, and of two: some kernels lose what does not fit. */
static void through_small(int i, int size, int nonblock)
{
	uint64_t end = 0;
	struct rig rig;
	int fd[2];
	int n;

	rig_start(&rig, i);
	pipe_open(fd, size, nonblock);
	for (n = 0; n < 3; n++)
		end = pipe_send(&rig, end, 16384);
	end = pipe_send(&rig, end, 10);
	pipe_until(&rig, fd, 0, end);
	pipe_close(fd);
	rig_close(&rig);
}

START_TEST(test_small_pipe)
{
	through_small(_i, 4096, 0);
	through_small(_i, 4096, 1);
	through_small(_i, 8192, 0);
	through_small(_i, 32768, 1);
}
END_TEST

START_TEST(test_used_pipe)
{
	char buf[8];
	struct rig rig;
	int fd[2];
	ssize_t n;

	rig_start(&rig, _i);
	pipe_open(fd, 0, 0);
	ck_assert_int_eq(write(fd[1], "before", 6), 6);
	pipe_send(&rig, 0, 9000);
	n = pipe_splice(&rig, fd, 100000);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(read(fd[0], buf, 6), 6);
	ck_assert_mem_eq(buf, "before", 6);
	pipe_holds(fd[0], (size_t)n, 0);
	pipe_until(&rig, fd, (uint64_t)n, 9000);
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

/* -EAGAIN with something pending is the pipe's; it goes on where it was,
 * whoever reads next. */
START_TEST(test_full_pipe)
{
	static uint8_t buf[16384];
	struct rig rig;
	size_t full;
	int fd[2];
	ssize_t n;

	rig_start(&rig, _i);
	pipe_open(fd, 0, 1);
	full = pipe_fill(fd[1]);
	pipe_send(&rig, 0, 16384);
	while ((n = ktls_splice_read(rig.k, fd[1], 16384)) == -EAGAIN &&
	       ktls_pending(rig.k) == 0)
		rig_wait(&rig);
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert_int_eq(ktls_splice_read(rig.k, fd[1], 16384), -EAGAIN);
	ck_assert_int_eq(ktls_events(rig.k) & POLLIN, POLLIN);
	ck_assert_uint_eq(rig_info(&rig).rx.bytes, 0);
	ck_assert_int_eq(read(fd[0], buf, 4096), 4096);
	n = ktls_splice_read(rig.k, fd[1], 16384);
	ck_assert_int_eq(n, 4096);
	ck_assert_uint_eq(rig_info(&rig).rx.bytes, 4096);
	ck_assert_int_eq(ktls_splice_read(rig.k, fd[1], 16384), -EAGAIN);
	ck_assert_int_eq(rig_read_all(&rig, buf, 5000), 5000);
	ck_assert(rig_same(buf, 5000, 4096));
	pipe_skip(fd[0], full - 4096);
	pipe_holds(fd[0], 4096, 0);
	pipe_until(&rig, fd, 9096, 16384);
	ck_assert_uint_eq(rig_info(&rig).rx.bytes, 16384);
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

/* A blocking pipe waits for a reader, and then takes what fits. */
START_TEST(test_full_blocking_pipe)
{
	struct pipe_reader reader;
	struct rig rig;
	size_t full;
	int fd[2];
	uint64_t at = 0;
	ssize_t n;

	rig_start(&rig, _i);
	pipe_open(fd, 0, 0);
	full = pipe_fill(fd[1]);
	pipe_reader_start(&reader, fd[0], full + 40000);
	while (at < 40000)
		at = pipe_send(&rig, at, 10000);
	for (at = 0; at < 40000; at += (uint64_t)n) {
		n = pipe_splice(&rig, fd, 40000 - at);
		ck_assert_int_gt(n, 0);
	}
	pipe_reader_join(&reader);
	ck_assert(rig_same(reader.data + full, 40000, 0));
	free(reader.data);
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(test_no_reader)
{
	uint8_t buf[3000];
	struct rig rig;
	int fd[2];

	rig_start(&rig, _i);
	signal(SIGPIPE, SIG_DFL);
	pipe_open(fd, 0, 0);
	close(fd[0]);
	pipe_send(&rig, 0, 3000);
	ck_assert_int_eq(pipe_splice(&rig, fd, 3000), -EPIPE);
	ck_assert_int_eq(pipe_splice(&rig, fd, 3000), -EPIPE);
	ck_assert_int_eq(rig_read_all(&rig, buf, 3000), 3000);
	ck_assert(rig_same(buf, 3000, 0));
	close(fd[1]);
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
	pipe_send(&rig, 0, 3000);
	ck_assert_int_eq(ktls_splice_read(rig.k, fd[1], 0), -EINVAL);
	ck_assert_int_eq(ktls_splice_read(rig.k, file, 9), -KTLS_ENOTPIPE);
	ck_assert_int_eq(ktls_splice_read(rig.k, rig.peer_fd, 9),
			 -KTLS_ENOTPIPE);
	ck_assert_int_eq(ktls_splice_read(rig.k, -1, 9), -EBADF);
	ck_assert_int_eq(ktls_splice_read(rig.k, 9999, 9), -EBADF);
	/* the wrong end */
	ck_assert_int_eq(pipe_splice(&rig, (int[]){ fd[0], fd[0] }, 9),
			 -EBADF);
	pipe_until(&rig, fd, 0, 3000);
	pipe_close(fd);
	rig_close(&rig);
	close(file);
}
END_TEST

/* Each end waits, or not, by its own descriptor's mode. */
START_TEST(test_nothing)
{
	struct rig rig;
	int fd[2];

	rig_start(&rig, _i);
	if (rig.config.nonblock) {
		pipe_open(fd, 0, 0);
		ck_assert_int_eq(ktls_splice_read(rig.k, fd[1], 9), -EAGAIN);
		ck_assert_uint_eq(ktls_pending(rig.k), 0);
		pipe_close(fd);
	}
	rig_close(&rig);
}
END_TEST

static void *answer(void *arg)
{
	uint8_t buf[RIG_RECORD_MAX];
	struct rig *rig = arg;
	uint8_t type;
	uint64_t at = 0;

	while (at < 1000 && rig_recv(rig, &type, buf) == 1)
		at = pipe_send(rig, at, 100);
	return NULL;
}

/* The answer is not there yet, most of the time. */
START_TEST(test_waits)
{
	pthread_t peer;
	struct rig rig;
	int fd[2];
	uint64_t at;

	rig_start(&rig, _i);
	pipe_open(fd, 0, 1);
	ck_assert_int_eq(pthread_create(&peer, NULL, answer, &rig), 0);
	for (at = 0; at < 1000; at += 100) {
		ck_assert_int_eq(rig_write_all(&rig, "?", 1), 1);
		if (rig.config.nonblock)
			ck_assert_int_eq(pipe_splice(&rig, fd, 500), 100);
		else
			ck_assert_int_eq(ktls_splice_read(rig.k, fd[1], 500),
					 100);
		pipe_holds(fd[0], 100, at);
	}
	pthread_join(peer, NULL);
	pipe_close(fd);
	rig_close(&rig);
}
END_TEST

TCase *conn_splice_pipe_case(void)
{
	TCase *tcase = tcase_create("splice, pipes");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_small_pipe);
	conn_add(tcase, test_used_pipe);
	conn_add(tcase, test_full_pipe);
	conn_add(tcase, test_full_blocking_pipe);
	conn_add(tcase, test_no_reader);
	conn_add(tcase, test_arguments);
	conn_add(tcase, test_nothing);
	conn_add(tcase, test_waits);
	return tcase;
}
