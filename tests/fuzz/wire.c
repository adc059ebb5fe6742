/* SPDX-License-Identifier: MIT */
/*
 * Carries bytes between near's TCP connection and the peer's memory BIOs,
 * in pieces, and reads the records that near sends as they pass.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "run.h"

#define IDLE_STEPS 16

static void set_int(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value));
}

/* Before the connection is made: the window follows from SO_RCVBUF. */
static int make_listener(struct run *r, struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (r->plan.small_buffers)
		set_int(fd, SOL_SOCKET, SO_RCVBUF,
			(int)stream_between(&r->random, 8000, 30000));
	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)addr, sizeof(*addr)) == 0 &&
	    listen(fd, 1) == 0 &&
	    getsockname(fd, (struct sockaddr *)addr, &len) == 0)
		return fd;
	close(fd);
	return -1;
}

static void set_timeouts(int fd)
{
	const struct timeval t = { 20, 0 };

	/* A blocking call that should not have waited ends all the same. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

int wire_open(struct run *r)
{
	struct sockaddr_in addr;
	int listener = make_listener(r, &addr);

	r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || r->fd < 0)
		return run_fail(r, "no socket: %s", strerror(errno));
	if (r->plan.small_buffers)
		set_int(r->fd, SOL_SOCKET, SO_SNDBUF,
			(int)stream_between(&r->random, 4608, 30000));
	if (connect(r->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		r->wire = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	if (r->wire < 0)
		return run_fail(r, "no connection: %s", strerror(errno));
	set_int(r->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(r->wire, IPPROTO_TCP, TCP_NODELAY, 1);
	fcntl(r->fd, F_SETFL, O_NONBLOCK);
	fcntl(r->wire, F_SETFL, O_NONBLOCK);
	set_timeouts(r->fd);
	fake_kernel_forget(r->fd);
	return 0;
}

void wire_close(struct run *r)
{
	if (r->fd >= 0) {
		fake_kernel_forget(r->fd);
		close(r->fd);
	}
	if (r->wire >= 0)
		close(r->wire);
	free(r->to_near.data);
}

void wire_put(struct run *r, const void *buf, size_t len)
{
	struct run_queue *q = &r->to_near;

	if (q->off == q->len)
		q->off = q->len = 0;
	if (q->len + len > q->room) {
		uint8_t *p = realloc(q->data, (q->len + len) * 2);

		if (!p) {
			run_fail(r, "no memory for the wire");
			return;
		}
		q->data = p;
		q->room = (q->len + len) * 2;
	}
	memcpy(q->data + q->len, buf, len);
	q->len += len;
	q->total += len;
}

ssize_t wire_deliver(struct run *r, size_t most)
{
	struct run_queue *q = &r->to_near;
	size_t len = q->len - q->off < most ? q->len - q->off : most;
	ssize_t n;

	if (!len)
		return 0;
	n = send(r->wire, q->data + q->off, len, MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		return run_fail(r, "wire: send: %s", strerror(errno));
	q->off += (size_t)n;
	return n;
}

/* TLS 1.2 AES-GCM shows its nonce: each must follow the one before, from
 * the SSL's last to the kernel's first, and so on. */
static int tap_nonce(struct run *r)
{
	struct run_tap *t = &r->tap;
	uint64_t nonce = 0;
	int i;

	for (i = 5; i < 13; i++)
		nonce = nonce << 8 | t->head[i];
	if (t->counting && nonce != t->nonce + 1)
		return run_fail(r, "record %lu: explicit nonce jumps by %lld",
				t->records, (long long)(nonce - t->nonce));
	t->counting = 1;
	t->nonce = nonce;
	return 0;
}

static int tap_record(struct run *r)
{
	struct run_tap *t = &r->tap;
	const uint8_t *h = t->head;

	if (h[0] < 20 || h[0] > 23 || h[1] != 3 || h[2] > 3)
		return run_fail(r, "record %lu on the wire is no TLS: %02x "
				"%02x%02x", t->records, h[0], h[1], h[2]);
	t->skip = (size_t)(h[3] << 8 | h[4]);
	t->records++;
	if (t->encrypted && t->gcm12 && t->skip < 24)
		return run_fail(r, "record %lu is too short", t->records);
	return 0;
}

static int tap_byte(struct run *r, uint8_t byte)
{
	struct run_tap *t = &r->tap;
	size_t want = t->encrypted && t->gcm12 ? 13 : 5;

	t->head[t->have++] = byte;
	if (t->have == 5 && tap_record(r))
		return -1;
	if (t->have < want)
		return 0;
	if (want == 13 && tap_nonce(r))
		return -1;
	t->skip -= want - 5;
	t->have = 0;
	if (t->head[0] == KTLS_RECORD_CCS)
		t->encrypted = 1;
	return 0;
}

static int tap(struct run *r, const uint8_t *buf, size_t len)
{
	struct run_tap *t = &r->tap;
	size_t n;

	while (len) {
		n = t->skip < len ? t->skip : len;
		/* Between its fifth byte and its nonce, a record is read. */
		if (t->have == 0 && n) {
			t->skip -= n;
		} else {
			n = 1;
			if (tap_byte(r, *buf))
				return -1;
		}
		buf += n;
		len -= n;
	}
	return 0;
}

ssize_t wire_take(struct run *r, size_t most)
{
	static uint8_t buf[RUN_BUFFER];
	ssize_t n;

	if (r->handed_off)
		fake_kernel_push(r->fd);
	n = recv(r->wire, buf, most < sizeof(buf) ? most : sizeof(buf), 0);
	if (n == 0 || (n < 0 && errno == EAGAIN))
		return 0;
	if (n < 0)
		return run_fail(r, "wire: recv: %s", strerror(errno));
	if (tap(r, buf, (size_t)n))
		return -1;
	if (BIO_write(r->peer_in, buf, (int)n) != n)
		return run_fail(r, "the peer's BIO took less");
	return n;
}

int wire_deliver_all(struct run *r)
{
	ssize_t n;

	while ((n = wire_deliver(r, RUN_BUFFER)) > 0)
		;
	if (n == 0 && r->to_near.off != r->to_near.len)
		return run_fail(r, "wire: near's socket is full");
	return (int)n;
}

int wire_take_all(struct run *r)
{
	ssize_t n;

	while ((n = wire_take(r, RUN_BUFFER)) > 0)
		if (SSL_is_init_finished(r->peer) && peer_read(r))
			return -1;
	return (int)n;
}

/* Loopback TCP needs a moment when it waits for a timer of its own. */
static void wait_for_tcp(struct run *r)
{
	struct pollfd p = { r->wire, POLLIN, 0 };

	if (r->to_near.off != r->to_near.len)
		p.events |= POLLOUT;
	poll(&p, 1, 1);
}

/* Small pieces, but not for ever: the more there is, the larger. */
static size_t piece(struct run *r, uint64_t waiting)
{
	return stream_between(&r->random, 1, r->plan.chunk) +
	       (size_t)waiting / 64;
}

int wire_step(struct run *r)
{
	ssize_t in, out;

	in = wire_deliver(r, piece(r, r->to_near.len - r->to_near.off));
	if (in < 0)
		return -1;
	out = wire_take(r, piece(r, r->near_sent - r->peer_got));
	if (out < 0)
		return -1;
	if (SSL_is_init_finished(r->peer) && peer_read(r))
		return -1;
	r->idle = in + out ? 0 : r->idle + 1;
	if (r->idle > IDLE_STEPS)
		wait_for_tcp(r);
	return 0;
}
