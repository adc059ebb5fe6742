/* SPDX-License-Identifier: MIT */
/*
 * The end of a connection whose side closes first: our last bytes out, then
 * what the peer still sends away, so that no reset overtakes them.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/time.h>

#include "alert.h"
#include "conn.h"
#include "kernel_path.h"
#include "linger.h"
#include "message.h"
#include "sys.h"
#include "wipe.h"

/* How much is discarded at once. */
#define SCRATCH 16384

/* Half a record lies in a kernel that opens it only when it is whole, and
 * says POLLIN all the while: the rest is looked for this often. */
#define LOOK_MS 20

static int64_t time_left(const struct ktls *k)
{
	return (int32_t)(k->linger_until - (uint32_t)ktls__sys->now_ms());
}

/* What waits for room on a blocking descriptor must leave time to receive,
 * which may be what makes the room. */
static void hurry(const struct ktls *k)
{
	static const struct timeval at_once = { .tv_usec = 1000 };

	if (ktls__sys->nonblocking(k->fd) == 0)
		(void)ktls__sys->setsockopt(k->fd, SOL_SOCKET, SO_SNDTIMEO,
					    &at_once, sizeof(at_once));
}

static void begin(struct ktls *k, unsigned timeout_ms)
{
	k->lingers = true;
	if (timeout_ms > INT32_MAX)
		timeout_ms = INT32_MAX;
	k->linger_until = (uint32_t)ktls__sys->now_ms() + timeout_ms;
	if (k->engine != NULL)
		ktls__inbox_discard(&k->engine->inbox);
	ktls__leftover_wipe(&k->leftover);
	k->left = false;
	hurry(k);
}

/* Half a record of a write that only the application could have repeated: no
 * close_notify can follow it. */
static bool is_unfinished(const struct ktls *k)
{
	return k->tx.err == 0 && k->kept != NULL &&
	       (ktls__is_cut(k) || (k->foreign && k->kept->refused > 0));
}

/* 0: all that was accepted is out, or never will be; -EAGAIN; -EINTR. */
static int finish_output(struct ktls *k)
{
	int err = ktls_shutdown(k);

	if (err == -ENOMEM)
		err = -EAGAIN;
	/* An SSL that waits for what is discarded here says nothing more. */
	if (err == -EAGAIN && k->tx.path == KTLS_PATH_LIBRARY &&
	    !k->notified && !k->foreign && !k->queued)
		err = -KTLS_ESSL;
	/* A last alert in place of close_notify has to leave the kernel's
	 * queue too. */
	if (err != -EAGAIN && err != -EINTR && k->tx.err < 0 &&
	    k->tx.path == KTLS_PATH_KERNEL) {
		ktls__kernel_release(k);
		err = ktls__kernel_drained(k);
	}
	k->want_out = err == -EAGAIN ? KTLS__CALL_WAITS : 0;
	return err == -EAGAIN || err == -EINTR ? err : 0;
}

/* What is in the queue of kernel TLS by then would be lost. */
static int close_our_side(struct ktls *k)
{
	int err;

	if (k->half_closed)
		return 0;
	err = finish_output(k);
	if (err < 0)
		return err;
	(void)ktls__sys->shutdown(k->fd, SHUT_WR);
	k->half_closed = true;
	return 0;
}

/* An error that stays would be in the way of output, and of poll(2). */
static void go_deaf(struct ktls *k)
{
	int err = 0;
	socklen_t len = sizeof(err);

	k->deaf = true;
	(void)ktls__sys->getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &err, &len);
}

/* The peer goes on under its next key. */
static bool follow(struct ktls *k)
{
	return k->turn.rekeys && k->rx.secret_len > 0 &&
	       ktls__message_rekey(k) == 0;
}

/* Bytes, whatever they are: a control record without room for its type would
 * be EIO.  *end: the peer's FIN. */
static ssize_t receive(const struct ktls *k, uint8_t *buf, size_t len,
		       bool *end)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[KTLS_CMSG_SPACE];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = ktls__sys->recvmsg(k->fd, &msg, MSG_DONTWAIT);

	*end = n == 0 && ktls_cmsg_get(&msg) == 0;
	return n;
}

