/* SPDX-License-Identifier: MIT */
/* A refusal of ktls_open(): see refusal.h. */
#include "refusal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <check.h>
#include <openssl/err.h>

#include "sock.h"
#include "sys.h"
#include "uapi.h"

const char *refusal_name(int err)
{
	return err == 0 ? "success" : ktls_strerror(err);
}

void refusal_no_keys(int fd)
{
	ck_assert_int_le(ktls__sock_has_keys(fd, KTLS_TX), 0);
	ck_assert_int_le(ktls__sock_has_keys(fd, KTLS_RX), 0);
}

int refusal_has_ulp(int fd)
{
	char name[16] = "";
	socklen_t len = sizeof(name);
	int err = ktls__sys->getsockopt(fd, KTLS__SOL_TCP, KTLS__TCP_ULP, name,
					&len);

	return err == 0 && len > 0 && strcmp(name, "tls") == 0;
}

void refused(struct keyed *c, int err)
{
	struct ktls *k = (struct ktls *)c;
	int is = ktls_open(&k, c->fd, &c->session, &c->opts);

	ck_assert_msg(is == err, "%s, not %s", refusal_name(is),
		      refusal_name(err));
	ck_assert_ptr_null(k);
	ck_assert_uint_eq(c->event_count, 0);
	refusal_no_keys(c->fd);
	/* The application's queue of errors is its own. */
	ck_assert_uint_eq(ERR_peek_error(), 0);
}

static void send_text(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
}

static void recv_text(int fd, const char *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[64];

	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_eq(recv(fd, buf, sizeof(buf), MSG_DONTWAIT),
			 (ssize_t)strlen(text));
	ck_assert_mem_eq(buf, text, strlen(text));
}

void refused_untouched(struct keyed *c, int err)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	send_text(c->peer_fd, "waiting");
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	refused(c, err);
	ck_assert_int_eq(refusal_has_ulp(c->fd), 0);
	recv_text(c->fd, "waiting");
	keyed_quiet(c);
	/* What comes first is not ours. */
	send_text(c->fd, "plain");
	recv_text(c->peer_fd, "plain");
	send_text(c->peer_fd, "answer");
	recv_text(c->fd, "answer");
}
