/* SPDX-License-Identifier: MIT */
/* The side that will be handed off, as long as it is an SSL. */
#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

#include "run.h"
#include "tests/tls_calls.h"

#define ROUNDS 100000

static int near_error(struct run *r, const char *what, int ret)
{
	char text[160];

	ERR_error_string_n(ERR_peek_error(), text, sizeof(text));
	return run_fail(r, "near's %s fails (%d): %s", what,
			SSL_get_error(r->near, ret), text);
}

/* Memory BIOs: from the socket into the SSL's. */
int near_feed(struct run *r)
{
	static uint8_t buf[RUN_BUFFER];
	size_t most = stream_between(&r->random, 1, r->plan.chunk);
	ssize_t n;

	if (!r->plan.memory_bio)
		return 0;
	n = recv(r->fd, buf, most, MSG_DONTWAIT);
	if (n > 0 && BIO_write(r->near_in, buf, (int)n) != n)
		return run_fail(r, "near's BIO took less");
	if (n < 0 && errno != EAGAIN)
		return run_fail(r, "near: recv: %s", strerror(errno));
	return 0;
}

/* Memory BIOs: some of what the SSL has written, to the socket. */
int near_drain_out(struct run *r)
{
	uint8_t sent[RUN_BUFFER];
	char *data;
	long len;
	ssize_t n;

	if (!r->plan.memory_bio)
		return 0;
	len = BIO_get_mem_data(r->near_out, &data);
	if (len <= 0)
		return 0;
	if (len > RUN_BUFFER)
		len = RUN_BUFFER;
	n = send(r->fd, data, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0 && BIO_read(r->near_out, sent, (int)n) != n)
		return run_fail(r, "near's BIO gave less");
	if (n < 0 && errno != EAGAIN)
		return run_fail(r, "near: send: %s", strerror(errno));
	return 0;
}

static int near_handshake_step(struct run *r, int *done)
{
	int ret, err;

	if (near_feed(r))
		return -1;
	ERR_clear_error();
	ret = SSL_do_handshake(r->near);
	err = SSL_get_error(r->near, ret);
	*done = ret == 1;
	if (ret != 1 && err != SSL_ERROR_WANT_READ &&
	    err != SSL_ERROR_WANT_WRITE)
		return near_error(r, "handshake", ret);
	return near_drain_out(r);
}

int near_handshake(struct run *r)
{
	int near_done = 0, peer_done = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (!near_done && near_handshake_step(r, &near_done))
			return -1;
		if (!peer_done && peer_handshake(r, &peer_done))
			return -1;
		if (near_done && peer_done)
			return 0;
		if (near_drain_out(r) || wire_step(r))
			return -1;
	}
	return run_fail(r, "the handshake does not end");
}

int near_check(struct run *r, const void *buf, size_t len)
{
	size_t good = stream_check(r->peer_key, r->near_got, buf, len);

	if (good != len)
		return run_fail(r, "near got a wrong byte at %llu (%zu of %zu; "
				"the peer has sent %llu)",
				(unsigned long long)(r->near_got + good), good,
				len, (unsigned long long)r->peer_sent);
	r->near_got += len;
	return 0;
}

int near_read(struct run *r)
{
	static uint8_t buf[RUN_BUFFER];
	int most = (int)run_some_len(r);
	int n, err;

	if (r->write.kind)
		return 0;
	if (near_feed(r))
		return -1;
	ERR_clear_error();
	n = SSL_read(r->near, buf, most);
	err = SSL_get_error(r->near, n);
	/* SSL_read() sends what is queued, a ticket for instance. */
	r->read_owes = n <= 0 && err == SSL_ERROR_WANT_WRITE;
	if (n <= 0 && err != SSL_ERROR_WANT_READ && !r->read_owes)
		return near_error(r, "SSL_read", n);
	run_trace(r, "near's SSL reads %d", n);
	return n > 0 ? near_check(r, buf, (size_t)n) : 0;
}

/* Begin a write of len bytes, or go on with the one that is pending. */
int near_write(struct run *r, size_t len)
{
	static uint8_t buf[RUN_WRITE_MAX];
	int n, err;

	if (r->write.kind)
		len = r->write.len;
	stream_fill(r->near_key, r->near_sent, buf, len);
	ERR_clear_error();
	n = SSL_write(r->near, buf, (int)len);
	err = SSL_get_error(r->near, n);
	run_trace(r, "near's SSL writes %d of %zu", n, len);
	if (n > 0) {
		r->near_sent += (size_t)n;
		r->write.kind = WRITE_NONE;
		return near_drain_out(r);
	}
	if (err != SSL_ERROR_WANT_WRITE)
		return near_error(r, "SSL_write", n);
	run_count(COUNT_PARTIAL_WRITE);
	r->write.kind = WRITE_PLAIN;
	r->write.len = len;
	return 0;
}

int near_finish_write(struct run *r)
{
	int i;

	for (i = 0; (r->write.kind || r->read_owes) && i < ROUNDS; i++)
		if ((r->write.kind ? near_write(r, 0) : near_read(r)) ||
		    wire_step(r))
			return -1;
	return r->write.kind ? run_fail(r, "a write does not end") : 0;
}