/* An empty record counts too. */
static int count(struct ktls *k, size_t n, size_t max)
{
	k->lingered += n > 0 ? n : 1;
	return k->lingered > max ? -ENOBUFS : 0;
}

/* One receive.  0: there may be more; -EAGAIN, -EINTR, -ENOBUFS. */
static int discard_some(struct ktls *k, uint8_t buf[SCRATCH], size_t max)
{
	size_t room = max - k->lingered;
	bool end;
	ssize_t n;

	/* One byte too many tells that there are too many. */
	n = receive(k, buf, room < SCRATCH ? room + 1 : SCRATCH, &end);
	if (n >= 0 && !end)
		return count(k, (size_t)n, max);
	if (n == -ENOMEM)
		n = -EAGAIN;
	if (n == -EAGAIN || n == -EINTR)
		return (int)n;
	if (n == -EKEYEXPIRED && follow(k))
		return count(k, 0, max);
	go_deaf(k);
	return -EAGAIN;
}

static int discard_all(struct ktls *k, size_t max)
{
	uint8_t buf[SCRATCH];
	int err = k->lingered > max ? -ENOBUFS : 0;

	while (err == 0) {
		err = discard_some(k, buf, max);
		if (err == 0 && time_left(k) <= 0)
			err = -EAGAIN;
	}
	ktls__wipe(buf, sizeof(buf));
	k->stalled = err == -EAGAIN && !k->deaf &&
		     k->rx.path == KTLS_PATH_KERNEL &&
		     ktls__sys->inq(k->fd) > 0;
	return err;
}

/* The peer's FIN, or nobody is there; for this nothing has to be read. */
static bool is_gone(const struct ktls *k)
{
	struct pollfd p = { .fd = k->fd, .events = POLLRDHUP };

	return ktls__sys->poll(&p, 1, 0) > 0 &&
	       (p.revents & (POLLRDHUP | POLLHUP | POLLNVAL)) != 0;
}

/* 0: the peer has closed its side; -EAGAIN, -EINTR, -ENOBUFS. */
static int discard(struct ktls *k, size_t max)
{
	int err = -EAGAIN;

	if (!k->deaf)
		err = discard_all(k, max);
	if (err != -EAGAIN || !(k->deaf || k->stalled) || !is_gone(k))
		return err;
	k->deaf = true;
	return 0;
}

/* Output first: input is in its way only where the peer waits for us to take
 * it, and both have their turn in each call. */
static int step(struct ktls *k, size_t max)
{
	int out;
	int in;

	if (k->fd < 0)
		return finish_output(k);
	out = close_our_side(k);
	if (out == -EINTR)
		return out;
	in = discard(k, max);
	return in < 0 ? in : out;
}

int ktls__linger_events(const struct ktls *k)
{
	int events = k->deaf || k->stalled ? 0 : POLLIN;

	if (!k->half_closed && (k->queued || k->want_out))
		events |= POLLOUT;
	return events;
}

/* POLLHUP and POLLERR come unasked. */
static int wait_for_events(const struct ktls *k)
{
	struct pollfd p = { .fd = k->fd,
			    .events = (short)ktls__linger_events(k) };
	int n = ktls__sys->poll(&p, 1, ktls_linger_timeout(k));

	return n < 0 ? n : 0;
}

int ktls_linger(struct ktls *k, size_t max_bytes, unsigned timeout_ms)
{
	int err;

	if (!k->lingers)
		begin(k, timeout_ms);
	for (;;) {
		err = step(k, max_bytes);
		if (err == 0 && is_unfinished(k))
			err = -KTLS_EPENDING;
		if (err != -EAGAIN)
			return err;
		if (time_left(k) <= 0)
			return -ETIMEDOUT;
		if (ktls__sys->nonblocking(k->fd) != 0)
			return -EAGAIN;
		err = wait_for_events(k);
		if (err < 0)
			return err;
	}
}

int ktls_linger_timeout(const struct ktls *k)
{
	int64_t left;

	if (!k->lingers)
		return -1;
	left = time_left(k);
	if (left <= 0)
		return 0;
	if (k->stalled && left > LOOK_MS)
		return LOOK_MS;
	return left < INT_MAX ? (int)left : INT_MAX;
}
