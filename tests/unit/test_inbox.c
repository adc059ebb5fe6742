/* SPDX-License-Identifier: MIT */
/*
 * What was sealed comes out, however the bytes come in and whatever room
 * there is: a script of records, against every way to cut it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_wire.h"
#include "inbox.h"
#include "sample_keys.h"
#include "sealer.h"
#include "suite_main.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FD FAKE_FD
#define KEY_UPDATE 24

/* One record of a script; `padding` is TLS 1.3's. */
struct step {
	uint8_t type;
	size_t len;
	size_t padding;
};

static const struct step small_script[] = {
	{ 23, 5, 0 }, { 23, 0, 0 }, { 23, 1, 3 }, { 22, 0, 0 },
	{ 23, 7, 0 }, { 22, 30, 0 }, { 23, 9, 0 }, { 23, 0, 5 },
	{ 23, 0, 0 }, { 21, 2, 0 }, { 21, 2, 9 }, { 22, 0, 4 },
	{ 23, 40, 0 }, { 23, 41, 60 }, { 20, 1, 0 },
};

/* A step of type KEY_UPDATE: its sender and its reader change their keys. */
static const struct step large_script[] = {
	{ 23, 16384, 0 }, { 23, 16000, 384 }, { KEY_UPDATE, 5, 0 },
	{ 23, 16384, 0 }, { 23, 1, 16000 }, { 22, 16384, 0 },
	{ 23, 16384, 0 }, { 23, 3, 0 }, { 22, 300, 0 }, { KEY_UPDATE, 5, 0 },
	{ KEY_UPDATE, 5, 0 }, { 23, 16384, 0 }, { 23, 16384, 0 },
	{ 23, 16384, 0 }, { 23, 16384, 0 }, { 23, 16384, 0 },
	{ 23, 16384, 0 }, { 23, 16384, 0 }, { 23, 16384, 0 },
	{ 21, 2, 0 }, { 23, 100, 0 },
};

static struct ktls_keys sent, read_with;
static struct ktls__sealer sealer;
static struct ktls__inbox inbox;

/* What was put, and what was read: [type][4 bytes length][bytes] for each
 * record that is not data, and for data as far as it goes without one. */
struct events {
	uint8_t bytes[512 * 1024];
	size_t len;
	size_t head; /* of the last one */
	int open;
};

static struct events put, got;

static void grow(struct events *e, uint8_t type, const void *bytes, size_t len)
{
	uint32_t n;

	if (len == 0 && type == KTLS_RECORD_DATA)
		return;
	if (!e->open) {
		e->head = e->len;
		e->bytes[e->len] = type;
		memset(e->bytes + e->len + 1, 0, sizeof(n));
		e->len += 1 + sizeof(n);
		e->open = 1;
	}
	ck_assert_uint_eq(e->bytes[e->head], type);
	ck_assert_uint_lt(e->len + len, sizeof(e->bytes));
	if (len)
		memcpy(e->bytes + e->len, bytes, len);
	e->len += len;
	memcpy(&n, e->bytes + e->head + 1, sizeof(n));
	n += (uint32_t)len;
	memcpy(e->bytes + e->head + 1, &n, sizeof(n));
}

static void next_key(struct ktls_keys *keys)
{
	keys->key[0]++;
	keys->iv[1]++;
	keys->seq = 0;
}

static void setup(uint16_t suite)
{
	memset(&put, 0, sizeof(put));
	memset(&got, 0, sizeof(got));
	memset(&sealer, 0, sizeof(sealer));
	memset(&inbox, 0, sizeof(inbox));
	sent = read_with = sample_keys(suite);
	fake_wire();
	ck_assert_int_eq(ktls__sealer_key(&sealer, &sent), 0);
	ck_assert_int_eq(ktls__inbox_key(&inbox, &read_with), 0);
}

static void teardown(void)
{
	static const struct ktls__inbox none;

	ktls__inbox_wipe(&inbox);
	ck_assert_mem_eq(&inbox, &none, sizeof(none));
	ktls__sealer_wipe(&sealer);
	fake_wire_end();
}

static void put_step(const struct step *step)
{
	const int update = step->type == KEY_UPDATE;
	const uint8_t type = update ? KTLS_RECORD_HANDSHAKE : step->type;
	uint8_t bytes[16384];

	for (size_t i = 0; i < step->len; i++)
		bytes[i] = (uint8_t)fake_wire_random();
	if (update)
		memcpy(bytes, "\30\0\0\1\0", 5);
	else if (type == KTLS_RECORD_HANDSHAKE && step->len)
		bytes[0] = 4;
	fake_wire_seal_padded(&sealer, type, bytes, step->len,
			      sent.version == KTLS_TLS_1_3 ? step->padding : 0);
	if (type != KTLS_RECORD_DATA)
		put.open = 0;
	grow(&put, type, bytes, step->len);
	if (type != KTLS_RECORD_DATA)
		put.open = 0;
	if (update) {
		next_key(&sent);
		ck_assert_int_eq(ktls__sealer_key(&sealer, &sent), 0);
	}
}

static int is_update(const struct events *e)
{
	return e->bytes[e->head] == KTLS_RECORD_HANDSHAKE &&
	       e->len - e->head == 10 && e->bytes[e->head + 5] == KEY_UPDATE;
}

