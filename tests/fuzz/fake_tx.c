/* SPDX-License-Identifier: MIT */
/*
 * The fake kernel's sending side: tls_sw_sendmsg(), with its open record and
 * its list of sealed records that TCP has not taken yet.
 */
#include "fake_socket.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aead.h"
#include "lib/sys.h"

#define TYPE_DATA 23

/* A send on a dead connection tells it once; then it "succeeds", like the
 * kernel's (kernel TLS drops the records). */
static int dead(struct fake_sock *s, int err, int flags)
{
	s->tx.queue_len = 0;
	if (err == -EPIPE && !(flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	if (atomic_exchange(&s->reset_told, 1))
		return 0;
	return err;
}

/* 0: TCP has it all; -EAGAIN: some waits; else the connection is dead. */
static int push(struct fake_sock *s, int wait, int flags)
{
	struct fake_tx *tx = &s->tx;
	struct msghdr msg = { 0 };
	struct iovec iov;
	ssize_t n;

	while (tx->queue_len) {
		iov.iov_base = tx->queue + tx->queue_off;
		iov.iov_len = tx->queue_len;
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		n = ktls__sys_linux.sendmsg(s->fd, &msg, MSG_NOSIGNAL |
					    (wait ? 0 : MSG_DONTWAIT));
		if (n == -EAGAIN || n == -EINTR)
			return -EAGAIN;
		if (n < 0)
			return dead(s, (int)n, flags);
		tx->queue_off += (size_t)n;
		tx->queue_len -= (size_t)n;
	}
	tx->queue_off = 0;
	return 0;
}

/* Room for one more record at the end of the queue, or NULL. */
static uint8_t *grow(struct fake_tx *tx)
{
	size_t want = tx->queue_off + tx->queue_len + FAKE_RECORD_MAX;
	uint8_t *p;

	if (tx->queue_len == 0)
		tx->queue_off = 0;
	if (want > tx->queue_room) {
		p = realloc(tx->queue, want + want / 2);
		if (!p)
			return NULL;
		tx->queue = p;
		tx->queue_room = want + want / 2;
	}
	return tx->queue + tx->queue_off + tx->queue_len;
}

/* Seal the open record, whatever its length, and hand it to TCP. */
static int seal(struct fake_sock *s, uint8_t type, int wait, int flags)
{
	struct fake_tx *tx = &s->tx;
	uint8_t *to = grow(tx);
	int n;

	if (!to)
		return -ENOMEM;
	if (fake_on_seal)
		fake_on_seal(&tx->k.keys, type, tx->open, tx->open_len);
	n = ktls__record_seal(to, &tx->k.keys, type, tx->open, tx->open_len);
	if (n < 0)
		return -EBADMSG;
	tx->queue_len += (size_t)n;
	tx->open_len = 0;
	fake_keys_advance(&tx->k);
	atomic_fetch_add(&fake_counters.sealed, 1);
	n = push(s, wait, flags);
	if (n == -EAGAIN)
		atomic_fetch_add(&fake_counters.queued, 1);
	return n;
}

/* The record type out of a message; 0: it names none. */
static int message_type(const struct msghdr *msg, int flags)
{
	struct msghdr m = *msg;
	struct cmsghdr *c;
	int type = 0;

	if (!m.msg_control || m.msg_controllen == 0)
		return 0;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != FAKE_SOL_TLS)
			continue;
		if (c->cmsg_type != FAKE_SET_RECORD_TYPE ||
		    c->cmsg_len < CMSG_LEN(1) || (flags & MSG_MORE))
			return -EINVAL;
		type = *CMSG_DATA(c);
	}
	return type ? type : -EINVAL;
}

/* Whether one more record may begin: sk_stream_memory_free(). */
static int has_room(struct fake_sock *s, int wait, int flags)
{
	int err = push(s, wait, flags);

	if (err == -EAGAIN && !wait &&
	    s->tx.queue_len < fake_options.tx_list_max)
		return 0;
	return err;
}

/* What waits in sk_err: sends tell of it, and leave it there. */
static int pending(struct fake_sock *s)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (!atomic_load(&s->sk_err) && !atomic_load(&s->reset_told) &&
	    ktls__sys_linux.getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err,
				       &len) == 0 && err)
		atomic_store(&s->sk_err, err);
	return -atomic_load(&s->sk_err);
}

static ssize_t send_records(struct fake_sock *s, uint8_t type,
			    struct fake_cursor *from, size_t left, int flags)
{
	int wait = fake_blocks(s, flags);
	struct fake_tx *tx = &s->tx;
	ssize_t taken = 0;
	size_t n;
	int err = 0;

	while (left) {
		err = pending(s);
		if (err == 0)
			err = has_room(s, wait, flags);
		if (err)
			break;
		n = fake_gather(from, tx->open + tx->open_len,
				FAKE_PAYLOAD_MAX - tx->open_len);
		tx->open_len += n;
		taken += (ssize_t)n;
		left -= n;
		if (tx->open_len == FAKE_PAYLOAD_MAX ||
		    (left == 0 && !(flags & MSG_MORE)))
			err = seal(s, type, wait, flags);
		if (err && err != -EAGAIN)
			break;
	}
	return taken ? taken : err;
}

static ssize_t send_locked(struct fake_sock *s, const struct msghdr *msg,
			   int flags)
{
	struct fake_cursor from = { msg->msg_iov, msg->msg_iovlen, 0 };
	int type = message_type(msg, flags);
	int err;

	if (type < 0)
		return type;
	if (type && s->tx.open_len) {
		/* -EAGAIN: the open record is on its way, ours is not. */
		err = seal(s, TYPE_DATA, fake_blocks(s, flags), flags);
		if (err)
			return err;
	}
	return send_records(s, type ? (uint8_t)type : TYPE_DATA, &from,
			    fake_iov_len(msg->msg_iov, msg->msg_iovlen),
			    flags);
}

