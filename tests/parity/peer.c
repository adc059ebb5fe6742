/* SPDX-License-Identifier: MIT */
/* The other end: records of our own making, an SSL, or a struct ktls. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "parity.h"
#include "tests/fuzz/fake_kernel.h"

/* Header, nonce, type and tag. */
#define OVERHEAD 32

static void on_info(const SSL *ssl, int where, int value)
{
	struct parity_conn *c = SSL_get_app_data(ssl);

	if (where == SSL_CB_READ_ALERT && (value & 0xff) == PARITY_WARNING)
		c->peer.warnings++;
	else if (where == SSL_CB_READ_ALERT)
		c->peer.alert = value & 0xff;
}

static int open_ktls(struct parity_conn *c)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	int err;

	opts.tx = opts.rx = c->script->peer_path;
	err = ktls_handoff(&c->peer.k, c->peer.ssl, &opts);
	SSL_set_app_data(c->peer.ssl, NULL);
	SSL_free(c->peer.ssl);
	c->peer.ssl = NULL;
	return err ? parity_fail(c, "the peer's hand-off: %s",
				 ktls_strerror(err)) : 0;
}

int parity_peer_open(struct parity_conn *c)
{
	c->peer.alert = -1;
	switch (c->script->peer) {
	case PEER_RAW:
		return parity_raw_open(c);
	case PEER_KTLS:
		return open_ktls(c);
	default:
		SSL_set_info_callback(c->peer.ssl, on_info);
		return 0;
	}
}

void parity_peer_close(struct parity_conn *c)
{
	struct parity_peer *p = &c->peer;

	if (p->ssl != NULL) {
		SSL_set_app_data(p->ssl, NULL);
		SSL_set_info_callback(p->ssl, NULL);
	}
	SSL_free(p->ssl);
	ktls_free(p->k);
	free(p->wire);
	free(p->held);
	ktls_keys_wipe(&p->tx);
	ktls_keys_wipe(&p->rx);
	p->ssl = NULL;
	p->k = NULL;
	p->wire = p->held = NULL;
}

static int send_ssl(struct parity_conn *c, const uint8_t *p, size_t len)
{
	size_t n;

	ERR_clear_error();
	if (SSL_write_ex(c->peer.ssl, p, len, &n) != 1 || n != len)
		return parity_fail(c, "the peer's SSL_write");
	return 0;
}

static int send_ktls(struct parity_conn *c, const uint8_t *p, size_t len)
{
	ssize_t n = ktls_write(c->peer.k, p, len, 0);

	if (n != (ssize_t)len)
		return parity_fail(c, "the peer's ktls_write of %zu gives %zd",
				   len, n);
	return 0;
}

static int send_raw(struct parity_conn *c, const uint8_t *p, size_t len,
		    size_t pad)
{
	if (parity_raw_send(c, KTLS_RECORD_DATA, p, len, pad))
		return -1;
	return parity_raw_hold(c, 0);
}

int parity_peer_send(struct parity_conn *c, const uint8_t *p, size_t len,
		     size_t pad)
{
	int err;

	if (c->script->peer == PEER_RAW)
		err = send_raw(c, p, len, pad);
	else if (c->script->peer == PEER_SSL)
		err = send_ssl(c, p, len);
	else
		err = send_ktls(c, p, len);
	memcpy(c->in + c->sent, p, len);
	c->sent += len;
	/* a KeyUpdate that was asked for may go before it */
	c->wire_bytes += len + OVERHEAD * (len / 16384 + 3);
	return err;
}

