/* SPDX-License-Identifier: MIT */
/* no_pad.c: when it looks, what it makes of the count, what it does without
 * one.  The kernel's part is a table of three numbers. */
#include "no_pad.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "suite_main.h"
#include "sys.h"
#include "uapi.h"

#define FD 100007
#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

static struct {
	int option;     /* -1: not asked for yet */
	int refusal;    /* of setsockopt() */
	int sets;
	int reads;
	long error;     /* of reading the file */
	const char *text;
	unsigned long count;
} kernel;

static struct ktls__sys table;

static int set_option(int fd, int level, int name, const void *val,
		      socklen_t len)
{
	unsigned on;

	ck_assert_int_eq(fd, FD);
	ck_assert_int_eq(level, KTLS__SOL_TLS);
	ck_assert_int_eq(name, KTLS__TLS_RX_EXPECT_NO_PAD);
	ck_assert_uint_eq(len, sizeof(on));
	memcpy(&on, val, sizeof(on));
	kernel.sets++;
	if (kernel.refusal < 0)
		return kernel.refusal;
	kernel.option = (int)on;
	return 0;
}

/* As Linux 6.1 prints it; TlsRxRekeyOk and the like are 6.14's. */
static const char file[] =
	"TlsCurrTxSw                     \t3\n"
	"TlsRxDeviceResync               \t0\n"
	"TlsDecryptRetry                 \t77\n"
	"TlsRxNoPadViolation             \t%lu\n"
	"TlsRxRekeyOk                    \t88\n";

static ssize_t read_file(const char *path, void *buf, size_t len)
{
	char text[1024];
	int n;

	ck_assert_str_eq(path, "/proc/net/tls_stat");
	kernel.reads++;
	if (kernel.error < 0)
		return kernel.error;
	if (kernel.text)
		n = snprintf(text, sizeof(text), "%s", kernel.text);
	else
		n = snprintf(text, sizeof(text), file, kernel.count);
	ck_assert_uint_le((size_t)n, len);
	memcpy(buf, text, (size_t)n);
	return n;
}

static struct ktls__no_pad start(void)
{
	struct ktls__no_pad np;

	memset(&np, 0x5a, sizeof(np));
	ktls__no_pad_begin(FD, &np);
	return np;
}

static void setup(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.option = -1;
	table = ktls__sys_linux;
	table.setsockopt = set_option;
	table.read_file = read_file;
	ktls__sys = &table;
}

static void teardown(void)
{
	ktls__sys = &ktls__sys_linux;
}

static void receive(struct ktls__no_pad *np, uint64_t bytes)
{
	while (bytes > 0) {
		size_t n = bytes < 16384 ? (size_t)bytes : 16384;

		ktls__no_pad_received(FD, np, n);
		bytes -= n;
	}
}

static void still_on(const struct ktls__no_pad *np, int reads)
{
	ck_assert(ktls__no_pad_in_force(np));
	ck_assert_int_eq(kernel.option, 1);
	ck_assert_int_eq(kernel.sets, 1);
	ck_assert_int_eq(kernel.reads, reads);
}

/* For good: nothing is asked any more. */
static void off_for_good(struct ktls__no_pad *np, int reads)
{
	ck_assert(!ktls__no_pad_in_force(np));
	ck_assert_int_eq(kernel.option, 0);
	ck_assert_int_eq(kernel.sets, 2);
	ck_assert_int_eq(kernel.reads, reads);
	receive(np, 200 * MIB);
	ck_assert_int_eq(kernel.sets, 2);
	ck_assert_int_eq(kernel.reads, reads);
	ck_assert(!ktls__no_pad_in_force(np));
}

START_TEST(small)
{
	ck_assert_uint_le(sizeof(struct ktls__no_pad), 12);
}
END_TEST

/* A hand-off, and a short connection, read no file. */
START_TEST(begins_without_a_look)
{
	struct ktls__no_pad np = start();

	still_on(&np, 0);
	receive(&np, 256 * KIB - 1);
	still_on(&np, 0);
	receive(&np, 1);
	still_on(&np, 1);
}
END_TEST

static const int refusals[] = { -ENOPROTOOPT, -EINVAL, -EOPNOTSUPP, -EPERM };

START_TEST(not_there)
{
	struct ktls__no_pad np;

	kernel.refusal = refusals[_i];
	np = start();
	ck_assert(!ktls__no_pad_in_force(&np));
	receive(&np, 2 * MIB);
	ck_assert_int_eq(kernel.sets, 1);
	ck_assert_int_eq(kernel.reads, 0);
}
END_TEST

/* It was never asked for. */
START_TEST(all_zero)
{
	struct ktls__no_pad np = { 0 };

	ck_assert(!ktls__no_pad_in_force(&np));
	receive(&np, 2 * MIB);
	ktls__no_pad_received(FD, &np, 0);
	ck_assert_int_eq(kernel.sets, 0);
	ck_assert_int_eq(kernel.reads, 0);
}
END_TEST

/* Each look at twice the bytes, later every 64 MiB, and not one sooner. */
START_TEST(looks_are_rare)
{
	struct ktls__no_pad np = start();
	uint64_t at = 256 * KIB;
	uint64_t seen = 0;
	int reads;

	for (reads = 0; at <= 512 * MIB; reads++) {
		receive(&np, at - 1 - seen);
		still_on(&np, reads);
		receive(&np, 1);
		still_on(&np, reads + 1);
		seen = at;
		at += at < 64 * MIB ? at : 64 * MIB;
	}
	ck_assert_int_eq(reads, 16);
}
END_TEST

