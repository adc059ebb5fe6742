/* SPDX-License-Identifier: MIT */
/*
 * ktls_open() with ciphertext that does not open: a bit is wrong somewhere,
 * the keys or the number are others, or it was no TLS at all.  Nothing of it
 * is delivered, and the socket is as it was.
 */
#include <errno.h>
#include <string.h>

#include "lib/suite.h"
#include "open_ways.h"
#include "refusal.h"
#include "tests/unit/suite_main.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
static struct keyed c;

static void make(int i)
{
	keyed_start((enum keyed_world)(i / KEYED_KINDS));
	keyed_make(&c, &keyed_kinds[i % KEYED_KINDS], i & 1, (unsigned)i);
	c.opts.rx = KTLS_KERNEL;
}

static void seal(const char *text)
{
	keyed_seal(&c, KTLS_RECORD_DATA, text, strlen(text));
}

/* Of what the good records begin with: it is the caller's, who may look at
 * it again. */
static void refuse_left(int err)
{
	uint8_t was[4096];

	ck_assert_uint_le(c.session.ciphertext_len, sizeof(was));
	memcpy(was, c.left, c.session.ciphertext_len);
	refused_untouched(&c, err);
	ck_assert_mem_eq(was, c.left, c.session.ciphertext_len);
}

/* What became of a record's header in `rec`: 0: it reaches beyond `room`. */
static int header_err(const uint8_t *rec, size_t room)
{
	const size_t body = (size_t)(rec[3] << 8 | rec[4]);
	const int inner = c.version == KTLS_TLS_1_3;
	const size_t least = (size_t)(inner ? 17 : keyed_is_gcm12(&c) ? 24 :
									16);

	if (inner ? rec[0] != KTLS_RECORD_DATA : rec[0] == 0)
		return -KTLS_EPROTOCOL;
	if (rec[1] != 3 || rec[2] != 3)
		return -KTLS_EPROTOCOL;
	if (body > 16384 + (inner ? 256 : least))
		return -KTLS_EOVERSIZE;
	if (body >= least && 5 + body > room)
		return 0;
	return -KTLS_EBADRECORD;
}

