/* SPDX-License-Identifier: MIT */
/* Installing keys: order, refusals, what getsockopt() shows, the options. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "sock.h"
#include "sock_cases.h"
#include "uapi.h"

/* A suite of the other version that the kernel takes as well. */
static struct ktls_keys other_version(const struct ktls_keys *keys)
{
	struct ktls_keys other = *keys;

	if (keys->version == KTLS_TLS_1_3) {
		other.version = KTLS_TLS_1_2;
		other.suite = 0xc02f;
	} else {
		other.version = KTLS_TLS_1_3;
		other.suite = 0x1301;
	}
	return other;
}

START_TEST(no_ulp)
{
	struct pair p;

	pair_tcp(&p, _i);
	ck_assert_int_eq(ktls_sock_install(p.fd, KTLS_TX, &p.out),
			 -ENOPROTOOPT);
	ck_assert_int_eq(ktls_sock_install(p.fd, KTLS_RX, &p.in), -ENOPROTOOPT);
	ck_assert_int_eq(pair_set_keys(p.fd, KTLS_TX, &p.out), -ENOPROTOOPT);
	pair_close(&p);
}
END_TEST

/* Also on Linux 6.14 and later, which would take it for a rekey. */
START_TEST(twice)
{
	struct pair p;

	pair_tls(&p, _i);
	ck_assert_int_eq(ktls_sock_install(p.fd, KTLS_TX, &p.in), -EBUSY);
	ck_assert_int_eq(ktls_sock_install(p.peer, KTLS_RX, &p.in), -EBUSY);
	pair_send(p.fd, KTLS_RECORD_DATA, "same keys", 9);
	pair_recv(p.peer, KTLS_RECORD_DATA, "same keys", 9);
	pair_close(&p);
}
END_TEST

/* TX works, RX is of another version: refused, and plain TCP as before. */
START_TEST(rx_refused)
{
	struct ktls_keys other;
	struct pair p;
	char buf[8];

	pair_attached(&p, _i);
	pair_install(p.fd, KTLS_TX, &p.out);
	other = other_version(&p.in);
	ck_assert_int_eq(ktls_sock_install(p.fd, KTLS_RX, &other), -EINVAL);
	ck_assert_int_eq(ktls__sock_has_keys(p.fd, KTLS_RX), 0);
	pair_raw(p.peer, "plain", 5);
	ck_assert_int_eq(recv(p.fd, buf, sizeof(buf), 0), 5);
	pair_install(p.fd, KTLS_RX, &p.in);
	pair_install(p.peer, KTLS_RX, &p.out);
	pair_send(p.fd, KTLS_RECORD_DATA, "x", 1);
	pair_recv(p.peer, KTLS_RECORD_DATA, "x", 1);
	pair_close(&p);
}
END_TEST

/* One direction is enough; the other one is none of its business. */
START_TEST(tx_only)
{
	struct pair p;
	char buf[8];

	pair_attached(&p, _i);
	pair_install(p.fd, KTLS_TX, &p.out);
	pair_install(p.peer, KTLS_RX, &p.out);
	pair_send(p.fd, KTLS_RECORD_DATA, "sealed", 6);
	pair_recv(p.peer, KTLS_RECORD_DATA, "sealed", 6);
	pair_raw(p.peer, "plain", 5);
	ck_assert_int_eq(recv(p.fd, buf, sizeof(buf), 0), 5);
	pair_close(&p);
}
END_TEST

START_TEST(sequence_goes_on)
{
	struct pair p;

	pair_attached(&p, _i);
	p.out.seq = 0xfffffffe;
	pair_install(p.fd, KTLS_TX, &p.out);
	pair_install(p.peer, KTLS_RX, &p.out);
	for (uint64_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), p.out.seq + i);
		ck_assert_uint_eq(pair_seq(&p, p.peer, KTLS_RX), p.out.seq + i);
		pair_send(p.fd, KTLS_RECORD_DATA, "x", 1);
		pair_recv(p.peer, KTLS_RECORD_DATA, "x", 1);
	}
	pair_close(&p);
}
END_TEST

/* The last number is never used: another record would need it again. */
START_TEST(sequence_ends)
{
	struct pair p;

	pair_attached(&p, _i);
	p.out.seq = UINT64_MAX - 1;
	pair_install(p.fd, KTLS_TX, &p.out);
	pair_send(p.fd, KTLS_RECORD_DATA, "x", 1);
	ck_assert_int_eq(ktls_sock_send(p.fd, KTLS_RECORD_DATA, "y", 1, 0),
			 -EBADMSG);
	pair_close(&p);
}
END_TEST

/* Our iv[4..11] is the explicit nonce of the next record on the wire. */
START_TEST(explicit_nonce)
{
	uint8_t rec[5 + 8 + 1 + 16];
	struct pair p;

	pair_attached(&p, _i);
	pair_install(p.fd, KTLS_TX, &p.out);
	if (ktls__suite_find(p.out.suite)->explicit_len == 8)
		for (uint8_t i = 0; i < 3; i++) {
			pair_send(p.fd, KTLS_RECORD_DATA, "x", 1);
			ck_assert_int_eq(
				recv(p.peer, rec, sizeof(rec), MSG_WAITALL),
				sizeof(rec));
			ck_assert_mem_eq(rec + 5, p.out.iv + 4, 7);
			ck_assert_uint_eq(rec[12], p.out.iv[11] + i);
		}
	pair_close(&p);
}
END_TEST

