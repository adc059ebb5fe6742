/* SPDX-License-Identifier: MIT */
/* Connections and files of test_sendfile: see sendfile_rig.h. */
#include "sendfile_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reads.h"
#include "tests/fuzz/fake_kernel.h"

static const enum ktls_choice paths[][2] = {
	{ KTLS_USERSPACE, KTLS_USERSPACE },
	{ KTLS_LIBRARY, KTLS_LIBRARY },
	{ KTLS_KERNEL, KTLS_KERNEL },
	{ KTLS_USERSPACE, KTLS_KERNEL },
	{ KTLS_KERNEL, KTLS_USERSPACE },
	{ KTLS_LIBRARY, KTLS_KERNEL }
};
#define PATHS ((int)(sizeof(paths) / sizeof(paths[0])))

/* Version, suite, role and blocking go round as in rig.c. */
#define KINDS 8

/* What the file becomes. */
static off_t new_size;

static void fill_file(int fd, off_t from, off_t to)
{
	size_t len = (size_t)(to - from);
	uint8_t *buf = malloc(len);

	rig_fill(buf, len, (uint64_t)from);
	ck_assert_int_eq(pwrite(fd, buf, len, from), (ssize_t)len);
	free(buf);
}

static void resize(int fd)
{
	off_t from = lseek(fd, 0, SEEK_END);

	ck_assert_int_eq(ftruncate(fd, new_size), 0);
	if (new_size > from)
		fill_file(fd, from, new_size);
	lseek(fd, 0, SEEK_SET);
}

void sendfile_change(int n, int fd, off_t size)
{
	new_size = size;
	reads_at(n, fd, resize);
}

int sendfile_make_file(off_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	fill_file(fd, 0, size);
	return fd;
}

int sendfile_variants(void)
{
	return KINDS * PATHS;
}

void sendfile_start(struct rig *rig, int i)
{
	struct rig_config config = rig_variant(i % KINDS);

	config.tx = paths[i / KINDS][0];
	config.rx = paths[i / KINDS][1];
	rig_open(rig, &config);
	rig_handoff(rig);
}

void sendfile_stop(struct rig *rig)
{
	fake_kernel_forget(rig->fd);
	if (rig->peer_fd >= 0)
		fake_kernel_forget(rig->peer_fd);
	rig_close(rig);
}

void sendfile_small_buffer(struct rig *rig, int size)
{
	ck_assert_int_eq(setsockopt(rig->fd, SOL_SOCKET, SO_SNDBUF, &size,
				    sizeof(size)), 0);
}

size_t sendfile_drain(struct rig *rig, uint64_t at)
{
	static uint8_t buf[16384];
	size_t sum = 0;
	int n;

	fcntl(rig->peer_fd, F_SETFL, O_RDWR | O_NONBLOCK);
	fake_kernel_push(rig->fd);
	while ((n = SSL_read(rig->peer, buf, sizeof(buf))) > 0) {
		ck_assert(rig_same(buf, (size_t)n, at + sum));
		sum += (size_t)n;
	}
	return sum;
}

void sendfile_arrives(struct rig *rig, size_t len, uint64_t at)
{
	struct pollfd p = { .fd = rig->peer_fd, .events = POLLIN };
	size_t got = 0;

	while ((got += sendfile_drain(rig, at + got)) < len)
		poll(&p, 1, 10);
	ck_assert_uint_eq(got, len);
}

size_t sendfile_send_all(struct rig *rig, int fd, off_t *off, size_t len,
		       int flags)
{
	size_t sum = 0;
	off_t before;
	ssize_t n;

	while (sum < len) {
		before = *off;
		n = ktls_sendfile(rig->k, fd, off, len - sum, flags);
		ck_assert_int_eq(*off, before + (n > 0 ? n : 0));
		if (n == -EAGAIN) {
			rig_wait(rig);
			continue;
		}
		ck_assert_int_ge(n, 0);
		if (n == 0)
			break;
		sum += (size_t)n;
	}
	return sum;
}
