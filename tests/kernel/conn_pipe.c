/* SPDX-License-Identifier: MIT */
/* See conn_pipe.h. */
#include "conn_pipe.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static void set_nonblock(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);

	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	ck_assert_int_eq(fcntl(fd, F_SETFL, flags), 0);
}

void pipe_open(int fd[2], int size, int nonblock)
{
	ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
	if (size > 0)
		ck_assert_int_ge(fcntl(fd[1], F_SETPIPE_SZ, size), size);
	if (nonblock)
		set_nonblock(fd[nonblock > 0], 1);
}

void pipe_close(const int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

size_t pipe_fill(int fd)
{
	static const char page[4096];
	int was = fcntl(fd, F_GETFL) & O_NONBLOCK;
	size_t len = 0;

	set_nonblock(fd, 1);
	while (write(fd, page, sizeof(page)) == (ssize_t)sizeof(page))
		len += sizeof(page);
	ck_assert_int_eq(errno, EAGAIN);
	set_nonblock(fd, was != 0);
	return len;
}

static void read_fully(int fd, uint8_t *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, buf, len);

		ck_assert_int_gt(n, 0);
		buf += n;
		len -= (size_t)n;
	}
}

void pipe_skip(int fd, size_t len)
{
	uint8_t *buf = malloc(len);

	read_fully(fd, buf, len);
	free(buf);
}

void pipe_holds(int fd, size_t len, uint64_t at)
{
	uint8_t *buf = malloc(len);

	read_fully(fd, buf, len);
	ck_assert(rig_same(buf, len, at));
	free(buf);
}

void pipe_is_empty(int fd)
{
	struct pollfd pfd = { fd, POLLIN, 0 };

	ck_assert_int_eq(poll(&pfd, 1, 0), 0);
}

uint64_t pipe_send(struct rig *rig, uint64_t at, size_t len)
{
	uint8_t buf[16384];

	rig_fill(buf, len, at);
	rig_send(rig, KTLS_RECORD_DATA, buf, len);
	return at + len;
}

ssize_t pipe_splice(struct rig *rig, const int fd[2], size_t len)
{
	struct pollfd pfd = { fd[1], POLLOUT, 0 };
	ssize_t n;

	while ((n = ktls_splice_read(rig->k, fd[1], len)) == -EAGAIN)
		if (ktls_pending(rig->k) > 0)
			poll(&pfd, 1, -1);
		else
			rig_wait(rig);
	return n;
}

void pipe_until(struct rig *rig, const int fd[2], uint64_t at, uint64_t end)
{
	while (at < end) {
		ssize_t n = pipe_splice(rig, fd, 1 << 20);

		ck_assert_int_gt(n, 0);
		pipe_holds(fd[0], (size_t)n, at);
		at += (uint64_t)n;
	}
	ck_assert_uint_eq(at, end);
}

static void *read_on(void *arg)
{
	struct pipe_reader *reader = arg;

	read_fully(reader->fd, reader->data, reader->len);
	return NULL;
}

void pipe_reader_start(struct pipe_reader *reader, int fd, size_t len)
{
	*reader = (struct pipe_reader){ .fd = fd, .len = len };
	reader->data = malloc(len);
	ck_assert_ptr_nonnull(reader->data);
	ck_assert_int_eq(pthread_create(&reader->thread, NULL, read_on, reader),
			 0);
}

void pipe_reader_join(struct pipe_reader *reader)
{
	ck_assert_int_eq(pthread_join(reader->thread, NULL), 0);
}

static void *write_on(void *arg)
{
	struct pipe_writer *writer = arg;
	uint8_t *buf = malloc(writer->step);
	size_t at = 0;

	while (at < writer->len) {
		size_t n = writer->len - at;

		if (n > writer->step)
			n = writer->step;
		rig_fill(buf, n, at);
		ck_assert_int_eq(write(writer->fd, buf, n), (ssize_t)n);
		at += n;
	}
	free(buf);
	close(writer->fd);
	return NULL;
}

void pipe_writer_start(struct pipe_writer *writer, int fd, size_t len,
		       size_t step)
{
	*writer = (struct pipe_writer){ .fd = fd, .len = len, .step = step };
	ck_assert_int_eq(pthread_create(&writer->thread, NULL, write_on,
					writer), 0);
}

void pipe_writer_join(struct pipe_writer *writer)
{
	ck_assert_int_eq(pthread_join(writer->thread, NULL), 0);
}
