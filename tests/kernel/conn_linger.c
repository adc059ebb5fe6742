/* SPDX-License-Identifier: MIT */
/*
 * The side that closes first: its last bytes, close_notify or alert, and FIN
 * arrive, whatever the peer sends meanwhile.  A reset before them is what
 * close(2) with unread data would give.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "conn_linger.h"
#include "rig.h"

static const uint8_t ticket[] = {
	4, 0, 0, 27, 0, 0, 14, 16, 1, 2, 3, 4, 2, 0, 0, 0, 12,
	't', 'i', 'c', 'k', 'e', 't', '-', 'b', 'y', 't', 'e', 's', 0, 0
};
static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };

int conn_linger(struct rig *rig, size_t max_bytes, unsigned timeout_ms)
{
	struct pollfd pfd = { rig->fd, 0, 0 };
	int err;

	while ((err = ktls_linger(rig->k, max_bytes, timeout_ms)) == -EAGAIN) {
		ck_assert_int_eq(rig->config.nonblock, 1);
		ck_assert_int_gt(ktls_linger_timeout(rig->k), 0);
		pfd.events = (short)ktls_events(rig->k);
		poll(&pfd, 1, ktls_linger_timeout(rig->k));
	}
	return err;
}

/* As a server does it: close(2) right behind. */
static int linger_and_close(struct rig *rig, size_t max_bytes)
{
	int err = conn_linger(rig, max_bytes, CONN_NEVER);

	ktls_free(rig->k);
	rig->k = NULL;
	close(rig->fd);
	rig->fd = -1;
	return err;
}

/* The peer: what it sends before it reads anything, and what it then gets. */
struct peer {
	pthread_t thread;
	struct rig *rig;
	size_t sends;            /* bytes of data */
	int late;                /* and control records */
	int rekey;               /* a KeyUpdate among them */
	size_t got;              /* bytes of data */
	int alert;               /* the last one's description */
	ssize_t end;             /* -1: FIN, -2: reset */
};

static void send_late(struct peer *peer)
{
	struct rig *rig = peer->rig;
	int is_1_3 = rig->config.version == KTLS_TLS_1_3;

	rig_send_alert(rig, 1, 90);
	rig_send(rig, KTLS_RECORD_DATA, "", 0);
	if (is_1_3 && !rig->config.server)
		rig_send(rig, KTLS_RECORD_HANDSHAKE, ticket, sizeof(ticket));
	if (is_1_3 && peer->rekey) {
		rig_send(rig, KTLS_RECORD_HANDSHAKE, key_update,
			 sizeof(key_update));
		rig_peer_rekey(rig);
	}
	rig_send_alert(rig, 1, 0);
}

static void *run_peer(void *arg)
{
	static uint8_t buf[RIG_RECORD_MAX];
	struct peer *peer = arg;
	size_t left = peer->sends;
	uint8_t type;
	ssize_t n;

	while (left > 0) {
		size_t len = left < 16384 ? left : 16384;

		if (peer->late)
			send_late(peer);
		memset(buf, 'x', len);
		rig_send(peer->rig, KTLS_RECORD_DATA, buf, len);
		left -= len;
	}
	while ((n = rig_recv(peer->rig, &type, buf)) >= 0) {
		if (type == KTLS_RECORD_ALERT)
			peer->alert = buf[1];
		else if (type == KTLS_RECORD_DATA &&
			 rig_same(buf, (size_t)n, peer->got))
			peer->got += (size_t)n;
	}
	peer->end = n;
	close(peer->rig->peer_fd);
	peer->rig->peer_fd = -1;
	return NULL;
}

static void peer_start(struct peer *peer, struct rig *rig)
{
	peer->rig = rig;
	peer->alert = -1;
	ck_assert_int_eq(pthread_create(&peer->thread, NULL, run_peer, peer),
			 0);
}

static void peer_ends(struct peer *peer, size_t got, int alert)
{
	ck_assert_int_eq(pthread_join(peer->thread, NULL), 0);
	ck_assert_uint_eq(peer->got, got);
	ck_assert_int_eq(peer->alert, alert);
	ck_assert_int_eq(peer->end, -1);
}

static void write_stream(struct rig *rig, size_t len)
{
	static uint8_t buf[65536];

	rig_fill(buf, len, 0);
	ck_assert_int_eq(rig_write_all(rig, buf, len), (ssize_t)len);
}

START_TEST(test_quiet)
{
	struct peer peer = { .sends = 0 };
	struct rig rig;

	rig_start(&rig, _i);
	ck_assert_int_eq(ktls_linger_timeout(rig.k), -1);
	write_stream(&rig, 5000);
	peer_start(&peer, &rig);
	ck_assert_int_eq(linger_and_close(&rig, 1000), 0);
	peer_ends(&peer, 5000, 0);
	rig_close(&rig);
}
END_TEST

/* More than all buffers hold, so that it has to be read to let the peer come
 * to what we sent. */
START_TEST(test_busy)
{
	struct peer peer = { .sends = 8 * 1024 * 1024 };
	struct rig rig;

	rig_start(&rig, _i);
	write_stream(&rig, 50000);
	peer_start(&peer, &rig);
	ck_assert_int_eq(linger_and_close(&rig, SIZE_MAX), 0);
	peer_ends(&peer, 50000, 0);
	rig_close(&rig);
}
END_TEST