/* What was padded before, by whomever, is not this connection's. */
START_TEST(first_count_is_the_base)
{
	struct ktls__no_pad np = start();

	kernel.count = 1000000;
	receive(&np, 256 * KIB);
	still_on(&np, 1);
	receive(&np, 256 * KIB);
	still_on(&np, 2);
}
END_TEST

/* Of the 16 full records that 256 KiB are, 2 may be padded; of the 32 in the
 * next 512 KiB, 4. */
START_TEST(share)
{
	struct ktls__no_pad np = start();

	kernel.count = 5;
	receive(&np, 256 * KIB);
	kernel.count += 2;
	receive(&np, 256 * KIB);
	still_on(&np, 2);
	kernel.count += 4;
	receive(&np, 512 * KIB);
	still_on(&np, 3);
	/* another 64 records: one more than 8 */
	kernel.count += 9;
	receive(&np, MIB - 1);
	still_on(&np, 3);
	receive(&np, 1);
	off_for_good(&np, 4);
}
END_TEST

START_TEST(pads_everything)
{
	struct ktls__no_pad np = start();

	kernel.count = 16;
	receive(&np, 256 * KIB);
	still_on(&np, 1);
	kernel.count = 32;
	receive(&np, 256 * KIB);
	off_for_good(&np, 2);
}
END_TEST

/* It pads only when much has gone well. */
START_TEST(pads_late)
{
	struct ktls__no_pad np = start();
	int reads;

	receive(&np, 256 * MIB);
	ck_assert(ktls__no_pad_in_force(&np));
	reads = kernel.reads;
	kernel.count = 64 * 64;
	receive(&np, 64 * MIB);
	off_for_good(&np, reads + 1);
}
END_TEST

/* One call that brings far more than the way to the next look: more records
 * than that, too. */
START_TEST(much_at_once)
{
	struct ktls__no_pad np = start();

	receive(&np, 256 * KIB);
	kernel.count = 3;
	ktls__no_pad_received(FD, &np, 512 * KIB);
	still_on(&np, 2);
	kernel.count += 3;
	ktls__no_pad_received(FD, &np, 512 * KIB);
	still_on(&np, 3);
	kernel.count += 513;
	ktls__no_pad_received(FD, &np, 64 * MIB);
	off_for_good(&np, 4);
}
END_TEST

/* The kernel's unsigned long, of which we keep 32 bits. */
START_TEST(count_goes_round)
{
	struct ktls__no_pad np = start();

	kernel.count = UINT32_MAX - 1UL;
	receive(&np, 256 * KIB);
	kernel.count += 2;
	receive(&np, 256 * KIB);
	still_on(&np, 2);
	kernel.count += 100;
	receive(&np, 512 * KIB);
	off_for_good(&np, 3);
}
END_TEST

static const char *const texts[] = {
	"",
	"\n",
	"TlsRxRekeyOk 1\n",             /* before Linux 6.0 */
	"TlsRxNoPadViolation\n",
	"TlsRxNoPadViolation \t\n",
	"TlsRxNoPadViolation x\n",
	"TlsRxNoPadViolation -1\n",
	"TlsRxNoPadViolation 12",       /* the rest of it is missing */
	"TlsRxNoPadViolation",
	"NoTlsRxNoPadViolation 1\n",
	"TlsRxNoPadViolationX 1\n",
};

/* Without something to watch there is no option. */
START_TEST(file_without_count)
{
	struct ktls__no_pad np = start();

	kernel.text = texts[_i];
	receive(&np, 256 * KIB);
	off_for_good(&np, 1);
}
END_TEST

static const int errors[] = { -ENOENT, -EACCES, -EMFILE, -ENOMEM };

START_TEST(no_file)
{
	struct ktls__no_pad np = start();

	kernel.error = errors[_i];
	receive(&np, 256 * KIB);
	off_for_good(&np, 1);
}
END_TEST

START_TEST(file_vanishes)
{
	struct ktls__no_pad np = start();

	receive(&np, 256 * KIB);
	still_on(&np, 1);
	kernel.error = -ENOENT;
	receive(&np, 256 * KIB);
	off_for_good(&np, 2);
}
END_TEST

/* Also where the counter is the file's first or last line. */
START_TEST(only_line)
{
	struct ktls__no_pad np = start();

	kernel.text = "TlsRxNoPadViolation 7\n";
	receive(&np, 256 * KIB);
	still_on(&np, 1);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("no_pad");
	TCase *tcase = tcase_create("no_pad");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, small);
	tcase_add_test(tcase, begins_without_a_look);
	tcase_add_loop_test(tcase, not_there, 0, COUNT(refusals));
	tcase_add_test(tcase, all_zero);
	tcase_add_test(tcase, looks_are_rare);
	tcase_add_test(tcase, first_count_is_the_base);
	tcase_add_test(tcase, share);
	tcase_add_test(tcase, pads_everything);
	tcase_add_test(tcase, pads_late);
	tcase_add_test(tcase, much_at_once);
	tcase_add_test(tcase, count_goes_round);
	tcase_add_loop_test(tcase, file_without_count, 0, COUNT(texts));
	tcase_add_loop_test(tcase, no_file, 0, COUNT(errors));
	tcase_add_test(tcase, file_vanishes);
	tcase_add_test(tcase, only_line);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
