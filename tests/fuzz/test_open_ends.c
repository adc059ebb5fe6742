/* SPDX-License-Identifier: MIT */
/*
 * ktls_open() where more than its ciphertext ends within the call: the
 * connection, by a reset or by what the peer says, or faith in the kernel;
 * and how such an end is told.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "duo.h"
#include "lib/sys.h"
#include "open_ways.h"
#include "tests/tls_calls.h"
#include "tests/unit/suite_main.h"

#define SOL_TLS 282
#define UPDATE "\x18\0\0\x01\0"
#define UPDATE_LEN 5

static struct keyed c;
static struct ktls__sys lying;
static const struct ktls__sys *honest;

static void lie(void)
{
	honest = ktls__sys;
	lying = *honest;
	ktls__sys = &lying;
}

static void seal(const char *text)
{
	keyed_seal(&c, KTLS_RECORD_DATA, text, strlen(text));
}

static void seal_message(const void *msg, size_t len)
{
	keyed_seal(&c, KTLS_RECORD_HANDSHAKE, msg, len);
}

static void seal_alert(uint8_t level, uint8_t number)
{
	const uint8_t alert[2] = { level, number };

	keyed_seal(&c, KTLS_RECORD_ALERT, alert, sizeof(alert));
}

/* user_canceled: a warning in either version. */
static void seal_warning(void)
{
	seal_alert(1, 90);
}

static void open_all(void)
{
	keyed_leave(&c, SIZE_MAX);
	keyed_open(&c);
}

/* The peer's reset has come. */
static void reset(void)
{
	const struct linger hard = { .l_onoff = 1 };
	struct pollfd p = { .fd = c.fd };

	setsockopt(c.peer_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(c.peer_fd);
	c.peer_fd = -1;
	while ((p.revents & POLLHUP) == 0)
		poll(&p, 1, -1);
}

static void reset_on_event(struct ktls *k, const struct ktls_event *ev,
			   void *arg)
{
	(void)k;
	(void)arg;
	if (ev->type == KTLS_EVENT_ALERT_RECEIVED && c.peer_fd >= 0)
		reset();
}

/* The socket was looked at, and nothing else is done yet. */
static int reset_behind(int fd, struct sockaddr *addr, socklen_t *len)
{
	int err = honest->getpeername(fd, addr, len);

	if (fd == c.fd && c.peer_fd >= 0)
		reset();
	return err;
}

/* There is an end, and a poll loop is told to fetch it. */
static void is_due(const struct ktls *k)
{
	ck_assert_uint_gt(ktls_pending(k), 0);
	ck_assert_int_ne(ktls_events(k) & POLLIN, 0);
}

static void is_told(const struct ktls *k)
{
	ck_assert_uint_eq(ktls_pending(k), 0);
	ck_assert_int_eq(ktls_events(k) & POLLIN, 0);
}

static void ends_now(ssize_t result)
{
	uint8_t byte;

	is_due(c.k);
	ck_assert_int_eq(ktls_read(c.k, &byte, 1), result);
	keyed_ends(&c, result);
	is_told(c.k);
}

static void seal_half(void)
{
	seal("before");
	seal_warning();
	seal("half");
	keyed_leave(&c, c.wire_len - 3);
}

/* Nobody writes into a dead connection, whoever has found it dead. */
static void is_dead(void)
{
	ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), -ECONNRESET);
	keyed_reads_text(&c, "before");
	ends_now(-ECONNRESET);
	ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), -ECONNRESET);
	keyed_close(&c);
}

OPEN_TEST(half_and_reset)
{
	open_way(&c, way);
	c.opts.event = reset_on_event;
	seal_half();
	keyed_open(&c);
	is_dead();
}

OPEN_TEST(reset_before)
{
	open_way(&c, way);
	lie();
	lying.getpeername = reset_behind;
	seal_half();
	keyed_open(&c);
	is_dead();
}

