/* SPDX-License-Identifier: MIT */
/* KeyUpdates of both sides, on paths that can change keys and those that
 * cannot. */
#include <errno.h>
#include <string.h>

#include "conn.h"
#include "rig.h"

static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };
static const uint8_t key_update_back[] = { 24, 0, 0, 1, 1 };

#define handshake(rig, bytes) \
	rig_send(rig, KTLS_RECORD_HANDSHAKE, bytes, sizeof(bytes))

static int is_1_3(const struct rig *rig)
{
	return rig->config.version == KTLS_TLS_1_3;
}

/* Neither in a kernel that cannot change keys. */
static int rx_follows(const struct rig *rig)
{
	return !rig->rx_kernel || rig_rekey();
}

static int tx_follows(const struct rig *rig)
{
	return !rig->tx_kernel || rig_rekey();
}

/* The next record of ours is a KeyUpdate, and those behind it are under the
 * next key. */
static void expect_key_update(struct rig *rig)
{
	uint8_t *secret = rig->secret[rig->config.server ? 1 : 0];
	uint16_t suite = rig->peer_rx.suite;
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;

	ck_assert_int_eq(rig_recv(rig, &type, buf), 5);
	ck_assert_int_eq(type, KTLS_RECORD_HANDSHAKE);
	ck_assert_mem_eq(buf, key_update, 5);
	ck_assert_int_eq(ktls_secret_next(suite, secret, rig->secret_len), 0);
	ck_assert_int_eq(ktls_keys_tls13(&rig->peer_rx, suite, secret,
					 rig->secret_len), 0);
}

/* The peer is told of a connection that cannot go on. */
static void cannot_follow(struct rig *rig)
{
	conn_expect_error(rig, -KTLS_EKEYUPDATE);
	ck_assert_int_eq(rig_write(rig, "x", 1), -KTLS_EKEYUPDATE);
	conn_expect_alert(rig, 2, 80);
}

/* After a KeyUpdate that asks for nothing. */
static void goes_on(struct rig *rig)
{
	if (!rx_follows(rig)) {
		cannot_follow(rig);
		return;
	}
	rig_send(rig, KTLS_RECORD_DATA, "new", 3);
	conn_expect_data(rig, "new");
	conn_expect_sent(rig, "mine");
	ck_assert_uint_eq(rig_info(rig).key_updates_received, 1);
	ck_assert_uint_eq(rig_info(rig).key_updates_sent, 0);
}

START_TEST(test_key_update)
{
	struct rig rig;

	rig_start(&rig, _i);
	if (is_1_3(&rig)) {
		rig_send(&rig, KTLS_RECORD_DATA, "old", 3);
		handshake(&rig, key_update);
		rig_peer_rekey(&rig);
		conn_expect_data(&rig, "old");
		goes_on(&rig);
	}
	rig_close(&rig);
}
END_TEST

