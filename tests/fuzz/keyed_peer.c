/* SPDX-License-Identifier: MIT */
/* The peer of a connection by made-up keys: its records, sealed and opened. */
#include "keyed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "aead.h"

static uint64_t get_be64(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static void put_be64(uint8_t *p, uint64_t v)
{
	int i;

	for (i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static uint8_t *room_for(struct keyed *c, size_t len)
{
	if (c->wire_len + len > c->wire_room) {
		c->wire_room = 2 * (c->wire_len + len);
		c->wire = realloc(c->wire, c->wire_room);
		keyed_must(c->wire != NULL);
	}
	return c->wire + c->wire_len;
}

static void move_on(const struct keyed *c, struct ktls_keys *keys)
{
	keys->seq++;
	if (keyed_is_gcm12(c))
		put_be64(keys->iv + 4, get_be64(keys->iv + 4) + 1);
}

void keyed_seal(struct keyed *c, uint8_t type, const void *buf, size_t len)
{
	uint8_t *to = room_for(c, len + KTLS__RECORD_OVERHEAD);
	int n = ktls__record_seal(to, &c->peer_tx, type, buf, len);

	keyed_must(n > 0);
	c->wire_len += (size_t)n;
	move_on(c, &c->peer_tx);
}

/* The text of a record of type 0 is followed by zeros, which are padding:
 * what stands before them is the type. */
void keyed_seal_padded(struct keyed *c, uint8_t type, const void *buf,
		       size_t len, size_t pad)
{
	uint8_t text[16385] = { 0 };

	keyed_must(c->version == KTLS_TLS_1_3);
	keyed_must(pad > 0);
	keyed_must(len + pad <= 16384);
	if (len > 0)
		memcpy(text, buf, len);
	text[len] = type;
	keyed_seal(c, 0, text, len + pad);
}

void keyed_bytes(struct keyed *c, const void *buf, size_t len)
{
	memcpy(room_for(c, len), buf, len);
	c->wire_len += len;
}

static void next(struct keyed *c, uint8_t *secret, struct ktls_keys *keys)
{
	keyed_must(ktls_secret_next(c->kind.suite, secret, c->secret_len) == 0);
	keyed_must(ktls_keys_tls13(keys, c->kind.suite, secret,
				   c->secret_len) == 0);
}

void keyed_next_tx(struct keyed *c)
{
	next(c, c->secret_rx, &c->peer_tx);
}

void keyed_next_rx(struct keyed *c)
{
	next(c, c->secret_tx, &c->peer_rx);
}

void keyed_update(struct keyed *c, int request)
{
	const uint8_t msg[5] = { 24, 0, 0, 1, request != 0 };

	keyed_seal(c, KTLS_RECORD_HANDSHAKE, msg, sizeof(msg));
	keyed_next_tx(c);
}

static void drop(struct keyed *c, size_t len)
{
	c->wire_len -= len;
	memmove(c->wire, c->wire + len, c->wire_len);
}

/* Of its own size, so that a sanitizer sees any byte too far. */
void keyed_copy_left(struct keyed *c, size_t len)
{
	keyed_must(c->left == NULL);
	if (len == 0)
		return;
	c->left = malloc(len);
	keyed_must(c->left != NULL);
	memcpy(c->left, c->wire, len);
	c->session.ciphertext = c->left;
	c->session.ciphertext_len = len;
}

void keyed_leave(struct keyed *c, size_t len)
{
	len = len < c->wire_len ? len : c->wire_len;
	keyed_copy_left(c, len);
	drop(c, len);
}

void keyed_send(struct keyed *c, size_t len)
{
	ssize_t n;

	len = len < c->wire_len ? len : c->wire_len;
	if (len == 0)
		return;
	n = send(c->peer_fd, c->wire, len, MSG_NOSIGNAL);
	keyed_must(n == (ssize_t)len);
	drop(c, len);
}

/* 1: so many bytes are in; else as keyed_recv(). */
static int fill(struct keyed *c, size_t want)
{
	ssize_t n;

	while (c->in_len < want) {
		n = recv(c->peer_fd, c->in + c->in_len, want - c->in_len,
			 MSG_DONTWAIT);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		c->in_len += (size_t)n;
	}
	return 1;
}

ssize_t keyed_recv(struct keyed *c, uint8_t *type,
		   uint8_t buf[KEYED_RECORD_MAX])
{
	size_t len;
	int n;

	*type = 0;
	n = fill(c, 5);
	if (n <= 0)
		return n;
	len = (size_t)(5 + (c->in[3] << 8 | c->in[4]));
	if (len > KEYED_RECORD_MAX)
		return -EBADMSG;
	n = fill(c, len);
	if (n <= 0)
		return n;
	n = ktls__record_open(buf, type, &c->peer_rx, c->in, len);
	if (n < 0)
		return -EBADMSG;
	if (keyed_is_gcm12(c))
		c->nonce = get_be64(c->in + 5);
	c->in_len = 0;
	c->peer_rx.seq++;
	return n;
}
