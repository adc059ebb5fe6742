/* SPDX-License-Identifier: MIT */
/*
 * The table of calls over the fake kernel's: it counts those that can fail,
 * makes the planned ones fail, waits where a blocking socket would, and is a
 * dead connection behind a reset.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "fake_socket.h"
#include "fault.h"
#include "lib/sys.h"

/* No script comes near; the library would be running in circles. */
#define CALLS_MAX 20000
#define CALLS_NEVER (2 * CALLS_MAX)

static const struct ktls__sys *below;
static struct ktls__sys table;

static int is_ours(int fd)
{
	return fault_run.handed && fd == fault_run.fd;
}

int fault_keys_on(int dir)
{
	const struct fake_sock *s = fake_find(fault_run.fd);

	return s && (dir == KTLS_TX ? s->tx.k.on : s->rx.k.on);
}

/* In circles: from now on nothing succeeds, so that the library returns. */
static void limit(void)
{
	if (fault_run.calls == CALLS_MAX) {
		fault_fail("in circles: %ld calls", fault_run.calls);
		fault_run.dead = 1;
	}
	if (fault_run.calls >= CALLS_NEVER)
		_exit(3);
}

/* Which fault this call gets, in the order of its coming. */
enum fault_kind fault_next(enum fault_call call, int waits, int whole)
{
	struct fault_seen seen = { call, waits, whole };
	const struct fault_plan *plan = &fault_run.plan;
	long i = fault_run.calls++;
	enum fault_kind kind = FAULT_NONE;

	limit();
	if (i < FAULT_LOG)
		fault_run.seen[i] = seen;
	if (plan->at >= 0 && (i == plan->at || i == plan->at + 1))
		kind = plan->kind[i - plan->at];
	if (fault_run.dead || !fault_applies(kind, &seen))
		return FAULT_NONE;
	if (kind != FAULT_NONE)
		fault_run.hit = 1;
	return kind;
}

static int is_out(enum fault_call call)
{
	return call == CALL_SEND || call == CALL_SENDFILE ||
	       call == CALL_SPLICE_OUT;
}

/* The answer of a call that fails before it has done anything; 0: none. */
int fault_refusal(enum fault_call call, enum fault_kind kind)
{
	switch (kind) {
	case FAULT_FULL:
		if (is_out(call))
			fault_run.no_room = 1;
		else
			fault_run.no_input = 1;
		return -EAGAIN;
	case FAULT_AGAIN:
		return -EAGAIN;
	case FAULT_INTR:
		return -EINTR;
	case FAULT_NOMEM:
		return -ENOMEM;
	case FAULT_RESET:
		fault_run.dead = 1;
		return -ECONNRESET;
	default:
		return 0;
	}
}

static int waits(int flags)
{
	return fault_run.c->blocking && !(flags & MSG_DONTWAIT);
}

size_t fault_shorter(enum fault_kind kind, size_t len)
{
	if (kind == FAULT_HALF)
		return (len + 1) / 2;
	return kind == FAULT_BYTE ? 1 : len;
}

/* The first `len` bytes of a message, in *cut and iov[]. */
#define IOVS 64
static int cut_message(struct msghdr *cut, struct iovec *iov, size_t len)
{
	size_t i, n;

	for (i = 0; i < cut->msg_iovlen && i < IOVS && len; i++) {
		n = cut->msg_iov[i].iov_len;
		iov[i].iov_base = cut->msg_iov[i].iov_base;
		iov[i].iov_len = n < len ? n : len;
		len -= iov[i].iov_len;
	}
	cut->msg_iov = iov;
	cut->msg_iovlen = i;
	return len == 0;
}

static void skip_bytes(struct msghdr *msg, struct iovec *iov, size_t len)
{
	size_t i, left = len;

	memcpy(iov, msg->msg_iov, msg->msg_iovlen * sizeof(*iov));
	msg->msg_iov = iov;
	for (i = 0; i < msg->msg_iovlen && left; i++) {
		size_t n = iov[i].iov_len < left ? iov[i].iov_len : left;

		iov[i].iov_base = (char *)iov[i].iov_base + n;
		iov[i].iov_len -= n;
		left -= n;
	}
}

