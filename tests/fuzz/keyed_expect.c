/* SPDX-License-Identifier: MIT */
/* What a connection by made-up keys has to do, by Check. */
#include "keyed.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <check.h>

#include "fake_kernel.h"
#include "sys.h"

/* All of it was the caller's, who owes nobody to keep it. */
static void scribble(struct keyed *c)
{
	memset(&c->tx, 0x5a, sizeof(c->tx));
	memset(&c->rx, 0x5a, sizeof(c->rx));
	memset(c->given_secret, 0x5a, sizeof(c->given_secret));
	if (c->left != NULL)
		memset(c->left, 0x5a, c->session.ciphertext_len);
}

void keyed_open(struct keyed *c)
{
	int err = ktls_open(&c->k, c->fd, &c->session, &c->opts);

	ck_assert_msg(err == 0, "ktls_open() gives %s", ktls_strerror(err));
	ck_assert_ptr_nonnull(c->k);
	ck_assert_int_eq(ktls_fd(c->k), c->fd);
	scribble(c);
}

struct ktls_conn_info keyed_info(struct keyed *c)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	ck_assert_int_eq(ktls_info(c->k, &info), 0);
	ck_assert_int_eq(info.ssl_held, 0);
	ck_assert_int_eq(info.server, c->session.server);
	ck_assert_uint_eq(info.version, c->version);
	ck_assert_uint_eq(info.suite, c->kind.suite);
	return info;
}

void keyed_paths(struct keyed *c, enum ktls_path tx, enum ktls_path rx)
{
	struct ktls_conn_info info = keyed_info(c);

	ck_assert_str_eq(ktls_path_name(info.tx.path), ktls_path_name(tx));
	ck_assert_str_eq(ktls_path_name(info.rx.path), ktls_path_name(rx));
}

void keyed_reasons(struct keyed *c, enum ktls_reason tx, enum ktls_reason rx)
{
	struct ktls_conn_info info = keyed_info(c);

	ck_assert_str_eq(ktls_reason_name(info.tx.reason),
			 ktls_reason_name(tx));
	ck_assert_str_eq(ktls_reason_name(info.rx.reason),
			 ktls_reason_name(rx));
	keyed_paths(c, tx == KTLS_REASON_NONE ? KTLS_PATH_KERNEL :
						KTLS_PATH_USERSPACE,
		    rx == KTLS_REASON_NONE ? KTLS_PATH_KERNEL :
					     KTLS_PATH_USERSPACE);
}

/* By the library's table: the fake kernel has its own idea of readiness. */
static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	ck_assert_int_ne(events, 0);
	ck_assert_int_eq(ktls__sys->poll(&p, 1, -1), 1);
}

void keyed_reads(struct keyed *c, const void *buf, size_t len, size_t piece)
{
	uint8_t *got = malloc(piece);
	size_t have = 0;
	size_t want;
	ssize_t n;

	ck_assert_ptr_nonnull(got);
	while (have < len) {
		want = piece < len - have ? piece : len - have;
		n = ktls_read(c->k, got, want);
		if (n == -EAGAIN) {
			ck_assert_uint_eq(ktls_pending(c->k), 0);
			wait_for(c->fd, (short)ktls_events(c->k));
			continue;
		}
		ck_assert_msg(n > 0, "after %zu of %zu bytes: %s", have, len,
			      n < 0 ? ktls_strerror((int)n) : "the end");
		ck_assert_mem_eq(got, (const uint8_t *)buf + have, (size_t)n);
		have += (size_t)n;
	}
	free(got);
}

void keyed_reads_text(struct keyed *c, const char *text)
{
	keyed_reads(c, text, strlen(text), 64);
}

void keyed_ends(struct keyed *c, ssize_t result)
{
	uint8_t byte;
	ssize_t n;

	while ((n = ktls_read(c->k, &byte, 1)) == -EAGAIN)
		wait_for(c->fd, (short)ktls_events(c->k));
	ck_assert_msg(n == result, "%d, not %s", (int)n,
		      result < 0 ? ktls_strerror((int)result) : "the end");
	ck_assert_int_eq(ktls_read(c->k, &byte, 1), result);
}

void keyed_waits(struct keyed *c)
{
	uint8_t byte;

	ck_assert_int_eq(ktls_read(c->k, &byte, 1), -EAGAIN);
	ck_assert_int_ne(ktls_events(c->k) & POLLIN, 0);
}

void keyed_gets(struct keyed *c, uint8_t type, const void *buf, size_t len)
{
	uint8_t got[KEYED_RECORD_MAX];
	uint8_t is;
	ssize_t n;

	while ((n = keyed_recv(c, &is, got)) == -EAGAIN) {
		fake_kernel_push(c->fd);
		wait_for(c->peer_fd, POLLIN);
	}
	ck_assert_int_eq(n, (ssize_t)len);
	ck_assert_int_eq(is, type);
	ck_assert_mem_eq(got, buf, len);
}

void keyed_gets_text(struct keyed *c, const char *text)
{
	keyed_gets(c, KTLS_RECORD_DATA, text, strlen(text));
}

void keyed_gets_alert(struct keyed *c, uint8_t level, uint8_t number)
{
	const uint8_t alert[2] = { level, number };

	keyed_gets(c, KTLS_RECORD_ALERT, alert, sizeof(alert));
}

void keyed_quiet(struct keyed *c)
{
	uint8_t byte;

	ck_assert_uint_eq(c->in_len, 0);
	ck_assert_int_eq(recv(c->peer_fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK),
			 -1);
	ck_assert_int_eq(errno, EAGAIN);
}

void keyed_alive(struct keyed *c)
{
	static const char *const texts[] = { "ping", "again" };
	size_t i;

	for (i = 0; i < 2; i++) {
		keyed_seal(c, KTLS_RECORD_DATA, texts[i], strlen(texts[i]));
		keyed_send(c, SIZE_MAX);
		keyed_reads_text(c, texts[i]);
		ck_assert_int_eq(ktls_write(c->k, texts[i], strlen(texts[i]),
					    0), (ssize_t)strlen(texts[i]));
		keyed_gets_text(c, texts[i]);
	}
}

void keyed_event(struct keyed *c, size_t i, enum ktls_event_type type,
		 int value)
{
	ck_assert_uint_lt(i, c->event_count);
	ck_assert_int_eq(c->events[i].type, type);
	ck_assert_int_eq(c->events[i].value, value);
	ck_assert_int_eq(c->events[i].out_set, 1);
}
