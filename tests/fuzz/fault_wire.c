/* SPDX-License-Identifier: MIT */
/*
 * The TCP connection between the two ends, and what can be known of it
 * without a clock: which bytes are still on their way.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "fault.h"
#include "fault_peer.h"
#include "lib/sys.h"
#include "lib/uapi.h"

/* More than any script leaves unread. */
#define ROOM (1 << 18)

struct counts {
	struct ktls__tcp_info info;
	uint64_t bytes_received;
};

static struct counts tcp_counts(int fd)
{
	struct counts c = { .bytes_received = 0 };
	socklen_t len = sizeof(c);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &c, &len);
	return c;
}

static uint64_t tcp_sent(int fd)
{
	int queued = ktls__sys_linux.outq(fd);

	return tcp_counts(fd).info.bytes_acked + (uint64_t)queued;
}

uint64_t fault_in_flight(void)
{
	uint64_t sent = tcp_sent(fault_run.fd) - fault_run.tcp_base;

	return sent > fault_run.peer.taken ? sent - fault_run.peer.taken : 0;
}

void fault_arrived(void)
{
	while (tcp_counts(fault_run.fd).bytes_received - fault_run.tcp_in_base <
	       fault_run.peer.given)
		sched_yield();
}

static void set_int(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value));
}

static int prepare(int fd)
{
	set_int(fd, SOL_SOCKET, SO_RCVBUF, ROOM);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, ROOM);
	return fd;
}

static int listen_on(struct sockaddr_in *in)
{
	socklen_t len = sizeof(*in);
	int fd = prepare(socket(AF_INET, SOCK_STREAM, 0));

	memset(in, 0, sizeof(*in));
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)in, len) == 0 && listen(fd, 1) == 0 &&
	    getsockname(fd, (struct sockaddr *)in, &len) == 0)
		return fd;
	close(fd);
	return -1;
}

int fault_wire_open(void)
{
	struct fault_run *r = &fault_run;
	struct sockaddr_in in;
	int listener = listen_on(&in);

	r->fd = prepare(socket(AF_INET, SOCK_STREAM, 0));
	if (connect(r->fd, (struct sockaddr *)&in, sizeof(in)))
		return fault_fail("no connection: %s", strerror(errno));
	r->peer.fd = accept(listener, NULL, NULL);
	close(listener);
	fcntl(r->fd, F_SETFL, O_NONBLOCK);
	fcntl(r->peer.fd, F_SETFL, O_NONBLOCK);
	set_int(r->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(r->peer.fd, IPPROTO_TCP, TCP_NODELAY, 1);
	fake_kernel_forget(r->fd);
	r->tcp_base = tcp_sent(r->fd);
	r->tcp_in_base = tcp_counts(r->fd).bytes_received;
	return 0;
}

void fault_wire_close(void)
{
	fake_kernel_forget(fault_run.fd);
	close(fault_run.fd);
	close(fault_run.peer.fd);
}

int fault_wire_send(const void *buf, size_t len)
{
	struct fault_peer *p = &fault_run.peer;

	if (fault_run.dead)
		return 0;
	if (send(p->fd, buf, len, MSG_NOSIGNAL) != (ssize_t)len)
		return fault_fail("the peer cannot send: %s", strerror(errno));
	p->given += len;
	fault_arrived();
	return 0;
}

/* TLS 1.2 AES-GCM shows its nonces: each is larger than those before. */
static void tap_nonce(struct fault_peer *p)
{
	uint64_t nonce = 0;
	int i;

	for (i = 5; i < 13; i++)
		nonce = nonce << 8 | p->head[i];
	if (p->counting && nonce <= p->nonce)
		fault_fail("explicit nonce %llu comes again",
			   (unsigned long long)nonce);
	p->counting = 1;
	p->nonce = nonce;
}

static void tap_byte(struct fault_peer *p, uint8_t byte)
{
	size_t want = p->sealed ? 13 : 5;

	p->head[p->have++] = byte;
	if (p->have == 5)
		p->skip = (size_t)(p->head[3] << 8 | p->head[4]);
	if (p->have < want)
		return;
	if (p->sealed)
		tap_nonce(p);
	p->skip -= want - 5;
	p->have = 0;
	if (p->head[0] == KTLS_RECORD_CCS)
		p->sealed = 1;
}

static void tap(struct fault_peer *p, const uint8_t *buf, size_t len)
{
	size_t n;

	while (len) {
		n = p->have ? 0 : p->skip < len ? p->skip : len;
		p->skip -= n;
		if (n == 0) {
			tap_byte(p, *buf);
			n = 1;
		}
		buf += n;
		len -= n;
	}
}

int fault_wire_take(void)
{
	struct fault_peer *p = &fault_run.peer;
	static uint8_t buf[65536];
	ssize_t n;

	fake_kernel_push(fault_run.fd);
	if (p->eof)
		return 0;
	n = recv(p->fd, buf, sizeof(buf), 0);
	if (n < 0)
		return 0;
	p->taken += n ? (uint64_t)n : 1;
	p->eof = n == 0;
	if (fault_run.c->version == KTLS_TLS_1_2)
		tap(p, buf, (size_t)n);
	if (n > 0)
		BIO_write(p->in, buf, (int)n);
	return 1;
}

void fault_wire_fin(void)
{
	struct fault_peer *p = &fault_run.peer;

	if (p->fin || fault_run.dead)
		return;
	p->fin = 1;
	p->given++;
	shutdown(p->fd, SHUT_WR);
	fault_arrived();
}