/* The kernel says that it has another key for RX. */
static int distort(int fd, int level, int name, void *val, socklen_t *len)
{
	int err = honest->getsockopt(fd, level, name, val, len);

	if (err == 0 && fd == c.fd && level == SOL_TLS && name == KTLS_RX &&
	    *len > 20)
		((uint8_t *)val)[20] ^= 1;
	return err;
}

/* ... or takes none. */
static int ignore(int fd, int level, int name, const void *val, socklen_t len)
{
	if (fd == c.fd && level == SOL_TLS && name == KTLS_RX)
		return 0;
	return honest->setsockopt(fd, level, name, val, len);
}

static void seal_renegotiation(void)
{
	static const char hello[] = "\x01\0\0\x2b" "\x03\x03"
		"01234567890123456789012345678901" "\0" "\0\x02" "\xc0\x2b"
		"\x01\0" "\0\0";

	if (c.session.server)
		seal_message(hello, sizeof(hello) - 1);
	else
		seal_message("\0\0\0\0", 4);
}

/* RX is to go to the kernel, behind records that TX has to answer. */
static void lie_about_rx(int i)
{
	keyed_start(i & 2 ? KEYED_REKEY : KEYED_FIXED);
	keyed_make(&c, &keyed_kinds[i / 4], i & 1, (unsigned)i);
	c.opts.tx = i & 2 ? KTLS_KERNEL : KTLS_USERSPACE;
	c.opts.rx = KTLS_KERNEL;
	lie();
	seal("da");
	if (c.version == KTLS_TLS_1_2)
		seal_renegotiation();
	else if (open_way_secret(&c))
		keyed_update(&c, 1);
	seal("ta");
}

START_TEST(other_key)
{
	lie_about_rx(_i);
	lying.getsockopt = distort;
	open_all();
	ck_assert_int_eq(keyed_info(&c).rx.reason, KTLS_REASON_UNPROVEN);
	if (c.version == KTLS_TLS_1_2)
		keyed_gets_alert(&c, 1, 100);
	ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), -KTLS_EUNPROVEN);
	keyed_reads_text(&c, "data");
	ends_now(-KTLS_EUNPROVEN);
	ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), -KTLS_EUNPROVEN);
	ck_assert_int_eq(keyed_info(&c).tx.error, -KTLS_EUNPROVEN);
	ck_assert_int_eq(keyed_info(&c).rx.error, -KTLS_EUNPROVEN);
	keyed_quiet(&c);
	keyed_close(&c);
}
END_TEST

/* Userspace still has its own. */
START_TEST(no_key)
{
	lie_about_rx(_i);
	lying.setsockopt = ignore;
	open_all();
	ck_assert_int_eq(keyed_info(&c).rx.reason, KTLS_REASON_UNPROVEN);
	if (c.version == KTLS_TLS_1_2)
		keyed_gets_alert(&c, 1, 100);
	keyed_reads_text(&c, "data");
	if (c.version == KTLS_TLS_1_3 && open_way_secret(&c)) {
		ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), 1);
		keyed_gets(&c, KTLS_RECORD_HANDSHAKE, UPDATE, UPDATE_LEN);
		keyed_next_rx(&c);
		keyed_gets_text(&c, "x");
	}
	keyed_alive(&c);
	keyed_close(&c);
}
END_TEST

enum { CLOSE_NOTIFY, FATAL, MALFORMED, UNEXPECTED, FLOOD, ENDS };

static const ssize_t results[ENDS] = {
	0, -KTLS_EALERT, -KTLS_EPROTOCOL, -KTLS_EPROTOCOL, -KTLS_EFLOOD
};

static void seal_end(int which)
{
	int i;

	switch (which) {
	case CLOSE_NOTIFY:
		seal_alert(1, 0);
		break;
	case FATAL:
		seal_alert(2, 40);
		break;
	case MALFORMED:
		keyed_seal(&c, KTLS_RECORD_ALERT, "\1\132\1", 3);
		break;
	case UNEXPECTED:
		seal_message("\x0b\0\0\x04" "cert", 8);
		break;
	default:
		for (i = 0; i <= KTLS_CONTROL_RUN; i++)
			seal_warning();
	}
}

