/* SPDX-License-Identifier: MIT */
/* The socket layer alone, as an application on another stack uses it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "none.h"

static void attach_both(const struct ends *e)
{
	expect_int(ktls_sock_attach(e->fd), 0);
	expect_int(ktls_sock_attach(e->fd), 0);
	expect_int(ktls_sock_attach(e->peer), 0);
	expect_int(ktls_sock_install(e->fd, KTLS_TX, &e->out), 0);
	expect_int(ktls_sock_install(e->fd, KTLS_RX, &e->in), 0);
	expect_int(ktls_sock_install(e->peer, KTLS_TX, &e->in), 0);
	expect_int(ktls_sock_install(e->peer, KTLS_RX, &e->out), 0);
}

static void records(const struct cell *c)
{
	uint8_t buf[64], type;
	struct ends e;
	int flags = 0;

	ends_tcp(&e, c);
	attach_both(&e);
	expect_int(ktls_sock_send(e.fd, KTLS_RECORD_DATA, "data", 4, 0), 4);
	expect_int(ktls_sock_send(e.fd, KTLS_RECORD_ALERT, "\1\0", 2, 0), 2);
	expect_int(ktls_sock_recv(e.peer, &type, buf, sizeof(buf), &flags), 4);
	expect_int(type, KTLS_RECORD_DATA);
	expect((flags & MSG_EOR) != 0 && memcmp(buf, "data", 4) == 0);
	expect_int(ktls_sock_recv(e.peer, &type, buf, sizeof(buf), NULL), 2);
	expect_int(type, KTLS_RECORD_ALERT);
	expect_int(ktls_sock_send(e.peer, KTLS_RECORD_DATA, "back", 4, 0), 4);
	expect_int(ktls_sock_recv(e.fd, &type, buf, sizeof(buf), NULL), 4);
	expect_int(shutdown(e.peer, SHUT_WR), 0);
	expect_int(ktls_sock_recv(e.fd, &type, buf, sizeof(buf), NULL), 0);
	expect_int(type, 0);
	ends_close(&e);
}

static void refusals(const struct cell *c)
{
	struct ktls_keys other;
	struct ends e;

	ends_tcp(&e, c);
	expect_int(ktls_sock_install(e.fd, KTLS_TX, &e.out), -ENOPROTOOPT);
	expect_int(ktls_sock_send(e.fd, KTLS_RECORD_DATA, "secret", 6, 0),
		   -KTLS_EUNPROVEN);
	expect_int(ktls_sock_attach(e.fd), 0);
	expect_int(ktls_sock_send(e.fd, KTLS_RECORD_DATA, "secret", 6, 0),
		   -KTLS_EUNPROVEN);
	other = e.out;
	other.suite = 0x1304;
	expect_int(ktls_sock_install(e.fd, KTLS_TX, &other), -KTLS_ESUITE);
	other.version = 0x0302;
	expect_int(ktls_sock_install(e.fd, KTLS_TX, &other), -KTLS_EVERSION);
	expect_plain(&e);
	expect_int(ktls_sock_install(e.fd, KTLS_TX, &e.out), 0);
	expect_int(ktls_sock_install(e.fd, KTLS_TX, &e.out), -EBUSY);
	ends_close(&e);
}

/* For a sendmsg() or io_uring of the application's own. */
static void own_messages(const struct cell *c)
{
	_Alignas(8) uint8_t control[KTLS_CMSG_SPACE];
	char text[] = "\1\132";
	struct iovec iov = { .iov_base = text, .iov_len = 2 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct ends e;

	ends_tcp(&e, c);
	attach_both(&e);
	ktls_cmsg_set(&msg, control, KTLS_RECORD_ALERT);
	expect_int(sendmsg(e.fd, &msg, MSG_NOSIGNAL), 2);
	memset(control, 0, sizeof(control));
	msg.msg_controllen = sizeof(control);
	expect_int(recvmsg(e.peer, &msg, 0), 2);
	expect_int(ktls_cmsg_get(&msg), KTLS_RECORD_ALERT);
	ends_close(&e);
}

/* The socket has keys of somebody else. */
static void open_refuses(const struct cell *c)
{
	struct ktls_session session;
	struct ends e;

	ends_tcp(&e, c);
	attach_both(&e);
	session = session_of(&e, c, false);
	expect_int(ktls_open(&e.k, e.fd, &session, NULL), -EBUSY);
	expect(e.k == NULL);
	expect_int(ktls_sock_send(e.fd, KTLS_RECORD_DATA, "x", 1, 0), 1);
	peer_expect(&e, KTLS_RECORD_DATA, "x", 1);
	ends_close(&e);
}

const struct test sock_tests[] = {
	{ "socket layer: records", records },
	{ "socket layer: refusals", refusals },
	{ "socket layer: messages of the application", own_messages },
	{ "keys that are there already", open_refuses },
	{ NULL, NULL },
};