/* What a call has delivered. */
static void take(uint8_t type, const struct iovec *iov, int iovcnt, size_t n,
		 int flags)
{
	if (type != KTLS_RECORD_DATA && got.open &&
	    got.bytes[got.head] == KTLS_RECORD_DATA)
		got.open = 0;
	if (n == 0)
		grow(&got, type, NULL, 0);
	for (int i = 0; i < iovcnt && n > 0; i++) {
		size_t len = iov[i].iov_len < n ? iov[i].iov_len : n;

		grow(&got, type, iov[i].iov_base, len);
		n -= len;
	}
	ck_assert_uint_eq(n, 0);
	if (type == KTLS_RECORD_DATA || !(flags & MSG_EOR))
		return;
	got.open = 0;
	if (is_update(&got)) {
		next_key(&read_with);
		ck_assert_int_eq(ktls__inbox_key(&inbox, &read_with), 0);
	}
}

/* Reads with `room` bytes, 0: at random, in up to four pieces, each of them
 * its own allocation of exactly its length. */
static ssize_t read_once(size_t room)
{
	struct iovec iov[4];
	const int iovcnt = 1 + (int)(fake_wire_random() % 4);
	int flags = 0;
	uint8_t type = 99;
	ssize_t n;

	for (int i = 0; i < iovcnt; i++) {
		size_t len = room;

		if (room == 0)
			len = fake_wire_random() %
			      (fake_wire_random() % 3 ? 40000 : 50);
		iov[i].iov_len = len + (i == 0);
		iov[i].iov_base = malloc(iov[i].iov_len + !iov[i].iov_len);
		ck_assert_ptr_nonnull(iov[i].iov_base);
	}
	n = ktls__inbox_recv(&inbox, FD, &type, iov, iovcnt, &flags);
	if (n >= 0) {
		ck_assert_uint_ne(type, 0);
		take(type, iov, iovcnt, (size_t)n, flags);
	}
	for (int i = 0; i < iovcnt; i++)
		free(iov[i].iov_base);
	return n;
}

/* Everything, until the wire is empty: the first -EAGAIN that nothing on the
 * wire can explain. */
static void read_all(size_t room)
{
	int idle = 0;
	ssize_t n;

	while (idle < 50) {
		n = read_once(room);
		if (n < 0)
			ck_assert(n == -EAGAIN || n == -EINTR);
		idle = n < 0 ? idle + 1 : 0;
	}
	ck_assert_uint_eq(ktls__inbox_pending(&inbox), 0);
	ck_assert_ptr_null(inbox.buf);
}

static void play(uint16_t suite, const struct step *steps, size_t n,
		 size_t pieces, size_t room)
{
	setup(suite);
	for (size_t i = 0; i < n; i++)
		put_step(&steps[i]);
	fake_wire_pieces(pieces);
	read_all(room);
	ck_assert_uint_eq(got.len, put.len);
	ck_assert_mem_eq(got.bytes, put.bytes, put.len);
	ck_assert_uint_eq(inbox.opener.seq, sealer.seq);
	teardown();
}

START_TEST(byte_by_byte)
{
	for (unsigned i = 0; ktls__suite_at(i); i++) {
		const uint16_t id = ktls__suite_at(i)->id;

		play(id, small_script, COUNT(small_script), 1, 1000);
		play(id, small_script, COUNT(small_script), 1, 1);
		play(id, small_script, COUNT(small_script), SIZE_MAX, 1);
		play(id, small_script, COUNT(small_script), SIZE_MAX, 1000);
	}
}
END_TEST

START_TEST(pieces_of_every_length)
{
	for (size_t pieces = 2; pieces < 120; pieces++)
		for (size_t i = 0; i < SAMPLE_SUITES; i++)
			play(sample_suites[i], small_script,
			     COUNT(small_script), pieces, pieces % 45);
}
END_TEST

START_TEST(random_cuts_and_rooms)
{
	for (size_t i = 0; i < SAMPLE_SUITES; i++) {
		play(sample_suites[i], large_script, COUNT(large_script), 0, 0);
		play(sample_suites[i], large_script, COUNT(large_script),
		     SIZE_MAX, 0);
		play(sample_suites[i], large_script, COUNT(large_script),
		     SIZE_MAX, 1 << 20);
		play(sample_suites[i], large_script, COUNT(large_script),
		     16384, 16383);
		play(sample_suites[i], large_script, COUNT(large_script),
		     1, 4096);
	}
}
END_TEST

/* Two pieces, and a call that finds nothing between them. */
START_TEST(one_cut_at_every_boundary)
{
	size_t len = 1;

	for (size_t cut = 0; cut <= len; cut++) {
		setup(0xc02f);
		for (size_t i = 0; i < COUNT(small_script); i++)
			put_step(&small_script[i]);
		len = fake_wire_len();
		fake_wire_result(cut, cut % 2 ? -EINTR : -EAGAIN);
		read_all(1000);
		ck_assert_uint_eq(got.len, put.len);
		ck_assert_mem_eq(got.bytes, put.bytes, put.len);
		teardown();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inbox");
	TCase *tc = tcase_create("streams");

	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, byte_by_byte);
	tcase_add_test(tc, pieces_of_every_length);
	tcase_add_test(tc, one_cut_at_every_boundary);
	tcase_add_test(tc, random_cuts_and_rooms);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
