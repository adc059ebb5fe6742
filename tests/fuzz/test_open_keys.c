/* SPDX-License-Identifier: MIT */
/*
 * Keys of a connection that ktls_open() made: their change, their limits,
 * and that no nonce comes twice.
 */
#include <errno.h>
#include <string.h>

#include "open_ways.h"
#include "tests/unit/suite_main.h"

#define UPDATE "\x18\0\0\x01\0"
#define UPDATE_BACK "\x18\0\0\x01\x01"
#define UPDATE_LEN 5
#define LIMIT ((uint64_t)1 << 24)
#define BEYOND ((uint64_t)23726566) /* 2^24.5: RFC 8446 section 5.5 */

static struct keyed c;

static void gets_update(int back)
{
	keyed_gets(&c, KTLS_RECORD_HANDSHAKE, back ? UPDATE_BACK : UPDATE,
		   UPDATE_LEN);
	keyed_next_rx(&c);
}

static void put(const char *text)
{
	ck_assert_int_eq(ktls_write(c.k, text, strlen(text), 0),
			 (ssize_t)strlen(text));
}

/* Ours, as long as there are others to come. */
OPEN_TEST(update_keys)
{
	int due, n;

	open_way(&c, way);
	due = c.version == KTLS_TLS_1_2 ? -EOPNOTSUPP :
	      !open_way_secret(&c) || open_way_fixed(&c, way, KTLS_TX) ?
					  -KTLS_EKEYUPDATE : 0;
	keyed_open(&c);
	for (n = 0; n < 4; n++) {
		ck_assert_int_eq(ktls_update_keys(c.k, n & 1 ?
			KTLS_UPDATE_REQUESTED : 0), due);
		if (due == 0)
			gets_update(n & 1);
		keyed_alive(&c);
	}
	ck_assert_uint_eq(keyed_info(&c).key_updates_sent, due ? 0 : 4);
	keyed_close(&c);
}

/* Theirs, in the socket. */
OPEN_TEST(their_updates)
{
	unsigned n;

	open_way(&c, way);
	keyed_open(&c);
	if (c.version == KTLS_TLS_1_3 && open_way_secret(&c) &&
	    !open_way_fixed(&c, way, KTLS_RX)) {
		for (n = 1; n < 4; n++) {
			keyed_update(&c, 0);
			keyed_alive(&c);
			ck_assert_uint_eq(keyed_info(&c).key_updates_received,
					  n);
		}
	} else if (c.version == KTLS_TLS_1_3) {
		keyed_seal(&c, KTLS_RECORD_HANDSHAKE, UPDATE, UPDATE_LEN);
		keyed_send(&c, SIZE_MAX);
		keyed_ends(&c, -KTLS_EKEYUPDATE);
		keyed_gets_alert(&c, 2, 80);
		ck_assert_int_eq(ktls_write(c.k, "x", 1, 0),
				 -KTLS_EKEYUPDATE);
	}
	keyed_close(&c);
}

static int tx_can_change(int i)
{
	return open_way_secret(&c) && !open_way_fixed(&c, i, KTLS_TX);
}

/* Both at once: one in the ciphertext, one in the socket, one of ours. */
OPEN_TEST(all_updates)
{
	open_way(&c, way);
	if (tx_can_change(way) && !open_way_fixed(&c, way, KTLS_RX)) {
		keyed_update(&c, 1);
		keyed_leave(&c, SIZE_MAX);
		keyed_update(&c, 1);
		keyed_seal(&c, KTLS_RECORD_DATA, "third", 5);
		keyed_send(&c, SIZE_MAX);
		keyed_open(&c);
		keyed_reads_text(&c, "third");
		ck_assert_int_eq(ktls_update_keys(c.k, 0), 0);
		gets_update(0);
		ck_assert_uint_eq(keyed_info(&c).key_updates_received, 2);
		keyed_alive(&c);
	}
	keyed_close(&c);
}

