/* SPDX-License-Identifier: MIT */
/*
 * ktls_open() with each of its allocations failing once: it says so, and the
 * socket is as it was, or it has found another way; nothing leaks, and no
 * key is in what was freed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "costs.h"
#include "open_ways.h"
#include "refusal.h"
#include "tests/unit/suite_main.h"

#if COSTS_OF_MEMORY

#define NEEDLES 5

static uint8_t needles[NEEDLES][16];
static int found; /* one of them, counted from 1 */

static void look(const void *block, size_t len)
{
	int i;

	for (i = 0; i < NEEDLES; i++)
		if (memmem(block, len, needles[i], sizeof(needles[i])))
			found = i + 1;
}

static struct keyed c;
static char plaintext[] = "what has been decrypted before, ";
static const char secret_text[] = "what has not been, and is longer than that";

/* All kinds of leftovers. */
static void make(int i)
{
	costs.look = NULL;
	open_way(&c, i);
	c.session.plaintext = plaintext;
	c.session.plaintext_len = strlen(plaintext);
	if (open_way_secret(&c) && !c.session.server)
		keyed_seal(&c, KTLS_RECORD_HANDSHAKE, "\x04\0\0\x02" "tt", 6);
	if (open_way_secret(&c))
		keyed_update(&c, 0);
	keyed_seal(&c, KTLS_RECORD_DATA, secret_text, strlen(secret_text));
	keyed_leave(&c, SIZE_MAX);
	memcpy(needles[0], c.tx.key, 16);
	memcpy(needles[1], c.rx.key, 16);
	memcpy(needles[2], c.secret_rx, 16);
	memcpy(needles[3], c.given_secret[0], 16);
	memcpy(needles[4], secret_text, 16);
	costs.look = look;
}

static void not_found(void)
{
	ck_assert_msg(found == 0, "needle %d is in freed memory", found);
}

/* It says so, and with memory it works. */
static void refused_for_now(int err)
{
	ck_assert_ptr_null(c.k);
	ck_assert_msg(err == -ENOMEM || err == -KTLS_ECRYPTO, "%s",
		      refusal_name(err));
	refusal_no_keys(c.fd);
	keyed_quiet(&c);
	c.event_count = 0;
	keyed_open(&c);
}

/* libcrypto does not say why it has no next keys, and that is the end. */
static void goes_on(int may_end)
{
	uint8_t byte;

	if (may_end && ktls_read(c.k, &byte, 1) == -KTLS_ECRYPTO) {
		ck_assert_int_eq(open_way_secret(&c), 1);
		keyed_gets_alert(&c, 2, 80);
		return;
	}
	keyed_reads(&c, secret_text + may_end, strlen(secret_text) -
		    (size_t)may_end, 7);
	keyed_alive(&c);
}

/* The n-th allocation fails.  1: there was one. */
static int try_it(int i, long n)
{
	int failed;
	int err;

	make(i);
	costs.fail_at = n;
	err = ktls_open(&c.k, c.fd, &c.session, &c.opts);
	failed = n > 0 && costs.fail_at == 0;
	costs.fail_at = 0;
	not_found();
	/* The application's queue of errors is its own. */
	ck_assert_uint_eq(ERR_peek_error(), 0);
	if (err < 0) {
		ck_assert_int_eq(failed, 1);
		refused_for_now(err);
	}
	keyed_reads_text(&c, plaintext);
	goes_on(failed && err == 0);
	if (!failed)
		open_way_check(&c, i);
	ktls_free(c.k);
	c.k = NULL;
	not_found();
	costs.look = NULL;
	keyed_close(&c);
	return failed;
}

OPEN_TEST(each_fails_once)
{
	long live;
	long n;
	int more = 1;

	/* What is allocated for good. */
	try_it(way, 0);
	try_it(way, 0);
	for (n = 1; more; n++) {
		/* libcrypto's error queue, too */
		try_it(way, n);
		live = costs.live;
		more = try_it(way, n);
		ck_assert_msg(costs.live <= live, "allocation %ld: %ld bytes "
			      "are left", n, costs.live - live);
	}
	/* The object itself, and the leftovers, at least. */
	ck_assert_int_gt(n, 3);
}

#define TESTS OPEN_PROCESSES

#else

/* The allocator is the sanitizer's. */
START_TEST(each_fails_once)
{
}
END_TEST

#define TESTS 1

#endif

int main(void)
{
	Suite *all = suite_create("open_memory");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, each_fails_once, 0, TESTS);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
