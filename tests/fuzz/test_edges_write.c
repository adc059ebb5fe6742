/* SPDX-License-Identifier: MIT */
/*
 * Writing at its edges: a full socket, a file that cannot be read, a peer
 * that is in the middle of something.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "aead.h"
#include "backend.h"
#include "duo.h"
#include "kernel_path.h"
#include "tests/unit/suite_main.h"

static enum ktls_choice tx_of(int i)
{
	return i & 4 ? KTLS_USERSPACE : i & 1 ? KTLS_LIBRARY : KTLS_KERNEL;
}

static enum ktls_choice rx_of(int i)
{
	return i & 2 ? KTLS_LIBRARY : KTLS_KERNEL;
}

/* Our side ready, and little room in its socket. */
static struct ktls *begin(struct duo *d, int i)
{
	duo_open(d, 1);
	duo_ready(d);
	duo_small(d);
	return duo_choose(d, tx_of(i), rx_of(i));
}

/* Until the peer has all of the pattern that was taken. */
static void drain_all(struct duo *d)
{
	while (d->got < d->sent)
		duo_drain(d);
	ck_assert_uint_eq(d->got, d->sent);
}

#define MORE (1 << 20)

static void put_more(struct duo *d, struct ktls *k)
{
	size_t stop = d->sent + MORE;
	ssize_t n;

	while (d->sent < stop) {
		n = duo_put(d, k, 50000);
		if (n < 0)
			ck_assert_int_eq(n, -EAGAIN);
		duo_drain(d);
		ck_assert_uint_le(d->got, d->sent + 1);
	}
	drain_all(d);
}

/* close_notify, whatever still waits before it. */
static void end(struct duo *d, struct ktls *k)
{
	int err;

	while ((err = ktls_shutdown(k)) == -EAGAIN)
		duo_drain(d);
	ck_assert_int_eq(err, 0);
	duo_alert(d, 0);
	ck_assert_uint_eq(d->got, d->sent);
	duo_close(d, k);
}

/* A reader does not clear what the writer waits for. */
START_TEST(reader_keeps_pollout)
{
	struct duo d;
	struct ktls *k = begin(&d, _i);
	char buf[8];

	duo_fill(&d, k);
	ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
	ck_assert_int_eq(ktls_read(k, buf, sizeof(buf)), -EAGAIN);
	ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
	put_more(&d, k);
	ck_assert_int_eq(ktls_events(k) & POLLOUT, 0);
	end(&d, k);
}
END_TEST

/* The answer to a KeyUpdate goes before an alert, under the old keys. */
START_TEST(alert_behind_key_update)
{
	struct duo d;
	struct ktls *k = begin(&d, 3);

	ck_assert_int_eq(SSL_key_update(d.peer, SSL_KEY_UPDATE_REQUESTED), 1);
	ck_assert_int_eq(SSL_write(d.peer, "hi", 2), 2);
	duo_to_us(k, "hi");
	ck_assert_int_eq(ktls_alert(k, 90), 0);
	ck_assert_int_eq(ktls_write(k, "hello", 5, 0), 5);
	duo_to_peer(&d, "hello");
	duo_alert(&d, 90);
	d.alert = -1;
	duo_alive(&d, k);
	end(&d, k);
}
END_TEST

/* A handshake record that the peer's SSL did not write itself. */
static void forge(struct duo *d, const uint8_t *msg, size_t len, uint64_t ahead)
{
	const struct ktls__trace *t = ktls__trace_of(d->peer);
	const SSL_CIPHER *cipher = SSL_get_current_cipher(d->peer);
	uint8_t rec[64];
	struct ktls_keys keys;
	int n;

	ck_assert_int_eq(ktls_keys_tls13(&keys,
					 SSL_CIPHER_get_protocol_id(cipher),
					 t->tx.secret, t->tx.secret_len), 0);
	keys.seq = t->tx.records + ahead;
	n = ktls__record_seal(rec, &keys, KTLS_RECORD_HANDSHAKE, msg, len);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(send(d->peer_fd, rec, (size_t)n, 0), n);
}