/* A secret for one direction only, TLS 1.3: `_i` & 1: for TX. */
static void half_secret(int i)
{
	static const struct keyed_kind kind = { 0x1301, KEYED_SECRET };
	struct ktls_protection *p;

	keyed_start((enum keyed_world)(i / 2));
	keyed_make(&c, &kind, i & 1, (unsigned)i);
	p = i & 1 ? &c.session.rx : &c.session.tx;
	p->secret = NULL;
	p->secret_len = 0;
	p->key = i & 1 ? c.rx.key : c.tx.key;
	p->key_len = 16;
	p->iv = i & 1 ? c.rx.iv : c.tx.iv;
	p->iv_len = 12;
}

START_TEST(one_secret)
{
	struct ktls_conn_info info;
	int fixed;

	half_secret(_i);
	keyed_open(&c);
	keyed_alive(&c);
	info = keyed_info(&c);
	fixed = !keyed_can_rekey((enum keyed_world)(_i / 2)) &&
		info.tx.path == KTLS_PATH_KERNEL;
	/* RX can follow, and TX cannot be asked for an answer. */
	if (_i & 1) {
		ck_assert_int_eq(ktls_update_keys(c.k, 0),
				 fixed ? -KTLS_EKEYUPDATE : 0);
		if (!fixed)
			gets_update(0);
		keyed_alive(&c);
		keyed_update(&c, 0);
	} else {
		ck_assert_int_eq(ktls_update_keys(c.k, 0), -KTLS_EKEYUPDATE);
		keyed_update(&c, 0);
		keyed_alive(&c);
		keyed_update(&c, 1);
	}
	keyed_send(&c, SIZE_MAX);
	keyed_ends(&c, -KTLS_EKEYUPDATE);
	keyed_gets_alert(&c, 2, 80);
	keyed_close(&c);
}
END_TEST

static int has_limit(void)
{
	return c.kind.suite != 0x1303 && c.kind.suite != 0xcca9;
}

/* The key has sealed its number by now, or will have with one more. */
static void at_limit(int i, uint64_t seq)
{
	keyed_seq(&c, seq, 0);
	keyed_open(&c);
	if (!has_limit()) {
		put("free");
		keyed_gets_text(&c, "free");
		ck_assert_uint_eq(keyed_info(&c).limits_hit, 0);
	} else if (tx_can_change(i)) {
		put("changed");
		gets_update(0);
		keyed_gets_text(&c, "changed");
		ck_assert_uint_eq(keyed_info(&c).limits_hit, 1);
		keyed_event(&c, 0, KTLS_EVENT_KEY_LIMIT, 0);
	} else if (c.opts.flags & KTLS_EXCEED_KEY_LIMIT) {
		put("exceeded");
		keyed_gets_text(&c, "exceeded");
		keyed_event(&c, 0, KTLS_EVENT_KEY_LIMIT, 1);
	} else {
		ck_assert_int_eq(ktls_write(c.k, "x", 1, 0),
				 -KTLS_EKEYLIMIT);
		keyed_event(&c, 0, KTLS_EVENT_KEY_LIMIT, -KTLS_EKEYLIMIT);
		/* The end can still be told. */
		ck_assert_int_eq(ktls_shutdown(c.k), 0);
		keyed_gets_alert(&c, 1, 0);
		keyed_close(&c);
		return;
	}
	keyed_alive(&c);
	keyed_close(&c);
}

OPEN_TEST(limit)
{
	static const uint64_t numbers[] = { LIMIT, BEYOND, BEYOND + 1,
					    UINT64_MAX - 100 };
	int i;

	for (i = 0; i < 8; i++) {
		open_way(&c, way);
		c.opts.flags = i & 1 ? KTLS_EXCEED_KEY_LIMIT : 0;
		at_limit(way, numbers[i / 2]);
	}
}

/* One of its own, which counts what was sealed before. */
OPEN_TEST(own_limit)
{
	open_way(&c, way);
	c.opts.key_records = 10;
	keyed_seq(&c, 7, 0);
	keyed_open(&c);
	put("8");
	keyed_gets_text(&c, "8");
	put("9");
	keyed_gets_text(&c, "9");
	ck_assert_uint_eq(c.peer_rx.seq, 9);
	if (tx_can_change(way)) {
		/* the tenth is the KeyUpdate */
		put("1");
		gets_update(0);
		keyed_gets_text(&c, "1");
		keyed_alive(&c);
	} else {
		while (ktls_write(c.k, "x", 1, 0) == 1)
			keyed_gets_text(&c, "x");
		ck_assert_uint_le(c.peer_rx.seq, 10);
		ck_assert_int_eq(ktls_write(c.k, "x", 1, 0),
				 -KTLS_EKEYLIMIT);
	}
	keyed_close(&c);
}

