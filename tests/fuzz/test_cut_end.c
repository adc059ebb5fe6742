/* SPDX-License-Identifier: MIT */
/* What was cut, and is not repeated any more; and what splice_read leaves. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cut.h"
#include "keyed.h"
#include "sys.h"
#include "tests/unit/suite_main.h"

#define MINUTE 60000

/* Until the end, which has to come without the deadline. */
static int linger(struct ktls *k)
{
	struct pollfd p = { .fd = ktls_fd(k) };
	int err;

	while ((err = ktls_linger(k, 1 << 20, MINUTE)) == -EAGAIN) {
		p.events = (short)ktls_events(k);
		poll(&p, 1, 20);
	}
	return err;
}

/* The peer has closed; nothing of ours is said to be whole. */
START_TEST(lingers_with_half_a_record)
{
	struct ktls *k;
	struct duo d;

	cut_write(&d, _i, 16000);
	ck_assert_int_eq(cut_handoff(&d, &k, KTLS_AUTO, KTLS_NO_WAIT), 0);
	ck_assert_int_eq(shutdown(d.peer_fd, SHUT_WR), 0);
	ck_assert_int_eq(linger(k), -KTLS_EPENDING);
	duo_close(&d, k);
}
END_TEST

/* A BIO has refused a write, all of it or not (_i bytes). */
START_TEST(lingers_behind_a_refusal)
{
	BIO_METHOD *method;
	struct ktls *k;
	struct duo d;

	cut_open(&d, 1);
	method = cut_own_bio(&d);
	duo_shake(&d);
	ck_assert_int_eq(cut_handoff(&d, &k, KTLS_AUTO, 0), 0);
	duo_alive(&d, k);
	cut_room = (size_t)_i;
	ck_assert_int_eq(ktls_write(k, "hello", 5, 0), -EAGAIN);
	cut_room = 1 << 20;
	ck_assert_int_eq(shutdown(d.peer_fd, SHUT_WR), 0);
	ck_assert_int_eq(linger(k), -KTLS_EPENDING);
	ck_assert_int_eq(ktls_events(k) & POLLOUT, 0);
	duo_close(&d, k);
	BIO_meth_free(method);
}
END_TEST

#define TEXT "ticket-bytes"
#define TICKET "\x04\0\0\x1b" "\0\0\x0e\x10" "\x01\x02\x03\x04" "\x02\0\0" \
	       "\0\x0c" TEXT "\0\0"
#define PIECE 16384

static int seen;

/* All of the memory that the library reads into. */
static ssize_t watch(int fd, const void *buf, size_t len)
{
	seen += memmem(buf, PIECE, TEXT, sizeof(TEXT) - 1) != NULL ? 100 : 1;
	return write(fd, buf, len);
}

START_TEST(no_ticket_behind_data)
{
	static struct keyed c;
	struct ktls__sys sys;
	char buf[8];
	int p[2];
	ssize_t n;

	keyed_start(KEYED_HOST);
	keyed_make(&c, &keyed_kinds[0], 0, 5);
	c.opts.tx = KTLS_USERSPACE;
	c.opts.rx = KTLS_USERSPACE;
	keyed_open(&c);
	sys = *ktls__sys;
	sys.write = watch;
	ktls__sys = &sys;
	ck_assert_int_eq(pipe2(p, O_NONBLOCK), 0);
	keyed_seal(&c, KTLS_RECORD_HANDSHAKE, TICKET, sizeof(TICKET) - 1);
	keyed_seal(&c, KTLS_RECORD_DATA, "data", 4);
	keyed_send(&c, SIZE_MAX);
	do
		n = ktls_splice_read(c.k, p[1], PIECE);
	while (n == -EAGAIN);
	ck_assert_int_eq(n, 4);
	ck_assert_int_eq(read(p[0], buf, sizeof(buf)), 4);
	ck_assert_int_eq(seen, 1);
	ktls__sys = &ktls__sys_linux;
	close(p[0]);
	close(p[1]);
	keyed_close(&c);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("cut, and over");
	TCase *tcase = tcase_create("end");

	tcase_add_loop_test(tcase, lingers_with_half_a_record, 0, 2);
	tcase_add_loop_test(tcase, lingers_behind_a_refusal, 0, 4);
	tcase_add_test(tcase, no_ticket_behind_data);
	suite_add_tcase(s, tcase);
	return s;
}

int main(void)
{
	return suite_main(suite());
}
