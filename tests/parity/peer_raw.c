/* SPDX-License-Identifier: MIT */
/* A peer that seals records of its own choice, and opens ours one by one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/aead.h"
#include "parity.h"

#define RECORD_MAX (16384 + 256 + 5)
#define WIRE_ROOM (4 * RECORD_MAX)
#define HELD_ROOM (128 * 1024)
#define KEY_UPDATE 24

static size_t from_hex(uint8_t *out, size_t room, const char *hex)
{
	size_t len = 0;
	unsigned byte;

	while (len < room && sscanf(hex + 2 * len, "%2x", &byte) == 1)
		out[len++] = (uint8_t)byte;
	return len;
}

void parity_raw_keylog(const SSL *ssl, const char *line)
{
	struct parity_conn *c = SSL_get_app_data(ssl);
	const char *last = strrchr(line, ' ');
	int server = strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0;

	if (c == NULL || last == NULL || c->script->peer != PEER_RAW ||
	    (!server && strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) != 0))
		return;
	c->peer.secret_len = from_hex(c->peer.secret[server],
				      sizeof(c->peer.secret[server]), last + 1);
}

static uint16_t suite_id(const struct parity_conn *c)
{
	return SSL_CIPHER_get_protocol_id(
		SSL_get_current_cipher(c->peer.ssl));
}

/* Of the direction that `server` sends. */
static int keys_1_3(struct parity_conn *c, int server)
{
	int peers = server != c->script->server;

	return ktls_keys_tls13(peers ? &c->peer.tx : &c->peer.rx, suite_id(c),
			       c->peer.secret[server], c->peer.secret_len);
}

static int next_keys(struct parity_conn *c, int server)
{
	if (ktls_secret_next(suite_id(c), c->peer.secret[server],
			     c->peer.secret_len) ||
	    keys_1_3(c, server))
		return parity_fail(c, "the raw peer's next key");
	return 0;
}

static int keys_1_2(struct parity_conn *c)
{
	struct parity_peer *p = &c->peer;
	uint8_t master[48];
	uint8_t randoms[2][32];

	SSL_SESSION_get_master_key(SSL_get_session(p->ssl), master, 48);
	SSL_get_client_random(p->ssl, randoms[0], 32);
	SSL_get_server_random(p->ssl, randoms[1], 32);
	return ktls_keys_tls12(c->script->server ? &p->tx : &p->rx,
			       c->script->server ? &p->rx : &p->tx,
			       suite_id(c), master, randoms[0], randoms[1]);
}

int parity_raw_open(struct parity_conn *c)
{
	int err;

	c->peer.wire = malloc(WIRE_ROOM);
	c->peer.held = malloc(HELD_ROOM);
	if (c->peer.wire == NULL || c->peer.held == NULL)
		return parity_fail(c, "no memory for the raw peer");
	if (c->script->version == KTLS_TLS_1_2)
		err = keys_1_2(c);
	else
		err = keys_1_3(c, 0) || keys_1_3(c, 1);
	return err ? parity_fail(c, "the raw peer's keys") : 0;
}

/* The explicit nonce of TLS 1.2 AES-GCM. */
static void set_nonce(const struct parity_conn *c, struct ktls_keys *keys)
{
	int i;

	if (c->script->version != KTLS_TLS_1_2 || c->script->suite == 2)
		return;
	for (i = 0; i < 8; i++)
		keys->iv[4 + i] = (uint8_t)(keys->seq >> (56 - 8 * i));
}

int parity_raw_hold(struct parity_conn *c, size_t keep)
{
	struct parity_peer *p = &c->peer;
	size_t len = p->held_len > keep ? p->held_len - keep : 0;

	if (len == 0 || p->gone)
		return 0;
	if (send(c->peer_fd, p->held, len, MSG_NOSIGNAL) != (ssize_t)len)
		return parity_fail(c, "the raw peer cannot send");
	memmove(p->held, p->held + len, keep);
	p->held_len = keep;
	if (keep == 0)
		c->sent += p->half;
	if (keep == 0)
		p->half = 0;
	return 0;
}

