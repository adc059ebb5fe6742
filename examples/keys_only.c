/* SPDX-License-Identifier: MIT */
/*
 * keys_only - kernel TLS for those who bring keys of their own: no TLS
 * library appears here.  Both ends of a loopback connection get keys made
 * from fixed demo secrets; data and a close_notify alert cross it.
 * (With ktls-none ktls_keys_tls13() is -EOPNOTSUPP: bring key and iv there.)
 * Exit status 77: this kernel has no TLS.
 *
 *   cc -std=c11 -D_GNU_SOURCE keys_only.c -o keys_only \
 *      $(pkg-config --cflags --libs ktls)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls/ktls.h>

#define SUITE 0x1301 /* TLS_AES_128_GCM_SHA256 */

/* What a handshake would have agreed on: one secret per direction. */
static const uint8_t to_server[32] = "demo secret: client to server..";
static const uint8_t to_client[32] = "demo secret: server to client..";

/* fds[0] is the client's end, fds[1] the server's. */
static int tcp_pair(int fds[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int err = 0, listener = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fds[1] = -1;
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || fds[0] < 0 ||
	    bind(listener, (struct sockaddr *)&addr, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
	    connect(fds[0], (struct sockaddr *)&addr, len) < 0)
		err = -errno;
	else if ((fds[1] = accept(listener, NULL, NULL)) < 0)
		err = -errno;
	if (listener >= 0)
		close(listener);
	return err;
}

static int install(int fd, int dir, const uint8_t *secret)
{
	struct ktls_keys keys;
	int err;

	err = ktls_keys_tls13(&keys, SUITE, secret, 32);
	if (err == 0)
		err = ktls_sock_install(fd, dir, &keys);
	ktls_keys_wipe(&keys);
	return err;
}

/* TX first: if it is refused, the socket is still as it was. */
static int use_keys(int fd, const uint8_t *send, const uint8_t *recv)
{
	int err;

	err = ktls_sock_attach(fd);
	if (err == 0)
		err = install(fd, KTLS_TX, send);
	if (err == 0)
		err = install(fd, KTLS_RX, recv);
	return err;
}

/* Send one record, and read it back with its type at the other end. */
static int cross(int from, int to, uint8_t type, const char *msg, size_t len)
{
	char buf[64];
	uint8_t got = 0;
	ssize_t n;

	n = ktls_sock_send(from, type, msg, len, 0);
	if (n >= 0)
		n = ktls_sock_recv(to, &got, buf, sizeof(buf), NULL);
	if (n < 0)
		return (int)n;
	printf("sent type %d, %zu bytes; received type %d, %zd bytes\n", type,
	       len, got, n);
	if (got != type || (size_t)n != len || memcmp(buf, msg, len) != 0)
		return -EBADMSG;
	return 0;
}

static int talk(const int fds[2])
{
	static const char hello[] = "hello over kernel TLS";
	static const char reply[] = "and back again";
	static const char close_notify[2] = { 1, 0 };
	int err;

	err = use_keys(fds[0], to_server, to_client);
	if (err == 0)
		err = use_keys(fds[1], to_client, to_server);
	if (err == 0)
		err = cross(fds[0], fds[1], KTLS_RECORD_DATA, hello,
			    sizeof(hello));
	if (err == 0)
		err = cross(fds[1], fds[0], KTLS_RECORD_DATA, reply,
			    sizeof(reply));
	if (err == 0)
		err = cross(fds[0], fds[1], KTLS_RECORD_ALERT, close_notify,
			    sizeof(close_notify));
	return err;
}

int main(void)
{
	int fds[2] = { -1, -1 };
	int err;

	err = tcp_pair(fds);
	if (err < 0)
		fprintf(stderr, "loopback pair: %s\n", ktls_strerror(err));
	else
		err = talk(fds);
	if (fds[0] >= 0)
		close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	if (err == -ENOENT) {
		fprintf(stderr, "this kernel has no TLS, or may not load it"
			" for us (try: modprobe tls)\n");
		return 77;
	}
	if (err < 0)
		fprintf(stderr, "failed: %s\n", ktls_strerror(err));
	return err < 0 ? 1 : 0;
}