int parity_peer_update(struct parity_conn *c, int ask)
{
	int err;

	c->wire_bytes += OVERHEAD * 2;
	if (c->script->peer == PEER_RAW)
		return parity_raw_update(c, ask);
	if (c->script->peer == PEER_SSL) {
		if (SSL_key_update(c->peer.ssl,
				   ask ? SSL_KEY_UPDATE_REQUESTED :
					 SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
		    SSL_do_handshake(c->peer.ssl) == 1)
			return 0;
		return parity_fail(c, "the peer's SSL_key_update");
	}
	err = ktls_update_keys(c->peer.k, ask ? KTLS_UPDATE_REQUESTED : 0);
	return err ? parity_fail(c, "the peer's ktls_update_keys: %s",
				 ktls_strerror(err)) : 0;
}

int parity_peer_notify(struct parity_conn *c)
{
	static const uint8_t close_notify[2] = { 1, 0 };

	c->wire_bytes += OVERHEAD * 2;
	if (c->script->peer == PEER_RAW)
		return parity_raw_send(c, KTLS_RECORD_ALERT, close_notify, 2,
				       0) ||
		       parity_raw_hold(c, 0);
	ERR_clear_error();
	if (c->script->peer == PEER_SSL)
		return SSL_shutdown(c->peer.ssl) < 0 ?
			       parity_fail(c, "the peer's SSL_shutdown") : 0;
	return ktls_shutdown(c->peer.k) ?
		       parity_fail(c, "the peer's ktls_shutdown") : 0;
}

int parity_peer_bad(struct parity_conn *c, int forged)
{
	static const uint8_t fatal[2] = { 2, 40 };

	if (parity_raw_send(c, forged ? KTLS_RECORD_DATA : KTLS_RECORD_ALERT,
			    fatal, 2, 0))
		return -1;
	c->peer.held[c->peer.held_len - 1] ^= (uint8_t)forged;
	return parity_raw_hold(c, 0);
}

int parity_peer_fin(struct parity_conn *c)
{
	if (parity_peer_drain(c) < 0 || parity_raw_hold(c, 0))
		return -1;
	if (shutdown(c->peer_fd, SHUT_WR))
		return parity_fail(c, "the peer's FIN");
	c->peer.fin_sent = 1;
	return 0;
}

int parity_peer_reset(struct parity_conn *c)
{
	struct linger now = { 1, 0 };

	setsockopt(c->peer_fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	fake_kernel_forget(c->peer_fd);
	c->peer.gone = 1;
	return close(c->peer_fd);
}

int parity_peer_took(struct parity_conn *c, const uint8_t *p, size_t len)
{
	size_t most = c->counted;

	/* What is sealed here goes out whole: see ktls_write(). */
	if (c->script->nonblock && c->paths.tx != KTLS_KERNEL &&
	    c->offered > c->counted)
		most++;
	if (c->got + len > most)
		return parity_fail(c, "the peer gets %zu bytes of %zu",
				   c->got + len, c->counted);
	if (c->has_other && c->got <= c->counted &&
	    c->counted < c->got + len && p[c->counted - c->got] == c->other)
		c->out[c->counted] = c->other;
	if (memcmp(c->out + c->got, p, len) != 0)
		return parity_fail(c, "wrong bytes at %zu, %zu of them", c->got,
				   len);
	c->got += len;
	return 0;
}

static int drain_ssl(struct parity_conn *c)
{
	static uint8_t buf[20000];
	struct parity_peer *p = &c->peer;
	int moved = 0;
	size_t n;
	int err;

	ERR_clear_error();
	while (SSL_read_ex(p->ssl, buf, sizeof(buf), &n) == 1) {
		moved = 1;
		if (parity_peer_took(c, buf, n))
			return -1;
	}
	err = SSL_get_error(p->ssl, 0);
	/* An alert of its own may find nobody. */
	parity_signals = 0;
	p->closed = err == SSL_ERROR_ZERO_RETURN;
	if (err == SSL_ERROR_WANT_READ || p->closed)
		return moved;
	/* It owes a KeyUpdate, and reads no further without it. */
	if (err == SSL_ERROR_SYSCALL && errno == EPIPE && p->fin_sent)
		p->blind = 1;
	else if (err == SSL_ERROR_SYSCALL &&
	    (errno == ECONNRESET || errno == EPIPE))
		p->reset = 1;
	else if (ERR_GET_REASON(ERR_peek_error()) ==
		 SSL_R_UNEXPECTED_EOF_WHILE_READING)
		p->fin = 1;
	else if (p->alert < 0)
		return parity_fail(c, "the peer's SSL_read: %s",
				   ERR_reason_error_string(ERR_peek_error()));
	return moved;
}

static int drain_ktls(struct parity_conn *c)
{
	static uint8_t buf[20000];
	struct ktls_conn_info info = { .size = sizeof(info) };
	struct parity_peer *p = &c->peer;
	int moved = 0;
	ssize_t n;

	fake_kernel_push(c->peer_fd);
	while ((n = ktls_read(p->k, buf, sizeof(buf))) > 0) {
		moved = 1;
		if (parity_peer_took(c, buf, (size_t)n))
			return -1;
	}
	ktls_info(p->k, &info);
	p->closed = n == 0;
	p->fin = n == -KTLS_ETRUNCATED;
	p->reset = parity_is_dead(n);
	p->blind = p->reset && p->fin_sent;
	p->warnings = (unsigned)info.alerts_received;
	if (n == -KTLS_EALERT)
		p->alert = info.alert_received;
	if (n < 0 && n != -EAGAIN && !p->fin && !p->reset && n != -KTLS_EALERT)
		return parity_fail(c, "the peer's ktls_read: %s",
				   ktls_strerror((int)n));
	return moved;
}

/* What the SSL cannot read any more must not be in the way of what comes. */
static int drain_blindly(const struct parity_conn *c)
{
	char drop[4096];

	return recv(c->peer_fd, drop, sizeof(drop), MSG_DONTWAIT) > 0;
}

int parity_peer_drain(struct parity_conn *c)
{
	if (parity_signals)
		return 0;
	if (c->peer.gone || c->peer.fin || c->peer.reset)
		return 0;
	if (c->peer.blind)
		return drain_blindly(c);
	if (c->script->peer == PEER_RAW)
		return parity_raw_drain(c);
	if (c->peer.closed || c->peer.alert > 0)
		return 0;
	return c->script->peer == PEER_SSL ? drain_ssl(c) : drain_ktls(c);
}
