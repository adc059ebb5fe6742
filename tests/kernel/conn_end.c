/* SPDX-License-Identifier: MIT */
/* shutdown: close_notify comes, and so does all that was accepted before. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aead.h"
#include "conn.h"
#include "rig.h"

#define MUCH (4 * 1024 * 1024)

static void expect_close_notify(struct rig *rig)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;

	ck_assert_int_eq(rig_recv(rig, &type, buf), 2);
	ck_assert_int_eq(type, KTLS_RECORD_ALERT);
	ck_assert_int_eq(buf[0], 1);
	ck_assert_int_eq(buf[1], 0);
}

START_TEST(test_shutdown)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	char buf[8];
	struct rig rig;
	off_t off = 0;

	rig_start(&rig, _i);
	ck_assert_int_eq(write(file, "abc", 3), 3);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	ck_assert_int_eq(ktls_shutdown(rig.k), 0);
	ck_assert_int_eq(ktls_write(rig.k, "x", 1, 0), -KTLS_ECLOSED);
	ck_assert_int_eq(ktls_sendfile(rig.k, file, &off, 3, 0), -KTLS_ECLOSED);
	ck_assert_int_eq(off, 0);
	ck_assert_int_eq(ktls_alert(rig.k, 90), -KTLS_ECLOSED);
	ck_assert_int_eq(ktls_alert(rig.k, 40), -KTLS_ECLOSED);
	ck_assert_int_eq(rig_info(&rig).alert_sent, 0);
	ck_assert_int_eq(ktls_shutdown(rig.k), 0);
	expect_close_notify(&rig);
	/* the other direction goes on */
	rig_send(&rig, KTLS_RECORD_DATA, "more", 4);
	ck_assert_int_eq(rig_read_all(&rig, buf, 4), 4);
	rig_send_alert(&rig, 1, 0);
	ck_assert_int_eq(rig_read(&rig, buf, 4), 0);
	rig_close(&rig);
	close(file);
}
END_TEST

START_TEST(test_after_peers)
{
	char byte;
	struct rig rig;

	rig_start(&rig, _i);
	rig_send_alert(&rig, 1, 0);
	rig_fin(&rig);
	ck_assert_int_eq(rig_read(&rig, &byte, 1), 0);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	expect_close_notify(&rig);
	rig_close(&rig);
}
END_TEST

static void small_buffer(int fd, int name, int size)
{
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, name, &size, sizeof(size)),
			 0);
}

/* As much as goes, and then some more tries: TCP moves things by itself. */
static size_t fill_up(struct rig *rig, const uint8_t *buf, size_t len)
{
	size_t have = 0;
	int refused = 0;

	while (refused < 20) {
		ssize_t n = ktls_write(rig->k, buf + have, len - have, 0);

		ck_assert(n > 0 || n == -EAGAIN);
		have += n > 0 ? (size_t)n : 0;
		refused += n < 0;
	}
	return have;
}

/* close(2) follows on the 0, as any server would have it. */
static void end_and_close(struct rig *rig)
{
	ck_assert_int_eq(rig_shutdown(rig), 0);
	ktls_free(rig->k);
	rig->k = NULL;
	close(rig->fd);
	rig->fd = -1;
}

/*
 * Nobody reads, so shutdown cannot end, unless TCP had room for all of it;
 * then somebody does.
 */
START_TEST(test_stuck)
{
	uint8_t *buf = malloc(MUCH);
	struct rig_reader reader;
	struct rig rig;
	size_t have;
	int err = -EAGAIN;
	int i;

	rig_start(&rig, _i);
	if (!rig.config.nonblock) {
		rig_close(&rig);
		free(buf);
		return;
	}
	small_buffer(rig.fd, SO_SNDBUF, 8192);
	small_buffer(rig.peer_fd, SO_RCVBUF, 8192);
	rig_fill(buf, MUCH, 0);
	have = fill_up(&rig, buf, MUCH);
	for (i = 0; i < 3 && err == -EAGAIN; i++) {
		err = ktls_shutdown(rig.k);
		ck_assert(err == -EAGAIN || err == 0);
		ck_assert_int_eq(ktls_events(rig.k) & POLLOUT,
				 err == -EAGAIN ? POLLOUT : 0);
	}
	rig_reader_start(&reader, &rig, MUCH);
	end_and_close(&rig);
	rig_reader_join(&reader);
	/* an SSL may have sealed one byte more than it said: it is in order */
	ck_assert_uint_ge(reader.len, have);
	ck_assert_uint_le(reader.len, have + 1);
	ck_assert_mem_eq(reader.data, buf, reader.len);
	ck_assert_int_eq(reader.closed, 1);
	rig_reader_free(&reader);
	rig_close(&rig);
	free(buf);
}
END_TEST

