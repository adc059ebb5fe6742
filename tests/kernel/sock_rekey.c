/* SPDX-License-Identifier: MIT */
/*
 * A TLS 1.3 KeyUpdate, on kernels that can change keys and on those that
 * cannot: what the probe found is what must happen.
 */
#include <errno.h>
#include <string.h>

#include "sock_cases.h"

#define KEY_UPDATE "\30\0\0\1\0"
#define KEY_UPDATE_LEN 5

static int can_rekey(const struct pair *p)
{
	return pair_is_1_3(p) && pair_features.rekey;
}

static struct ktls_keys next_keys(const struct ktls_keys *keys)
{
	struct ktls_keys next = *keys;

	for (size_t i = 0; i < sizeof(next.key); i++)
		if (next.key[i])
			next.key[i] ^= 0x80;
	next.seq = 0;
	return next;
}

START_TEST(replace_keys)
{
	struct ktls_keys next;
	struct pair p;

	pair_tls(&p, _i);
	next = next_keys(&p.out);
	pair_send(p.fd, KTLS_RECORD_HANDSHAKE, KEY_UPDATE, KEY_UPDATE_LEN);
	pair_recv(p.peer, KTLS_RECORD_HANDSHAKE, KEY_UPDATE, KEY_UPDATE_LEN);
	if (!can_rekey(&p)) {
		ck_assert_int_eq(pair_set_keys(p.fd, KTLS_TX, &next), -EBUSY);
		if (!pair_features.rekey)
			ck_assert_int_eq(pair_set_keys(p.peer, KTLS_RX, &next),
					 -EBUSY);
		pair_close(&p);
		return;
	}
	ck_assert_int_eq(pair_set_keys(p.fd, KTLS_TX, &next), 0);
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), 0);
	pair_fails(p.peer, -EKEYEXPIRED);
	ck_assert_int_eq(pair_set_keys(p.peer, KTLS_RX, &next), 0);
	ck_assert_uint_eq(pair_seq(&p, p.peer, KTLS_RX), 0);
	pair_send(p.fd, KTLS_RECORD_DATA, "new", 3);
	pair_recv(p.peer, KTLS_RECORD_DATA, "new", 3);
	pair_close(&p);
}
END_TEST

/* Data behind a KeyUpdate: never given out under the old keys. */
START_TEST(data_behind_update)
{
	struct ktls_keys next;
	struct pair p;

	pair_crafted(&p, _i);
	pair_craft(&p, KTLS_RECORD_HANDSHAKE, KEY_UPDATE, KEY_UPDATE_LEN);
	next = next_keys(&p.out);
	p.out = next;
	pair_craft(&p, KTLS_RECORD_DATA, "new", 3);
	pair_recv(p.peer, KTLS_RECORD_HANDSHAKE, KEY_UPDATE, KEY_UPDATE_LEN);
	if (can_rekey(&p)) {
		pair_fails(p.peer, -EKEYEXPIRED);
		pair_fails(p.peer, -EKEYEXPIRED);
		ck_assert_int_eq(pair_set_keys(p.peer, KTLS_RX, &next), 0);
		pair_recv(p.peer, KTLS_RECORD_DATA, "new", 3);
	} else if (pair_is_1_3(&p)) {
		pair_fails(p.peer, -EBADMSG);
	}
	pair_close(&p);
}
END_TEST

/* Other than the version and cipher in use: refused, and nothing changes. */
START_TEST(refused)
{
	struct ktls_keys wrong;
	struct pair p;

	pair_tls(&p, _i);
	wrong = next_keys(&p.out);
	wrong.version = KTLS_TLS_1_2;
	wrong.suite = 0xc02f;
	ck_assert_int_eq(pair_set_keys(p.fd, KTLS_TX, &wrong),
			 can_rekey(&p) ? -EINVAL : -EBUSY);
	pair_send(p.fd, KTLS_RECORD_DATA, "old", 3);
	pair_recv(p.peer, KTLS_RECORD_DATA, "old", 3);
	pair_close(&p);
}
END_TEST

TCase *sock_rekey_case(void)
{
	TCase *tcase = tcase_create("rekey");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	sock_add(tcase, replace_keys);
	sock_add(tcase, data_behind_update);
	sock_add(tcase, refused);
	return tcase;
}
