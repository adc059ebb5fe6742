/* SPDX-License-Identifier: MIT */
/*
 * What a kernel's RX finds wrong with a record waits in the socket for whoever
 * comes first, and is told once: a call that sends tells it by the name that a
 * read has for it, and neither the name nor the alert is lost, whoever seals.
 */
#include <errno.h>
#include <string.h>

#include "lib/sys.h"
#include "open_ways.h"
#include "tests/unit/suite_main.h"

static struct keyed c;

/* A header that no kernel takes. */
static const struct {
	uint8_t bytes[40];
	int err;
	uint8_t alert;
} bad[] = {
	{ { 23, 3, 3, 0xff, 0xff }, -KTLS_EOVERSIZE, 22 },
	{ { 23, 9, 3, 0, 35 }, -KTLS_EPROTOCOL, 10 },
	{ { 23, 3, 3, 0, 3 }, -KTLS_EBADRECORD, 20 }
};
#define BAD ((int)(sizeof(bad) / sizeof(bad[0])))

static void begin(int way, int i, const char *text)
{
	open_way(&c, way);
	keyed_open(&c);
	if (text != NULL)
		keyed_seal(&c, KTLS_RECORD_DATA, text, strlen(text));
	keyed_bytes(&c, bad[i].bytes, sizeof(bad[i].bytes));
	keyed_send(&c, SIZE_MAX);
}

/* The kernel's TX looks before it seals. */
static int is_sealed(int way)
{
	return !open_way_kernel(&c, way, KTLS_TX);
}

static void is_over(int i)
{
	keyed_ends(&c, bad[i].err);
	ck_assert_int_eq(ktls_write(c.k, "y", 1, 0), bad[i].err);
	ck_assert_int_eq(ktls_error(c.k), bad[i].err);
	ck_assert_int_eq(keyed_info(&c).tx.error, bad[i].err);
	ck_assert_uint_eq(keyed_info(&c).alerts_sent, 1);
}

/* Of the peer's view: what was sealed by then, and the alert. */
static void is_told(int i, const char *sealed)
{
	if (sealed != NULL)
		keyed_gets_text(&c, sealed);
	keyed_gets_alert(&c, 2, bad[i].alert);
	keyed_quiet(&c);
	keyed_close(&c);
}

OPEN_TEST(written_first)
{
	int i;

	for (i = 0; i < BAD; i++) {
		begin(way, i, NULL);
		if (!open_way_kernel(&c, way, KTLS_RX) || !is_sealed(way)) {
			keyed_close(&c);
			return;
		}
		ck_assert_int_eq(ktls_write(c.k, "x", 1, 0), 1);
		ck_assert_uint_eq(keyed_info(&c).tx.bytes, 1);
		is_over(i);
		is_told(i, "x");
	}
}

/* What came before it is still read. */
OPEN_TEST(data_first)
{
	const char *sealed = "x";
	ssize_t n;
	int i;

	for (i = 0; i < BAD; i++) {
		begin(way, i, "good");
		keyed_reads(&c, "good", 4, 4);
		n = ktls_write(c.k, "x", 1, 0);
		if (n < 0 && !is_sealed(way))
			sealed = NULL;
		if (n < 0)
			ck_assert_int_eq(n, bad[i].err);
		else
			ck_assert_int_eq(n, 1);
		is_over(i);
		if (n < 0 && keyed_info(&c).tx.bytes != 0)
			ck_abort_msg("bytes of a write that has failed");
		is_told(i, sealed);
	}
}

OPEN_TEST(read_first)
{
	int i;

	for (i = 0; i < BAD; i++) {
		begin(way, i, "good");
		keyed_reads_text(&c, "good");
		is_over(i);
		is_told(i, NULL);
	}
}

/* A new key is announced, and the alert is the first under it; where the
 * kernel has TX it is announced to nobody. */
OPEN_TEST(key_changed_first)
{
	uint8_t buf[KEYED_RECORD_MAX];
	uint8_t type;
	int err;
	int i;

	for (i = 0; i < BAD; i++) {
		begin(way, i, NULL);
		err = open_way_kernel(&c, way, KTLS_RX) && is_sealed(way) ?
			      ktls_update_keys(c.k, 0) : -KTLS_EKEYUPDATE;
		if (err == -KTLS_EKEYUPDATE || err == -EOPNOTSUPP) {
			keyed_close(&c);
			return;
		}
		ck_assert_int_eq(err, bad[i].err);
		is_over(i);
		ck_assert_int_eq(keyed_recv(&c, &type, buf), 5);
		ck_assert_int_eq(type, KTLS_RECORD_HANDSHAKE);
		keyed_next_rx(&c);
		is_told(i, NULL);
	}
}

int main(void)
{
	Suite *suite = suite_create("faults met by writing");
	TCase *tcase = tcase_create("ktls_open");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, written_first, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, data_first, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, read_first, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, key_changed_first, 0, OPEN_PROCESSES);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