/* All that the peer's socket has, or at most `len`; 0: FIN. */
static ssize_t sip(struct rig *rig, uint8_t *out, size_t len)
{
	ssize_t n = recv(rig->peer_fd, out, len, MSG_DONTWAIT);

	ck_assert(n >= 0 || errno == EAGAIN);
	return n;
}

/* A peer that reads little by little, only as far as shutdown needs it. */
static size_t shut_by_sips(struct rig *rig, uint8_t *wire, size_t room)
{
	struct pollfd pfd[2] = { { rig->fd, POLLOUT, 0 },
				 { rig->peer_fd, POLLIN, 0 } };
	size_t len = 0;
	ssize_t n;
	int err;

	while ((err = ktls_shutdown(rig->k)) != 0) {
		ck_assert_int_eq(err, -EAGAIN);
		poll(pfd, 2, -1);
		n = sip(rig, wire + len, room - len < 500 ? room - len : 500);
		ck_assert_int_ne(n, 0);
		len += n > 0 ? (size_t)n : 0;
	}
	end_and_close(rig);
	while (len < room) {
		poll(pfd + 1, 1, -1);
		n = sip(rig, wire + len, room - len);
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	return len;
}

/* Data of the stream from 0, then one close_notify, and nothing more. */
static size_t whole_stream(struct rig *rig, const uint8_t *wire, size_t len)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type = KTLS_RECORD_DATA;
	size_t have = 0;

	while (type == KTLS_RECORD_DATA) {
		size_t one;
		ssize_t n;

		ck_assert_uint_gt(len, 5);
		one = 5 + (size_t)(wire[3] << 8 | wire[4]);
		ck_assert_uint_le(one, len);
		n = ktls__record_open(buf, &type, &rig->peer_rx, wire, one);
		ck_assert_int_gt(n, 0);
		rig->peer_rx.seq++;
		if (type == KTLS_RECORD_DATA) {
			ck_assert(rig_same(buf, (size_t)n, have));
			have += (size_t)n;
		}
		wire += one;
		len -= one;
	}
	ck_assert_int_eq(type, KTLS_RECORD_ALERT);
	ck_assert_int_eq(buf[1], 0);
	ck_assert_uint_eq(len, 0);
	return have;
}

/* Success must not come while the kernel still holds records back: it does
 * where a record has more bytes than TCP has room. */
static void shut_with(int i, int sndbuf)
{
	uint8_t *buf = malloc(MUCH);
	uint8_t *wire = malloc(MUCH);
	struct rig_config config = rig_variant(i);
	struct rig rig;
	size_t have;
	size_t len;

	config.rcvbuf = 4096;
	rig_open(&rig, &config);
	rig_handoff(&rig);
	small_buffer(rig.fd, SO_SNDBUF, sndbuf);
	rig_fill(buf, MUCH, 0);
	have = fill_up(&rig, buf, MUCH);
	len = shut_by_sips(&rig, wire, MUCH);
	len = whole_stream(&rig, wire, len);
	ck_assert_uint_ge(len, have);
	ck_assert_uint_le(len, have + 1);
	rig_close(&rig);
	free(buf);
	free(wire);
}

START_TEST(test_sips)
{
	if (!rig_variant(_i).nonblock)
		return;
	shut_with(_i, 2048);
	shut_with(_i, 8192);
	shut_with(_i, 32768);
}
END_TEST

