/* SPDX-License-Identifier: MIT */
/*
 * One connection: handshake, hand-off, requests and responses, close_notify.
 * Each state is a function that goes as far as the socket lets it; none asks
 * which path libktls chose.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <openssl/err.h>

#include "file_server.h"

#define STEPS_PER_TURN 64
#define SENDFILE_STEP 65536
#define LINGER_BYTES ((size_t)1 << 20)
#define INTERNAL_ERROR 80 /* an alert, RFC 8446 section 6 */

static int step_handshake(struct conn *c);
static int step_handoff(struct conn *c);
static int step_read(struct conn *c);
static int step_write(struct conn *c);
static int step_linger(struct conn *c);

time_t monotonic_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

static void touch(struct conn *c)
{
	c->deadline = monotonic_seconds() + (time_t)c->server->opts.timeout;
}

static int enter(struct conn *c, int (*step)(struct conn *c))
{
	c->step = step;
	touch(c);
	return CONN_GO;
}

struct conn *conn_new(const struct server *s, int fd)
{
	static atomic_ulong last_id;
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->server = s;
	c->fd = fd;
	c->id = atomic_fetch_add(&last_id, 1) + 1;
	c->response.file = -1;
	c->ssl = SSL_new(s->ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1) {
		SSL_free(c->ssl);
		free(c);
		return NULL;
	}
	enter(c, step_handshake);
	return c;
}

void conn_free(struct conn *c)
{
	response_free(&c->response);
	SSL_free(c->ssl);
	ktls_free(c->k);
	close(c->fd);
	free(c);
}

static int fail(struct conn *c, const char *what, const char *why)
{
	fprintf(stderr, "conn %lu: %s: %s\n", c->id, what, why);
	return CONN_DONE;
}

/* The library has told the peer what was wrong with it; that alert has to
 * arrive. */
static int fail_connection(struct conn *c, int err)
{
	fail(c, "connection", ktls_strerror(err));
	return enter(c, step_linger);
}

static int step_handshake(struct conn *c)
{
	const char *why;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_accept(c->ssl);
	if (r == 1)
		return enter(c, step_handoff);
	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		c->ssl_events = EPOLLIN;
		return CONN_WAIT;
	case SSL_ERROR_WANT_WRITE:
		c->ssl_events = EPOLLOUT;
		return CONN_WAIT;
	case SSL_ERROR_SYSCALL:
		return fail(c, "handshake", errno ? strerror(errno) :
						    "connection closed");
	default:
		why = ERR_reason_error_string(ERR_peek_error());
		return fail(c, "handshake", why ? why : "failed");
	}
}

static void print_direction(char *out, size_t len, const char *name,
			    const struct ktls_direction *d)
{
	if (d->path == KTLS_PATH_KERNEL)
		snprintf(out, len, "%s kernel", name);
	else
		snprintf(out, len, "%s %s (%s%s%s)", name,
			 ktls_path_name(d->path), ktls_reason_name(d->reason),
			 d->reason_errno ? ": " : "", d->reason_errno ?
			 ktls_strerror(d->reason_errno) : "");
}

static void log_paths(struct conn *c)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	char tx[160], rx[160];
	const char *suite;

	if (!c->server->opts.verbose || ktls_info(c->k, &info) < 0)
		return;
	suite = ktls_suite_name(info.suite);
	print_direction(tx, sizeof(tx), "tx", &info.tx);
	print_direction(rx, sizeof(rx), "rx", &info.rx);
	printf("conn %lu: %s %s %s, %s\n", c->id,
	       info.version == KTLS_TLS_1_3 ? "TLSv1.3" : "TLSv1.2",
	       suite ? suite : "another suite", tx, rx);
}

/* From here on the SSL is libktls', whether it still needs it or not. */
static int step_handoff(struct conn *c)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	int err;

	opts.tx = c->server->opts.tx;
	opts.rx = c->server->opts.rx;
	opts.flags = KTLS_TAKE_SSL;
	err = ktls_handoff(&c->k, c->ssl, &opts);
	if (err == -EAGAIN) {
		c->ssl_events = SSL_want(c->ssl) == SSL_WRITING ? EPOLLOUT :
								  EPOLLIN;
		return CONN_WAIT;
	}
	if (err < 0)
		return fail(c, "hand-off", ktls_strerror(err));
	c->ssl = NULL;
	log_paths(c);
	request_init(&c->request);
	return enter(c, step_read);
}

