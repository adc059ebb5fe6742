/* SPDX-License-Identifier: MIT */
/* Reading: what came, in order, and how it ends. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "parity.h"

static uint8_t buffer[PARITY_LEN_MAX];

static ssize_t read_some(struct parity_conn *c, const struct parity_step *s)
{
	struct iovec iov[PARITY_CUTS];

	if (s->cuts == 0)
		return ktls_read(c->k, buffer, s->len);
	return ktls_readv(c->k, iov, parity_cut(s, iov, buffer, s->len));
}

/* Into the pipe, and out of it. */
static ssize_t splice_some(struct parity_conn *c, const struct parity_step *s)
{
	ssize_t n = ktls_splice_read(c->k, parity_pipe[1], s->len);
	int there = 0;

	ioctl(parity_pipe[0], FIONREAD, &there);
	if (there != (n > 0 ? n : 0))
		return parity_fail(c, "splice_read gives %zd, the pipe %d", n,
				   there);
	if (n > 0 && read(parity_pipe[0], buffer, (size_t)n) != n)
		return parity_fail(c, "the pipe gives less");
	return n;
}

typedef ssize_t call(struct parity_conn *c, const struct parity_step *s);

/* What a direction that has failed takes with it. */
static void end_writing(struct parity_conn *c, ssize_t n)
{
	if (n != -KTLS_ETRUNCATED && n != 0 && !c->shut && c->tx_end == 0)
		c->tx_end = c->rx_end == PARITY_DEAD ? PARITY_DEAD : (int)n;
}

/* The socket tells of a reset once, and of an end from then on: here it was a
 * writer that was told, or the rest of what he wrote. */
static int may_be_fin(const struct parity_conn *c, ssize_t n)
{
	return n == -KTLS_ETRUNCATED &&
	       (c->told_dead || c->script->tight || c->script->disturb);
}

/* The end; it repeats. */
static int judge_end(struct parity_conn *c, const char *name, ssize_t n)
{
	if (c->rx_end == PARITY_DEAD) {
		if (!parity_is_dead(n) && !may_be_fin(c, n))
			return parity_fail(c, "%s after a reset gives %zd (%s)",
					   name, n, n < 0 ?
					   ktls_strerror((int)n) : "success");
		c->results[c->at] = -ECONNRESET;
		c->told_dead |= parity_is_dead(n);
	} else if (parity_expect(c, name, n, c->rx_end)) {
		return -1;
	}
	c->rx_over = 1;
	end_writing(c, n);
	return 0;
}

static int took(struct parity_conn *c, const char *name, ssize_t n)
{
	if ((size_t)n > c->sent - c->read)
		return parity_fail(c, "%s gives %zd, %zu were sent", name, n,
				   c->sent - c->read);
	if (memcmp(c->in + c->read, buffer, (size_t)n) != 0)
		return parity_fail(c, "%s gives wrong bytes at %zu of %zu",
				   name, c->read, c->sent);
	c->read += (size_t)n;
	parity_moved(c);
	return 0;
}

/* One read that is sure to find something: data or the end. */
static int read_on(struct parity_conn *c, const struct parity_step *s,
		   const char *name, call *get)
{
	ssize_t n;

	for (;;) {
		n = get(c, s);
		if (c->failed)
			return -1;
		if (n > (ssize_t)s->len)
			return parity_fail(c, "%s of %zu gives %zd", name,
					   s->len, n);
		if (n > 0)
			return took(c, name, n);
		if (n == -EINTR && c->script->disturb)
			continue;
		if (n != -EAGAIN || !c->script->nonblock)
			break;
		if (parity_wait(c, name, POLLIN))
			return -1;
	}
	if (c->read < c->sent && c->rx_end != PARITY_DEAD)
		return parity_fail(c, "%s gives %zd (%s) at %zu of %zu", name,
				   n, n < 0 ? ktls_strerror((int)n) : "end",
				   c->read, c->sent);
	return judge_end(c, name, n);
}

/* There is nothing, and nothing will come. */
static int read_nothing(struct parity_conn *c, const struct parity_step *s,
			const char *name, call *get)
{
	ssize_t n;

	if (!c->script->nonblock)
		return 0;
	do
		n = get(c, s);
	while (n == -EINTR && c->script->disturb);
	if (n == -EAGAIN && !c->script->disturb)
		c->peer_said = 0;
	return c->failed ? -1 : parity_expect(c, name, n, -EAGAIN);
}

static int read_by(struct parity_conn *c, const struct parity_step *s,
		   const char *name, call *get)
{
	c->results[c->at] = PARITY_ANY;
	if (c->rx_over)
		return judge_end(c, name, get(c, s));
	if (c->read == c->sent && !c->rx_has_end)
		return read_nothing(c, s, name, get);
	return read_on(c, s, name, get);
}

int parity_read(struct parity_conn *c, const struct parity_step *s)
{
	return read_by(c, s, s->cuts ? "readv" : "read", read_some);
}

int parity_splice_read(struct parity_conn *c, const struct parity_step *s)
{
	return read_by(c, s, "splice_read", splice_some);
}

/* All there is: then -EAGAIN, or the end. */
int parity_read_dry(struct parity_conn *c, const struct parity_step *s)
{
	while (c->read < c->sent && !c->rx_over)
		if (read_by(c, s, "read", read_some))
			return -1;
	return read_by(c, s, "read", read_some);
}

/* Why its record was refused. */
static int tells_peer(struct parity_conn *c)
{
	c->due = c->counted;
	if (parity_push(c) || parity_ends(c, 0))
		return -1;
	if (c->peer.alert != 20)
		return parity_fail(c, "the peer gets alert %d", c->peer.alert);
	return 0;
}

/* The end, and the end again. */
int parity_read_end(struct parity_conn *c, const struct parity_step *s)
{
	if (!c->rx_has_end)
		return 0;
	if (parity_read_dry(c, s))
		return -1;
	if (c->rx_end == -KTLS_EBADRECORD && c->tx_end == c->rx_end &&
	    tells_peer(c))
		return -1;
	return judge_end(c, "read after the end", read_some(c, s));
}
