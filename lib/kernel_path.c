/* SPDX-License-Identifier: MIT */
/* Reading and writing through kernel TLS. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "control.h"
#include "kernel_path.h"
#include "record.h"
#include "sock.h"
#include "sys.h"
#include "uapi.h"

/* The kernel's names for what a record can have wrong.  Writing meets them
 * too: they wait in the socket until somebody fetches them. */
static int name_error(int err)
{
	switch (err) {
	case -EBADMSG:
		return -KTLS_EBADRECORD;
	case -EMSGSIZE:
		return -KTLS_EOVERSIZE;
	case -EPROTO:
		return -KTLS_EPROTOCOL;
	case -EKEYEXPIRED:
		return -KTLS_EKEYUPDATE;
	default:
		return err;
	}
}

/* Until somebody takes it, a decrypt error blocks the alert as well. */
static void clear_so_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	(void)ktls__sys->getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
}

static int fail_read(struct ktls *k, int err)
{
	err = name_error(err);
	/* What ktls_error() found comes after the data before it. */
	if ((err == -EAGAIN || err == -KTLS_ETRUNCATED) && k->rx.taken < 0)
		err = k->rx.taken;
	if (!ktls__is_final(err))
		return err;
	ktls__latch(k, &k->rx, err);
	if (ktls__control_alert_for(err) >= 0)
		clear_so_error(k->fd);
	return err;
}

/* 0: read on.  Else the result of the call. */
static ssize_t take_control(struct ktls *k, uint8_t type,
			    const struct iovec *iov, size_t len)
{
	int err = ktls__control_take(k, type, iov, len);

	if (err < 0)
		return fail_read(k, err);
	k->eof = err == 1;
	return 0;
}

static ssize_t take_data(struct ktls *k, size_t len)
{
	if (k->hs.version == KTLS_TLS_1_3 && ktls__control_idle(k) < 0)
		return fail_read(k, -KTLS_EPROTOCOL);
	k->rx.bytes += len;
	return (ssize_t)len;
}

ssize_t ktls__kernel_readv(struct ktls *k, const struct iovec *iov, int iovcnt)
{
	uint8_t type;
	ssize_t n;

	do {
		n = ktls__record_recv(k->fd, &type, iov, iovcnt, NULL);
		if (n < 0)
			return fail_read(k, (int)n);
		if (type == 0)
			return fail_read(k, -KTLS_ETRUNCATED);
		if (type != KTLS_RECORD_DATA)
			n = take_control(k, type, iov, (size_t)n);
		else if (n > 0)
			n = take_data(k, (size_t)n);
	} while (n == 0 && !k->eof);
	return n;
}

static int fail_write(struct ktls *k, int err)
{
	return ktls__latch(k, &k->tx, name_error(err));
}

ssize_t ktls__kernel_writev(struct ktls *k, const struct iovec *iov, int iovcnt)
{
	ssize_t n = ktls__record_send(k->fd, KTLS_RECORD_DATA, iov, iovcnt, 0);

	if (n < 0)
		return fail_write(k, (int)n);
	k->tx.bytes += (uint64_t)n;
	return n;
}

int ktls__kernel_alert(struct ktls *k, uint8_t description, int flags)
{
	uint8_t alert[2] = { ktls__control_level(description), description };
	struct iovec iov = { .iov_base = alert, .iov_len = sizeof(alert) };
	ssize_t n = ktls__record_send(k->fd, KTLS_RECORD_ALERT, &iov, 1, flags);

	if (n < 0)
		return (int)n;
	k->control_bytes += (uint64_t)n;
	k->alert_sent = description;
	return 0;
}

/* With less room than a few records, sendfile(2) stalls: each record that
 * it closes stays corked behind the next, which waits for the room. */
#define ROOMY (256 * 1024)

static size_t sendfile_step(int fd, size_t count)
{
	int room = 0;
	socklen_t len = sizeof(room);

	if (ktls__sys->getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &len) < 0 ||
	    room < ROOMY)
		return KTLS__RECORD_PLAIN_MAX;
	return count;
}

