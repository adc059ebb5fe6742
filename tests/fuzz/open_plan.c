/* SPDX-License-Identifier: MIT */
/* Draws what one iteration of fuzz_open will do, and seals the peer's side. */
#include <string.h>

#include "lib/suite.h"
#include "open_run.h"

#define LIMIT ((uint64_t)1 << 24)

static int one_in(struct open_run *r, size_t n)
{
	return stream_one_in(&r->random, n);
}

static uint64_t number(struct open_run *r)
{
	switch (stream_below(&r->random, 8)) {
	case 0:
		return LIMIT - stream_below(&r->random, 8);
	case 1:
		return UINT64_MAX - 4096 - stream_below(&r->random, 4096);
	case 2:
	case 3:
		return stream_below(&r->random, (size_t)LIMIT / 2);
	default:
		return stream_below(&r->random, 300);
	}
}

/* Where no key can change, and a limit would end it. */
static void plan_keys(struct open_run *r, int rekey)
{
	struct open_plan *p = &r->plan;
	int secret = p->kind.form == KEYED_SECRET;

	p->tx_seq = number(r);
	p->rx_seq = number(r);
	p->updates = secret && one_in(r, 2);
	p->requests = p->updates && rekey && one_in(r, 2);
	p->our_updates = secret && rekey && one_in(r, 3);
	if (!secret || !rekey)
		p->flags = KTLS_EXCEED_KEY_LIMIT;
	else if (one_in(r, 4))
		p->key_records = stream_between(&r->random, 3, 50);
}

static size_t some_len(struct open_run *r)
{
	switch (stream_below(&r->random, 6)) {
	case 0:
		return 0;
	case 1:
		return stream_between(&r->random, 1, 100000);
	default:
		return stream_between(&r->random, 1, 5000);
	}
}

void open_plan(struct open_run *r, int rekey)
{
	struct open_plan *p = &r->plan;

	p->kind = keyed_kinds[stream_below(&r->random, KEYED_KINDS)];
	p->server = one_in(r, 2);
	p->seed = (unsigned)stream_below(&r->random, 1 << 20);
	p->peer_key = stream_next(&r->random);
	p->near_key = stream_next(&r->random);
	plan_keys(r, rekey);
	p->records = stream_below(&r->random, 16);
	p->end = (enum open_end)stream_below(&r->random, OPEN_ENDS);
	p->plaintext_len = one_in(r, 2) ? some_len(r) : 0;
	p->to_write = some_len(r);
	p->small = one_in(r, 3);
	if (one_in(r, 2))
		p->disturb = (unsigned)stream_between(&r->random, 2, 30);
}

static void seal_data(struct open_run *r)
{
	uint8_t text[16384];
	size_t len = stream_below(&r->random, 3) ?
			     stream_below(&r->random, 300) :
			     stream_below(&r->random, sizeof(text) - 1000);
	size_t pad = r->c.version == KTLS_TLS_1_3 && one_in(r, 4) ?
			     stream_between(&r->random, 1, 900) : 0;

	stream_fill(r->plan.peer_key, r->to_read, text, len);
	r->to_read += len;
	if (pad > 0)
		keyed_seal_padded(&r->c, KTLS_RECORD_DATA, text, len, pad);
	else
		keyed_seal(&r->c, KTLS_RECORD_DATA, text, len);
}

/* Cut into records anywhere. */
static void seal_pieces(struct open_run *r, const uint8_t *msg, size_t len)
{
	size_t n;

	for (; len > 0; msg += n, len -= n) {
		n = one_in(r, 2) ? len : stream_between(&r->random, 1, len);
		keyed_seal(&r->c, KTLS_RECORD_HANDSHAKE, msg, n);
	}
}

/* One or two tickets, and perhaps a KeyUpdate behind them. */
static void seal_tickets(struct open_run *r)
{
	static const uint8_t ticket[] =
		"\x04\0\0\x1b" "\0\0\x0e\x10" "\x01\x02\x03\x04" "\x02\0\0"
		"\0\x0c" "\x18\0\0\x01\0\x18\0\0\x01\x01\x18\0" "\0";
	const size_t len = 31;
	uint8_t all[3 * 31];
	size_t n = stream_between(&r->random, 1, 2);

	memcpy(all, ticket, len);
	memcpy(all + len, ticket, len);
	memcpy(all + n * len, "\x18\0\0\x01\0", 5);
	if (r->plan.updates && one_in(r, 3)) {
		seal_pieces(r, all, n * len + 5);
		keyed_next_tx(&r->c);
	} else {
		seal_pieces(r, all, n * len);
	}
}

static void seal_update(struct open_run *r)
{
	const uint8_t msg[] = { 24, 0, 0, 1, r->plan.requests && one_in(r, 2) };

	seal_pieces(r, msg, sizeof(msg));
	keyed_next_tx(&r->c);
}

static void seal_something(struct open_run *r)
{
	const uint8_t warning[] = { 1, 90 };

	switch (stream_below(&r->random, 6)) {
	case 0:
		if (r->c.version == KTLS_TLS_1_3 && !r->c.session.server)
			seal_tickets(r);
		break;
	case 1:
		if (r->plan.updates)
			seal_update(r);
		break;
	case 2:
		if (one_in(r, 3))
			keyed_seal(&r->c, KTLS_RECORD_ALERT, warning, 2);
		break;
	default:
		seal_data(r);
	}
}

static void seal_end(struct open_run *r)
{
	const uint8_t closes[] = { 1, 0 };
	const uint8_t fatal[] = { 2, 40 };
	size_t from = r->c.wire_len;

	if (r->plan.end == OPEN_CLOSES)
		keyed_seal(&r->c, KTLS_RECORD_ALERT, closes, 2);
	if (r->plan.end == OPEN_ALERT)
		keyed_seal(&r->c, KTLS_RECORD_ALERT, fatal, 2);
	if (r->plan.end != OPEN_BAD)
		return;
	keyed_seal(&r->c, KTLS_RECORD_DATA, "spoiled", 7);
	r->bad_end = r->c.wire_len;
	from += stream_between(&r->random, 5, r->bad_end - from - 1);
	r->c.wire[from] ^= (uint8_t)(1 << stream_below(&r->random, 8));
}

/* Nothing, all, or up to any byte. */
static size_t some_cut(struct open_run *r, size_t len)
{
	size_t kind = stream_below(&r->random, 4);

	return kind == 0 ? 0 : kind == 1 ? len :
	       stream_below(&r->random, len + 1);
}

void open_prepare(struct open_run *r)
{
	const struct open_plan *p = &r->plan;
	struct keyed *c = &r->c;
	size_t i;

	keyed_make(c, &p->kind, p->server, p->seed);
	keyed_seq(c, p->tx_seq, p->rx_seq);
	c->opts.flags = p->flags;
	c->opts.key_records = p->key_records;
	r->to_read = p->plaintext_len;
	for (i = 0; i < 8; i++)
		r->nonce = r->nonce << 8 | c->tx.iv[4 + i];
	for (i = 0; i < p->records; i++)
		seal_something(r);
	seal_end(r);
	r->left = some_cut(r, c->wire_len);
	r->at = r->left;
	keyed_copy_left(c, r->left);
}
