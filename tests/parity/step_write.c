/* SPDX-License-Identifier: MIT */
/* Writing: what every call that takes bytes has to keep. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "parity.h"

/* A blocking call never has to wait for the peer: one thread plays both. */
#define IN_FLIGHT_MAX 150000

int parity_is_dead(ssize_t n)
{
	return n == -ECONNRESET || n == -EPIPE;
}

int parity_expect(struct parity_conn *c, const char *call, ssize_t is,
		  ssize_t due)
{
	c->results[c->at] = is;
	if (is == due)
		return 0;
	return parity_fail(c, "%s gives %zd (%s), due is %zd (%s)", call, is,
			   is < 0 ? ktls_strerror((int)is) : "count", due,
			   due < 0 ? ktls_strerror((int)due) : "count");
}

int parity_is_early(struct parity_conn *c, ssize_t n)
{
	if (n >= 0 || !c->rx_has_end || n != c->rx_end ||
	    n == -KTLS_ETRUNCATED)
		return 0;
	c->tx_end = (int)n;
	c->results[c->at] = PARITY_ANY;
	return 1;
}

int parity_is_unknown(struct parity_conn *c)
{
	int unknown = c->tx_end == PARITY_DEAD && !c->told_dead;

	if (unknown)
		c->results[c->at] = PARITY_ANY;
	return unknown;
}

int parity_refused(struct parity_conn *c, const char *call, ssize_t n)
{
	if (c->tx_end != PARITY_DEAD) {
		int err = parity_expect(c, call, n, c->tx_end);

		/* On other paths the last word may have come before it. */
		if (c->rx_has_end && c->rx_end != 0 &&
		    c->rx_end != -KTLS_ETRUNCATED)
			c->results[c->at] = PARITY_ANY;
		return err;
	}
	c->results[c->at] = -ECONNRESET;
	/* After a call that only seemed to find no room. */
	if (c->script->disturb && !c->told_dead &&
	    (n >= 0 || n == -EAGAIN || n == -EINTR)) {
		c->results[c->at] = PARITY_ANY;
		c->counted += n > 0 ? (size_t)n : 0;
		return 0;
	}
	c->told_dead = 1;
	if (parity_is_dead(n) || (c->tried_shut && n == -KTLS_ECLOSED))
		return 0;
	return parity_fail(c, "%s on a dead connection gives %zd (%s)", call, n,
			   n < 0 ? ktls_strerror((int)n) : "success");
}

/* A key of ours that the peer has asked for goes before data. */
static void count(struct parity_conn *c, ssize_t n)
{
	c->counted += (size_t)n;
	c->asked = 0;
	parity_moved(c);
}

static int room(struct parity_conn *c)
{
	if (c->script->tight || c->counted - c->got < IN_FLIGHT_MAX / 2)
		return 0;
	/* What waits for more is less than what that needs. */
	return parity_arrives(c);
}

/* Sending has met a fault of the peer's: what was sealed by then is taken. */
static int has_failed(const struct parity_conn *c)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	return ktls_info(c->k, &info) == 0 && info.tx.error < 0;
}

/* One answer of a call that was asked for `left` bytes: 0: again, 1: it is
 * through; -1. */
static int judge(struct parity_conn *c, const struct parity_put *put, ssize_t n,
		 size_t left)
{
	const struct parity_script *s = c->script;

	if (n > 0 && (size_t)n <= left) {
		count(c, n);
		if ((size_t)n == left)
			return 1;
		if (!s->nonblock && !put->may_end && !has_failed(c))
			return parity_fail(c, "%s: %zd of %zu, and it blocks",
					   put->name, n, left);
		return 0;
	}
	if (n == 0 && (left == 0 || put->may_end))
		return 1;
	if (n == -EINTR && s->disturb)
		return 0;
	if (parity_is_early(c, n))
		return 1;
	if (n == -EAGAIN && s->nonblock)
		return parity_wait(c, put->name, put->may_retry ?
				   POLLIN | POLLOUT : POLLOUT);
	return parity_fail(c, "%s of %zu gives %zd (%s)", put->name, left, n,
			   n < 0 ? ktls_strerror((int)n) : "count");
}

ssize_t parity_put(struct parity_conn *c, const struct parity_put *put)
{
	size_t before = c->counted;
	size_t done = 0;
	int ret = 0;

	if (room(c))
		return -1;
	while (ret == 0) {
		ret = judge(c, put, put->call(c, put->s, done, put->len - done),
			    put->len - done);
		if (c->failed)
			return -1;
		done = c->counted - before;
	}
	c->offered = c->counted;
	if (!put->s->more)
		c->due = c->counted;
	if (c->tx_end == 0)
		c->results[c->at] = (long)done;
	return ret < 0 ? -1 : (ssize_t)done;
}

int parity_cut(const struct parity_step *s, struct iovec *iov,
	       const uint8_t *p, size_t len)
{
	struct stream_random r = { s->draw };
	int n = 0;
	size_t off = 0;

	for (; n < s->cuts - 1; n++) {
		size_t left = len - off;

		iov[n].iov_base = (void *)(uintptr_t)(p + off);
		iov[n].iov_len = stream_one_in(&r, 3) ? 0 :
				 stream_one_in(&r, 4) ?
					 stream_below(&r, left + 1) :
					 stream_below(&r, left / 4 + 1);
		off += iov[n].iov_len;
	}
	iov[n].iov_base = (void *)(uintptr_t)(p + off);
	iov[n++].iov_len = len - off;
	return n;
}

