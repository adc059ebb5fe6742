/* SPDX-License-Identifier: MIT */
/*
 * KTLS_EXPECT_NO_PAD: the option itself, and peers that pad all the same.
 * The peer is a stock SSL with a callback for its padding.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "conn.h"
#include "rig.h"
#include "tests/tls_calls.h"
#include "tlsstat.h"
#include "uapi.h"

#define KIB ((size_t)1024)

/* Not a divisor of what is read, and with PAD less than a full record. */
#define CHUNK 8000
#define PAD 500

/* Where a peer that pads has been found out: see no_pad.c.  Looks come with
 * the end of a call, each of the two at most a record late. */
#define FOUND_OUT (512 * KIB + 2 * CHUNK)

static int has_option;

static size_t pad_always(SSL *ssl, int type, size_t len, void *arg)
{
	(void)ssl, (void)type, (void)len, (void)arg;
	return PAD;
}

/* As much as a record may have, with the byte of its type. */
static size_t pad_full(SSL *ssl, int type, size_t len, void *arg)
{
	(void)ssl, (void)type, (void)arg;
	return len < 16384 ? 16384 - len : 0;
}

static void start(struct rig *rig, int i)
{
	struct rig_config config = rig_variant(i);

	config.flags = KTLS_EXPECT_NO_PAD;
	rig_open(rig, &config);
	rig_handoff(rig);
}

/* 0: not in this variant.  What TX does is all the same to RX, so that
 * megabytes need not go through each of its paths. */
static int start_in_force(struct rig *rig, int i)
{
	struct rig_config config = rig_variant(i);

	if (!has_option || !rig_kernel() || config.rx != KTLS_KERNEL ||
	    config.tx != KTLS_KERNEL || config.version != KTLS_TLS_1_3)
		return 0;
	start(rig, i);
	return 1;
}

/* Can it be in force on this connection? */
static int applies(const struct rig *rig)
{
	return rig->rx_kernel && has_option &&
	       rig->config.version == KTLS_TLS_1_3;
}

/* What the kernel has: 1, 0 or -1: it has no such thing here. */
static int option(const struct rig *rig)
{
	unsigned on = 99;
	socklen_t len = sizeof(on);

	if (getsockopt(rig->fd, KTLS__SOL_TLS, KTLS__TLS_RX_EXPECT_NO_PAD,
		       &on, &len) < 0)
		return -1;
	ck_assert_uint_eq(len, sizeof(on));
	return (int)on;
}

/* The kernel and ktls_info() say the same. */
static void expect_option(struct rig *rig, int on)
{
	ck_assert_int_eq(rig_info(rig).rx.expect_no_pad, on);
	if (applies(rig))
		ck_assert_int_eq(option(rig), on);
	else
		ck_assert_int_le(option(rig), 0);
}

static long violations(void)
{
	struct tlsstat stat;

	tlsstat_read(&stat);
	return stat.no_pad_violation;
}

static void peer_sends(struct rig *rig, const void *data, size_t len)
{
	ck_assert_int_eq(SSL_write(rig->peer, data, (int)len), (int)len);
}

/* Into a buffer with room for more than one record: a record that fits goes
 * straight to where the caller wants it, others never do. */
static void take(struct rig *rig, size_t len, uint64_t at)
{
	static uint8_t buf[64 * 1024];
	ssize_t n;

	while (len > 0) {
		n = rig_read(rig, buf, sizeof(buf));
		ck_assert_int_gt(n, 0);
		ck_assert_uint_le((size_t)n, len);
		ck_assert(rig_same(buf, (size_t)n, at));
		at += (uint64_t)n;
		len -= (size_t)n;
	}
}

/* So many bytes of a stream that is at *at, and as many records of it. */
static void pass(struct rig *rig, size_t len, uint64_t *at)
{
	uint8_t chunk[CHUNK];
	size_t n;

	for (; len > 0; len -= n) {
		n = len < CHUNK ? len : CHUNK;
		rig_fill(chunk, n, *at);
		peer_sends(rig, chunk, n);
		take(rig, n, *at);
		*at += n;
	}
}

