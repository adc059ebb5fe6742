/* SPDX-License-Identifier: MIT */
/* The scripted peer's socket, keys and records: see life_peer.h. */
#include "life_peer.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CIPHER_MAX (16384 + 256)
#define KEY_UPDATE 24

static void start_way(struct life_way *way, const struct ktls_keys *keys,
		      const uint8_t *secret, size_t secret_len)
{
	way->keys = *keys;
	way->secret_len = secret_len;
	memcpy(way->secret, secret, secret_len);
}

void life_peer_start(struct life_peer *peer, struct rig *rig)
{
	int ours = rig->config.server;

	memset(peer, 0, sizeof(*peer));
	peer->fd = rig->peer_fd;
	start_way(&peer->tx, &rig->peer_tx, rig->secret[ours ? 0 : 1],
		  rig->secret_len);
	start_way(&peer->rx, &rig->peer_rx, rig->secret[ours ? 1 : 0],
		  rig->secret_len);
}

void life_peer_free(struct life_peer *peer)
{
	size_t i;

	for (i = 0; i < peer->count; i++)
		free(peer->items[i].bytes);
	free(peer->items);
	free(peer->held.bytes);
	free(peer->wire.bytes);
	free(peer->hs.bytes);
	memset(peer, 0, sizeof(*peer));
}

void life_peer_rekey(struct life_way *way)
{
	uint16_t suite = way->keys.suite;

	ck_assert_int_eq(ktls_secret_next(suite, way->secret, way->secret_len),
			 0);
	ck_assert_int_eq(ktls_keys_tls13(&way->keys, suite, way->secret,
					 way->secret_len), 0);
	way->generation++;
}

static void append(struct life_buffer *to, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	if (to->len + len > to->room) {
		to->room = 2 * (to->len + len);
		to->bytes = realloc(to->bytes, to->room);
		ck_assert_ptr_nonnull(to->bytes);
	}
	memcpy(to->bytes + to->len, bytes, len);
	to->len += len;
}

static void drop(struct life_buffer *from, size_t len)
{
	from->len -= len;
	if (from->len > 0)
		memmove(from->bytes, from->bytes + len, from->len);
}

/* A connection that we have ended refuses the rest, as any would. */
static void send_all(int fd, const uint8_t *at, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return;
		ck_assert_int_gt(n, 0);
		at += n;
		len -= (size_t)n;
	}
}

void life_peer_send(struct life_peer *peer, const void *wire, size_t len)
{
	if (peer->holds)
		append(&peer->held, wire, len);
	else
		send_all(peer->fd, wire, len);
}

void life_peer_release(struct life_peer *peer)
{
	peer->holds = 0;
	send_all(peer->fd, peer->held.bytes, peer->held.len);
	peer->held.len = 0;
}

void life_peer_seal(struct life_peer *peer, const struct life_record *record)
{
	uint8_t wire[LIFE_WIRE_MAX];
	size_t n = life_seal(wire, &peer->tx.keys, record);

	life_peer_send(peer, wire, n);
}

static void add_item(struct life_peer *peer, uint8_t type,
		     const uint8_t *bytes, size_t len)
{
	struct life_item *item;

	peer->items = realloc(peer->items,
			      (peer->count + 1) * sizeof(*peer->items));
	ck_assert_ptr_nonnull(peer->items);
	item = &peer->items[peer->count++];
	memset(item, 0, sizeof(*item));
	item->type = type;
	item->generation = peer->rx.generation;
	item->bytes = malloc(len + 1);
	ck_assert_ptr_nonnull(item->bytes);
	memcpy(item->bytes, bytes, len);
	item->len = len;
}

/* A problem is kept: the test fails with it, and the step that found it. */
static void stumble(struct life_peer *peer, const char *why)
{
	if (peer->problem[0] == '\0')
		snprintf(peer->problem, sizeof(peer->problem),
			 "%s (generation %u, record %llu)", why,
			 peer->rx.generation,
			 (unsigned long long)peer->rx.keys.seq);
}

/* RFC 8446 section 5.1: nothing of the record may follow a KeyUpdate. */
static void follow_update(struct life_peer *peer, size_t len)
{
	if (peer->rx.secret_len == 0)
		stumble(peer, "a KeyUpdate in TLS 1.2");
	else if (len != 5 || peer->hs.bytes[4] > 1)
		stumble(peer, "a malformed KeyUpdate");
	else if (peer->hs.len != len)
		stumble(peer, "a KeyUpdate that does not end its record");
	else
		life_peer_rekey(&peer->rx);
}

static void take_messages(struct life_peer *peer)
{
	const uint8_t *hs = peer->hs.bytes;
	size_t len;

	while (peer->hs.len >= 4) {
		len = 4 + ((size_t)hs[1] << 16 | (size_t)hs[2] << 8 | hs[3]);
		if (peer->hs.len < len)
			return;
		add_item(peer, KTLS_RECORD_HANDSHAKE, hs, len);
		if (hs[0] == KEY_UPDATE)
			follow_update(peer, len);
		drop(&peer->hs, len);
	}
}

static void take_record(struct life_peer *peer, const uint8_t *wire,
			size_t len)
{
	uint8_t text[CIPHER_MAX];
	uint8_t type;
	ssize_t n = life_open(text, &type, &peer->rx.keys, wire, len);

	if (n < 0) {
		stumble(peer, "a record that does not open");
		return;
	}
	if (n > 16384)
		stumble(peer, "a record with too much in it");
	if (n == 0 && type != KTLS_RECORD_DATA)
		stumble(peer, "an empty record that is not data");
	if (peer->rx.keys.seq > peer->most)
		peer->most = peer->rx.keys.seq;
	if (type == KTLS_RECORD_HANDSHAKE) {
		append(&peer->hs, text, (size_t)n);
		take_messages(peer);
		return;
	}
	if (peer->hs.len > 0)
		stumble(peer, "another record within a handshake message");
	if (n > 0)
		add_item(peer, type, text, (size_t)n);
}

static void take_wire(struct life_peer *peer)
{
	const uint8_t *wire = peer->wire.bytes;
	size_t len;

	while (peer->wire.len >= 5 && peer->problem[0] == '\0') {
		len = 5 + (size_t)(wire[3] << 8 | wire[4]);
		if (len > 5 + CIPHER_MAX || wire[1] != 3 || wire[2] != 3) {
			stumble(peer, "something that is no record");
			return;
		}
		if (peer->wire.len < len)
			return;
		take_record(peer, wire, len);
		drop(&peer->wire, len);
	}
}

static int pump_once(struct life_peer *peer)
{
	uint8_t buf[65536];
	ssize_t n = recv(peer->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		peer->ended = 1;
		return 0;
	}
	append(&peer->wire, buf, (size_t)n);
	take_wire(peer);
	return peer->problem[0] == '\0';
}

void life_peer_pump(struct life_peer *peer)
{
	while (!peer->ended && pump_once(peer))
		;
}

static int wait_for_it(struct life_peer *peer)
{
	struct pollfd pfd = { peer->fd, POLLIN, 0 };

	if (peer->ended || peer->problem[0] != '\0')
		return 0;
	if (poll(&pfd, 1, LIFE_LIMIT) <= 0)
		return 0;
	life_peer_pump(peer);
	return 1;
}

struct life_item *life_peer_next(struct life_peer *peer)
{
	life_peer_pump(peer);
	while (peer->next == peer->count)
		if (!wait_for_it(peer))
			return NULL;
	return &peer->items[peer->next];
}

void life_peer_rest(struct life_peer *peer)
{
	while (wait_for_it(peer))
		;
}