/* It is no longer in the socket, where a poll would see it. */
OPEN_TEST(end_alone)
{
	int which;

	for (which = 0; which < 2 * ENDS; which++) {
		open_way(&c, way);
		if (which & 1)
			seal("last");
		seal_end(which / 2);
		open_all();
		if (which & 1) {
			ck_assert_uint_eq(ktls_pending(c.k), 4);
			keyed_reads_text(&c, "last");
		}
		ends_now(results[which / 2]);
		keyed_close(&c);
	}
}

/* The same of an SSL from whose memory a hand-off takes it. */
START_TEST(handoff_end)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct ktls *k;
	struct duo d;
	char byte;

	duo_open(&d, 1);
	if (_i & 1)
		SSL_CTX_set_max_proto_version(d.ctx, TLS1_2_VERSION);
	ck_assert_int_eq(ktls_prepare(d.ctx, 0), 0);
	duo_ssl(&d);
	duo_bios(&d, 1);
	duo_shake(&d);
	duo_drain(&d);
	if (_i & 2)
		ck_assert_int_eq(SSL_write(d.peer, "y", 1), 1);
	ck_assert_int_eq(SSL_shutdown(d.peer), 0);
	opts.tx = _i & 4 ? KTLS_KERNEL : KTLS_USERSPACE;
	opts.rx = _i & 8 ? KTLS_KERNEL : KTLS_USERSPACE;
	opts.fd = d.fd;
	opts.flags = tls_take();
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	d.ssl = tls_kept(d.ssl, opts.flags);
	is_due(k);
	if (_i & 2)
		duo_to_us(k, "y");
	is_due(k);
	ck_assert_int_eq(ktls_read(k, &byte, 1), 0);
	is_told(k);
	duo_close(&d, k);
}
END_TEST

/* What nobody sent, behind a record that lets the peer go on; or not. */
static void forge(int i, uint8_t level, uint8_t number)
{
	open_way(&c, i);
	seal("data");
	seal_alert(level, number);
	seal("forged");
	c.wire[c.wire_len - 1] ^= 1;
	keyed_leave(&c, SIZE_MAX);
}

OPEN_TEST(forged_behind_warning)
{
	forge(way, 1, 90);
	ck_assert_int_eq(ktls_open(&c.k, c.fd, &c.session, &c.opts),
			 -KTLS_EBADRECORD);
	ck_assert_ptr_null(c.k);
	ck_assert_uint_eq(c.event_count, 0);
	keyed_quiet(&c);
	keyed_close(&c);
}

/* TLS 1.3 knows alerts by their number, TLS 1.2 by their level too. */
OPEN_TEST(forged_behind_end)
{
	static const uint8_t alerts[][2] = { { 1, 0 }, { 2, 0 }, { 2, 40 },
					     { 1, 40 } };
	int closes;
	size_t i;

	for (i = 0; i < 4; i++) {
		forge(way, alerts[i][0], alerts[i][1]);
		if (i == 3 && c.version == KTLS_TLS_1_2) {
			keyed_close(&c);
			break;
		}
		closes = i == 0 || (i == 1 && c.version == KTLS_TLS_1_3);
		keyed_open(&c);
		keyed_reads_text(&c, "data");
		is_due(c.k);
		keyed_ends(&c, closes ? 0 : -KTLS_EALERT);
		keyed_quiet(&c);
		keyed_close(&c);
	}
}

int main(void)
{
	Suite *all = suite_create("open_ends");
	TCase *tcase = tcase_create("each");
	/* of both fake kernels, in either role */
	const int lies = 2 * (keyed_worlds() - 1) * KEYED_KINDS;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, half_and_reset, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, reset_before, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, other_key, 0, lies);
	tcase_add_loop_test(tcase, no_key, 0, lies);
	tcase_add_loop_test(tcase, end_alone, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, handoff_end, 0, 16);
	tcase_add_loop_test(tcase, forged_behind_warning, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, forged_behind_end, 0, OPEN_PROCESSES);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