/* The flag is fine wherever it does nothing. */
START_TEST(test_option)
{
	struct rig rig;

	start(&rig, _i);
	expect_option(&rig, applies(&rig));
	peer_sends(&rig, "theirs", 6);
	conn_expect_data(&rig, "theirs");
	conn_expect_sent(&rig, "ours");
	expect_option(&rig, applies(&rig));
	rig_close(&rig);
}
END_TEST

START_TEST(test_option_not_wanted)
{
	struct rig rig;

	rig_start(&rig, _i);
	expect_option(&rig, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(test_unpadded)
{
	long before = violations();
	uint64_t at = 0;
	struct rig rig;

	if (!start_in_force(&rig, _i))
		return;
	pass(&rig, 3 * FOUND_OUT, &at);
	expect_option(&rig, 1);
	ck_assert_int_eq(violations(), before);
	rig_close(&rig);
}
END_TEST

START_TEST(test_padded)
{
	long before = violations();
	uint64_t at = 0;
	struct rig rig;

	if (!start_in_force(&rig, _i))
		return;
	tls_pad(rig.peer, pad_always);
	pass(&rig, 256 * KIB, &at);
	expect_option(&rig, 1);
	ck_assert_int_ge(violations() - before, 256 * KIB / CHUNK);
	pass(&rig, FOUND_OUT - 256 * KIB, &at);
	expect_option(&rig, 0);
	/* and no record is in vain any more */
	before = violations();
	pass(&rig, 100 * CHUNK, &at);
	expect_option(&rig, 0);
	ck_assert_int_eq(violations(), before);
	ck_assert_uint_eq(rig_info(&rig).rx.bytes, at);
	rig_close(&rig);
}
END_TEST

/* Now and then a padded record is no reason. */
START_TEST(test_padded_rarely)
{
	long before = violations();
	uint64_t at = 0;
	struct rig rig;
	int i;

	if (!start_in_force(&rig, _i))
		return;
	for (i = 0; i < 12; i++) {
		pass(&rig, 16 * CHUNK, &at);
		tls_pad(rig.peer, pad_always);
		pass(&rig, CHUNK, &at);
		tls_pad(rig.peer, NULL);
	}
	ck_assert_uint_gt(at, 2 * FOUND_OUT);
	ck_assert_int_eq(violations() - before, 12);
	expect_option(&rig, 1);
	rig_close(&rig);
}
END_TEST

/* Counted is a whole network namespace: who does not pad may lose the option,
 * and nothing else. */
START_TEST(test_others_pad)
{
	uint64_t at = 0;
	uint64_t others_at = 0;
	struct rig rig;
	struct rig other;

	if (!start_in_force(&rig, _i))
		return;
	start(&other, _i);
	tls_pad(other.peer, pad_always);
	pass(&rig, 257 * KIB, &at);
	pass(&other, 257 * KIB, &others_at);
	expect_option(&rig, 1);
	expect_option(&other, 1);
	pass(&rig, FOUND_OUT - 257 * KIB, &at);
	expect_option(&rig, 0);
	expect_option(&other, 1);
	pass(&rig, 10 * CHUNK, &at);
	rig_close(&other);
	rig_close(&rig);
}
END_TEST

static void pass_in_pieces(struct rig *rig, size_t len, size_t piece)
{
	static uint8_t out[16384];
	static uint8_t in[40000];
	size_t done = 0;
	ssize_t n;

	rig_fill(out, len, len + piece);
	peer_sends(rig, out, len);
	while (done < len) {
		n = rig_read(rig, in, piece);
		ck_assert_int_gt(n, 0);
		ck_assert_uint_le(done + (size_t)n, len);
		ck_assert_mem_eq(in, out + done, (size_t)n);
		done += (size_t)n;
	}
}

/* Records of many lengths, read in many kinds of pieces. */
START_TEST(test_lengths)
{
	static const size_t lens[] = { 1, 15, 16, 17, 1000, 16382, 16383,
				       16384 };
	static const size_t pieces[] = { 7, 1000, 16384, 16385, 40000 };
	struct rig rig;
	int i;

	if (!start_in_force(&rig, _i))
		return;
	for (i = 0; i < 2 * 8 * 5; i++) {
		tls_pad(rig.peer, i < 8 * 5 ? pad_always : pad_full);
		pass_in_pieces(&rig, lens[i % 8], pieces[i / 8 % 5]);
	}
	rig_close(&rig);
}
END_TEST

/* Tickets between the data, two at a time; padded as well. */
START_TEST(test_tickets)
{
	uint64_t at = 0;
	struct rig rig;
	unsigned i;

	if (rig_variant(_i).server || !start_in_force(&rig, _i))
		return;
	for (i = 0; i < 10; i++) {
		if (i == 5)
			tls_pad(rig.peer, pad_always);
		pass(&rig, CHUNK, &at);
		ck_assert_int_eq(tls_new_ticket(rig.peer), 1);
		ck_assert_int_eq(tls_new_ticket(rig.peer), 1);
		pass(&rig, CHUNK, &at);
		ck_assert_uint_eq(rig_info(&rig).tickets, 2 * (i + 1));
		expect_option(&rig, 1);
	}
	rig_close(&rig);
}
END_TEST

static void peer_changes_its_keys(struct rig *rig)
{
	ck_assert_int_eq(SSL_key_update(rig->peer,
					SSL_KEY_UPDATE_NOT_REQUESTED), 1);
}

/* The keys of RX change and the option stays, in name and in deed: a record
 * that is padded under the new keys is one in vain. */
START_TEST(test_key_update)
{
	uint64_t at = 0;
	struct rig rig;
	long before;
	unsigned i;

	if (!rig_rekey() || !start_in_force(&rig, _i))
		return;
	for (i = 1; i < 6; i++) {
		pass(&rig, 3 * CHUNK, &at);
		peer_changes_its_keys(&rig);
		pass(&rig, 3 * CHUNK, &at);
		ck_assert_uint_eq(rig_info(&rig).key_updates_received, i);
		expect_option(&rig, 1);
		before = violations();
		tls_pad(rig.peer, pad_always);
		pass(&rig, CHUNK, &at);
		tls_pad(rig.peer, NULL);
		ck_assert_int_eq(violations() - before, 1);
	}
	rig_close(&rig);
}
END_TEST

/* Taken back, it does not come again with new keys. */
START_TEST(test_key_update_after_padding)
{
	uint64_t at = 0;
	struct rig rig;

	if (!rig_rekey() || !start_in_force(&rig, _i))
		return;
	tls_pad(rig.peer, pad_always);
	pass(&rig, FOUND_OUT, &at);
	expect_option(&rig, 0);
	peer_changes_its_keys(&rig);
	pass(&rig, 10 * CHUNK, &at);
	ck_assert_uint_eq(rig_info(&rig).key_updates_received, 1);
	expect_option(&rig, 0);
	rig_close(&rig);
}
END_TEST

TCase *conn_no_pad_case(void)
{
	struct ktls_features features = { .size = sizeof(features) };
	TCase *tcase = tcase_create("no_pad");

	has_option = ktls_probe(&features) == 0 && features.expect_no_pad;
	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_option);
	conn_add(tcase, test_option_not_wanted);
	conn_add(tcase, test_unpadded);
	if (tls_lacks(TLS_PADDING, "no_pad: what is padded"))
		return tcase;
	conn_add(tcase, test_padded);
	conn_add(tcase, test_padded_rarely);
	conn_add(tcase, test_others_pad);
	conn_add(tcase, test_lengths);
	conn_add(tcase, test_tickets);
	conn_add(tcase, test_key_update);
	conn_add(tcase, test_key_update_after_padding);
	return tcase;
}
