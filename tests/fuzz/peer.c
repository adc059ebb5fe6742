/* SPDX-License-Identifier: MIT */
/*
 * The peer: a plain SSL of OpenSSL on memory BIOs, which accepts no record
 * with a wrong sequence number, and checks every byte it gets.
 */
#include <openssl/err.h>
#include <string.h>

#include "run.h"
#include "tests/tls_calls.h"

static int peer_error(struct run *r, const char *what, int ret)
{
	char text[160];

	ERR_error_string_n(ERR_peek_error(), text, sizeof(text));
	return run_fail(r, "the peer's %s fails (%d) at byte %llu of %llu: %s",
			what, SSL_get_error(r->peer, ret),
			(unsigned long long)r->peer_got,
			(unsigned long long)r->near_sent, text);
}

/* What the peer has sealed goes on the wire. */
static void collect(struct run *r)
{
	uint8_t buf[4096];
	int n;

	while ((n = BIO_read(r->peer_out, buf, sizeof(buf))) > 0)
		wire_put(r, buf, (size_t)n);
}

int peer_handshake(struct run *r, int *done)
{
	int ret, err;

	ERR_clear_error();
	ret = SSL_do_handshake(r->peer);
	err = SSL_get_error(r->peer, ret);
	collect(r);
	*done = ret == 1;
	if (ret != 1 && err != SSL_ERROR_WANT_READ)
		return peer_error(r, "handshake", ret);
	return 0;
}

static int check(struct run *r, const uint8_t *buf, size_t len)
{
	size_t good = stream_check(r->near_key, r->peer_got, buf, len);

	if (good != len)
		return run_fail(r, "the peer got a wrong byte at %llu "
				"(near has sent %llu)",
				(unsigned long long)(r->peer_got + good),
				(unsigned long long)r->near_sent);
	r->peer_got += len;
	return 0;
}

int peer_read(struct run *r)
{
	static uint8_t buf[RUN_BUFFER];
	size_t most = stream_between(&r->random, 1, sizeof(buf));
	int n, err;

	for (;;) {
		ERR_clear_error();
		n = SSL_read(r->peer, buf, (int)most);
		if (n <= 0)
			break;
		if (check(r, buf, (size_t)n))
			return -1;
	}
	err = SSL_get_error(r->peer, n);
	collect(r);
	if (err == SSL_ERROR_ZERO_RETURN)
		r->peer_closed = 1;
	else if (err != SSL_ERROR_WANT_READ)
		return peer_error(r, "SSL_read", n);
	return 0;
}

/* A KeyUpdate that is queued goes out before the next data. */
static void note_key_update(struct run *r)
{
	if (tls_key_update_waits(r->peer))
		r->key_update_at = r->to_near.total + 1;
}

int peer_write(struct run *r, size_t len)
{
	static uint8_t buf[RUN_WRITE_MAX];
	int n;

	run_trace(r, "peer writes %zu", len);
	note_key_update(r);
	stream_fill(r->peer_key, r->peer_sent, buf, len);
	ERR_clear_error();
	n = SSL_write(r->peer, buf, (int)len);
	if (n != (int)len)
		return peer_error(r, "SSL_write", n);
	r->peer_sent += len;
	collect(r);
	return 0;
}

int peer_key_update(struct run *r, int request)
{
	int n;

	run_trace(r, "peer updates its keys, request %d", request);
	ERR_clear_error();
	n = SSL_key_update(r->peer, request ? SSL_KEY_UPDATE_REQUESTED :
					      SSL_KEY_UPDATE_NOT_REQUESTED);
	if (n != 1)
		return peer_error(r, "SSL_key_update", n);
	r->key_update_at = r->to_near.total + 1;
	n = tls_flush(r->peer);
	if (n != 1)
		return peer_error(r, "KeyUpdate", n);
	collect(r);
	run_count(COUNT_KEY_UPDATE_PEER);
	return 0;
}

int peer_ticket(struct run *r)
{
	int n;

	if (r->plan.near_server || r->plan.version != KTLS_TLS_1_3 ||
	    !tls_has(TLS_TICKETS_LATER))
		return 0;
	/* It would go out together with a queued KeyUpdate. */
	if (tls_key_update_waits(r->peer))
		return 0;
	run_trace(r, "peer sends a ticket");
	ERR_clear_error();
	if (tls_new_ticket(r->peer) != 1)
		return peer_error(r, "SSL_new_session_ticket", 0);
	n = tls_flush(r->peer);
	if (n != 1)
		return peer_error(r, "ticket", n);
	collect(r);
	run_count(COUNT_TICKET_PEER);
	return 0;
}

int peer_shutdown(struct run *r)
{
	int n;

	run_trace(r, "peer closes");
	ERR_clear_error();
	n = SSL_shutdown(r->peer);
	if (n < 0)
		return peer_error(r, "SSL_shutdown", n);
	collect(r);
	return 0;
}