/* The same with a reader from the start, so that it waits in the kernel. */
START_TEST(test_drains)
{
	uint8_t *buf = malloc(MUCH);
	struct rig_reader reader;
	struct rig rig;

	rig_start(&rig, _i);
	small_buffer(rig.fd, SO_SNDBUF, 8192);
	rig_fill(buf, MUCH / 8, 0);
	rig_reader_start(&reader, &rig, MUCH / 8);
	ck_assert_int_eq(rig_write_all(&rig, buf, MUCH / 8), MUCH / 8);
	end_and_close(&rig);
	rig_reader_join(&reader);
	ck_assert_uint_eq(reader.len, MUCH / 8);
	ck_assert_mem_eq(reader.data, buf, MUCH / 8);
	ck_assert_int_eq(reader.closed, 1);
	rig_reader_free(&reader);
	rig_close(&rig);
	free(buf);
}
END_TEST

/* A last alert instead of close_notify is drained likewise. */
START_TEST(test_after_alert)
{
	char byte;
	struct rig rig;

	rig_start(&rig, _i);
	ck_assert_int_eq(rig_alert(&rig, 0), 0);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	expect_close_notify(&rig);
	rig_send_alert(&rig, 1, 0);
	ck_assert_int_eq(rig_read(&rig, &byte, 1), 0);
	rig_close(&rig);
}
END_TEST

/* Freeing sends nothing: the peer sees a bare FIN once we close. */
/* Neither an answer nor a second alert. */
START_TEST(test_nothing_after_the_last_alert)
{
	uint8_t forged[RIG_RECORD_MAX];
	uint8_t buf[RIG_RECORD_MAX];
	struct rig rig;
	uint8_t type;
	size_t len;

	rig_start(&rig, _i);
	ck_assert_int_eq(rig_alert(&rig, 40), 0);
	len = rig_seal(&rig, forged, KTLS_RECORD_DATA, "forged", 6);
	forged[len - 1] ^= 1;
	rig_send_bytes(&rig, forged, len);
	ck_assert_int_eq(rig_read(&rig, buf, sizeof(buf)), -KTLS_EBADRECORD);
	ck_assert_uint_eq(rig_info(&rig).alerts_sent, 1);
	ck_assert_int_eq(rig_recv(&rig, &type, buf), 2);
	ck_assert_int_eq(buf[1], 40);
	shutdown(rig.fd, SHUT_WR);
	ck_assert_int_eq(rig_recv(&rig, &type, buf), -1);
	rig_close(&rig);
}
END_TEST

/* The SSL reads the rest of a message before it writes; none will come. */
START_TEST(test_half_a_message_at_the_end)
{
	static const uint8_t half[] = { 24, 0, 0, 1 };
	char buf[16];
	struct rig rig;
	ssize_t n;

	rig_start(&rig, _i);
	if (rig.config.version == KTLS_TLS_1_3) {
		rig_send(&rig, KTLS_RECORD_HANDSHAKE, half, sizeof(half));
		rig_fin(&rig);
		ck_assert_int_eq(rig_read(&rig, buf, sizeof(buf)),
				 -KTLS_ETRUNCATED);
		n = rig_write(&rig, "still here", 10);
		if (rig.tx_path == KTLS_PATH_LIBRARY &&
		    rig.rx_path == KTLS_PATH_LIBRARY && !rig_is_boring(&rig))
			ck_assert_int_eq(n, -KTLS_ETRUNCATED);
		else
			ck_assert_int_eq(n, 10);
		ck_assert_int_eq(rig_shutdown(&rig), n < 0 ? (int)n : 0);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(test_free_is_silent)
{
	uint8_t buf[RIG_RECORD_MAX];
	struct rig rig;
	uint8_t type;

	rig_start(&rig, _i);
	ktls_free(rig.k);
	rig.k = NULL;
	ktls_free(NULL);
	ck_assert_int_eq(shutdown(rig.fd, SHUT_WR), 0);
	ck_assert_int_eq(rig_recv(&rig, &type, buf), -1);
	rig_close(&rig);
}
END_TEST

TCase *conn_end_case(void)
{
	TCase *tcase = tcase_create("shutdown");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_shutdown);
	conn_add(tcase, test_after_peers);
	conn_add(tcase, test_stuck);
	conn_add(tcase, test_sips);
	conn_add(tcase, test_drains);
	conn_add(tcase, test_after_alert);
	conn_add(tcase, test_nothing_after_the_last_alert);
	conn_add(tcase, test_half_a_message_at_the_end);
	conn_add(tcase, test_free_is_silent);
	return tcase;
}
