/* SPDX-License-Identifier: MIT */
/* TCP on the loopback interface. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"

/* The pacing timer of bbr makes identical runs differ by 1.8. */
static const char *congestion;

const char *tcp_congestion(void)
{
	return congestion ? congestion : "none yet";
}

static int set_congestion(int fd)
{
	static const char *const wanted[] = { "cubic", "reno" };
	size_t i;

	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (congestion && congestion != wanted[i])
			continue;
		if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, wanted[i],
			       (socklen_t)strlen(wanted[i])) == 0) {
			congestion = wanted[i];
			return 0;
		}
	}
	return -1;
}

/* What the kernel really uses, and no delay: servers set that as well. */
static int prove_congestion(int fd)
{
	char name[32] = "";
	socklen_t len = sizeof(name) - 1;
	const int on = 1;

	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) < 0 ||
	    strcmp(name, congestion) != 0)
		return -1;
	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int listener(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && set_congestion(fd) == 0 &&
	    bind(fd, (struct sockaddr *)addr, len) == 0 &&
	    listen(fd, 16) == 0 &&
	    getsockname(fd, (struct sockaddr *)addr, &len) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int tcp_pair(int fd[2])
{
	static struct sockaddr_in addr;
	static int listening = -1;

	if (listening < 0)
		listening = listener(&addr);
	fd[0] = -1;
	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listening >= 0 && fd[1] >= 0 && set_congestion(fd[1]) == 0 &&
	    connect(fd[1], (struct sockaddr *)&addr, sizeof(addr)) == 0)
		fd[0] = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	if (fd[0] >= 0 && prove_congestion(fd[0]) == 0 &&
	    prove_congestion(fd[1]) == 0)
		return 0;
	complain("no loopback connection", -errno);
	tcp_drop(fd[0]);
	tcp_drop(fd[1]);
	return -1;
}

void tcp_blocking(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

void tcp_drop(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}
