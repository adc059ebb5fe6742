/* SPDX-License-Identifier: MIT */
/*
 * ktls_open() with a description that is wrong: lengths, suites, versions,
 * sizes, sequence numbers, options.  Each is a named error, and the socket
 * is as it was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"
#include "open_ways.h"
#include "refusal.h"
#include "tests/unit/suite_main.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static struct keyed c;
static uint8_t bytes[64] = { 1, 2, 3 };

static void make(int i)
{
	keyed_start((enum keyed_world)(i / KEYED_KINDS));
	keyed_make(&c, &keyed_kinds[i % KEYED_KINDS], i & 1, (unsigned)i);
}

static struct ktls_protection *side(int dir)
{
	return dir == KTLS_TX ? &c.session.tx : &c.session.rx;
}

/* Refused as it is, and good again with `was` in its place. */
static void refuse_side(int dir, const struct ktls_protection *was, int err)
{
	refused_untouched(&c, err);
	*side(dir) = *was;
}

static void bad_secrets(int dir)
{
	const struct ktls_protection was = *side(dir);
	const size_t lens[] = { 0, 1, was.secret_len - 1, was.secret_len + 1,
				80 - was.secret_len, 64, SIZE_MAX };
	int i;

	for (i = 0; i < COUNT(lens); i++) {
		side(dir)->secret = bytes;
		side(dir)->secret_len = lens[i];
		refuse_side(dir, &was, -EINVAL);
	}
	side(dir)->secret = NULL;
	refuse_side(dir, &was, -EINVAL);
	side(dir)->secret = NULL;
	side(dir)->secret_len = 0;
	refuse_side(dir, &was, -EINVAL);
}

static void bad_keys(int dir)
{
	const struct ktls_protection was = *side(dir);
	const size_t lens[] = { 0, 1, was.key_len - 1, was.key_len + 1,
				48 - was.key_len, 64, SIZE_MAX };
	int i;

	for (i = 0; i < COUNT(lens); i++) {
		side(dir)->key = bytes;
		side(dir)->key_len = lens[i];
		refuse_side(dir, &was, -EINVAL);
	}
	side(dir)->key = NULL;
	refuse_side(dir, &was, -EINVAL);
	side(dir)->key = NULL;
	side(dir)->key_len = 0;
	refuse_side(dir, &was, -EINVAL);
}

static void bad_ivs(int dir)
{
	static const size_t lens[] = { 0, 1, 3, 4, 5, 8, 11, 13, 16, SIZE_MAX };
	const struct ktls_protection was = *side(dir);
	int i;

	for (i = 0; i < COUNT(lens); i++) {
		if (lens[i] == 4 && keyed_is_gcm12(&c))
			continue;
		side(dir)->iv = bytes;
		side(dir)->iv_len = lens[i];
		refuse_side(dir, &was, -EINVAL);
	}
	side(dir)->iv = NULL;
	refuse_side(dir, &was, -EINVAL);
	side(dir)->iv = NULL;
	side(dir)->iv_len = 0;
	refuse_side(dir, &was, -EINVAL);
}

OPEN_TEST(lengths)
{
	int dir;

	make(way);
	for (dir = KTLS_TX; dir <= KTLS_RX; dir++) {
		if (c.kind.form == KEYED_SECRET) {
			bad_secrets(dir);
		} else {
			bad_keys(dir);
			bad_ivs(dir);
		}
	}
	keyed_open(&c);
	keyed_alive(&c);
	keyed_close(&c);
}

/* Neither secret nor key, and what TLS 1.2 does not have. */
OPEN_TEST(nothing_or_too_much)
{
	const struct ktls_protection none = { 0 };
	struct ktls_protection was;
	int dir;

	make(way);
	for (dir = KTLS_TX; dir <= KTLS_RX; dir++) {
		was = *side(dir);
		*side(dir) = none;
		refuse_side(dir, &was, -EINVAL);
		if (c.version != KTLS_TLS_1_2)
			continue;
		side(dir)->secret = bytes;
		side(dir)->secret_len = 48;
		refuse_side(dir, &was, -EINVAL);
		side(dir)->secret_len = 32;
		side(dir)->secret = bytes;
		side(dir)->key = NULL;
		side(dir)->key_len = 0;
		refuse_side(dir, &was, -EINVAL);
	}
	keyed_open(&c);
	keyed_alive(&c);
	keyed_close(&c);
}