/* The kernel counts what it drops; a plain socket does not. */
static ssize_t send_dead(size_t len)
{
	return fault_keys_on(KTLS_TX) ? (ssize_t)len : -EPIPE;
}

/* What MSG_MORE has left open is sealed also where the call fails. */
static void close_open_record(int fd, const struct msghdr *msg)
{
	_Alignas(struct cmsghdr) char control[KTLS_CMSG_SPACE];
	struct msghdr empty = { 0 };

	if (!fault_keys_on(KTLS_TX) || !msg->msg_control)
		return;
	ktls_cmsg_set(&empty, control, KTLS_RECORD_DATA);
	(void)below->sendmsg(fd, &empty, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t send_once(int fd, const struct msghdr *msg, int flags)
{
	int plain = !fault_keys_on(KTLS_TX);
	ssize_t n;

	if (plain)
		fault_offered(msg);
	n = below->sendmsg(fd, msg, flags | MSG_DONTWAIT);
	if (plain)
		fault_accepted(n);
	return n;
}

/* A blocking send takes all, unless something is wrong. */
static ssize_t send_all(int fd, const struct msghdr *msg, int flags)
{
	size_t len = fake_iov_len(msg->msg_iov, msg->msg_iovlen);
	struct iovec iov[IOVS];
	struct msghdr rest;
	size_t done = 0;
	ssize_t n;

	do {
		rest = *msg;
		if (done)
			skip_bytes(&rest, iov, done);
		n = send_once(fd, &rest, flags);
		if (n == -EAGAIN && fault_wait())
			return done ? (ssize_t)done : -ECONNRESET;
		if (n == -EAGAIN)
			continue;
		if (n < 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
	} while (done < len || n == -EAGAIN);
	return (ssize_t)done;
}

static ssize_t fault_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	size_t len = fake_iov_len(msg->msg_iov, msg->msg_iovlen);
	struct iovec iov[IOVS];
	struct msghdr cut = *msg;
	enum fault_kind kind;
	int err;

	if (!is_ours(fd))
		return below->sendmsg(fd, msg, flags);
	kind = fault_next(CALL_SEND, waits(flags), len < 2 || msg->msg_control);
	if (fault_run.dead)
		return send_dead(len);
	if (kind == FAULT_NONE && fault_run.no_room && !waits(flags))
		kind = FAULT_AGAIN;
	err = fault_refusal(CALL_SEND, kind);
	if (err && !fault_keys_on(KTLS_TX))
		fault_offered(msg);
	if (err == -EAGAIN)
		close_open_record(fd, msg);
	if (err)
		return err;
	if (fault_shorter(kind, len) < len)
		cut_message(&cut, iov, fault_shorter(kind, len));
	if (waits(flags) && fault_shorter(kind, len) == len)
		return send_all(fd, &cut, flags);
	return send_once(fd, &cut, flags);
}

/* What the kernel has opened already it gives without waiting. */
static int is_opened(void)
{
	const struct fake_sock *s = fake_find(fault_run.fd);

	return s && s->rx.first != NULL;
}

static ssize_t recv_once(int fd, struct msghdr *msg, int flags)
{
	ssize_t n;

	do
		n = below->recvmsg(fd, msg, flags | MSG_DONTWAIT);
	while (n == -EAGAIN && waits(flags) && !fault_run.dead &&
	       fault_wait() == 0);
	if (n == -EAGAIN && waits(flags) && !fault_run.dead)
		return -ECONNRESET;
	if (n == -EAGAIN && fault_run.dead) {
		msg->msg_controllen = 0;
		msg->msg_flags = 0;
		return 0;
	}
	return n;
}

static ssize_t fault_recvmsg(int fd, struct msghdr *msg, int flags)
{
	size_t len = fake_iov_len(msg->msg_iov, msg->msg_iovlen);
	struct iovec iov[IOVS];
	struct msghdr cut = *msg;
	enum fault_kind kind;
	ssize_t n;
	int never, err;

	if (!is_ours(fd))
		return below->recvmsg(fd, msg, flags);
	never = waits(flags) || is_opened();
	kind = fault_next(CALL_RECV, never, len < 2);
	if (kind == FAULT_NONE && fault_run.no_input && !never)
		kind = FAULT_AGAIN;
	err = fault_refusal(CALL_RECV, kind);
	if (err)
		return err;
	if (fault_shorter(kind, len) < len)
		cut_message(&cut, iov, fault_shorter(kind, len));
	n = recv_once(fd, &cut, flags);
	msg->msg_flags = cut.msg_flags;
	msg->msg_controllen = cut.msg_controllen;
	return n;
}

/* The kernel reads the file, drops it, and raises the signal. */
static ssize_t sendfile_dead(off_t *off, size_t count)
{
	if (!fault_keys_on(KTLS_TX))
		return -EPIPE;
	raise(SIGPIPE);
	*off += (off_t)count;
	return (ssize_t)count;
}

static ssize_t fault_sendfile(int fd, int in_fd, off_t *off, size_t count)
{
	enum fault_kind kind;
	ssize_t n;
	int err;

	if (!is_ours(fd))
		return below->sendfile(fd, in_fd, off, count);
	kind = fault_next(CALL_SENDFILE, waits(0), count < 2);
	if (fault_run.dead)
		return sendfile_dead(off, count);
	if (kind == FAULT_NONE && fault_run.no_room && !waits(0))
		kind = FAULT_AGAIN;
	err = fault_refusal(CALL_SENDFILE, kind);
	if (err)
		return err;
	if (fault_shorter(kind, count) < count)
		fake_kernel_cut_file(fd, fault_shorter(kind, count));
	do
		n = below->sendfile(fd, in_fd, off, count);
	while (n == -EAGAIN && waits(0) && fault_wait() == 0);
	return n == -EAGAIN && waits(0) ? -ECONNRESET : n;
}

static int fault_setsockopt(int fd, int level, int name, const void *val,
			    socklen_t len)
{
	int err;

	if (!is_ours(fd) || level != FAKE_SOL_TLS || name > FAKE_TLS_RX)
		return below->setsockopt(fd, level, name, val, len);
	err = fault_refusal(CALL_KEYS, fault_next(CALL_KEYS, 1, 1));
	return err ? err : below->setsockopt(fd, level, name, val, len);
}

/* A connection that was reset is in the state CLOSE, its error fetched. */
static int fault_getsockopt(int fd, int level, int name, void *val,
			    socklen_t *len)
{
	int err = below->getsockopt(fd, level, name, val, len);

	if (!is_ours(fd) || !fault_run.dead || err)
		return err;
	if (level == IPPROTO_TCP && name == TCP_INFO)
		*(uint8_t *)val = TCP_CLOSE;
	if (level == SOL_SOCKET && name == SO_ERROR)
		memset(val, 0, *len);
	return 0;
}

static int fault_nonblocking(int fd)
{
	if (!is_ours(fd))
		return below->nonblocking(fd);
	return !fault_run.c->blocking;
}

static int fault_table_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int err = 0;

	if (n < 1 || !is_ours(fds[0].fd))
		return below->poll(fds, n, timeout_ms);
	if (timeout_ms != 0)
		err = fault_refusal(CALL_POLL, fault_next(CALL_POLL, 1, 1));
	return err ? err : fault_sys_poll(fds, n, timeout_ms);
}

int fault_below_poll(struct pollfd *p)
{
	return below->poll(p, 1, 0);
}

void fault_table_start(void)
{
	below = ktls__sys;
	table = *below;
	table.sendmsg = fault_sendmsg;
	table.recvmsg = fault_recvmsg;
	table.sendfile = fault_sendfile;
	table.setsockopt = fault_setsockopt;
	table.getsockopt = fault_getsockopt;
	table.nonblocking = fault_nonblocking;
	table.poll = fault_table_poll;
	fault_pipe_start(&table, below);
	ktls__sys = &table;
}
