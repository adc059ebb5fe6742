/* SPDX-License-Identifier: MIT */
/* Pipes at the fake kernel's sockets. */
#include "fake_socket.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/sys.h"

static int waits(int fd, unsigned flags)
{
	return !(flags & SPLICE_F_NONBLOCK) &&
	       !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* The pipe's mode counts, not the socket's, as in the kernel. */
static ssize_t receive(struct fake_sock *s, int pipe_fd, size_t len,
		       unsigned flags)
{
	return fake_rx_splice(s, pipe_fd, len, waits(pipe_fd, flags));
}

static ssize_t transmit(struct fake_sock *s, int pipe_fd, size_t len,
			unsigned flags)
{
	struct pollfd p = { .fd = pipe_fd, .events = POLLIN };

	if (waits(pipe_fd, flags))
		return fake_tx_splice(s, pipe_fd, len, 1);
	if (ktls__sys_linux.poll(&p, 1, 0) == 0)
		return -EAGAIN;
	return p.revents & POLLIN ? fake_tx_splice(s, pipe_fd, len, 0) : 0;
}

ssize_t fake_splice(int in_fd, int out_fd, size_t len, unsigned flags)
{
	struct fake_sock *in = fake_find(in_fd);
	struct fake_sock *out = fake_find(out_fd);

	if (in && fake_disturbed(in) && fake_random(2))
		return fake_fault(in, 0);
	if (out && fake_disturbed(out) && fake_random(2))
		return fake_fault(out, 0);
	if (in && in->rx.k.on)
		return receive(in, out_fd, len, flags);
	if (out && out->tx.k.on)
		return transmit(out, in_fd, len, flags);
	return ktls__sys_linux.splice(in_fd, out_fd, len, flags);
}

/* What was taken off TCP for a record that is not whole counts too. */
int fake_inq(int fd)
{
	struct fake_sock *s = fake_find(fd);
	int n = ktls__sys_linux.inq(fd);

	return s && s->rx.k.on && n >= 0 ? n + (int)s->rx.have : n;
}