static int answer(struct conn *c)
{
	const struct request *q = &c->request;

	if (response_make(&c->response, c->server, q) < 0)
		return fail(c, "response", strerror(ENOMEM));
	if (c->server->opts.verbose)
		printf("conn %lu: %s %.*s %u\n", c->id,
		       q->url_len ? http_method_str(q->parser.method) : "?",
		       (int)q->url_len, q->url, c->response.status);
	return enter(c, step_write);
}

/* What was read and not used yet is the next request of a pipeline. */
static int step_read(struct conn *c)
{
	struct request *q = &c->request;
	ssize_t n;

	if (c->in_at == c->in_len) {
		n = ktls_read(c->k, c->in, sizeof(c->in));
		if (n == -EAGAIN)
			return CONN_WAIT;
		if (n == -EINTR)
			return CONN_GO;
		if (n < 0)
			return fail_connection(c, (int)n);
		if (n == 0)
			return enter(c, step_linger);
		c->in_at = 0;
		c->in_len = (size_t)n;
	}
	/* The time for one request runs from its first byte, not from its
	 * latest. */
	if (!q->started)
		touch(c);
	c->in_at += request_feed(q, c->in + c->in_at, c->in_len - c->in_at);
	return q->complete ? answer(c) : CONN_GO;
}

/* The length is promised already: only a broken stream can take it back. */
static int file_ended_early(struct conn *c)
{
	char why[96];

	snprintf(why, sizeof(why), "file shrank while it was sent, %llu bytes"
		 " are missing", (unsigned long long)c->response.left);
	ktls_alert(c->k, INTERNAL_ERROR);
	fail(c, "response", why);
	return enter(c, step_linger);
}

static ssize_t write_some(struct conn *c)
{
	struct response *r = &c->response;
	ssize_t n;

	if (r->text_sent < r->text_len) {
		n = ktls_write(c->k, r->text + r->text_sent,
			       r->text_len - r->text_sent, 0);
		if (n > 0)
			r->text_sent += (size_t)n;
		return n;
	}
	n = ktls_sendfile(c->k, r->file, &r->offset,
			  r->left < SENDFILE_STEP ? (size_t)r->left :
						    SENDFILE_STEP, 0);
	if (n > 0)
		r->left -= (uint64_t)n;
	return n;
}

static int step_write(struct conn *c)
{
	struct response *r = &c->response;
	ssize_t n;

	if (r->text_sent == r->text_len && r->left == 0) {
		response_free(r);
		if (!r->keep_alive)
			return enter(c, step_linger);
		request_init(&c->request);
		return enter(c, step_read);
	}
	n = write_some(c);
	if (n == -EAGAIN)
		return CONN_WAIT;
	if (n == 0)
		return file_ended_early(c);
	if (n < 0 && n != -EINTR)
		return fail(c, "write", ktls_strerror((int)n));
	touch(c);
	return CONN_GO;
}

/* To close with unread input would reset the connection, and the reset can
 * overtake our last bytes. */
static int step_linger(struct conn *c)
{
	int err = ktls_linger(c->k, LINGER_BYTES,
			      c->server->opts.timeout * 1000);

	if (err == -EAGAIN)
		return CONN_WAIT;
	return err == -EINTR ? CONN_GO : CONN_DONE;
}

static int run_steps(struct conn *c)
{
	int turn = CONN_GO, i;

	for (i = 0; i < STEPS_PER_TURN && turn == CONN_GO; i++)
		turn = c->step(c);
	return turn == CONN_GO ? CONN_YIELD : turn;
}

int conn_run(struct conn *c, uint32_t events)
{
	int err;

	if (c->k && c->step != step_linger && events & (EPOLLERR | EPOLLHUP)) {
		err = ktls_error(c->k);
		if (err < 0)
			return fail_connection(c, err);
	}
	return run_steps(c);
}

uint32_t conn_events(const struct conn *c)
{
	int events;

	if (!c->k)
		return c->ssl_events;
	events = ktls_events(c->k);
	return (events & POLLIN ? EPOLLIN : 0U) |
	       (events & POLLOUT ? EPOLLOUT : 0U);
}

int conn_expire(struct conn *c)
{
	/* Between two requests this is no error: end it properly. */
	if (c->step == step_read && !c->request.started) {
		enter(c, step_linger);
		return run_steps(c);
	}
	if (c->step == step_linger)
		return CONN_DONE;
	return fail(c, !c->k ? "handshake" : c->step == step_read ?
		    "request" : "response", "timed out");
}
