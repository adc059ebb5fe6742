/* SPDX-License-Identifier: MIT */
/*
 * ktls_open(): what it makes of a session, on every path, and what was left
 * over of both kinds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "open_ways.h"
#include "stream.h"
#include "tests/unit/suite_main.h"

static struct keyed c;

static void seal(const char *text)
{
	keyed_seal(&c, KTLS_RECORD_DATA, text, strlen(text));
}

OPEN_TEST(plainly)
{
	struct ktls_conn_info info;

	open_way(&c, way);
	ck_assert_int_eq(ktls_open(&c.k, c.fd, &c.session, &c.opts), 0);
	open_way_check(&c, way);
	ck_assert_uint_eq(ktls_pending(c.k), 0);
	keyed_waits(&c);
	info = keyed_info(&c);
	ck_assert_uint_eq(info.tx.records + info.rx.records, 0);
	keyed_alive(&c);
	info = keyed_info(&c);
	ck_assert_uint_eq(info.tx.records, 2);
	ck_assert_uint_eq(info.rx.records, 2);
	ck_assert_uint_eq(info.tx.bytes, 9);
	ck_assert_uint_eq(info.rx.bytes, 9);
	/* No SSL is here to serve it. */
	ck_assert_int_eq(ktls_post_handshake(c.k), -EOPNOTSUPP);
	ck_assert_int_eq(ktls_shutdown(c.k), 0);
	keyed_gets_alert(&c, 1, 0);
	keyed_close(&c);
}

static enum ktls_reason rx_reason(int i)
{
	if (open_way_kernel(&c, i, KTLS_RX))
		return KTLS_REASON_NONE;
	if (c.opts.rx == KTLS_USERSPACE)
		return KTLS_REASON_POLICY;
	return keyed_has_tls(open_way_world(i)) ? KTLS_REASON_NO_REKEY :
						  KTLS_REASON_NO_MODULE;
}

static enum ktls_reason tx_reason(int i)
{
	if (open_way_kernel(&c, i, KTLS_TX))
		return KTLS_REASON_NONE;
	return c.opts.tx == KTLS_USERSPACE ? KTLS_REASON_POLICY :
					     KTLS_REASON_NO_MODULE;
}

OPEN_TEST(reasons)
{
	struct ktls_features features = { .size = sizeof(features) };

	open_way(&c, way);
	ck_assert_int_eq(ktls_probe(&features), 0);
	keyed_open(&c);
	if (open_way_world(way) != KEYED_HOST || features.ulp == -ENOENT)
		keyed_reasons(&c, tx_reason(way), rx_reason(way));
	keyed_close(&c);
}

OPEN_TEST(left_plaintext)
{
	char text[] = "already decrypted";

	open_way(&c, way);
	c.session.plaintext = text;
	c.session.plaintext_len = strlen(text);
	seal(" and not");
	keyed_send(&c, SIZE_MAX);
	keyed_open(&c);
	memset(text, 'x', strlen(text));
	open_way_check(&c, way);
	ck_assert_uint_ge(ktls_pending(c.k), 17);
	keyed_reads(&c, "already decrypted and not", 25,
		    way / KEYED_KINDS & 1 ? 5 : 100);
	keyed_alive(&c);
	keyed_close(&c);
}

OPEN_TEST(left_ciphertext)
{
	struct ktls_conn_info info;

	open_way(&c, way);
	seal("one ");
	seal("");
	seal("two ");
	seal("three");
	keyed_leave(&c, SIZE_MAX);
	keyed_open(&c);
	open_way_check(&c, way);
	ck_assert_uint_gt(ktls_pending(c.k), 0);
	keyed_reads(&c, "one two three", 13, way / KEYED_KINDS & 1 ? 1 : 100);
	ck_assert_uint_eq(ktls_pending(c.k), 0);
	keyed_waits(&c);
	info = keyed_info(&c);
	ck_assert_uint_eq(info.rx.records, 4);
	ck_assert_uint_eq(info.rx.bytes, 13);
	keyed_alive(&c);
	keyed_close(&c);
}