/* Key and iv are unused with a secret, whatever they are. */
OPEN_TEST(both)
{
	make(way);
	if (c.kind.form == KEYED_SECRET) {
		c.session.tx.key = bytes;
		c.session.tx.key_len = 5;
		c.session.rx.key_len = 7;
		c.session.rx.iv = bytes;
		c.session.rx.iv_len = 12;
	}
	keyed_open(&c);
	keyed_alive(&c);
	keyed_close(&c);
}

OPEN_TEST(suites)
{
	static const uint16_t unknown[] = {
		0, 0x1300, 0x1304, 0x1305, 0x002f, 0xc013, 0xc0ac, 0x5600,
		0xffff
	};
	uint16_t id;
	int i;

	make(way);
	id = c.session.suite;
	for (i = 0; i < COUNT(unknown); i++) {
		c.session.suite = unknown[i];
		refused_untouched(&c, -KTLS_ESUITE);
	}
	c.session.suite = c.version == KTLS_TLS_1_3 ? 0xc02b : 0x1301;
	refused_untouched(&c, -KTLS_ESUITE);
	c.session.suite = id;
	keyed_open(&c);
	keyed_alive(&c);
	keyed_close(&c);
}

OPEN_TEST(versions)
{
	static const uint16_t unknown[] = {
		0, 0x0300, 0x0301, 0x0302, 0x0305, 0xfefc, 0xfefd, 0x7f1c,
		0x0403, 0xffff
	};
	int i;

	make(way);
	for (i = 0; i < COUNT(unknown); i++) {
		c.session.version = unknown[i];
		refused_untouched(&c, -KTLS_EVERSION);
	}
	c.session.version = KTLS_TLS_1_2 + KTLS_TLS_1_3 - c.version;
	refused_untouched(&c, -KTLS_ESUITE);
	c.session.version = c.version;
	keyed_open(&c);
	keyed_alive(&c);
	keyed_close(&c);
}

/* A later caller's struct is longer than ours. */
OPEN_TEST(sizes)
{
	struct {
		struct ktls_session session;
		uint8_t later[64];
	} longer;
	size_t i;

	make(way);
	for (i = 0; i < sizeof(size_t); i++) {
		c.session.size = i;
		refused_untouched(&c, -EINVAL);
	}
	c.session.size = sizeof(c.session);
	memset(&longer, 0xff, sizeof(longer));
	longer.session = c.session;
	longer.session.size = sizeof(longer);
	ck_assert_int_eq(ktls_open(&c.k, c.fd, &longer.session, &c.opts), 0);
	keyed_alive(&c);
	keyed_close(&c);
}

/* A struct that ends before a member does not have it. */
OPEN_TEST(short_sizes)
{
	size_t size;
	int err;

	make(way);
	c.session.plaintext = "unseen";
	c.session.plaintext_len = 6;
	c.session.ciphertext = "unseen, too";
	c.session.ciphertext_len = 11;
	for (size = 0; size < offsetof(struct ktls_session, rx); size++) {
		struct ktls *k = (struct ktls *)&c;

		c.session.size = size;
		err = ktls_open(&k, c.fd, &c.session, &c.opts);
		ck_assert(err == -EINVAL || err == -KTLS_EVERSION ||
			  err == -KTLS_ESUITE);
		ck_assert_ptr_null(k);
		refusal_no_keys(c.fd);
		ck_assert_int_eq(refusal_has_ulp(c.fd), 0);
	}
	c.session.size = offsetof(struct ktls_session, plaintext);
	keyed_open(&c);
	ck_assert_uint_eq(ktls_pending(c.k), 0);
	keyed_alive(&c);
	keyed_close(&c);
}