static int flags_of(const struct parity_step *s)
{
	return s->more ? KTLS_MORE : 0;
}

static ssize_t write_some(struct parity_conn *c, const struct parity_step *s,
			  size_t done, size_t left)
{
	const uint8_t *p = parity_pattern + s->from + done;
	struct iovec iov[PARITY_CUTS];

	if (s->cuts == 0)
		return ktls_write(c->k, p, left, flags_of(s));
	return ktls_writev(c->k, iov, parity_cut(s, iov, p, left),
			   flags_of(s));
}

int parity_write(struct parity_conn *c, const struct parity_step *s)
{
	const struct parity_put put = { .s = s, .name = "write",
					.call = write_some, .len = s->len,
					.may_retry = c->paths.tx ==
						     KTLS_LIBRARY };
	ssize_t n;

	if (c->tx_end) {
		n = write_some(c, s, 0, s->len);
		/* Nothing was asked of a connection that nobody knows dead. */
		if (n == 0 && s->len == 0 && parity_is_unknown(c))
			return 0;
		return parity_refused(c, "write", n);
	}
	if (c->counted + s->len > PARITY_STREAM_MAX)
		return 0;
	memcpy(c->out + c->counted, parity_pattern + s->from, s->len);
	c->offered = c->counted + s->len;
	return parity_put(c, &put) < 0 ? -1 : 0;
}

/* Arguments come before the state of the connection. */
int parity_bad_call(struct parity_conn *c, const struct parity_step *s)
{
	static struct iovec iov[1025];
	uint8_t byte = 0;
	off_t off = 0;

	switch (s->draw % 8) {
	case 0:
		return parity_expect(c, "writev of -1 buffers",
				     ktls_writev(c->k, iov, -1, 0), -EINVAL);
	case 1:
		return parity_expect(c, "writev of 1025 buffers",
				     ktls_writev(c->k, iov, 1025, 0), -EINVAL);
	case 2:
		return parity_expect(c, "write with flags 2",
				     ktls_write(c->k, &byte, 1, 2), -EINVAL);
	case 3:
		return parity_expect(c, "sendfile with flags 2",
				     ktls_sendfile(c->k, c->file, &off, 1, 2),
				     -EINVAL);
	case 4:
		return parity_expect(c, "read of 0",
				     ktls_read(c->k, &byte, 0), -EINVAL);
	case 5:
		return parity_expect(c, "readv of 0 buffers",
				     ktls_readv(c->k, iov, 0), -EINVAL);
	case 6:
		return parity_expect(c, "readv of 1025 buffers",
				     ktls_readv(c->k, iov, 1025), -EINVAL);
	default:
		return parity_expect(c, "splice_read of 0",
				     ktls_splice_read(c->k, parity_pipe[1], 0),
				     -EINVAL);
	}
}

/* No room, and nobody reads: 1: the last answer was short or -EAGAIN. */
static int fill(struct parity_conn *c, const struct parity_step *s)
{
	const size_t len = PARITY_LEN_MAX;
	ssize_t n = (ssize_t)len;

	while (n == (ssize_t)len && c->counted + 2 * len < PARITY_STREAM_MAX) {
		memcpy(c->out + c->counted, parity_pattern + s->from, len);
		c->offered = c->counted + len;
		n = ktls_write(c->k, parity_pattern + s->from, len, 0);
		if (n > (ssize_t)len || n == 0 ||
		    (n < 0 && n != -EAGAIN && n != -EINTR))
			return parity_fail(c, "write of %zu gives %zd", len, n);
		if (n > 0)
			count(c, n);
	}
	return n != (ssize_t)len;
}

/* Other bytes than those that were short: refused, or (nothing was sealed of
 * the others) taken. */
static int other_bytes(struct parity_conn *c)
{
	uint8_t first = c->out[c->counted];
	uint8_t other = (uint8_t)~first;
	ssize_t n = ktls_write(c->k, &other, 1, 0);

	if (n == 1) {
		c->out[c->counted] = other;
		count(c, 1);
		c->offered = c->counted;
	} else if (n == -EAGAIN || n == -EINTR) {
		/* sealed, perhaps, in place of the first */
		c->has_other = 1;
		c->other = other;
	} else if (n != -KTLS_ERETRY) {
		return parity_fail(c, "other bytes give %zd", n);
	} else if (n == -KTLS_ERETRY && c->paths.tx == KTLS_KERNEL) {
		return parity_fail(c, "the kernel path wants other bytes");
	}
	return 0;
}

int parity_abandon(struct parity_conn *c, const struct parity_step *s)
{
	int ret;

	c->results[c->at] = PARITY_ANY;
	if (c->tx_end || !c->script->nonblock)
		return 0;
	ret = fill(c, s);
	c->abandoned = 1;
	if (ret == 1 && s->draw % 2)
		ret = other_bytes(c);
	c->due = c->counted;
	return ret < 0 ? -1 : 0;
}
