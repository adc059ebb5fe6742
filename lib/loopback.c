/* SPDX-License-Identifier: MIT */
/*
 * A pair of connected TCP sockets for the probe to try things on: TLS needs
 * a connection in ESTABLISHED, and socketpair() makes none over TCP.
 */
#include "loopback.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>

#include "sys.h"

static void loopback(struct sockaddr_storage *addr, int family)
{
	memset(addr, 0, sizeof(*addr));
	addr->ss_family = (sa_family_t)family;
	if (family == AF_INET)
		((struct sockaddr_in *)addr)->sin_addr.s_addr =
			htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)addr)->sin6_addr = in6addr_loopback;
}

/* A firewall on the loopback interface must not make a probe hang. */
int ktls__loopback_socket(int family)
{
	static const struct timeval limit = {.tv_sec = 1};
	int fd = ktls__sys->socket(family, SOCK_STREAM, IPPROTO_TCP);

	if (fd < 0)
		return fd;
	ktls__sys->setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
			      sizeof(limit));
	ktls__sys->setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
			      sizeof(limit));
	return fd;
}

static int start_listener(int family, struct sockaddr_storage *addr,
			  socklen_t *len)
{
	int fd = ktls__loopback_socket(family);
	int err;

	if (fd < 0)
		return fd;
	loopback(addr, family);
	*len = sizeof(*addr);
	err = ktls__sys->bind(fd, (struct sockaddr *)addr,
			      family == AF_INET ? sizeof(struct sockaddr_in)
						: sizeof(struct sockaddr_in6));
	if (err == 0)
		err = ktls__sys->listen(fd, 1);
	if (err == 0)
		err = ktls__sys->getsockname(fd, (struct sockaddr *)addr, len);
	if (err == 0)
		return fd;
	ktls__sys->close(fd);
	return err;
}

/* Anyone on this host may have connected to our port before us. */
static int check_peer(const int pair[2])
{
	struct sockaddr_storage ours = {0}, theirs = {0};
	socklen_t our_len = sizeof(ours), their_len = sizeof(theirs);
	int err;

	err = ktls__sys->getsockname(pair[KTLS__CLIENT],
				     (struct sockaddr *)&ours, &our_len);
	if (err == 0)
		err = ktls__sys->getpeername(pair[KTLS__SERVER],
					     (struct sockaddr *)&theirs,
					     &their_len);
	if (err < 0)
		return err;
	return memcmp(&ours, &theirs, sizeof(ours)) == 0 ? 0 : -EADDRINUSE;
}

void ktls__loopback_close(const int pair[2])
{
	ktls__sys->close(pair[KTLS__CLIENT]);
	ktls__sys->close(pair[KTLS__SERVER]);
}

static int accept_pair(int pair[2], int listener)
{
	int err;

	pair[KTLS__SERVER] = ktls__sys->accept(listener);
	if (pair[KTLS__SERVER] < 0)
		return pair[KTLS__SERVER];
	err = check_peer(pair);
	if (err < 0)
		ktls__sys->close(pair[KTLS__SERVER]);
	return err;
}

static int open_pair_of(int pair[2], int family)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int listener = start_listener(family, &addr, &len);
	int err;

	if (listener < 0)
		return listener;
	err = pair[KTLS__CLIENT] = ktls__loopback_socket(family);
	if (err >= 0) {
		err = ktls__sys->connect(pair[KTLS__CLIENT],
					 (struct sockaddr *)&addr, len);
		if (err == 0)
			err = accept_pair(pair, listener);
		if (err < 0)
			ktls__sys->close(pair[KTLS__CLIENT]);
	}
	ktls__sys->close(listener);
	return err < 0 ? err : 0;
}

int ktls__loopback_pair(int pair[2])
{
	int err = open_pair_of(pair, AF_INET);

	if (err < 0 && open_pair_of(pair, AF_INET6) == 0)
		err = 0;
	return err;
}