/* Control records among what is discarded, and new keys where the kernel can
 * follow. */
START_TEST(test_late)
{
	struct peer peer = { .sends = 100000, .late = 1 };
	struct rig rig;

	rig_start(&rig, _i);
	peer.rekey = !rig.rx_kernel || rig_rekey();
	write_stream(&rig, 5000);
	peer_start(&peer, &rig);
	ck_assert_int_eq(linger_and_close(&rig, 1 << 20), 0);
	peer_ends(&peer, 5000, 0);
	rig_close(&rig);
}
END_TEST

/* Its alert in place of close_notify. */
START_TEST(test_alert)
{
	struct peer peer = { .sends = 200000 };
	struct rig rig;

	rig_start(&rig, _i);
	write_stream(&rig, 5000);
	ck_assert_int_eq(rig_alert(&rig, 40), 0);
	peer_start(&peer, &rig);
	ck_assert_int_eq(linger_and_close(&rig, 1 << 20), 0);
	peer_ends(&peer, 5000, 40);
	rig_close(&rig);
}
END_TEST

/* Nothing more can be read by then: only the peer's FIN shows. */
START_TEST(test_forged)
{
	struct peer peer = { .sends = 0 };
	uint8_t record[RIG_RECORD_MAX];
	struct rig rig;
	size_t len;
	int i;

	rig_start(&rig, _i);
	if (!rig.tx_kernel && rig.rx_kernel) {
		rig_close(&rig);
		return;
	}
	write_stream(&rig, 5000);
	len = rig_seal(&rig, record, KTLS_RECORD_DATA, "secret", 6);
	record[len - 1] ^= 1;
	rig_send_bytes(&rig, record, len);
	for (i = 0; i < 3; i++)
		rig_send(&rig, KTLS_RECORD_DATA, record, 10000);
	ck_assert_int_eq(rig_read(&rig, record, 100), -KTLS_EBADRECORD);
	peer_start(&peer, &rig);
	ck_assert_int_eq(linger_and_close(&rig, 1 << 20), 0);
	peer_ends(&peer, 5000, 20);
	rig_close(&rig);
}
END_TEST

/* The same, found only while input is discarded. */
START_TEST(test_forged_late)
{
	struct peer peer = { .sends = 0 };
	uint8_t record[RIG_RECORD_MAX];
	struct rig rig;
	size_t len;

	rig_start(&rig, _i);
	write_stream(&rig, 5000);
	len = rig_seal(&rig, record, KTLS_RECORD_DATA, "secret", 6);
	record[len - 1] ^= 1;
	rig_send_bytes(&rig, record, len);
	peer_start(&peer, &rig);
	ck_assert_int_eq(linger_and_close(&rig, 1 << 20), 0);
	peer_ends(&peer, 5000, 0);
	rig_close(&rig);
}
END_TEST

/* A peer that has closed its side, and reads. */
START_TEST(test_half_closed)
{
	struct peer peer = { .sends = 0 };
	struct rig rig;
	char byte;

	rig_start(&rig, _i);
	rig_send_alert(&rig, 1, 0);
	rig_fin(&rig);
	ck_assert_int_eq(rig_read(&rig, &byte, 1), 0);
	write_stream(&rig, 50000);
	peer_start(&peer, &rig);
	ck_assert_int_eq(linger_and_close(&rig, 100), 0);
	peer_ends(&peer, 50000, 0);
	rig_close(&rig);
}
END_TEST

/* Nobody reads, so output waits; no byte of it is lost when the end comes. */
static void stuck(struct rig *rig, int fin)
{
	struct peer peer = { .sends = 0 };
	static uint8_t buf[65536];
	int size = 8192;
	size_t at = 0;
	ssize_t n = 0;

	setsockopt(rig->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(rig->peer_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (fin)
		rig_fin(rig);
	while (n != -EAGAIN) {
		rig_fill(buf, sizeof(buf), at);
		n = ktls_write(rig->k, buf, sizeof(buf), 0);
		at += n > 0 ? (size_t)n : 0;
	}
	n = ktls_linger(rig->k, 100, CONN_NEVER);
	ck_assert(n == -EAGAIN || (n == 0 && fin));
	peer_start(&peer, rig);
	ck_assert_int_eq(linger_and_close(rig, 100), 0);
	/* one byte more may be sealed than was told */
	ck_assert_int_eq(pthread_join(peer.thread, NULL), 0);
	ck_assert(peer.got == at || peer.got == at + 1);
	ck_assert_int_eq(peer.alert, 0);
	ck_assert_int_eq(peer.end, -1);
}

START_TEST(test_stuck)
{
	struct rig rig;
	int fin;

	for (fin = 0; fin < 2 && rig_variant(_i).nonblock; fin++) {
		rig_start(&rig, _i);
		stuck(&rig, fin);
		rig_close(&rig);
	}
}
END_TEST

TCase *conn_linger_case(void)
{
	TCase *tcase = tcase_create("linger");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_quiet);
	conn_add(tcase, test_busy);
	conn_add(tcase, test_late);
	conn_add(tcase, test_alert);
	conn_add(tcase, test_forged);
	conn_add(tcase, test_forged_late);
	conn_add(tcase, test_half_closed);
	conn_add(tcase, test_stuck);
	return tcase;
}