/* Just below, all is as ever. */
OPEN_TEST(below_limit)
{
	open_way(&c, way);
	keyed_seq(&c, LIMIT - 4, LIMIT + 4);
	keyed_open(&c);
	keyed_alive(&c);
	ck_assert_uint_eq(keyed_info(&c).limits_hit, 0);
	ck_assert_uint_eq(keyed_info(&c).tx.records, 2);
	keyed_close(&c);
}

/* The last number but one has one record to give, in either direction: the
 * peer may have data in it, ours is the end. */
OPEN_TEST(last_number)
{
	open_way(&c, way);
	c.opts.tx = c.opts.rx = KTLS_USERSPACE;
	c.opts.flags = KTLS_EXCEED_KEY_LIMIT;
	keyed_seq(&c, UINT64_MAX - 1, UINT64_MAX - 1);
	if (way & 1 && open_way_secret(&c))
		c.opts.key_records = UINT64_MAX;
	keyed_seal(&c, KTLS_RECORD_DATA, "last", 4);
	keyed_send(&c, SIZE_MAX);
	keyed_open(&c);
	keyed_reads_text(&c, "last");
	if (!tx_can_change(way)) {
		ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), -KTLS_EKEYLIMIT);
		keyed_quiet(&c);
		ck_assert_int_eq(ktls_shutdown(c.k), 0);
		keyed_gets_alert(&c, 1, 0);
	}
	keyed_close(&c);
}

/* TLS 1.2 AES-GCM: the explicit nonce is what the session said, and counts
 * on, whoever seals. */
OPEN_TEST(explicit_nonces)
{
	uint64_t first = 0;
	uint64_t n = 0;
	int i;

	open_way(&c, way);
	if (keyed_is_gcm12(&c)) {
		keyed_seq(&c, 1000 + (uint64_t)way, 1);
		for (i = 4; i < 12; i++)
			first = first << 8 | c.tx.iv[i];
		if (c.kind.form == KEYED_SALT)
			ck_assert_uint_eq(first, 1000 + (uint64_t)way);
		else
			ck_assert_uint_ne(first, 1000 + (uint64_t)way);
		keyed_open(&c);
		for (; n < 5; n++) {
			put("x");
			keyed_gets_text(&c, "x");
			ck_assert_uint_eq(c.nonce, first + n);
		}
		ck_assert_int_eq(ktls_alert(c.k, 90), 0);
		keyed_gets_alert(&c, 1, 90);
		ck_assert_uint_eq(c.nonce, first + n++);
		put("y");
		keyed_gets_text(&c, "y");
		ck_assert_uint_eq(c.nonce, first + n++);
		ck_assert_int_eq(ktls_shutdown(c.k), 0);
		keyed_gets_alert(&c, 1, 0);
		ck_assert_uint_eq(c.nonce, first + n);
	}
	keyed_close(&c);
}

/* An explicit nonce at its end goes on at its beginning: only a repeated one
 * is wrong. */
START_TEST(nonce_wraps)
{
	static const struct keyed_kind kind = { 0xc02b, KEYED_KEY };

	keyed_start(KEYED_HOST);
	keyed_make(&c, &kind, 1, 1);
	c.opts.tx = KTLS_USERSPACE;
	memset(c.tx.iv + 4, 0xff, 8);
	keyed_open(&c);
	put("x");
	keyed_gets_text(&c, "x");
	ck_assert_uint_eq(c.nonce, UINT64_MAX);
	put("y");
	keyed_gets_text(&c, "y");
	ck_assert_uint_eq(c.nonce, 0);
	keyed_close(&c);
}
END_TEST

int main(void)
{
	Suite *all = suite_create("open_keys");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, update_keys, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, their_updates, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, all_updates, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, one_secret, 0, 2 * keyed_worlds());
	tcase_add_loop_test(tcase, limit, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, own_limit, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, below_limit, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, last_number, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, explicit_nonces, 0, OPEN_PROCESSES);
	tcase_add_test(tcase, nonce_wraps);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