/* All of it is there at once: a kernel decrypts ahead as far as it may. */
START_TEST(test_key_update_behind_data)
{
	struct rig rig;
	int i;

	rig_start(&rig, _i);
	if (is_1_3(&rig) && rx_follows(&rig)) {
		for (i = 0; i < 5; i++) {
			rig_send(&rig, KTLS_RECORD_DATA, "old", 3);
			handshake(&rig, key_update);
			rig_peer_rekey(&rig);
			rig_send(&rig, KTLS_RECORD_DATA, "new", 3);
		}
		for (i = 0; i < 5; i++)
			conn_expect_data(&rig, "oldnew");
		ck_assert_uint_eq(rig_info(&rig).key_updates_received, 5);
		ck_assert_uint_eq(rig_info(&rig).rx.bytes, 30);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(test_key_update_requested)
{
	struct rig rig;

	rig_start(&rig, _i);
	if (!is_1_3(&rig)) {
		rig_close(&rig);
		return;
	}
	handshake(&rig, key_update_back);
	rig_peer_rekey(&rig);
	if (!rx_follows(&rig) || !tx_follows(&rig)) {
		cannot_follow(&rig);
		rig_close(&rig);
		return;
	}
	rig_send(&rig, KTLS_RECORD_DATA, "new", 3);
	conn_expect_data(&rig, "new");
	/* it is owed, and goes out with the next bytes */
	ck_assert_int_eq(rig_write_all(&rig, "mine", 4), 4);
	expect_key_update(&rig);
	ck_assert_uint_eq(rig_info(&rig).key_updates_sent, 1);
	conn_arrives(&rig, "mine");
	conn_expect_sent(&rig, "more");
	rig_close(&rig);
}
END_TEST

/* The application says that the peer may wait for ever. */
START_TEST(test_key_update_unanswered)
{
	struct rig_config config = rig_variant(_i);
	struct rig rig;

	config.flags = KTLS_LEAVE_UNANSWERED;
	rig_open(&rig, &config);
	rig_handoff(&rig);
	if (is_1_3(&rig) && rx_follows(&rig)) {
		handshake(&rig, key_update_back);
		rig_peer_rekey(&rig);
		rig_send(&rig, KTLS_RECORD_DATA, "new", 3);
		conn_expect_data(&rig, "new");
		ck_assert_int_eq(rig_write_all(&rig, "mine", 4), 4);
		if (tx_follows(&rig))
			expect_key_update(&rig);
		conn_arrives(&rig, "mine");
		conn_expect_sent(&rig, "more");
	}
	rig_close(&rig);
}
END_TEST

/* Our own. */
START_TEST(test_update_keys)
{
	struct rig rig;
	int i;

	rig_start(&rig, _i);
	if (!is_1_3(&rig)) {
		ck_assert_int_eq(ktls_update_keys(rig.k, 0), -EOPNOTSUPP);
	} else if (!tx_follows(&rig)) {
		ck_assert_int_eq(ktls_update_keys(rig.k, 0),
				 -KTLS_EKEYUPDATE);
		conn_expect_sent(&rig, "as before");
	} else {
		ck_assert_int_eq(ktls_update_keys(rig.k, 2), -EINVAL);
		conn_expect_sent(&rig, "old");
		for (i = 0; i < 3; i++) {
			ck_assert_int_eq(ktls_update_keys(rig.k, 0), 0);
			expect_key_update(&rig);
			conn_expect_sent(&rig, "new");
		}
		ck_assert_uint_eq(rig_info(&rig).key_updates_sent, 3);
		if (rig.tx_path != KTLS_PATH_LIBRARY)
			ck_assert_uint_eq(rig_info(&rig).tx.key_records, 1);
	}
	rig_send(&rig, KTLS_RECORD_DATA, "theirs", 6);
	conn_expect_data(&rig, "theirs");
	rig_close(&rig);
}
END_TEST

/* The kernel looks at a record's first byte only. */
START_TEST(test_key_update_behind_ticket)
{
	uint8_t both[sizeof(conn_ticket) + sizeof(key_update)];
	struct rig rig;

	rig_start(&rig, _i);
	if (is_1_3(&rig) && !rig.config.server) {
		memcpy(both, conn_ticket, sizeof(conn_ticket));
		memcpy(both + CONN_TICKET_LEN, key_update,
		       sizeof(key_update));
		handshake(&rig, both);
		rig_peer_rekey(&rig);
		goes_on(&rig);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(test_key_update_in_pieces)
{
	size_t cut;

	for (cut = 1; cut < sizeof(key_update); cut++) {
		struct rig rig;

		rig_start(&rig, _i);
		if (is_1_3(&rig)) {
			rig_send(&rig, KTLS_RECORD_HANDSHAKE, key_update, cut);
			rig_send(&rig, KTLS_RECORD_HANDSHAKE, key_update + cut,
				 sizeof(key_update) - cut);
			rig_peer_rekey(&rig);
			goes_on(&rig);
		}
		rig_close(&rig);
	}
}
END_TEST

TCase *conn_rekey_case(void)
{
	TCase *tcase = tcase_create("rekey");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_key_update);
	conn_add(tcase, test_key_update_behind_data);
	conn_add(tcase, test_key_update_requested);
	conn_add(tcase, test_key_update_unanswered);
	conn_add(tcase, test_update_keys);
	conn_add(tcase, test_key_update_behind_ticket);
	conn_add(tcase, test_key_update_in_pieces);
	return tcase;
}
