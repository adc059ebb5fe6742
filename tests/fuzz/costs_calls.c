/* SPDX-License-Identifier: MIT */
/*
 * The table of system calls, counted.  How much a socket takes, and how much
 * has come, is a matter of time; here a send takes all and a receive gets a
 * full buffer, so that the numbers are the library's alone.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "costs.h"
#include "sys.h"

#define IOV_MOST 64

static struct ktls__sys below;
static int fill_receives;

#define OUTSIDE(expression) \
	(costs_outside++, last = (expression), costs_outside--, last)

static int wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return below.poll(&p, 1, -1);
}

/* The rest of a message of which `n` bytes are done. */
static void move_on(struct msghdr *msg, size_t n)
{
	while (msg->msg_iovlen > 0 && n >= msg->msg_iov->iov_len) {
		n -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (msg->msg_iovlen == 0)
		return;
	msg->msg_iov->iov_base = (uint8_t *)msg->msg_iov->iov_base + n;
	msg->msg_iov->iov_len -= n;
}

static size_t copy_message(struct msghdr *to, struct iovec *iov,
			   const struct msghdr *from)
{
	size_t len = 0;
	size_t i;

	*to = *from;
	to->msg_iov = iov;
	for (i = 0; i < from->msg_iovlen; i++) {
		iov[i] = from->msg_iov[i];
		len += iov[i].iov_len;
	}
	return len;
}

static ssize_t send_all(int fd, const struct msghdr *from, int flags)
{
	struct iovec iov[IOV_MOST];
	struct msghdr msg;
	ssize_t n;
	size_t len, done = 0;

	if (from->msg_controllen > 0 || from->msg_iovlen > IOV_MOST)
		return below.sendmsg(fd, from, flags);
	len = copy_message(&msg, iov, from);
	while (done < len) {
		n = below.sendmsg(fd, &msg, flags);
		if (n == -EAGAIN && wait_for(fd, POLLOUT) >= 0)
			continue;
		if (n < 0)
			return n;
		done += (size_t)n;
		move_on(&msg, (size_t)n);
	}
	return (ssize_t)done;
}

static ssize_t count_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t last;

	costs.sends++;
	return OUTSIDE(send_all(fd, msg, flags));
}

static ssize_t count_recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t last;

	costs.receives++;
	if (fill_receives)
		flags = (flags & ~MSG_DONTWAIT) | MSG_WAITALL;
	return OUTSIDE(below.recvmsg(fd, msg, flags));
}

static ssize_t count_pread(int fd, void *buf, size_t len, off_t off)
{
	costs.preads++;
	return below.pread(fd, buf, len, off);
}

static ssize_t count_preadv(int fd, const struct iovec *iov, int iovcnt,
			    off_t off)
{
	costs.preads++;
	return below.preadv(fd, iov, iovcnt, off);
}

static ssize_t count_sendfile(int fd, int in_fd, off_t *off, size_t count)
{
	ssize_t last;

	costs.sends++;
	return OUTSIDE(below.sendfile(fd, in_fd, off, count));
}

static int count_setsockopt(int fd, int level, int name, const void *val,
			    socklen_t len)
{
	int last;

	costs.others++;
	return OUTSIDE(below.setsockopt(fd, level, name, val, len));
}

static int count_getsockopt(int fd, int level, int name, void *val,
			    socklen_t *len)
{
	int last;

	costs.others++;
	return OUTSIDE(below.getsockopt(fd, level, name, val, len));
}

static int count_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int last;

	costs.others++;
	return OUTSIDE(below.poll(fds, n, timeout_ms));
}

static int count_fstat(int fd, struct stat *st)
{
	costs.others++;
	return below.fstat(fd, st);
}

static off_t count_lseek(int fd, off_t off, int whence)
{
	costs.others++;
	return below.lseek(fd, off, whence);
}

static int count_nonblocking(int fd)
{
	costs.others++;
	return below.nonblocking(fd);
}

static int count_inq(int fd)
{
	costs.others++;
	return below.inq(fd);
}

static int count_outq(int fd)
{
	costs.others++;
	return below.outq(fd);
}

void costs_calls(int full)
{
	static struct ktls__sys table;

	fill_receives = full;
	if (ktls__sys == &table)
		return;
	below = *ktls__sys;
	table = below;
	table.sendmsg = count_sendmsg;
	table.recvmsg = count_recvmsg;
	table.pread = count_pread;
	table.preadv = count_preadv;
	table.sendfile = count_sendfile;
	table.setsockopt = count_setsockopt;
	table.getsockopt = count_getsockopt;
	table.poll = count_poll;
	table.fstat = count_fstat;
	table.lseek = count_lseek;
	table.nonblocking = count_nonblocking;
	table.inq = count_inq;
	table.outq = count_outq;
	ktls__sys = &table;
}