int parity_raw_send(struct parity_conn *c, uint8_t type, const void *p,
		    size_t len, size_t pad)
{
	static uint8_t inner[16384];
	struct parity_peer *peer = &c->peer;
	int n;

	memcpy(inner, p, len);
	/* The last byte of the padding takes the type's place. */
	if (pad > 0) {
		memset(inner + len, 0, pad);
		inner[len] = type;
		len += pad;
		type = 0;
	}
	if (peer->held_len + len + KTLS__RECORD_OVERHEAD > HELD_ROOM)
		return parity_fail(c, "the raw peer holds too much");
	set_nonce(c, &peer->tx);
	n = ktls__record_seal(peer->held + peer->held_len, &peer->tx, type,
			      inner, len);
	if (n < 0)
		return parity_fail(c, "the raw peer cannot seal: %d", n);
	peer->tx.seq++;
	peer->held_len += (size_t)n;
	c->wire_bytes += (size_t)n;
	return 0;
}

int parity_raw_update(struct parity_conn *c, int ask)
{
	const uint8_t msg[5] = { KEY_UPDATE, 0, 0, 1, (uint8_t)ask };

	if (parity_raw_send(c, KTLS_RECORD_HANDSHAKE, msg, 5, 0) ||
	    next_keys(c, !c->script->server))
		return -1;
	return parity_raw_hold(c, 0);
}

static int take_handshake(struct parity_conn *c, const uint8_t *msg, size_t len)
{
	if (len != 5 || msg[0] != KEY_UPDATE || msg[4] > 1)
		return parity_fail(c, "a handshake message of %zu bytes", len);
	c->peer.updates_got++;
	if (next_keys(c, c->script->server))
		return -1;
	return msg[4] && !c->peer.fin_sent ? parity_raw_update(c, 0) : 0;
}

static int take_alert(struct parity_conn *c, const uint8_t *alert, size_t len)
{
	int warning = alert[1] == 0 || alert[1] == PARITY_WARNING;

	if (len != 2 || alert[0] != (warning ? 1 : 2))
		return parity_fail(c, "an alert of %zu bytes, level %d, %d",
				   len, alert[0], alert[1]);
	if (alert[1] == PARITY_WARNING)
		c->peer.warnings++;
	else
		c->peer.alert = alert[1];
	c->peer.closed = alert[1] == 0;
	return 0;
}

static int take_record(struct parity_conn *c, const uint8_t *rec, size_t len)
{
	static uint8_t plain[RECORD_MAX];
	uint8_t type = 0;
	int n = ktls__record_open(plain, &type, &c->peer.rx, rec, len);

	if (n < 0)
		return parity_fail(c, "record %llu of %zu bytes: %s",
				   (unsigned long long)c->peer.rx.seq, len,
				   ktls_strerror(n));
	c->peer.rx.seq++;
	if (c->peer.closed)
		return parity_fail(c, "a record behind close_notify");
	if (type == KTLS_RECORD_ALERT)
		return take_alert(c, plain, (size_t)n);
	if (type == KTLS_RECORD_HANDSHAKE)
		return take_handshake(c, plain, (size_t)n);
	if (type != KTLS_RECORD_DATA || n == 0)
		return parity_fail(c, "a record of type %d, %d bytes", type, n);
	return parity_peer_took(c, plain, (size_t)n);
}

static int take_records(struct parity_conn *c)
{
	struct parity_peer *p = &c->peer;
	size_t off = 0;

	while (p->wire_len - off >= 5) {
		size_t len = 5 + (size_t)(p->wire[off + 3] << 8 |
					  p->wire[off + 4]);

		if (len > RECORD_MAX)
			return parity_fail(c, "a record of %zu bytes", len);
		if (p->wire_len - off < len)
			break;
		if (take_record(c, p->wire + off, len))
			return -1;
		off += len;
	}
	memmove(p->wire, p->wire + off, p->wire_len - off);
	p->wire_len -= off;
	return 0;
}

int parity_raw_drain(struct parity_conn *c)
{
	struct parity_peer *p = &c->peer;
	int moved = 0;
	ssize_t n;

	while (!p->fin && !p->reset) {
		n = recv(c->peer_fd, p->wire + p->wire_len,
			 WIRE_ROOM - p->wire_len, 0);
		if (n < 0 && errno == EAGAIN)
			break;
		moved = 1;
		p->fin = n == 0;
		p->reset = n < 0;
		if (n > 0) {
			p->wire_len += (size_t)n;
			if (take_records(c))
				return -1;
		}
	}
	if (p->fin && p->wire_len > 0)
		return parity_fail(c, "half a record at the end");
	return moved;
}