OPEN_TEST(all_that_is_left)
{
	open_way(&c, way);
	c.session.plaintext = "first ";
	c.session.plaintext_len = 6;
	seal("second ");
	seal("third ");
	keyed_leave(&c, SIZE_MAX);
	seal("fourth ");
	keyed_send(&c, SIZE_MAX);
	keyed_open(&c);
	seal("fifth");
	keyed_send(&c, SIZE_MAX);
	keyed_reads(&c, "first second third fourth fifth", 31,
		    (size_t)(1 + way % 7));
	keyed_alive(&c);
	keyed_close(&c);
}

#define LARGE ((size_t)1 << 20)

/* More than any buffer holds, by records of every size.  An emulated kernel
 * takes its time: some ways are enough for it. */
OPEN_TEST(much)
{
	uint8_t *all;
	size_t at, n;

	if (keyed_worlds() == 1 && way % 7)
		return;
	all = malloc(3 * LARGE);
	ck_assert_ptr_nonnull(all);
	open_way(&c, way);
	stream_fill(77, 0, all, 3 * LARGE);
	c.session.plaintext = all;
	c.session.plaintext_len = LARGE;
	for (at = LARGE; at < 3 * LARGE; at += n) {
		n = at % 3 ? 16384 : at % 5 * 1000 + 1;
		n = n < 3 * LARGE - at ? n : 3 * LARGE - at;
		if (at < 2 * LARGE && at + n > 2 * LARGE)
			n = 2 * LARGE - at;
		keyed_seal(&c, KTLS_RECORD_DATA, all + at, n);
		if (at + n == 2 * LARGE)
			keyed_leave(&c, SIZE_MAX);
	}
	keyed_open(&c);
	open_way_check(&c, way);
	ck_assert_uint_ge(ktls_pending(c.k), LARGE);
	for (at = 0; at < 2 * LARGE; at += n) {
		n = way & 1 ? LARGE / 8 : LARGE;
		keyed_reads(&c, all + at, n, way & 2 ? 100000 : 4096);
	}
	for (; at < 3 * LARGE; at += n) {
		n = LARGE / 32;
		keyed_send(&c, n + 2000);
		keyed_reads(&c, all + at, n, n);
	}
	keyed_send(&c, SIZE_MAX);
	keyed_waits(&c);
	keyed_alive(&c);
	keyed_close(&c);
	free(all);
}

/* The environment outweighs the choices, and knows no library here. */
OPEN_TEST(environment)
{
	static const struct {
		const char *text;
		enum ktls_choice tx;
		enum ktls_choice rx;
	} values[] = {
		{ "auto", KTLS_AUTO, KTLS_AUTO },
		{ "kernel", KTLS_KERNEL, KTLS_KERNEL },
		{ "userspace", KTLS_USERSPACE, KTLS_USERSPACE },
		{ "library", KTLS_USERSPACE, KTLS_USERSPACE },
		{ "tx=library,rx=kernel", KTLS_USERSPACE, KTLS_KERNEL },
		{ "rx=library,tx=kernel", KTLS_KERNEL, KTLS_USERSPACE },
	};
	const unsigned n = sizeof(values) / sizeof(values[0]);
	struct ktls_conn_info info;
	unsigned i;

	for (i = 0; i < n; i++) {
		open_way(&c, way);
		setenv("KTLS_PATH", values[i].text, 1);
		keyed_open(&c);
		unsetenv("KTLS_PATH");
		c.opts.tx = values[i].tx;
		c.opts.rx = values[i].rx;
		open_way_check(&c, way);
		info = keyed_info(&c);
		if (c.opts.tx == KTLS_USERSPACE)
			ck_assert_int_eq(info.tx.reason,
					 KTLS_REASON_ENVIRONMENT);
		if (c.opts.rx == KTLS_USERSPACE)
			ck_assert_int_eq(info.rx.reason,
					 KTLS_REASON_ENVIRONMENT);
		keyed_alive(&c);
		keyed_close(&c);
	}
}

