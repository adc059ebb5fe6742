/* SPDX-License-Identifier: MIT */
/* KTLS_MORE, and then a key that changes or ends, a word of the reading
 * thread's, or a peer that is gone. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "conn_more.h"

/* Records that one key seals in these tests, a KeyUpdate or an alert too. */
#define LIMIT 8

/* All that was taken, and of each key no more than its records. */
static void expect_keys(struct more *m)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;
	ssize_t n;

	while (m->got < m->at) {
		/* the first record is a Finished in TLS 1.2 */
		ck_assert_uint_lt(m->rig.peer_rx.seq, LIMIT);
		n = rig_recv(&m->rig, &type, buf);
		ck_assert_int_gt(n, 0);
		if (type == KTLS_RECORD_HANDSHAKE) {
			conn_more_next_key(m);
			continue;
		}
		ck_assert_int_eq(type, KTLS_RECORD_DATA);
		ck_assert_uint_le((uint64_t)n, m->at - m->got);
		ck_assert(rig_same(buf, (size_t)n, m->got));
		m->got += (uint64_t)n;
	}
}

/* Few enough for a socket that nobody reads from meanwhile. */
static ssize_t write_pieces(struct more *m, size_t len, size_t piece)
{
	ssize_t n = 0;

	for (; len > 0 && n >= 0; len -= piece < len ? piece : len) {
		n = ktls_write(m->rig.k, more_text + m->at,
			       piece < len ? piece : len, KTLS_MORE);
		m->at += n > 0 ? (size_t)n : 0;
	}
	return n;
}

/* Records that are open count, though the kernel's number is not theirs. */
START_TEST(test_limit)
{
	static const size_t pieces[] = { 100, 16384, 5000, 16383, 40000 };
	struct more m;
	ssize_t n = 0;
	int i;

	conn_more_limited(&m, rig_variant(_i), LIMIT);
	for (i = 0; i < 20 && n >= 0; i++) {
		n = write_pieces(&m, i % 2 ? 40000 : 1000, pieces[i % 5]);
		if (n >= 0)
			ck_assert_int_eq(ktls_write(m.rig.k, "", 0, 0), 0);
		expect_keys(&m);
	}
	if (conn_more_can_update(&m)) {
		ck_assert_int_ge(n, 0);
		ck_assert_uint_gt(rig_info(&m.rig).key_updates_sent, 2);
	} else {
		ck_assert_int_eq(n, -KTLS_EKEYLIMIT);
	}
	ck_assert_int_eq(rig_shutdown(&m.rig), 0);
	ck_assert_uint_lt(m.rig.peer_rx.seq, LIMIT);
	conn_expect_alert(&m.rig, 1, 0);
	conn_more_close(&m);
}
END_TEST

/* The last of them stays open until the key has to go. */
START_TEST(test_limit_without_a_flush)
{
	struct more m;
	ssize_t n = 0;
	int i;

	conn_more_limited(&m, rig_variant(_i), LIMIT);
	for (i = 0; i < 30 && n >= 0; i++)
		n = write_pieces(&m, 5000, i % 3 ? 5000 : 1700);
	if (n >= 0)
		ck_assert_int_eq(ktls_write(m.rig.k, "", 0, 0), 0);
	ck_assert_int_eq(n < 0, !conn_more_can_update(&m));
	expect_keys(&m);
	conn_more_close(&m);
}
END_TEST

/* The peer's KeyUpdate is read, and ours goes between what waits, under the
 * old key, and what comes. */
START_TEST(test_key_update_answered)
{
	static const uint8_t request[] = { 24, 0, 0, 1, 1 };
	struct more m;
	char byte;
	int i;

	conn_more_start(&m, _i);
	for (i = 0; i < 3 && conn_more_can_update(&m) &&
	     (!m.rig.rx_kernel || rig_rekey()); i++) {
		conn_more_write(&m, 100, KTLS_MORE);
		rig_send(&m.rig, KTLS_RECORD_HANDSHAKE, request,
			 sizeof(request));
		rig_peer_rekey(&m.rig);
		rig_send(&m.rig, KTLS_RECORD_DATA, "x", 1);
		ck_assert_int_eq(rig_read(&m.rig, &byte, 1), 1);
		conn_more_write(&m, 50, KTLS_MORE);
		conn_bytes_arrive(&m.rig, 100, m.got);
		m.got += 100;
		conn_more_key_update(&m);
		conn_more_write(&m, 50, 0);
		conn_more_on_its_way(&m);
		conn_more_arrives(&m);
	}
	conn_more_close(&m);
}
END_TEST

