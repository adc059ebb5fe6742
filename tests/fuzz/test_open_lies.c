/* SPDX-License-Identifier: MIT */
/*
 * ktls_open() on a socket that lies: options succeed and do nothing, as in
 * some sandboxes, or the kernel's keys are not those that were given.
 */
#include <errno.h>
#include <string.h>

#include <check.h>

#include "lib/sys.h"
#include "open_ways.h"
#include "tests/unit/suite_main.h"

#define SOL_TLS 282

static struct keyed c;
static struct ktls__sys lying;
static const struct ktls__sys *honest;
static int about; /* KTLS_TX or KTLS_RX */

static int ignore(int fd, int level, int name, const void *val, socklen_t len)
{
	if (fd == c.fd && level == SOL_TLS && name == about)
		return 0;
	return honest->setsockopt(fd, level, name, val, len);
}

/* Another key. */
static int distort(int fd, int level, int name, void *val, socklen_t *len)
{
	int err = honest->getsockopt(fd, level, name, val, len);

	if (err == 0 && fd == c.fd && level == SOL_TLS && name == about &&
	    *len > 20)
		((uint8_t *)val)[20] ^= 1;
	return err;
}

static void lie(int way)
{
	about = way & 1 ? KTLS_TX : KTLS_RX;
	keyed_start(way & 2 ? KEYED_REKEY : KEYED_FIXED);
	keyed_make(&c, &keyed_kinds[way / 4], way & 1, (unsigned)way);
	c.opts.tx = KTLS_KERNEL;
	c.opts.rx = KTLS_KERNEL;
	honest = ktls__sys;
	lying = *honest;
	ktls__sys = &lying;
}

/* Nothing is in the kernel: it goes on here. */
START_TEST(does_nothing)
{
	lie(_i);
	lying.setsockopt = ignore;
	keyed_open(&c);
	keyed_reasons(&c, about == KTLS_TX ? KTLS_REASON_UNPROVEN :
					     KTLS_REASON_NONE,
		      about == KTLS_RX ? KTLS_REASON_UNPROVEN :
					 KTLS_REASON_NONE);
	keyed_alive(&c);
	keyed_close(&c);
}
END_TEST

/* Something is, and to seal here too could repeat a nonce. */
START_TEST(other_keys)
{
	struct ktls *k = (struct ktls *)&c;

	lie(_i);
	lying.getsockopt = distort;
	ck_assert_int_eq(ktls_open(&k, c.fd, &c.session, &c.opts),
			 -KTLS_EUNPROVEN);
	ck_assert_ptr_null(k);
	/* nobody hears of a connection that is none */
	ck_assert_uint_eq(c.event_count, 0);
	keyed_quiet(&c);
	keyed_close(&c);
}
END_TEST

int main(void)
{
	Suite *all = suite_create("open_lies");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, does_nothing, 0, 4 * KEYED_KINDS);
	tcase_add_loop_test(tcase, other_keys, 0, 4 * KEYED_KINDS);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