/* What the kernel refuses stays here, from the same record on. */
static void refuse_kernel(const struct keyed_kind *kind, int what, int err)
{
	struct ktls_conn_info info;

	keyed_make(&c, kind, what & 1, (unsigned)err);
	c.opts.tx = c.opts.rx = KTLS_KERNEL;
	fake_kernel_refuse(c.fd, what, err);
	seal("left");
	keyed_leave(&c, SIZE_MAX);
	keyed_open(&c);
	info = keyed_info(&c);
	ck_assert_int_eq(info.tx.path == KTLS_PATH_KERNEL, what == KTLS_RX);
	ck_assert_int_eq(info.rx.path == KTLS_PATH_KERNEL, what == KTLS_TX);
	if (what != KTLS_RX)
		ck_assert_int_eq(abs(info.tx.reason_errno), err);
	if (what != KTLS_TX)
		ck_assert_int_eq(abs(info.rx.reason_errno), err);
	keyed_reads_text(&c, "left");
	keyed_alive(&c);
	keyed_close(&c);
}

START_TEST(kernel_refuses)
{
	static const int errors[] = { EINVAL, ENOMEM, ENOENT, EBUSY, EPERM };
	static const int whats[] = { FAKE_ULP, KTLS_TX, KTLS_RX };
	int i;

	keyed_start((enum keyed_world)(KEYED_FIXED + _i));
	for (i = 0; i < 15 * KEYED_KINDS; i++)
		refuse_kernel(&keyed_kinds[i / 15], whats[i % 3],
			      errors[i / 3 % 5]);
}
END_TEST

/* A blocking descriptor does not make the opening wait. */
OPEN_TEST(blocking)
{
	open_way(&c, way);
	fcntl(c.fd, F_SETFL, O_RDWR);
	seal("hello");
	keyed_leave(&c, 7);
	keyed_open(&c);
	ck_assert_int_eq(keyed_info(&c).rx.path, KTLS_PATH_USERSPACE);
	ck_assert_int_eq(fcntl(c.fd, F_GETFL) & O_NONBLOCK, 0);
	keyed_send(&c, SIZE_MAX);
	keyed_reads_text(&c, "hello");
	keyed_alive(&c);
	keyed_close(&c);
}

/* Nothing is asked for, and no bytes are left: NULL is fine. */
OPEN_TEST(defaults)
{
	open_way(&c, way);
	ck_assert_int_eq(ktls_open(&c.k, c.fd, &c.session, NULL), 0);
	c.opts.tx = c.opts.rx = KTLS_AUTO;
	open_way_check(&c, way);
	keyed_alive(&c);
	ktls_free(c.k);
	c.k = NULL;
	/* The descriptor stays the caller's. */
	ck_assert_int_ge(fcntl(c.fd, F_GETFD), 0);
	keyed_close(&c);
}

OPEN_TEST(by_file_and_pipe)
{
	char name[] = "/tmp/open-XXXXXX";
	int file = mkstemp(name);
	off_t off = 2;
	int ends[2];
	char buf[8];

	unlink(name);
	open_way(&c, way);
	ck_assert_int_eq(write(file, "xxfile", 6), 6);
	ck_assert_int_eq(pipe(ends), 0);
	if (way % 3) {
		c.session.plaintext = "left";
		c.session.plaintext_len = 4;
	} else {
		seal("left");
		keyed_leave(&c, SIZE_MAX);
	}
	seal("next");
	keyed_send(&c, SIZE_MAX);
	keyed_open(&c);
	ck_assert_int_eq(ktls_sendfile(c.k, file, &off, 10, 0), 4);
	keyed_gets_text(&c, "file");
	ck_assert_int_eq(ktls_splice_read(c.k, ends[1], 100), 4);
	ck_assert_int_eq(read(ends[0], buf, sizeof(buf)), 4);
	ck_assert_mem_eq(buf, "left", 4);
	keyed_reads_text(&c, "next");
	ck_assert_int_eq(write(ends[1], "pipe", 4), 4);
	ck_assert_int_eq(ktls_splice_write(c.k, ends[0], 4), 4);
	keyed_gets_text(&c, "pipe");
	keyed_alive(&c);
	close(ends[0]);
	close(ends[1]);
	close(file);
	keyed_close(&c);
}

int main(void)
{
	Suite *all = suite_create("open");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, plainly, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, reasons, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, left_plaintext, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, left_ciphertext, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, all_that_is_left, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, much, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, environment, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, kernel_refuses, 0, keyed_worlds() - 1);
	tcase_add_loop_test(tcase, blocking, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, defaults, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, by_file_and_pipe, 0, OPEN_PROCESSES);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
