/* SPDX-License-Identifier: MIT */
/*
 * ktls_open() on descriptors that are no connected TCP socket, or one that
 * has keys already: a named error, and nothing happens to them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "lib/sock.h"
#include "open_ways.h"
#include "refusal.h"
#include "tests/unit/suite_main.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static struct keyed c;

static void make(int i)
{
	keyed_start((enum keyed_world)(i / KEYED_KINDS));
	keyed_make(&c, &keyed_kinds[i % KEYED_KINDS], i & 1, (unsigned)i);
}

/* By each choice: what does not go to the kernel needs a socket, too. */
static void refuse_fd(int fd, int err)
{
	const int had_ulp = refusal_has_ulp(fd);
	enum ktls_choice choice;
	struct ktls *k;
	int is;

	for (choice = KTLS_AUTO; choice <= KTLS_USERSPACE; choice++) {
		c.opts.tx = c.opts.rx = choice;
		k = (struct ktls *)&c;
		is = ktls_open(&k, fd, &c.session, &c.opts);
		ck_assert_msg(is == err, "%s, not %s", refusal_name(is),
			      refusal_name(err));
		ck_assert_ptr_null(k);
		ck_assert_int_eq(refusal_has_ulp(fd), had_ulp);
	}
}

/* A pair of sockets, with something to read in the first one. */
static void refuse_pair(int fd[2], int err)
{
	char buf[16];

	ck_assert_int_eq(send(fd[1], "waiting", 7, MSG_NOSIGNAL), 7);
	refuse_fd(fd[0], err);
	ck_assert_int_eq(recv(fd[0], buf, sizeof(buf), MSG_DONTWAIT), 7);
	ck_assert_mem_eq(buf, "waiting", 7);
	ck_assert_int_eq(recv(fd[1], buf, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(send(fd[0], "plain", 5, MSG_NOSIGNAL), 5);
	ck_assert_int_eq(recv(fd[1], buf, sizeof(buf), 0), 5);
	close(fd[0]);
	close(fd[1]);
}

OPEN_TEST(unix_sockets)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int fd[2];
	int i;

	make(way);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, types[i], 0, fd), 0);
		refuse_pair(fd, -EOPNOTSUPP);
	}
	keyed_close(&c);
}

static int bound(int type, int protocol, struct sockaddr_in *in)
{
	socklen_t len = sizeof(*in);
	int fd = socket(AF_INET, type, protocol);

	if (fd < 0)
		return fd;
	memset(in, 0, sizeof(*in));
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (void *)in, len), 0);
	ck_assert_int_eq(getsockname(fd, (void *)in, &len), 0);
	return fd;
}

OPEN_TEST(udp)
{
	struct sockaddr_in in[2];
	int fd[2];

	make(way);
	fd[0] = bound(SOCK_DGRAM, 0, &in[0]);
	fd[1] = bound(SOCK_DGRAM, 0, &in[1]);
	refuse_fd(fd[0], -EOPNOTSUPP);
	ck_assert_int_eq(connect(fd[0], (void *)&in[1], sizeof(in[1])), 0);
	ck_assert_int_eq(connect(fd[1], (void *)&in[0], sizeof(in[0])), 0);
	refuse_pair(fd, -EOPNOTSUPP);
	keyed_close(&c);
}

OPEN_TEST(not_connected)
{
	struct sockaddr_in in;
	int fd;
	int peer;

	make(way);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	refuse_fd(fd, -ENOTCONN);
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd >= 0)
		refuse_fd(fd, -ENOTCONN);
	close(fd);
	fd = bound(SOCK_STREAM, 0, &in);
	refuse_fd(fd, -ENOTCONN);
	ck_assert_int_eq(listen(fd, 1), 0);
	refuse_fd(fd, -ENOTCONN);
	/* It listens on. */
	peer = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(peer, (void *)&in, sizeof(in)), 0);
	refuse_fd(fd, -ENOTCONN);
	close(accept(fd, NULL, NULL));
	close(peer);
	close(fd);
	keyed_close(&c);
}

/* A stream of TCP's kind, though no kernel has TLS on it. */
OPEN_TEST(multipath)
{
	struct sockaddr_in in;
	int listener;
	int fd;

	make(way);
	listener = bound(SOCK_STREAM, IPPROTO_MPTCP, &in);
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	if (listener >= 0 && fd >= 0) {
		ck_assert_int_eq(listen(listener, 1), 0);
		ck_assert_int_eq(connect(fd, (void *)&in, sizeof(in)), 0);
		close(c.fd);
		close(c.peer_fd);
		c.fd = fd;
		c.peer_fd = accept(listener, NULL, NULL);
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
		c.opts.rx = c.opts.tx = KTLS_KERNEL;
		keyed_open(&c);
		keyed_paths(&c, KTLS_PATH_USERSPACE, KTLS_PATH_USERSPACE);
		keyed_alive(&c);
		close(listener);
	}
	keyed_close(&c);
}