/* What TCP holds back for more: setting TCP_NODELAY, even again, pushes. */
static void push(int fd)
{
	int on = 1;
	int before = 0;
	socklen_t len = sizeof(before);

	if (ktls__sys->getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &before,
				  &len) < 0)
		return;
	(void)ktls__sys->setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
				    sizeof(on));
	if (before == 0)
		(void)ktls__sys->setsockopt(fd, IPPROTO_TCP, TCP_NODELAY,
					    &before, sizeof(before));
}

/* In steps; *taken counts.  0: all, or the file has become shorter. */
static int sendfile_steps(struct ktls *k, int in_fd, off_t *pos, size_t count,
			  size_t *taken)
{
	size_t step = sendfile_step(k->fd, count);
	size_t want;
	ssize_t n;

	while (*taken < count) {
		want = count - *taken < step ? count - *taken : step;
		n = ktls__sys->sendfile(k->fd, in_fd, pos, want);
		if (n <= 0)
			return (int)n;
		*taken += (size_t)n;
	}
	return 0;
}

/* On a dead connection the count looks like success: the signal is the only
 * word of it, unless one of the caller's own hides it. */
static bool was_in_vain(struct ktls *k, struct ktls__sigpipe *hold)
{
	int hidden = hold->was_pending;
	uint64_t unused;

	if (ktls__sys->sigpipe_release(hold) == 1)
		return true;
	return hidden &&
	       ktls__kernel_tcp_bytes(k->fd, &unused) == -ECONNRESET;
}

ssize_t ktls__kernel_sendfile(struct ktls *k, int in_fd, off_t *pos,
			      size_t count)
{
	struct ktls__sigpipe hold;
	size_t taken = 0;
	int err;

	ktls__sys->sigpipe_hold(&hold);
	err = sendfile_steps(k, in_fd, pos, count, &taken);
	if (taken < count && (taken > 0 || err == -EAGAIN)) {
		/* A record may be open, and more will not follow now. */
		(void)ktls__record_flush(k->fd, MSG_DONTWAIT);
		push(k->fd);
	}
	if (was_in_vain(k, &hold)) {
		ktls__latch(k, &k->tx, -EPIPE);
		return -EPIPE;
	}
	k->tx.bytes += taken;
	if (!ktls__is_file_error(err))
		err = fail_write(k, err);
	return taken > 0 ? (ssize_t)taken : err;
}

static int tcp_info(int fd, struct ktls__tcp_info *info)
{
	socklen_t len = sizeof(*info);
	int err;

	memset(info, 0, sizeof(*info));
	err = ktls__sys->getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len);
	if (err < 0)
		return err;
	if (len < sizeof(*info))
		return -EOPNOTSUPP;
	return info->state == KTLS__TCP_CLOSE ? -ECONNRESET : 0;
}

/* The two numbers belong together when no acknowledgement came between. */
int ktls__kernel_tcp_bytes(int fd, uint64_t *bytes)
{
	struct ktls__tcp_info before;
	struct ktls__tcp_info after;
	int queued;
	int err;

	err = tcp_info(fd, &after);
	do {
		if (err < 0)
			return err;
		before = after;
		queued = ktls__sys->outq(fd);
		if (queued < 0)
			return queued;
		err = tcp_info(fd, &after);
	} while (err == 0 && before.bytes_acked != after.bytes_acked);
	*bytes = before.bytes_acked + (uint64_t)queued;
	return err;
}

int ktls__kernel_drained(struct ktls *k)
{
	uint64_t expected;
	uint64_t seq;
	uint64_t now;
	int err = ktls__sock_rec_seq(k->fd, KTLS_TX, k->hs.row, &seq);

	if (err == 0)
		err = ktls__kernel_tcp_bytes(k->fd, &now);
	if (err < 0)
		return err;
	expected = k->tcp_base + k->tx.bytes + k->control_bytes +
		   (seq - k->tx.seq0) * k->hs.row->overhead;
	return now == expected ? 0 : -EAGAIN;
}
