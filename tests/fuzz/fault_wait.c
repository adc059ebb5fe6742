/* SPDX-License-Identifier: MIT */
/*
 * Waiting: the other end works until something moves.  When it has nothing
 * to do and nothing is on its way, whoever waits would wait for ever.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "fake_kernel.h"
#include "fault.h"
#include "lib/sys.h"

#define POLLS_MAX 5000

static int count(void)
{
	if (fault_run.polls++ < POLLS_MAX)
		return 0;
	fault_fail("waits %ld times", fault_run.polls);
	fault_run.dead = 1;
	return -1;
}

/* One more thing has happened: 0; -1: nothing can. */
static int move(void)
{
	struct pollfd p = { .fd = fault_run.peer.fd, .events = POLLIN };

	if (fault_peer_work())
		return 0;
	if (fault_in_flight() == 0)
		return -1;
	/* Loopback may deliver a moment later: that it will is known. */
	poll(&p, 1, -1);
	return 0;
}

int fault_wait(void)
{
	fault_run.no_room = 0;
	fault_run.no_input = 0;
	if (count())
		return -1;
	if (move() == 0)
		return 0;
	fault_fail("waits for ever inside a call");
	fault_run.dead = 1;
	return -1;
}

static short dead_events(short wanted)
{
	return (short)((wanted & (POLLIN | POLLOUT | POLLRDHUP)) | POLLHUP);
}

/* What is ready now. */
static int look(struct pollfd *p)
{
	short events = p->events;
	int n;

	if (fault_run.dead) {
		p->revents = dead_events(events);
		return 1;
	}
	if (events & POLLOUT)
		fault_run.no_room = 0;
	if (events & POLLIN)
		fault_run.no_input = 0;
	n = fault_below_poll(p);
	if (n < 0)
		fault_fail("poll: %d", n);
	return n;
}

int fault_sys_poll(struct pollfd *fds, unsigned long n, int timeout_ms)
{
	int ready;

	(void)n;
	while ((ready = look(fds)) == 0 && timeout_ms != 0) {
		if (count())
			return -ECONNRESET;
		if (move() == 0)
			continue;
		if (timeout_ms > 0) {
			fault_clock_add(timeout_ms);
			return 0;
		}
		fault_fail("polls for ever inside a call, events %d",
			   fds->events);
		fault_run.dead = 1;
	}
	return ready;
}

/* The pipe is at fault, not the socket, and by now it is not any more. */
static int is_pipe_ready(void)
{
	struct pollfd p = { .fd = fault_run.pipe[0], .events = POLLIN };

	if (fault_run.step->kind == STEP_PIPE_IN)
		return ktls_pending(fault_run.k) > 0;
	return fault_run.step->kind == STEP_PIPE_OUT &&
	       !(ktls_events(fault_run.k) & POLLOUT) && poll(&p, 1, 0) == 1;
}

/* Nothing came: then somebody has to look at the time. */
static int time_passes(void)
{
	int ms = ktls_linger_timeout(fault_run.k);

	if (ms < 0)
		return -1;
	fault_clock_add(ms);
	return 0;
}

int fault_poll(void)
{
	struct pollfd p = { .fd = fault_run.fd };

	p.events = (short)ktls_events(fault_run.k);
	if (count())
		return -1;
	if (is_pipe_ready())
		return 0;
	if (p.events == 0 && !fault_run.dead && !fault_run.lingers)
		return fault_fail("-EAGAIN, and ktls_events() names none");
	while (look(&p) == 0) {
		if (count())
			return -1;
		if (move() == 0)
			continue;
		if (time_passes() == 0)
			return 0;
		return fault_fail("-EAGAIN, and nothing comes for events %d",
				  p.events);
	}
	return 0;
}
