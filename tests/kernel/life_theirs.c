/* SPDX-License-Identifier: MIT */
/* The peer's steps. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "life_run.h"

#define KEY_UPDATE 24
#define FATAL 2
#define WARNING 1

static void send_piece(struct life *l, const struct life_step *s,
		       const uint8_t *bytes, size_t len)
{
	struct life_record record = {
		.type = s->type, .bytes = bytes, .len = len, .pad = s->pad,
		.fault = s->fault
	};

	life_peer_seal(&l->peer, &record);
}

/* Its bytes, or the pattern where it has none. */
static void send_once(struct life *l, const struct life_step *s)
{
	const size_t piece = s->piece ? s->piece : LIFE_WIRE_MAX;
	uint8_t *bytes = malloc(s->len + 1);
	size_t at = s->from;

	ck_assert_ptr_nonnull(bytes);
	if (s->bytes)
		memcpy(bytes, s->bytes, s->len);
	else
		rig_fill(bytes, s->len, l->sent);
	if (!s->bytes)
		l->sent += s->len;
	do {
		size_t n = s->len - at < piece ? s->len - at : piece;

		send_piece(l, s, bytes + at, n);
		at += n;
	} while (at < s->len);
	free(bytes);
}

void life_send(struct life *l, const struct life_step *s)
{
	unsigned i;

	for (i = 0; i <= s->times; i++)
		send_once(l, s);
}

void life_update(struct life *l, const struct life_step *s)
{
	uint8_t msg[] = { KEY_UPDATE, 0, 0, 1, (uint8_t)s->value };
	struct life_record record = { .type = KTLS_RECORD_HANDSHAKE,
				      .bytes = msg, .len = sizeof(msg) };
	unsigned i;

	for (i = 0; i <= s->times; i++) {
		life_peer_seal(&l->peer, &record);
		life_peer_rekey(&l->peer.tx);
	}
}

void life_rekey(struct life *l, const struct life_step *s)
{
	(void)s;
	life_peer_rekey(&l->peer.tx);
}

void life_raw(struct life *l, const struct life_step *s)
{
	life_peer_send(&l->peer, s->bytes, s->len);
}

void life_hold(struct life *l, const struct life_step *s)
{
	(void)s;
	l->peer.holds = 1;
}

void life_release(struct life *l, const struct life_step *s)
{
	(void)s;
	life_peer_release(&l->peer);
}

void life_fin(struct life *l, const struct life_step *s)
{
	(void)s;
	rig_fin(&l->rig);
}

void life_reset(struct life *l, const struct life_step *s)
{
	(void)s;
	rig_reset(&l->rig);
	l->peer.fd = -1;
	l->peer.ended = 1;
}

static struct life_item *next_item(struct life *l, const struct life_step *s)
{
	struct life_item *item = life_peer_next(&l->peer);

	if (!item)
		life_fail(l, "the peer gets nothing more: %s",
			  l->peer.problem[0] ? l->peer.problem :
			  l->peer.ended ? "we have closed" : "it waits");
	if (s->key > 0 && item->generation != s->key - 1)
		life_fail(l, "type %d under key %u, not %u", item->type,
			  item->generation, s->key - 1);
	return item;
}

static void expect_type(struct life *l, const struct life_item *item,
			uint8_t type)
{
	if (item->type != type)
		life_fail(l, "the peer gets type %d (%zu bytes: %02x %02x), "
			  "not %d", item->type, item->len, item->bytes[0],
			  item->len > 1 ? item->bytes[1] : 0, type);
}

/* Data in any number of records. */
static void gets_data(struct life *l, const struct life_step *s)
{
	size_t at = 0;

	while (at < s->len) {
		struct life_item *item = next_item(l, s);
		size_t n = item->len - item->off;

		expect_type(l, item, KTLS_RECORD_DATA);
		if (n > s->len - at)
			n = s->len - at;
		if (memcmp(item->bytes + item->off, s->bytes + at, n) != 0)
			life_fail(l, "the peer gets other data");
		at += n;
		item->off += n;
		l->peer.next += item->off == item->len;
	}
}

static void gets_one(struct life *l, const struct life_step *s)
{
	struct life_item *item = next_item(l, s);

	expect_type(l, item, s->type);
	if (item->len != s->len || memcmp(item->bytes, s->bytes, s->len) != 0)
		life_fail(l, "the peer gets another message: %zu bytes, "
			  "type %d", item->len, item->bytes[0]);
	l->peer.next++;
}

void life_gets(struct life *l, const struct life_step *s)
{
	unsigned i;

	for (i = 0; i <= s->times; i++) {
		if (s->type == KTLS_RECORD_DATA)
			gets_data(l, s);
		else
			gets_one(l, s);
	}
}

void life_gets_message(struct life *l, const struct life_step *s)
{
	struct life_item *item = next_item(l, s);

	expect_type(l, item, KTLS_RECORD_HANDSHAKE);
	if (item->bytes[0] != s->value)
		life_fail(l, "the peer gets message %d, not %d",
			  item->bytes[0], s->value);
	l->peer.next++;
}

/* Without the fix of CVE-2026-75806 OpenSSL says internal_error of a record of
 * TLS 1.2 that is too short for its AEAD. */
int life_is_alert(const struct life *l, int alert, int due)
{
	const unsigned env = l->run->env;

	return alert == due ||
	       (alert == 80 && due == 20 && (env & LIFE_RX_LIBRARY) &&
		!(env & (LIFE_RX_BORING | LIFE_TLS_1_3)));
}

void life_gets_alert(struct life *l, const struct life_step *s)
{
	struct life_item *item = next_item(l, s);
	const int soft = !s->fatal && (s->value == 0 || s->value == 90 ||
				       s->value == 100);

	expect_type(l, item, KTLS_RECORD_ALERT);
	if (item->len != 2 || !life_is_alert(l, item->bytes[1], s->value))
		life_fail(l, "the peer gets alert %d, not %d",
			  item->len > 1 ? item->bytes[1] : -1, s->value);
	if (item->bytes[0] != (soft ? WARNING : FATAL))
		life_fail(l, "alert %d has level %d", s->value,
			  item->bytes[0]);
	l->peer.next++;
}

static void gets_pattern(struct life *l, const struct life_item *item)
{
	expect_type(l, item, KTLS_RECORD_DATA);
	if (!rig_same(item->bytes, item->len, l->got))
		life_fail(l, "the pattern breaks near byte %zu", l->got);
	l->got += item->len;
}

/* Of `len` bytes, or 0: of all that was taken from us. */
void life_gets_stream(struct life *l, const struct life_step *s)
{
	const size_t end = s->len ? l->got + s->len : l->written;

	while (l->got < end) {
		struct life_item *item = next_item(l, s);

		if (item->type == KTLS_RECORD_HANDSHAKE &&
		    item->bytes[0] != KEY_UPDATE)
			life_fail(l, "the peer gets message %d",
				  item->bytes[0]);
		if (item->type != KTLS_RECORD_HANDSHAKE)
			gets_pattern(l, item);
		l->peer.next++;
	}
	if (l->got != end)
		life_fail(l, "the peer gets %zu bytes, not %zu", l->got, end);
	if (s->value > 0 && l->peer.most > (unsigned)s->value)
		life_fail(l, "%llu records under one key, not %d",
			  (unsigned long long)l->peer.most, s->value);
}