static int near_key_update(struct run *r, int request, int send_now)
{
	int i, ret = -1;

	if (near_finish_write(r))
		return -1;
	/* A queued ticket, or half of the peer's: not now. */
	if (SSL_in_init(r->near))
		return 0;
	run_trace(r, "near updates its keys, request %d", request);
	ERR_clear_error();
	if (SSL_key_update(r->near,
			   request ? SSL_KEY_UPDATE_REQUESTED :
				     SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
		return near_error(r, "SSL_key_update", 0);
	run_count(COUNT_KEY_UPDATE_NEAR);
	for (i = 0; send_now && ret != 1 && i < ROUNDS; i++) {
		ERR_clear_error();
		ret = tls_flush(r->near);
		if (ret != 1 && SSL_get_error(r->near, ret) !=
					SSL_ERROR_WANT_WRITE)
			return near_error(r, "KeyUpdate", ret);
		if (near_drain_out(r) || wire_step(r))
			return -1;
	}
	return 0;
}

static int near_ticket(struct run *r)
{
	if (!r->plan.near_server || r->plan.version != KTLS_TLS_1_3 ||
	    !tls_has(TLS_TICKETS_LATER))
		return 0;
	if (near_finish_write(r))
		return -1;
	ERR_clear_error();
	if (tls_new_ticket(r->near) == 1)
		run_count(COUNT_TICKET_NEAR);
	else if (!SSL_in_init(r->near))
		return near_error(r, "SSL_new_session_ticket", 0);
	return 0;
}

static int key_update_step(struct run *r)
{
	int request = stream_one_in(&r->random, 2);

	if (!r->plan.key_updates)
		return 0;
	if (stream_one_in(&r->random, 2))
		return peer_key_update(r, request);
	return near_key_update(r, request, stream_one_in(&r->random, 2));
}

static int step(struct run *r, int with_key_updates)
{
	switch (stream_below(&r->random, 10)) {
	case 0:
	case 1:
		return near_write(r, run_some_len(r));
	case 2:
	case 3:
		return near_read(r);
	case 4:
	case 5:
		return peer_write(r, run_some_len(r));
	case 6:
	case 7:
		return with_key_updates ? key_update_step(r) : 0;
	case 8:
		return near_ticket(r);
	default:
		return peer_ticket(r);
	}
}

static int steps(struct run *r, size_t n, int with_key_updates)
{
	while (n--) {
		if (step(r, with_key_updates))
			return -1;
		if (stream_one_in(&r->random, 2) &&
		    (near_drain_out(r) || wire_step(r)))
			return -1;
	}
	return 0;
}

/* Until all that was sent has arrived on both sides. */
static int quiet(struct run *r)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (r->near_got == r->peer_sent &&
		    r->peer_got == r->near_sent && !r->write.kind)
			return 0;
		if (near_finish_write(r) || near_drain_out(r) ||
		    wire_step(r) || near_read(r))
			return -1;
	}
	return run_fail(r, "bytes get lost before the hand-off");
}

/* No KeyUpdate of the peer's may be on its way after the hand-off: have
 * every request answered, and the answers read. */
static int settle(struct run *r)
{
	if (near_finish_write(r) || near_write(r, 1) || quiet(r) ||
	    peer_write(r, 1) || quiet(r))
		return -1;
	r->key_update_at = 0;
	return 0;
}

/* Near's SSL has taken at least the first byte of the peer's KeyUpdate: the
 * hand-off has to take the rest. */
static int pull_key_update(struct run *r)
{
	size_t before;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		before = (size_t)BIO_number_read(SSL_get_rbio(r->near));
		if (before >= r->key_update_at)
			return 0;
		if (wire_step(r) || near_read(r))
			return -1;
	}
	return run_fail(r, "a KeyUpdate does not arrive");
}

static int late_key_updates(struct run *r)
{
	if (stream_one_in(&r->random, 2)) {
		r->may_end = stream_one_in(&r->random, 2);
		if (near_finish_write(r) || peer_key_update(r, r->may_end))
			return -1;
		if (stream_one_in(&r->random, 2) &&
		    peer_write(r, run_some_len(r)))
			return -1;
		/* Read, and its answer queued; or in part only. */
		if (stream_one_in(&r->random, 2) ?
		    peer_write(r, 1) || quiet(r) : pull_key_update(r))
			return -1;
		run_count(COUNT_KEY_UPDATE_INSIDE);
	}
	/* With an answer to the peer's, two things are queued. */
	if (stream_one_in(&r->random, 2) && near_ticket(r))
		return -1;
	if (!stream_one_in(&r->random, 4))
		return 0;
	if (!SSL_in_init(r->near))
		run_count(COUNT_KEY_UPDATE_QUEUED);
	return near_key_update(r, 0, 0);
}

/* All that happens between the handshake and the hand-off. */
int near_before(struct run *r)
{
	if (steps(r, r->plan.steps_before, 1))
		return -1;
	if (!r->plan.key_updates)
		return 0;
	if (settle(r) || steps(r, stream_below(&r->random, 4), 0))
		return -1;
	return late_key_updates(r);
}