ssize_t fake_tx_send(struct fake_sock *s, const struct msghdr *msg, int flags)
{
	const int known = MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR;
	ssize_t n;

	if (flags & ~known)
		return -EOPNOTSUPP;
	if ((flags & MSG_MORE) && (flags & MSG_EOR))
		return -EINVAL;
	pthread_mutex_lock(&s->tx.lock);
	n = send_locked(s, msg, flags);
	pthread_mutex_unlock(&s->tx.lock);
	return n;
}

/* One splice out of the page cache: bytes, 0 at the end of the file. */
static ssize_t send_page(struct fake_sock *s, int in_fd, off_t off,
			 size_t count)
{
	uint8_t page[4096];
	struct iovec iov = { page, count < sizeof(page) ? count :
							  sizeof(page) };
	struct fake_cursor from = { &iov, 1, 0 };
	ssize_t n = ktls__sys_linux.pread(in_fd, page, iov.iov_len, off);

	if (n <= 0)
		return n;
	iov.iov_len = (size_t)n;
	return send_records(s, TYPE_DATA, &from, (size_t)n,
			    (size_t)n < count ? MSG_MORE : 0);
}

/* Stops, like the kernel's, with a record left open when TCP is full. */
static ssize_t send_file(struct fake_sock *s, int in_fd, off_t off,
			 size_t count)
{
	size_t stop = s->tx.cut_file ? s->tx.cut_file : count;
	size_t done = 0;
	ssize_t n = 0;

	s->tx.cut_file = 0;
	if (fake_disturbed(s)) {
		stop = fake_random((unsigned)(count < 65536 ? count : 65536));
		atomic_fetch_add(&fake_counters.cuts, 1);
	}
	while (done < count) {
		n = send_page(s, in_fd, off + (off_t)done, count - done);
		if (n <= 0)
			break;
		done += (size_t)n;
		if (done >= stop && !fake_blocks(s, 0))
			break;
	}
	/* The file ended early: splice_eof() closes the record. */
	if (n == 0 && s->tx.open_len)
		seal(s, TYPE_DATA, fake_blocks(s, 0), 0);
	return done ? (ssize_t)done : n;
}

ssize_t fake_tx_sendfile(struct fake_sock *s, int in_fd, off_t *off,
			 size_t count)
{
	off_t pos = off ? *off : ktls__sys_linux.lseek(in_fd, 0, SEEK_CUR);
	ssize_t n;

	if (pos < 0)
		return off ? -EINVAL : (ssize_t)pos;
	pthread_mutex_lock(&s->tx.lock);
	n = send_file(s, in_fd, pos, count);
	pthread_mutex_unlock(&s->tx.lock);
	if (n > 0 && off)
		*off = pos + n;
	else if (n > 0)
		ktls__sys_linux.lseek(in_fd, pos + n, SEEK_SET);
	return n;
}

void fake_kernel_cut_file(int fd, size_t len)
{
	struct fake_sock *s = fake_find(fd);

	if (s)
		s->tx.cut_file = len;
}

void fake_kernel_on_seal(void (*call)(const struct ktls_keys *keys,
				      uint8_t type, const void *plain,
				      size_t len))
{
	fake_on_seal = call;
}

/* Some of the pipe, no further than the open record: bytes, 0: nothing is
 * there now. */
static ssize_t splice_some(struct fake_sock *s, int pipe_fd, size_t len)
{
	uint8_t buf[FAKE_PAYLOAD_MAX];
	struct iovec iov = { buf, FAKE_PAYLOAD_MAX - s->tx.open_len };
	struct fake_cursor from = { &iov, 1, 0 };
	int err = pending(s);
	ssize_t n;

	if (err == 0)
		err = has_room(s, fake_blocks(s, 0), 0);
	if (err)
		return err;
	if (len > iov.iov_len)
		len = iov.iov_len;
	n = ktls__sys_linux.read(pipe_fd, buf, len);
	if (n <= 0)
		return n;
	iov.iov_len = (size_t)n;
	return send_records(s, TYPE_DATA, &from, (size_t)n,
			    ktls__sys_linux.inq(pipe_fd) > 0 ? MSG_MORE : 0);
}

/* Stops, like the kernel's, with a record left open when TCP is full. */
ssize_t fake_tx_splice(struct fake_sock *s, int pipe_fd, size_t len, int wait)
{
	size_t done = 0;
	ssize_t n = 0;

	pthread_mutex_lock(&s->tx.lock);
	while (done < len) {
		if ((done > 0 || !wait) && ktls__sys_linux.inq(pipe_fd) == 0)
			break;
		n = splice_some(s, pipe_fd, len - done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	/* The last of what was asked for closes its record. */
	if (done == len && s->tx.open_len)
		seal(s, TYPE_DATA, fake_blocks(s, 0), 0);
	pthread_mutex_unlock(&s->tx.lock);
	return done ? (ssize_t)done : n;
}

size_t fake_tx_push(struct fake_sock *s)
{
	size_t left;

	/* A sender at work pushes for itself. */
	if (pthread_mutex_trylock(&s->tx.lock))
		return 0;
	push(s, 0, MSG_NOSIGNAL);
	left = s->tx.queue_len;
	pthread_mutex_unlock(&s->tx.lock);
	return left;
}
