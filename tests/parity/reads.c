/* SPDX-License-Identifier: MIT */
/* See reads.h. */
#include "reads.h"

#include "lib/sys.h"

static struct {
	int left;
	int fd;
	void (*then)(int fd);
} next;

static struct ktls__sys table;
static const struct ktls__sys *below;

static void count_read(int fd)
{
	if (next.left > 0 && fd == next.fd && --next.left == 0)
		next.then(fd);
}

static ssize_t watch_pread(int fd, void *buf, size_t len, off_t off)
{
	count_read(fd);
	return below->pread(fd, buf, len, off);
}

static ssize_t watch_preadv(int fd, const struct iovec *iov, int n, off_t off)
{
	count_read(fd);
	return below->preadv(fd, iov, n, off);
}

static ssize_t watch_sendfile(int fd, int in_fd, off_t *off, size_t count)
{
	count_read(in_fd);
	return below->sendfile(fd, in_fd, off, count);
}

void reads_watch(void)
{
	below = ktls__sys;
	table = *below;
	table.pread = watch_pread;
	table.preadv = watch_preadv;
	table.sendfile = watch_sendfile;
	ktls__sys = &table;
}

void reads_unwatch(void)
{
	ktls__sys = below;
}

void reads_at(int n, int fd, void (*then)(int fd))
{
	next.left = n;
	next.fd = fd;
	next.then = then;
}
