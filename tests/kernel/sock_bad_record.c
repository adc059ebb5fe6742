/* SPDX-License-Identifier: MIT */
/* Records that no honest peer sends: what is reported, how often, and what
 * of the good data before them is still given out. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "sock_cases.h"
#include "suite.h"

#define DATA KTLS_RECORD_DATA

/* A record with one bit wrong, `from_end` bytes before its last. */
static void send_broken(struct pair *p, uint8_t type, size_t len,
			size_t from_end)
{
	static uint8_t data[PAIR_MAX], rec[PAIR_RECORD];
	size_t n;

	pair_fill(data, sizeof(data));
	n = pair_seal(p, rec, type, data, len);
	rec[n - 1 - from_end] ^= 1;
	pair_raw(p->fd, rec, n);
}

/* Tag, last byte of the text, or first: -EBADMSG, for ever. */
START_TEST(not_authentic)
{
	static const size_t from_end[] = {0, 16, 115};
	struct pair p;

	for (size_t i = 0; i < 3; i++) {
		pair_crafted(&p, _i);
		send_broken(&p, DATA, 100, from_end[i]);
		pair_fails(p.peer, -EBADMSG);
		pair_fails(p.peer, -EBADMSG);
		pair_close(&p);
	}
}
END_TEST

START_TEST(broken_control)
{
	struct pair p;

	pair_crafted(&p, _i);
	send_broken(&p, KTLS_RECORD_ALERT, 2, 0);
	pair_fails(p.peer, -EBADMSG);
	pair_fails(p.peer, -EBADMSG);
	pair_close(&p);
}
END_TEST

START_TEST(wrong_sequence)
{
	struct pair p;

	pair_crafted(&p, _i);
	p.out.seq = 1;
	pair_craft(&p, DATA, "x", 1);
	pair_fails(p.peer, -EBADMSG);
	pair_close(&p);
}
END_TEST

/* Good records come out first, also in one large read. */
START_TEST(good_ones_first)
{
	static uint8_t data[2000], buf[1 << 16];
	size_t got = 0;
	struct pair p;
	uint8_t type;
	ssize_t n;

	pair_crafted(&p, _i);
	pair_fill(data, sizeof(data));
	for (int i = 0; i < 20; i++)
		pair_craft(&p, DATA, data + 100 * i, 100);
	send_broken(&p, DATA, 100, 0);
	while ((n = ktls_sock_recv(p.peer, &type, buf, sizeof(buf), NULL)) >
	       0) {
		ck_assert_mem_eq(buf, data + got, (size_t)n);
		got += (size_t)n;
	}
	ck_assert_int_eq(n, -EBADMSG);
	ck_assert_uint_eq(got, sizeof(data));
	pair_close(&p);
}
END_TEST

static void send_header(struct pair *p, uint8_t major, uint8_t minor,
			size_t len)
{
	static uint8_t rec[1 << 16];

	memset(rec, 0x5a, sizeof(rec));
	rec[0] = DATA;
	rec[1] = major;
	rec[2] = minor;
	rec[3] = (uint8_t)(len >> 8);
	rec[4] = (uint8_t)len;
	pair_raw(p->fd, rec, 5 + len);
}

/* Reported once: behind it the kernel waits as if nothing had been. */
static void fails_once(struct pair *p, int err)
{
	pair_fails(p->peer, err);
	pair_nothing(p->peer);
	pair_nothing(p->peer);
}

START_TEST(too_long)
{
	struct pair p;

	pair_crafted(&p, _i);
	send_header(&p, 3, 3, 16384 + 256 + 1);
	fails_once(&p, -EMSGSIZE);
	pair_close(&p);
}
END_TEST

START_TEST(too_short)
{
	struct pair p;

	pair_crafted(&p, _i);
	send_header(&p, 3, 3, 10);
	/* of TLS 1.2 AES-GCM the kernel wants 13 bytes before it looks */
	if (ktls__suite_find(p.out.suite)->explicit_len)
		pair_raw(p.fd, "more", 4);
	fails_once(&p, -EBADMSG);
	pair_close(&p);
}
END_TEST

START_TEST(wrong_version)
{
	static const uint8_t versions[][2] = {{3, 1}, {3, 4}, {2, 3}};
	struct pair p;

	for (size_t i = 0; i < 3; i++) {
		pair_crafted(&p, _i);
		send_header(&p, versions[i][0], versions[i][1], 100);
		fails_once(&p, -EPROTO);
		pair_close(&p);
	}
}
END_TEST

/* Behind good data the error waits for its turn. */
START_TEST(good_one_then_too_long)
{
	struct pair p;

	pair_crafted(&p, _i);
	pair_craft(&p, DATA, "good", 4);
	send_header(&p, 3, 3, 20000);
	pair_recv(p.peer, DATA, "good", 4);
	fails_once(&p, -EMSGSIZE);
	pair_close(&p);
}
END_TEST

/* A ChangeCipherSpec has no place behind the keys. */
START_TEST(change_cipher_spec)
{
	struct pair p;

	pair_crafted(&p, _i);
	pair_raw(p.fd, "\24\3\3\0\1\1", 6);
	if (pair_is_1_3(&p))
		pair_fails(p.peer, -EBADMSG);
	pair_close(&p);
}
END_TEST

/* A plain HTTP request, say. */
START_TEST(not_tls)
{
	struct pair p;

	pair_crafted(&p, _i);
	pair_raw(p.fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 35);
	pair_fails(p.peer, -EPROTO);
	pair_close(&p);
}
END_TEST

/* The sending side is told of it too, until reading has. */
START_TEST(send_meanwhile)
{
	struct pair p;

	pair_crafted(&p, _i);
	send_header(&p, 3, 1, 100);
	pair_poll_wait(p.peer, 1);
	pair_fails(p.peer, -EPROTO);
	pair_send(p.peer, KTLS_RECORD_ALERT, "\2\106", 2);
	pair_close(&p);
}
END_TEST

TCase *sock_bad_record_case(void)
{
	TCase *tcase = tcase_create("bad_record");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	sock_add(tcase, not_authentic);
	sock_add(tcase, broken_control);
	sock_add(tcase, wrong_sequence);
	sock_add(tcase, good_ones_first);
	sock_add(tcase, too_long);
	sock_add(tcase, too_short);
	sock_add(tcase, wrong_version);
	sock_add(tcase, good_one_then_too_long);
	sock_add(tcase, change_cipher_spec);
	sock_add(tcase, not_tls);
	sock_add(tcase, send_meanwhile);
	return tcase;
}