/* The second of three records, or none of it, is what it was. */
OPEN_TEST(flips)
{
	size_t from, to, i;
	int err;

	make(way);
	seal("first");
	from = c.wire_len;
	seal("second");
	to = c.wire_len;
	keyed_seal(&c, KTLS_RECORD_DATA, (uint8_t[300]){ 0 }, 300);
	keyed_leave(&c, SIZE_MAX);
	for (i = 8 * from; i < 8 * to; i++) {
		/* each bit of the header, one of each byte behind it */
		if (i >= 8 * (from + 5) && i % 8 != i / 8 % 8)
			continue;
		c.left[i / 8] ^= (uint8_t)(1 << i % 8);
		err = header_err(c.left + from, c.session.ciphertext_len -
						from);
		if (err < 0)
			refuse_left(err);
		c.left[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	keyed_open(&c);
	keyed_reads_text(&c, "firstsecond");
	keyed_reads(&c, (uint8_t[300]){ 0 }, 300, 100);
	keyed_alive(&c);
	keyed_close(&c);
}

static size_t record_len(const uint8_t *rec)
{
	return 5 + (size_t)(rec[3] << 8 | rec[4]);
}

/* Where the record seems to go on, reading finds out. */
OPEN_TEST(length_grows)
{
	static const uint8_t more[1024];

	make(way);
	seal("first");
	seal("second");
	keyed_leave(&c, SIZE_MAX);
	c.left[record_len(c.left) + 3] ^= 1;
	keyed_open(&c);
	ck_assert_int_eq(keyed_info(&c).rx.path, KTLS_PATH_USERSPACE);
	keyed_reads_text(&c, "first");
	keyed_waits(&c);
	keyed_bytes(&c, more, sizeof(more));
	keyed_send(&c, SIZE_MAX);
	keyed_ends(&c, -KTLS_EBADRECORD);
	keyed_gets_alert(&c, 2, 20);
	keyed_close(&c);
}

OPEN_TEST(wrong_numbers)
{
	static const uint64_t off[] = { 1, (uint64_t)-1, 256, 1u << 31 };
	int i;

	make(way);
	keyed_seq(&c, 7, 9);
	seal("hello");
	keyed_leave(&c, SIZE_MAX);
	for (i = 0; i < COUNT(off); i++) {
		c.session.rx.seq = 9 + off[i];
		refuse_left(-KTLS_EBADRECORD);
	}
	c.session.rx.seq = 9;
	keyed_open(&c);
	keyed_reads_text(&c, "hello");
	keyed_alive(&c);
	keyed_close(&c);
}

/* One of two: the first has been opened by the time. */
OPEN_TEST(wrong_order)
{
	uint8_t second[64];
	size_t len;

	make(way);
	seal("one");
	len = c.wire_len;
	seal("two");
	ck_assert_uint_eq(c.wire_len, 2 * len);
	memcpy(second, c.wire + len, len);
	memcpy(c.wire + len, c.wire, len);
	keyed_leave(&c, SIZE_MAX);
	refuse_left(-KTLS_EBADRECORD);
	memcpy(c.left + len, second, len);
	memcpy(c.left, second, len);
	refuse_left(-KTLS_EBADRECORD);
	keyed_close(&c);
}

static void refuse_flipped(uint8_t *key)
{
	key[3] ^= 0x80;
	refuse_left(-KTLS_EBADRECORD);
	key[3] ^= 0x80;
}

OPEN_TEST(wrong_keys)
{
	uint64_t seq;

	make(way);
	seq = c.session.rx.seq;
	seal("hello");
	keyed_leave(&c, SIZE_MAX);
	if (c.kind.form == KEYED_SECRET) {
		refuse_flipped(c.given_secret[1]);
	} else {
		refuse_flipped(c.rx.key);
		refuse_flipped(c.rx.iv);
	}
	/* Those of the other direction. */
	c.session.rx = c.session.tx;
	c.session.rx.seq = seq;
	refuse_left(-KTLS_EBADRECORD);
	keyed_close(&c);
}

/* Behind a good record, with other bytes behind it. */
static void refuse_bytes(const void *bytes, size_t len, int err)
{
	static const uint8_t rest[600];

	keyed_seal(&c, KTLS_RECORD_DATA, "good", 4);
	keyed_bytes(&c, bytes, len);
	keyed_bytes(&c, rest, sizeof(rest));
	keyed_leave(&c, SIZE_MAX);
	refuse_left(err);
}

OPEN_TEST(no_tls)
{
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\n", "HTTP/1.1 400 Bad\r\n", "SSH-2.0-x\r\n",
		"\x80\x2e\x01\x03\x01", "\x16\x03\x01\x00\x20",
		"\x17\x03\x04\x00\x20", "\x17\x02\x03\x00\x20",
		"\x80\x03\x02\x00\x20", "\x14\x03\x01\x00\x01",
		"\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff"
	};
	size_t len;
	int i;

	for (i = 0; i < COUNT(texts); i++) {
		make(way);
		len = strlen(texts[i]);
		refuse_bytes(texts[i], len < 5 ? 5 : len, -KTLS_EPROTOCOL);
		keyed_close(&c);
	}
}

/* A header is all that is there of the last record. */
OPEN_TEST(header_alone)
{
	make(way);
	seal("good");
	keyed_bytes(&c, "\x17\x03\x03\xff\xff", 5);
	keyed_leave(&c, SIZE_MAX);
	refuse_left(-KTLS_EOVERSIZE);
	memcpy(c.left + c.session.ciphertext_len - 5, "\x17\x03\x03\0\x0f", 5);
	refuse_left(-KTLS_EBADRECORD);
	memcpy(c.left + c.session.ciphertext_len - 5, "HTTP/", 5);
	refuse_left(-KTLS_EPROTOCOL);
	keyed_close(&c);
}

/* Types that TLS 1.3 has no longer on the outside. */
OPEN_TEST(types)
{
	static const uint8_t outer[] = {
		KTLS_RECORD_CCS, KTLS_RECORD_ALERT, KTLS_RECORD_HANDSHAKE, 24
	};
	int i;

	make(way);
	seal("good");
	keyed_leave(&c, SIZE_MAX);
	for (i = 0; i < COUNT(outer); i++) {
		c.left[0] = outer[i];
		refuse_left(c.version == KTLS_TLS_1_3 ? -KTLS_EPROTOCOL :
							-KTLS_EBADRECORD);
	}
	keyed_close(&c);
}

OPEN_TEST(no_type_inside)
{
	make(way);
	seal("good");
	if (c.version == KTLS_TLS_1_3) {
		keyed_seal(&c, 0, (uint8_t[40]){ 0 }, way & 1 ? 40 : 0);
		keyed_leave(&c, SIZE_MAX);
		refuse_left(-KTLS_EPROTOCOL);
	}
	keyed_close(&c);
}

/* RFC 8446 section 5.2, RFC 5246 section 6.2.3: the longest, and one more. */
OPEN_TEST(too_long)
{
	static uint8_t text[KEYED_RECORD_MAX];
	size_t most;

	make(way);
	most = c.version == KTLS_TLS_1_3 ? 16384 + 256 :
	       keyed_is_gcm12(&c) ? 16384 + 24 : 16384 + 16;
	memcpy(text, "\x17\x03\x03", 3);
	text[3] = (uint8_t)(++most >> 8);
	text[4] = (uint8_t)most;
	keyed_bytes(&c, text, 5 + most < sizeof(text) ? 5 + most :
							sizeof(text));
	keyed_leave(&c, 4096);
	refuse_left(-KTLS_EOVERSIZE);
	keyed_close(&c);
}

int main(void)
{
	Suite *all = suite_create("open_cipher");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, flips, 0, keyed_worlds());
	tcase_add_loop_test(tcase, length_grows, 0, keyed_worlds());
	tcase_add_loop_test(tcase, wrong_numbers, 0, keyed_worlds());
	tcase_add_loop_test(tcase, wrong_order, 0, keyed_worlds());
	tcase_add_loop_test(tcase, wrong_keys, 0, keyed_worlds());
	tcase_add_loop_test(tcase, no_tls, 0, keyed_worlds());
	tcase_add_loop_test(tcase, header_alone, 0, keyed_worlds());
	tcase_add_loop_test(tcase, types, 0, keyed_worlds());
	tcase_add_loop_test(tcase, no_type_inside, 0, keyed_worlds());
	tcase_add_loop_test(tcase, too_long, 0, keyed_worlds());
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
