/* SPDX-License-Identifier: MIT */
/*
 * A worker: its own listening socket (SO_REUSEPORT shares the port), its own
 * epoll, its own connections; it shares nothing that changes.
 *
 * Edge-triggered, because some kernels (6.1 for one) report half a TLS
 * record as readable although nothing can be read, and a level-triggered
 * loop would spin on it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "file_server.h"

#define EVENTS_PER_TURN 64

struct worker {
	const struct server *server;
	int epoll_fd, listen_fd;
	unsigned n_conns;
	bool accepting;
	time_t swept;
	LIST_HEAD(conn_list, conn) conns;
};

static int listen_on(struct sockaddr *addr, socklen_t len)
{
	const int on = 1;
	int fd = socket(addr->sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
	    bind(fd, addr, len) == 0 && listen(fd, SOMAXCONN) == 0 &&
	    getsockname(fd, addr, &len) == 0)
		return fd;
	close(fd);
	return -1;
}

static int watch(int epoll_fd, int op, int fd, uint32_t events, void *ptr)
{
	struct epoll_event ev = { .events = events, .data.ptr = ptr };

	return epoll_ctl(epoll_fd, op, fd, &ev);
}

struct worker *worker_new(const struct server *s, struct sockaddr *addr,
			  socklen_t len)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->server = s;
	w->accepting = true;
	LIST_INIT(&w->conns);
	w->listen_fd = listen_on(addr, len);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->listen_fd >= 0 && w->epoll_fd >= 0 &&
	    watch(w->epoll_fd, EPOLL_CTL_ADD, w->listen_fd, EPOLLIN, w) == 0 &&
	    watch(w->epoll_fd, EPOLL_CTL_ADD, s->stop_fd, EPOLLIN, NULL) == 0)
		return w;
	worker_free(w);
	return NULL;
}

static void drop(struct worker *w, struct conn *c)
{
	LIST_REMOVE(c, link);
	conn_free(c);
	w->n_conns--;
}

void worker_free(struct worker *w)
{
	struct conn *c;

	while ((c = LIST_FIRST(&w->conns)))
		drop(w, c);
	if (w->listen_fd >= 0)
		close(w->listen_fd);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	free(w);
}

/* A MOD looks at the socket anew, so no edge is lost between two masks. */
static void arm(struct worker *w, struct conn *c, int turn)
{
	uint32_t events = conn_events(c);

	if (turn == CONN_DONE) {
		drop(w, c);
		return;
	}
	if (turn == CONN_YIELD)
		events = EPOLLIN | EPOLLOUT;
	if (turn != CONN_YIELD && events == c->armed)
		return;
	c->armed = events;
	if (watch(w->epoll_fd, EPOLL_CTL_MOD, c->fd, events | EPOLLET, c) < 0)
		drop(w, c);
}

static void take(struct worker *w, int fd)
{
	struct conn *c = conn_new(w->server, fd);
	const int on = 1;

	if (!c) {
		close(fd);
		return;
	}
	/* A head and its body are two writes: none shall wait for an ACK. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	LIST_INSERT_HEAD(&w->conns, c, link);
	w->n_conns++;
	if (watch(w->epoll_fd, EPOLL_CTL_ADD, fd, EPOLLET, c) < 0)
		drop(w, c);
	else
		arm(w, c, conn_run(c, 0));
}

static void set_accepting(struct worker *w, bool on)
{
	if (w->accepting == on)
		return;
	w->accepting = on;
	watch(w->epoll_fd, EPOLL_CTL_MOD, w->listen_fd, on ? EPOLLIN : 0, w);
}

static void accept_all(struct worker *w)
{
	int fd;

	while (w->n_conns < w->server->opts.connections) {
		fd = accept4(w->listen_fd, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			take(w, fd);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS)
			break;
	}
	/* Full: the rest waits in the kernel's queue until the next sweep. */
	fprintf(stderr, "no room for more connections (%u)\n", w->n_conns);
	set_accepting(w, false);
}

/* Once a second: who has been too slow? */
static void sweep(struct worker *w)
{
	time_t now = monotonic_seconds();
	struct conn *c, *next;

	if (now == w->swept)
		return;
	w->swept = now;
	for (c = LIST_FIRST(&w->conns); c; c = next) {
		next = LIST_NEXT(c, link);
		if (now > c->deadline)
			arm(w, c, conn_expire(c));
	}
	set_accepting(w, w->n_conns < w->server->opts.connections);
}

/* Returns false when it is time to go. */
static bool turn(struct worker *w)
{
	struct epoll_event events[EVENTS_PER_TURN];
	bool idle = w->n_conns == 0 && w->accepting;
	struct conn *c;
	int i, n;

	n = epoll_wait(w->epoll_fd, events, EVENTS_PER_TURN, idle ? -1 : 1000);
	for (i = 0; i < n; i++) {
		if (!events[i].data.ptr)
			return false;
		if (events[i].data.ptr == w) {
			accept_all(w);
			continue;
		}
		c = events[i].data.ptr;
		arm(w, c, conn_run(c, events[i].events));
	}
	if (!idle)
		sweep(w);
	return n >= 0 || errno == EINTR;
}

void *worker_run(void *worker)
{
	struct worker *w = worker;

	while (turn(w))
		;
	return NULL;
}