/* Records that came before the keys: whole ones, and one in two halves. */
START_TEST(queued_before)
{
	uint8_t rec[PAIR_RECORD];
	struct ktls_keys first;
	struct pair p;
	size_t len;

	pair_tcp(&p, _i);
	first = p.out;
	pair_craft(&p, KTLS_RECORD_DATA, "one", 3);
	pair_craft(&p, KTLS_RECORD_DATA, "two", 3);
	len = pair_seal(&p, rec, KTLS_RECORD_DATA, "three", 5);
	pair_raw(p.fd, rec, len / 2);
	ck_assert_int_eq(ktls_sock_attach(p.peer), 0);
	pair_install(p.peer, KTLS_RX, &first);
	ck_assert_int_eq(pair_poll_wait(p.peer, POLLIN), POLLIN);
	pair_recv_all(p.peer, "onetwo", 6);
	pair_nothing(p.peer);
	pair_raw(p.fd, rec + len / 2, len - len / 2);
	pair_recv(p.peer, KTLS_RECORD_DATA, "three", 5);
	pair_close(&p);
}
END_TEST

static int get(int fd, int dir, socklen_t len)
{
	uint8_t buf[256];

	return getsockopt(fd, KTLS__SOL_TLS, dir, buf, &len) < 0 ? -errno : 0;
}

/* The kernel's side of what the library relies on. */
START_TEST(kernel_getsockopt)
{
	static const socklen_t bad[] = {0, 1, 3, 5, 39, 41, 57, 128};
	struct pair p;
	socklen_t len;

	pair_tcp(&p, _i);
	len = ktls__suite_find(p.out.suite)->info_len;
	ck_assert_int_eq(get(p.fd, KTLS__TLS_TX, 4), -EOPNOTSUPP);
	ck_assert_int_eq(ktls_sock_attach(p.fd), 0);
	for (int dir = KTLS_TX; dir <= KTLS_RX; dir++) {
		ck_assert_int_eq(get(p.fd, dir, 4), -EBUSY);
		ck_assert_int_eq(get(p.fd, dir, len), -EBUSY);
		pair_install(p.fd, dir, &p.out);
		ck_assert_int_eq(get(p.fd, dir, 4), 0);
		ck_assert_int_eq(get(p.fd, dir, len), 0);
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			ck_assert_int_eq(get(p.fd, dir, bad[i]), -EINVAL);
	}
	pair_close(&p);
}
END_TEST

START_TEST(kernel_setsockopt)
{
	uint8_t info[KTLS_CRYPTO_INFO_MAX + 8] = {0};
	struct pair p;
	int len;

	pair_attached(&p, _i);
	len = ktls_crypto_info(info, sizeof(info), &p.out);
	for (int wrong = -8; wrong <= 8; wrong++)
		if (wrong != 0) {
			ck_assert_int_eq(setsockopt(p.fd, KTLS__SOL_TLS,
						    KTLS__TLS_TX, info,
						    (socklen_t)(len + wrong)),
					 -1);
			ck_assert_int_eq(errno, EINVAL);
		}
	info[2] = 0xff; /* cipher_type */
	ck_assert_int_eq(setsockopt(p.fd, KTLS__SOL_TLS, KTLS__TLS_TX, info,
				    (socklen_t)len),
			 -1);
	ck_assert_int_eq(errno, EINVAL);
	pair_install(p.fd, KTLS_TX, &p.out);
	pair_close(&p);
}
END_TEST

static int set_option(int fd, int name, const void *val, socklen_t len)
{
	return setsockopt(fd, KTLS__SOL_TLS, name, val, len) < 0 ? -errno : 0;
}

START_TEST(no_pad)
{
	const unsigned on = 1;
	struct pair p;

	pair_tls(&p, _i);
	ck_assert_int_eq(
		set_option(p.peer, KTLS__TLS_RX_EXPECT_NO_PAD, &on, sizeof(on)),
		!pair_features.expect_no_pad ? -ENOPROTOOPT
		: pair_is_1_3(&p)	     ? 0
					     : -EINVAL);
	pair_send(p.fd, KTLS_RECORD_DATA, "x", 1);
	pair_recv(p.peer, KTLS_RECORD_DATA, "x", 1);
	pair_send(p.fd, KTLS_RECORD_ALERT, "\1\0", 2);
	pair_recv(p.peer, KTLS_RECORD_ALERT, "\1\0", 2);
	pair_close(&p);
}
END_TEST

START_TEST(max_payload)
{
	const uint16_t limit = 100;
	static uint8_t data[1000];
	struct pair p;
	int err;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	err = set_option(p.fd, KTLS__TLS_TX_MAX_PAYLOAD_LEN, &limit,
			 sizeof(limit));
	ck_assert_int_eq(err, pair_features.max_payload ? 0 : -ENOPROTOOPT);
	pair_send(p.fd, KTLS_RECORD_DATA, data, sizeof(data));
	pair_recv_all(p.peer, data, sizeof(data));
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX),
			  err ? 1 : sizeof(data) / limit);
	ktls_sock_send(p.fd, KTLS_RECORD_DATA, data, 10, MSG_MORE);
	err = set_option(p.fd, KTLS__TLS_TX_MAX_PAYLOAD_LEN, &limit,
			 sizeof(limit));
	ck_assert_int_eq(err,
			 pair_features.max_payload ? -EBUSY : -ENOPROTOOPT);
	pair_close(&p);
}
END_TEST

TCase *sock_keys_case(void)
{
	TCase *tcase = tcase_create("keys");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	sock_add(tcase, no_ulp);
	sock_add(tcase, twice);
	sock_add(tcase, rx_refused);
	sock_add(tcase, tx_only);
	sock_add(tcase, sequence_goes_on);
	sock_add(tcase, sequence_ends);
	sock_add(tcase, explicit_nonce);
	sock_add(tcase, queued_before);
	sock_add(tcase, kernel_getsockopt);
	sock_add(tcase, kernel_setsockopt);
	sock_add(tcase, no_pad);
	sock_add(tcase, max_payload);
	return tcase;
}