OPEN_TEST(nulls)
{
	struct ktls *k = (struct ktls *)&c;

	make(way);
	ck_assert_int_eq(ktls_open(NULL, c.fd, &c.session, &c.opts), -EINVAL);
	ck_assert_int_eq(ktls_open(&k, c.fd, NULL, &c.opts), -EINVAL);
	ck_assert_ptr_null(k);
	ck_assert_int_eq(refusal_has_ulp(c.fd), 0);
	c.session.plaintext_len = 1;
	refused_untouched(&c, -EINVAL);
	c.session.plaintext_len = SIZE_MAX;
	refused_untouched(&c, -EINVAL);
	c.session.plaintext_len = 0;
	c.session.ciphertext_len = 1;
	refused_untouched(&c, -EINVAL);
	c.session.ciphertext_len = SIZE_MAX;
	refused_untouched(&c, -EINVAL);
	c.session.ciphertext_len = 0;
	/* No bytes are somewhere. */
	c.session.plaintext = bytes;
	c.session.ciphertext = bytes;
	ck_assert_int_eq(ktls_open(&c.k, c.fd, &c.session, NULL), 0);
	keyed_alive(&c);
	keyed_close(&c);
}

OPEN_TEST(sequence_numbers)
{
	make(way);
	keyed_seq(&c, UINT64_MAX, 5);
	refused_untouched(&c, -EOVERFLOW);
	keyed_seq(&c, 5, UINT64_MAX);
	refused_untouched(&c, -EOVERFLOW);
	c.opts.flags = KTLS_EXCEED_KEY_LIMIT;
	refused_untouched(&c, -EOVERFLOW);
	keyed_seq(&c, 5, 6);
	keyed_open(&c);
	keyed_alive(&c);
	keyed_close(&c);
}

OPEN_TEST(options)
{
	static const unsigned flags[] = {
		KTLS_KEEP_SSL, KTLS_TAKE_SSL, 64, 128, 1u << 30, 1u << 31,
		KTLS_KEEP_SSL | KTLS_NO_WAIT, ~0u
	};
	static const int choices[] = { KTLS_LIBRARY, 4, 100, -1 };
	int i;

	make(way);
	for (i = 0; i < COUNT(flags); i++) {
		c.opts.flags = flags[i];
		refused_untouched(&c, -EINVAL);
	}
	c.opts.flags = 0;
	for (i = 0; i < COUNT(choices); i++) {
		c.opts.tx = (enum ktls_choice)choices[i];
		refused_untouched(&c, -EINVAL);
		c.opts.rx = c.opts.tx;
		refused_untouched(&c, -EINVAL);
		c.opts.tx = KTLS_AUTO;
		refused_untouched(&c, -EINVAL);
		c.opts.rx = KTLS_AUTO;
	}
	c.opts.key_records = 1;
	refused_untouched(&c, -EINVAL);
	c.opts.key_records = 1000;
	c.opts.size = 0;
	refused_untouched(&c, -EINVAL);
	c.opts.size = sizeof(c.opts);
	/* unused here, as it says */
	c.opts.fd = 4000;
	c.opts.flags = KTLS_NO_WAIT | KTLS_LEAVE_UNANSWERED |
		       KTLS_EXCEED_KEY_LIMIT | KTLS_EXPECT_NO_PAD;
	keyed_open(&c);
	keyed_alive(&c);
	keyed_close(&c);
}

OPEN_TEST(environment)
{
	static const char *const bad[] = {
		"nonsense", "tx", "tx=", "=kernel", "userspace,", "rx=library,",
		"tx=kernel,tx=kernel", "Kernel", " ", "kernel,userspace"
	};
	int i;

	make(way);
	for (i = 0; i < COUNT(bad); i++) {
		setenv("KTLS_PATH", bad[i], 1);
		refused_untouched(&c, -EINVAL);
	}
	setenv("KTLS_PATH", "", 1);
	keyed_open(&c);
	keyed_alive(&c);
	keyed_close(&c);
}

int main(void)
{
	Suite *all = suite_create("open_bad");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, lengths, 0, keyed_worlds());
	tcase_add_loop_test(tcase, nothing_or_too_much, 0, keyed_worlds());
	tcase_add_loop_test(tcase, both, 0, keyed_worlds());
	tcase_add_loop_test(tcase, suites, 0, keyed_worlds());
	tcase_add_loop_test(tcase, versions, 0, keyed_worlds());
	tcase_add_loop_test(tcase, sizes, 0, keyed_worlds());
	tcase_add_loop_test(tcase, short_sizes, 0, keyed_worlds());
	tcase_add_loop_test(tcase, nulls, 0, keyed_worlds());
	tcase_add_loop_test(tcase, sequence_numbers, 0, keyed_worlds());
	tcase_add_loop_test(tcase, options, 0, keyed_worlds());
	tcase_add_loop_test(tcase, environment, 0, keyed_worlds());
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
