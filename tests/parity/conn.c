/* SPDX-License-Identifier: MIT */
/* A connection of one pair of paths: sockets, handshake, hand-off, end. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "parity.h"
#include "tests/fuzz/fake_kernel.h"

/* All of a sequence fits, or next to nothing does. */
#define ROOMY (2 << 20)
#define TIGHT_RCVBUF 16384
#define TIGHT_SNDBUF 8192
#define TIGHT_PACKET 1400

static int listeners[2];
static struct sockaddr_in addresses[2];

static void set_buffer(int fd, int name, int size)
{
	setsockopt(fd, SOL_SOCKET, name, &size, sizeof(size));
}

static int open_listener(int tight)
{
	struct sockaddr_in *addr = &addresses[tight];
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr->sin_family = AF_INET;
	/* A place of its own for each process: ports are used up fast. */
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK +
				      (in_addr_t)(getpid() % 65536) * 64);
	set_buffer(fd, SO_RCVBUF, tight ? TIGHT_RCVBUF : ROOMY);
	if (bind(fd, (void *)addr, len) || listen(fd, 4) ||
	    getsockname(fd, (void *)addr, &len))
		return -1;
	return fd;
}

int parity_listeners(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		listeners[i] = open_listener(i);
		if (listeners[i] < 0)
			return -1;
	}
	return 0;
}

static void no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Packets much smaller than the room: else TCP waits for timers. */
static void small_packets(int fd)
{
	int size = TIGHT_PACKET;

	setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &size, sizeof(size));
}

static int connect_both(struct parity_conn *c)
{
	int tight = c->script->tight;
	struct sockaddr_in *addr = &addresses[tight];

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	set_buffer(c->fd, SO_RCVBUF, ROOMY);
	if (tight)
		small_packets(c->fd);
	if (connect(c->fd, (void *)addr, sizeof(*addr)))
		return parity_fail(c, "connect: %s", strerror(errno));
	c->peer_fd = accept4(listeners[tight], NULL, NULL,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c->peer_fd < 0)
		return parity_fail(c, "accept: %s", strerror(errno));
	fake_kernel_forget(c->fd);
	fake_kernel_forget(c->peer_fd);
	set_buffer(c->fd, SO_SNDBUF, tight ? TIGHT_SNDBUF : ROOMY);
	set_buffer(c->peer_fd, SO_SNDBUF, ROOMY);
	/* Nagle's algorithm holds back what TLS does not. */
	no_delay(c->fd);
	no_delay(c->peer_fd);
	return 0;
}

static int shake(struct parity_conn *c)
{
	int ours = 0;
	int peers = 0;
	int i;

	fcntl(c->fd, F_SETFL, O_RDWR | O_NONBLOCK);
	for (i = 0; i < 1000 && (ours != 1 || peers != 1); i++) {
		peers = peers == 1 ? 1 : SSL_do_handshake(c->peer.ssl);
		ours = ours == 1 ? 1 : SSL_do_handshake(c->ssl);
	}
	ERR_clear_error();
	fcntl(c->fd, F_SETFL, O_RDWR | (c->script->nonblock ? O_NONBLOCK : 0));
	if (ours != 1 || peers != 1)
		return parity_fail(c, "no handshake");
	if (!SSL_session_reused(c->ssl))
		return parity_fail(c, "the session was not resumed");
	return 0;
}

static int hand_off(struct parity_conn *c)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int err;

	opts.tx = c->paths.tx;
	opts.rx = c->paths.rx;
	while ((err = ktls_handoff(&c->k, c->ssl, &opts)) == -EAGAIN)
		poll(&p, 1, 1000);
	SSL_free(c->ssl);
	c->ssl = NULL;
	if (err)
		return parity_fail(c, "hand-off: %s", ktls_strerror(err));
	if (c->script->disturb) {
		fake_kernel_disturb(c->script->seed, c->script->disturb);
		fake_kernel_watch(c->fd);
	}
	return 0;
}

int parity_conn_open(struct parity_conn *c)
{
	if (connect_both(c))
		return -1;
	c->ssl = parity_ssl(c->script, 1);
	c->peer.ssl = parity_ssl(c->script, 0);
	if (c->ssl == NULL || c->peer.ssl == NULL)
		return parity_fail(c, "no memory for an SSL");
	SSL_set_app_data(c->peer.ssl, c);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_fd(c->peer.ssl, c->peer_fd);
	if (shake(c) || hand_off(c))
		return -1;
	return parity_peer_open(c);
}

/* By a reset, so that no port stays in TIME_WAIT. */
static void drop(int fd)
{
	struct linger now = { 1, 0 };

	if (fd < 0)
		return;
	fake_kernel_forget(fd);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

void parity_conn_close(struct parity_conn *c)
{
	fake_kernel_disturb(0, 0);
	ktls_free(c->k);
	c->k = NULL;
	SSL_free(c->ssl);
	c->ssl = NULL;
	parity_peer_close(c);
	drop(c->fd);
	if (!c->peer.gone)
		drop(c->peer_fd);
}