/* Reading finds a fault, and says so behind what waits. */
START_TEST(test_alert_of_reading)
{
	static const uint8_t bad[5 + 32] = { 23, 3, 3, 0, 32 };
	struct more m;
	char byte;

	conn_more_start(&m, _i);
	conn_more_write(&m, 16384, KTLS_MORE);
	conn_more_write(&m, 100, KTLS_MORE);
	rig_send_bytes(&m.rig, bad, sizeof(bad));
	ck_assert_int_eq(rig_read(&m.rig, &byte, 1), -KTLS_EBADRECORD);
	ck_assert_int_eq(ktls_write(m.rig.k, "x", 1, KTLS_MORE),
			 -KTLS_EBADRECORD);
	conn_more_on_its_way(&m);
	conn_more_arrives(&m);
	conn_expect_alert(&m.rig, 2, 20);
	conn_more_close(&m);
}
END_TEST

/* An SSL, for instance, speaks while it reads, and is not in a hurry then. */
START_TEST(test_refusal_of_reading)
{
	static const uint8_t hello_request[] = { 0, 0, 0, 0 };
	struct more m;
	char byte;

	conn_more_start(&m, _i);
	/* BoringSSL's client says nothing */
	if (m.rig.config.version == KTLS_TLS_1_2 && !m.rig.config.server &&
	    !rig_is_boring(&m.rig)) {
		conn_more_write(&m, 100, KTLS_MORE);
		rig_send(&m.rig, KTLS_RECORD_HANDSHAKE, hello_request, 4);
		rig_send(&m.rig, KTLS_RECORD_DATA, "x", 1);
		ck_assert_int_eq(rig_read(&m.rig, &byte, 1), 1);
		conn_more_on_its_way(&m);
		conn_more_arrives(&m);
		conn_expect_alert(&m.rig, 1, 100);
		conn_more_write(&m, 100, 0);
		conn_more_arrives(&m);
	}
	conn_more_close(&m);
}
END_TEST

static void let_die(struct more *m)
{
	struct pollfd pfd = { m->rig.fd, 0, 0 };

	signal(SIGPIPE, SIG_DFL);
	rig_reset(&m->rig);
	ck_assert_int_eq(poll(&pfd, 1, -1), 1);
}

/* Success, if at all, once: bytes that were taken before. */
static ssize_t last_call(struct more *m, int i)
{
	off_t end = CONN_MORE_FILE;
	off_t off = 0;

	switch (i) {
	case 0:
		return ktls_write(m->rig.k, "", 0, 0);
	case 1:
		return ktls_write(m->rig.k, "x", 1, KTLS_MORE);
	case 2:
		return ktls_sendfile(m->rig.k, m->file, &off, 10, KTLS_MORE);
	case 3:
		return ktls_sendfile(m->rig.k, m->file, &end, 10, 0);
	case 4:
		return ktls_alert(m->rig.k, 90);
	case 5:
		return ktls_shutdown(m->rig.k);
	case 6:
		return ktls_sendfile(m->rig.k, -1, &off, 10, 0);
	case 7:
		return ktls_splice_write(m->rig.k, m->file, 10);
	default:
		return 1;
	}
}

static int is_dead(ssize_t err)
{
	return err == -ECONNRESET || err == -EPIPE || err == -KTLS_ECLOSED;
}

START_TEST(test_dead)
{
	struct more m;
	ssize_t n;
	int hold;
	int i;

	for (hold = 0; hold < 3; hold++) {
		for (i = 0; i < 8; i++) {
			conn_more_start(&m, _i);
			if (hold < 2)
				conn_more_write(&m, 100, KTLS_MORE);
			if (hold > 0)
				conn_more_file(&m, 100, KTLS_MORE);
			let_die(&m);
			n = last_call(&m, i);
			ck_assert_int_le(n, 0);
			ck_assert(is_dead(ktls_write(m.rig.k, "x", 1, 0)));
			ck_assert(is_dead(last_call(&m, 1)));
			ck_assert(is_dead(last_call(&m, 2)));
			ck_assert(is_dead(ktls_error(m.rig.k)));
			ck_assert(is_dead(ktls_shutdown(m.rig.k)));
			conn_more_close(&m);
		}
	}
}
END_TEST

TCase *conn_more_ends_case(void)
{
	TCase *tcase = tcase_create("more_ends");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_limit);
	conn_add(tcase, test_limit_without_a_flush);
	conn_add(tcase, test_key_update_answered);
	conn_add(tcase, test_alert_of_reading);
	conn_add(tcase, test_refusal_of_reading);
	conn_add(tcase, test_dead);
	return tcase;
}