static void wait_input(struct duo *d)
{
	struct pollfd p = { .fd = d->fd, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

/* The head of a KeyUpdate, and not what it asks for: nobody spins. */
START_TEST(half_a_message)
{
	static const uint8_t head[4] = { 24, 0, 0, 1 };
	static const uint8_t body[1] = { 0 };
	struct ktls *k;
	struct duo d;
	char buf[8];
	ssize_t n;

	duo_open(&d, 1);
	ck_assert_int_eq(ktls_prepare(d.peer_ctx, 0), 0);
	duo_ready(&d);
	k = duo_choose(&d, KTLS_LIBRARY, KTLS_LIBRARY);
	duo_drain(&d);
	forge(&d, head, sizeof(head), 0);
	wait_input(&d);
	ck_assert_int_eq(ktls_read(k, buf, sizeof(buf)), -EAGAIN);
	n = _i ? ktls_shutdown(k) : duo_put(&d, k, 5);
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert_int_eq(ktls_events(k), POLLIN);
	forge(&d, body, sizeof(body), 1);
	wait_input(&d);
	if (_i)
		ck_assert_int_eq(ktls_read(k, buf, sizeof(buf)), -EAGAIN);
	else
		ck_assert_int_eq(duo_put(&d, k, 5), 5);
	end(&d, k);
}
END_TEST

/* Only the file is to blame. */
START_TEST(file_not_readable)
{
	struct duo d;
	struct ktls *k = begin(&d, _i);
	off_t off = 0;
	char name[64];
	int rw = memfd_create("edges", 0);
	int wo;

	ck_assert_int_eq(write(rw, "hello", 5), 5);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", rw);
	wo = open(name, O_WRONLY);
	ck_assert_int_ge(wo, 0);
	ck_assert_int_eq(ktls_sendfile(k, wo, &off, 5, 0), -EBADF);
	ck_assert_int_eq(off, 0);
	duo_alive(&d, k);
	close(wo);
	close(rw);
	end(&d, k);
}
END_TEST

START_TEST(quiet_shutdown)
{
	struct ktls *k;
	struct duo d;

	duo_open(&d, 1);
	SSL_CTX_set_quiet_shutdown(d.ctx, 1);
	duo_ready(&d);
	k = duo_choose(&d, tx_of(_i), rx_of(_i));
	duo_alive(&d, k);
	end(&d, k);
}
END_TEST

START_TEST(close_notify_as_alert)
{
	struct duo d;
	struct ktls *k = begin(&d, _i);
	int err;

	duo_fill(&d, k);
	ck_assert_int_eq(ktls_alert(k, 0), -EAGAIN);
	ck_assert_int_eq(ktls_alert(k, 0), -EAGAIN);
	ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
	while ((err = ktls_alert(k, 0)) == -EAGAIN)
		duo_drain(&d);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(ktls_alert(k, 0), 0);
	ck_assert_int_eq(ktls_write(k, "x", 1, 0), -KTLS_ECLOSED);
	/* the byte that was sealed without being taken goes, too */
	while (d.alert < 0)
		duo_drain(&d);
	ck_assert_int_eq(d.alert, 0);
	ck_assert_uint_le(d.got - d.sent, tx_of(_i) != KTLS_KERNEL);
	duo_close(&d, k);
}
END_TEST

START_TEST(foreign_shorter)
{
	struct ktls *k;
	struct duo d;
	ssize_t n;

	duo_open(&d, 1);
	ck_assert_int_eq(ktls_prepare(d.ctx, 0), 0);
	duo_ssl(&d);
	duo_bios(&d, 0);
	duo_shake(&d);
	k = duo_choose(&d, KTLS_AUTO, KTLS_AUTO);
	duo_reasons(k, KTLS_REASON_TRANSPORT, KTLS_REASON_TRANSPORT);
	while ((n = duo_put(&d, k, 16000)) > 0)
		;
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert_int_eq(duo_put(&d, k, 100), -KTLS_ERETRY);
	ck_assert_int_eq(duo_put(&d, k, 16000), -EAGAIN);
	while ((n = duo_put(&d, k, 16000)) == -EAGAIN)
		duo_drain(&d);
	ck_assert_int_eq(n, 16000);
	drain_all(&d);
	duo_alive(&d, k);
	duo_close(&d, k);
}
END_TEST

/* ktls_alert() itself sends nothing before it has the room. */
START_TEST(fatal_alert_again)
{
	struct duo d;
	struct ktls *k = begin(&d, _i);
	int err;

	duo_fill(&d, k);
	ck_assert_int_eq(ktls_alert(k, 80), -EAGAIN);
	ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
	while ((err = ktls_alert(k, 80)) == -EAGAIN)
		duo_drain(&d);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(ktls_write(k, "x", 1, 0), -KTLS_ECLOSED);
	/* what is still queued goes out with any call */
	while (ktls_events(k) & POLLOUT) {
		duo_drain(&d);
		ck_assert_int_eq(ktls_write(k, "x", 1, 0), -KTLS_ECLOSED);
	}
	duo_alert(&d, 80);
	duo_close(&d, k);
}
END_TEST

static uint64_t tcp_bytes(const struct duo *d)
{
	uint64_t bytes;

	ck_assert_int_eq(ktls__kernel_tcp_bytes(d->fd, &bytes), 0);
	return bytes;
}

/* Another byte than the one that is sealed: nothing is sent for it. */
static void continue_wrongly(struct duo *d, struct ktls *k)
{
	uint8_t other = (uint8_t)~*duo_pattern(d->sent);
	uint64_t before;
	ssize_t n;

	while ((n = ktls_write(k, &other, 1, 0)) == -EAGAIN)
		duo_drain(d);
	ck_assert_int_eq(n, -KTLS_ERETRY);
	while (d->got < d->sent + 1)
		duo_drain(d);
	before = tcp_bytes(d);
	ck_assert_int_eq(ktls_write(k, &other, 1, 0), -KTLS_ERETRY);
	ck_assert_uint_eq(tcp_bytes(d), before);
	ck_assert_uint_eq(duo_drain(d), 0);
	ck_assert_uint_eq(d->got, d->sent + 1);
}

START_TEST(owed_byte)
{
	struct duo d;
	struct ktls *k = begin(&d, _i);

	duo_fill(&d, k);
	continue_wrongly(&d, k);
	ck_assert_int_eq(duo_put(&d, k, 1), 1);
	ck_assert_uint_eq(d.got, d.sent);
	put_more(&d, k);
	end(&d, k);
}
END_TEST

static int pattern_file(size_t len)
{
	int fd = memfd_create("edges", 0);

	for (size_t off = 0; off < len; off += DUO_PIECE)
		ck_assert_int_eq(write(fd, duo_pattern(off), DUO_PIECE),
				 DUO_PIECE);
	return fd;
}

/* The next bytes of the pattern, from the same place of the file. */
static ssize_t put_file(struct duo *d, struct ktls *k, int fd, size_t len)
{
	off_t off = (off_t)d->sent;
	ssize_t n = ktls_sendfile(k, fd, &off, len, 0);

	d->sent += n > 0 ? (size_t)n : 0;
	ck_assert_int_eq(off, (off_t)d->sent);
	return n;
}

START_TEST(owed_byte_of_file)
{
	struct duo d;
	struct ktls *k = begin(&d, _i);
	int fd = pattern_file(4 * MORE);
	ssize_t n;

	while ((n = put_file(&d, k, fd, 100000)) > 0)
		;
	ck_assert_int_eq(n, -EAGAIN);
	continue_wrongly(&d, k);
	while (d.sent < 3 * MORE) {
		n = put_file(&d, k, fd, 50000);
		if (n < 0)
			ck_assert_int_eq(n, -EAGAIN);
		duo_drain(&d);
		ck_assert_uint_le(d.got, d.sent + 1);
	}
	/* And a write goes on where the file has stopped. */
	put_more(&d, k);
	close(fd);
	end(&d, k);
}
END_TEST

int main(void)
{
	Suite *all = suite_create("edges_write");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, reader_keeps_pollout, 0, 8);
	tcase_add_test(tcase, alert_behind_key_update);
	tcase_add_loop_test(tcase, half_a_message, 0, 2);
	tcase_add_loop_test(tcase, file_not_readable, 0, 8);
	tcase_add_loop_test(tcase, quiet_shutdown, 0, 8);
	tcase_add_loop_test(tcase, close_notify_as_alert, 0, 8);
	tcase_add_test(tcase, foreign_shorter);
	tcase_add_loop_test(tcase, fatal_alert_again, 0, 8);
	tcase_add_loop_test(tcase, owed_byte, 1, 2);
	tcase_add_loop_test(tcase, owed_byte, 3, 8);
	tcase_add_loop_test(tcase, owed_byte_of_file, 1, 2);
	tcase_add_loop_test(tcase, owed_byte_of_file, 3, 8);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