OPEN_TEST(no_sockets)
{
	int ends[2];
	int fd;

	make(way);
	ck_assert_int_eq(pipe(ends), 0);
	refuse_fd(ends[0], -ENOTSOCK);
	refuse_fd(ends[1], -ENOTSOCK);
	close(ends[0]);
	close(ends[1]);
	refuse_fd(ends[0], -EBADF);
	fd = open("/dev/null", O_RDWR);
	refuse_fd(fd, -ENOTSOCK);
	close(fd);
	fd = open("/proc/self/exe", O_RDONLY);
	refuse_fd(fd, -ENOTSOCK);
	close(fd);
	fd = open("/", O_RDONLY | O_DIRECTORY);
	refuse_fd(fd, -ENOTSOCK);
	close(fd);
	refuse_fd(-1, -EBADF);
	refuse_fd(INT_MIN, -EBADF);
	refuse_fd(INT_MAX, -EBADF);
	fd = dup(c.fd);
	close(fd);
	refuse_fd(fd, -EBADF);
	keyed_close(&c);
}

/* Somebody else's keys, of one direction; they go on unharmed. */
START_TEST(has_keys)
{
	const int dir = _i & 2 ? KTLS_TX : KTLS_RX;
	uint64_t seq;

	keyed_start(keyed_kernel(_i & 1));
	keyed_make(&c, &keyed_kinds[_i / 4], 1, 3);
	ck_assert_int_eq(ktls_sock_attach(c.fd), 0);
	ck_assert_int_eq(ktls_sock_install(c.fd, dir, dir == KTLS_TX ? &c.tx :
								       &c.rx),
			 0);
	refuse_fd(c.fd, -EBUSY);
	ck_assert_int_eq(ktls__sock_has_keys(c.fd, dir), 1);
	ck_assert_int_eq(ktls__sock_has_keys(c.fd, KTLS_TX + KTLS_RX - dir),
			 0);
	ck_assert_int_eq(ktls__sock_rec_seq(c.fd, dir,
					    ktls__suite_find(c.kind.suite),
					    &seq), 0);
	ck_assert_uint_eq(seq, dir == KTLS_TX ? c.tx.seq : c.rx.seq);
	keyed_quiet(&c);
	keyed_close(&c);
}
END_TEST

/* A connection of ours is there already. */
START_TEST(opened_twice)
{
	struct ktls *k = (struct ktls *)&c;

	keyed_start(keyed_kernel(_i & 1));
	keyed_make(&c, &keyed_kinds[_i / 2], 1, 3);
	keyed_open(&c);
	ck_assert_int_eq(ktls_open(&k, c.fd, &c.session, &c.opts), -EBUSY);
	ck_assert_ptr_null(k);
	keyed_alive(&c);
	keyed_close(&c);
}
END_TEST

/* The ULP alone is not in the way. */
START_TEST(attached_before)
{
	keyed_start(keyed_kernel(_i & 1));
	keyed_make(&c, &keyed_kinds[_i / 2], 1, 3);
	ck_assert_int_eq(ktls_sock_attach(c.fd), 0);
	c.opts.rx = KTLS_KERNEL;
	keyed_open(&c);
	keyed_paths(&c, KTLS_PATH_KERNEL, KTLS_PATH_KERNEL);
	keyed_alive(&c);
	keyed_close(&c);
}
END_TEST

/* The peer has closed its side: no ULP, but TLS goes on. */
OPEN_TEST(half_closed)
{
	struct pollfd p = { .events = POLLRDHUP };

	make(way);
	keyed_seal(&c, KTLS_RECORD_DATA, "last words", 10);
	keyed_send(&c, SIZE_MAX);
	ck_assert_int_eq(shutdown(c.peer_fd, SHUT_WR), 0);
	p.fd = c.fd;
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	keyed_open(&c);
	keyed_paths(&c, KTLS_PATH_USERSPACE, KTLS_PATH_USERSPACE);
	keyed_reads_text(&c, "last words");
	keyed_ends(&c, -KTLS_ETRUNCATED);
	ck_assert_int_eq(ktls_write(c.k, "answer", 6, 0), 6);
	keyed_gets_text(&c, "answer");
	keyed_close(&c);
}

OPEN_TEST(reset)
{
	struct linger hard = { .l_onoff = 1 };
	struct pollfd p = { .events = POLLIN };

	make(way);
	setsockopt(c.peer_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(c.peer_fd);
	c.peer_fd = -1;
	p.fd = c.fd;
	while ((p.revents & POLLHUP) == 0)
		poll(&p, 1, -1);
	refuse_fd(c.fd, -ENOTCONN);
	keyed_close(&c);
}

int main(void)
{
	Suite *all = suite_create("open_fds");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, unix_sockets, 0, keyed_worlds());
	tcase_add_loop_test(tcase, udp, 0, keyed_worlds());
	tcase_add_loop_test(tcase, not_connected, 0, keyed_worlds());
	tcase_add_loop_test(tcase, multipath, 0, keyed_worlds());
	tcase_add_loop_test(tcase, no_sockets, 0, keyed_worlds());
	tcase_add_loop_test(tcase, has_keys, 0, 4 * KEYED_KINDS);
	tcase_add_loop_test(tcase, opened_twice, 0, 2 * KEYED_KINDS);
	tcase_add_loop_test(tcase, attached_before, 0, 2 * KEYED_KINDS);
	tcase_add_loop_test(tcase, half_closed, 0, keyed_worlds());
	tcase_add_loop_test(tcase, reset, 0, keyed_worlds());
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
