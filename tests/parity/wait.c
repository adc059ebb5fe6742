/* SPDX-License-Identifier: MIT */
/* Waiting for the other end, and for what has to arrive there by itself. */
#include <netinet/in.h>
#include <linux/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "parity.h"
#include "tests/fuzz/fake_kernel.h"

/* Only what never comes takes as long. */
#define FOREVER_MS 20000
/* TCP lets go of what is corked after 200 ms. */
#define CORKED_MS 100
#define LOOK_MS 5

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void parity_moved(struct parity_conn *c)
{
	c->idle_since = 0;
}

static long idle_ms(struct parity_conn *c)
{
	if (c->idle_since == 0)
		c->idle_since = now_ms();
	return now_ms() - c->idle_since;
}

int parity_wait(struct parity_conn *c, const char *call, int events)
{
	struct pollfd p[2] = { { .fd = c->fd }, { .fd = c->peer_fd,
						  .events = POLLIN } };
	int moved;

	p[0].events = (short)ktls_events(c->k);
	if (events && (p[0].events & events) == 0)
		return parity_fail(c, "%s: EAGAIN, and events are %d", call,
				   p[0].events);
	/* What is there to read would end every wait for room. */
	if (events != POLLIN && (p[0].events & POLLOUT))
		p[0].events = POLLOUT;
	fake_kernel_push(c->fd);
	moved = parity_peer_drain(c);
	if (moved < 0)
		return -1;
	if (moved)
		parity_moved(c);
	else if (c->idle_since == 0)
		(void)idle_ms(c);
	else if (idle_ms(c) > FOREVER_MS)
		return parity_fail(c, "%s: nothing moves any more", call);
	else
		poll(p, c->peer.gone || c->peer.fin ? 1 : 2, LOOK_MS);
	return 0;
}

/* Nothing is on its way, and yet TCP has something to send. */
static int is_corked(const struct parity_conn *c)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	return getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_notsent_bytes > 0 && info.tcpi_unacked == 0;
}

/* Until `done`; the peer alone does something. */
static int drain_until(struct parity_conn *c,
		       int (*done)(const struct parity_conn *c),
		       const char *what)
{
	struct pollfd p = { .fd = c->peer_fd, .events = POLLIN };
	long began = 0;
	int corked = 0;
	int moved;

	while (!done(c) && !c->peer.blind) {
		fake_kernel_push(c->fd);
		moved = parity_peer_drain(c);
		if (moved < 0)
			return -1;
		if (moved)
			corked = 0;
		if (moved || done(c))
			continue;
		if (began == 0)
			began = now_ms();
		corked = is_corked(c) ? corked + LOOK_MS : 0;
		if (corked > CORKED_MS && !c->script->tight)
			return parity_fail(c, "%s is held back: %zu of %zu",
					   what, c->got, c->due);
		if (now_ms() - began > FOREVER_MS)
			return parity_fail(c, "%s never comes: %zu of %zu",
					   what, c->got, c->due);
		poll(&p, 1, LOOK_MS);
	}
	return 0;
}

static int has_arrived(const struct parity_conn *c)
{
	return c->got >= c->due;
}

int parity_arrives(struct parity_conn *c)
{
	if (c->peer.gone)
		return 0;
	return drain_until(c, has_arrived, "what was taken");
}

static int has_ended(const struct parity_conn *c)
{
	return c->peer.closed || c->peer.fin || c->peer.reset ||
	       c->peer.alert > 0;
}

int parity_ends(struct parity_conn *c, int closed)
{
	struct parity_peer *p = &c->peer;

	if (p->gone)
		return 0;
	if (parity_arrives(c) || drain_until(c, has_ended, "the end"))
		return -1;
	if (closed && !p->closed && !p->blind)
		return parity_fail(c, "no close_notify: fin %d, reset %d, "
				   "alert %d", p->fin, p->reset, p->alert);
	return 0;
}
