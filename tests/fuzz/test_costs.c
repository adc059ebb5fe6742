/* SPDX-License-Identifier: MIT */
/*
 * What is exact about speed: system calls per MiB, allocations and copies on
 * the data path, heap per connection.  No time is measured.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "costs.h"
#include "fake_kernel.h"
#include "lib/pool.h"
#include "tests/unit/suite_main.h"

#define MIB ((size_t)1 << 20)
#define RECORD 16384

/* ------------------------------------------------------------- the bounds */

/* Per MiB of 64 records: four batches of 16, and one for their growing. */
#define SENDS_OF_1_MIB 5
#define PREADS_OF_1_MIB 5
/* What kind of file it is, once a call. */
#define OTHERS_OF_A_SENDFILE 1
#define OTHERS_OF_A_WRITE 0
/* A call of 64 KiB is one batch. */
#define SENDS_OF_64_KIB 1
#define PREADS_OF_64_KIB 1
/* 256 KiB each, records are a little longer than what is in them, and where
 * the peer pauses a receive ends early. */
#define RECEIVES_OF_1_MIB 6
#define OTHERS_OF_A_READ 0
/* Half a record moves to the front, and one whose room was too short. */
#define COPIED_OF_A_RECEIVE ((size_t)2 * (RECORD + 32))
/* Bytes of heap, each block with 8 more. */
#define IDLE_USERSPACE 1024
#define IDLE_KERNEL 512

/* ------------------------------------------------------------ what is done */

#define ROUNDS 16
#define WARM 4
#define CONNECTIONS 10000
/* The stand-in for a kernel knows descriptors up to 4095. */
#define CONNECTIONS_FAKE 3000
#define FDS_BESIDE 100

static struct ktls *conn;
static uint8_t *text; /* on a page, 1 MiB */
static int file;
static int too_much; /* what was too much, counted to the end */

static struct ktls_opts both(enum ktls_choice choice)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;

	opts.tx = choice;
	opts.rx = choice;
	return opts;
}

static void open_one(void)
{
	const struct ktls_opts opts = both(KTLS_USERSPACE);
	size_t i;

	costs_peer_start(KTLS_TLS_1_3);
	text = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < MIB; i++)
		text[i] = (uint8_t)(i * 31 + (i >> 8) * 7);
	file = memfd_create("file", MFD_CLOEXEC);
	ck_assert_int_eq(write(file, text, MIB), (ssize_t)MIB);
	conn = costs_connect(&opts);
}

static void close_one(void)
{
	const int fd = ktls_fd(conn);

	ktls_free(conn);
	close(fd);
	close(file);
	munmap(text, MIB);
	costs_peer_stop();
}

static void begin(void)
{
	const long live = costs.live;

	memset(&costs, 0, sizeof(costs));
	costs.live = live;
	costs.on = 1;
}

static void expect(const char *what, unsigned long is, unsigned long most,
		   unsigned long calls)
{
	const int over = is > most * calls;

	printf("  %-11s %9.2f, at most %lu%s\n", what,
	       (double)is / (double)calls, most, over ? ": TOO MUCH" : "");
	too_much += over;
}

static void judge(unsigned long most_others, unsigned long calls)
{
	expect("others", costs.others, most_others, calls);
	expect("allocations", costs.allocs, 0, calls);
	ck_assert_int_eq(too_much, 0);
}

/* In place of Check's assertions, which allocate. */
static void must(int ok)
{
	if (!ok)
		ck_abort_msg("a call failed");
}

static void send_file(size_t each)
{
	off_t off = 0;

	while ((size_t)off < MIB)
		must(ktls_sendfile(conn, file, &off, each, 0) ==
		     (ssize_t)each);
}

static void send_files(const char *what, size_t each, unsigned long sends,
		       unsigned long preads)
{
	const unsigned long calls = ROUNDS * (MIB / each);
	int i;

	costs_calls(0);
	costs_peer_do(COSTS_DRAIN, (WARM + ROUNDS) * MIB);
	for (i = 0; i < WARM; i++)
		send_file(each);
	begin();
	for (i = 0; i < ROUNDS; i++)
		send_file(each);
	costs.on = 0;
	costs_peer_wait();
	printf("%s\n", what);
	expect("sends", costs.sends, sends, calls);
	expect("preads", costs.preads, preads, calls);
	expect("copied", costs.copied, 0, calls);
	judge(OTHERS_OF_A_SENDFILE, calls);
}

START_TEST(sendfile_1_mib)
{
	send_files("sendfile, 1 MiB", MIB, SENDS_OF_1_MIB, PREADS_OF_1_MIB);
}
END_TEST

START_TEST(sendfile_64_kib)
{
	send_files("sendfile, 64 KiB", 65536, SENDS_OF_64_KIB,
		   PREADS_OF_64_KIB);
}
END_TEST

START_TEST(write_1_mib)
{
	int i;

	costs_calls(0);
	costs_peer_do(COSTS_DRAIN, (WARM + ROUNDS) * MIB);
	for (i = 0; i < WARM + ROUNDS; i++) {
		if (i == WARM)
			begin();
		must(ktls_write(conn, text, MIB, 0) == (ssize_t)MIB);
	}
	costs.on = 0;
	costs_peer_wait();
	printf("write, 1 MiB\n");
	expect("sends", costs.sends, SENDS_OF_1_MIB, ROUNDS);
	expect("copied", costs.copied, 0, ROUNDS);
	judge(OTHERS_OF_A_WRITE, ROUNDS);
}
END_TEST

static size_t read_some(size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = ktls_read(conn, text, MIB);

		must(n > 0);
		have += (size_t)n;
	}
	return have;
}

/* More comes than is read, so that every receive can be a full one. */
START_TEST(read_1_mib)
{
	size_t warm, n;
	unsigned long mibs;

	costs_calls(1);
	costs_peer_do(COSTS_SEND, (WARM + ROUNDS + 2) * MIB);
	warm = read_some(WARM * MIB);
	begin();
	n = read_some(ROUNDS * MIB);
	costs.on = 0;
	mibs = n / MIB;
	costs_calls(0);
	while (warm + n < (WARM + ROUNDS + 2) * MIB)
		n += read_some(1);
	costs_peer_wait();
	printf("read, 1 MiB\n");
	expect("receives", costs.receives, RECEIVES_OF_1_MIB, mibs);
	expect("copied", costs.copied,
	       COPIED_OF_A_RECEIVE * RECEIVES_OF_1_MIB, mibs);
	judge(OTHERS_OF_A_READ, mibs);
}
END_TEST

/* ----------------------------------------------------- many connections */

static struct ktls *conns[WARM + CONNECTIONS];
static size_t n_conns;

/* As many as there are descriptors for. */
static size_t allow(size_t most)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_gt(limit.rlim_cur, 1000 + FDS_BESIDE);
	return limit.rlim_cur < most + FDS_BESIDE ?
		       limit.rlim_cur - FDS_BESIDE : most;
}

static void all_of(struct ktls *k, size_t len, int write_it)
{
	static uint8_t buf[100 * 1024];
	size_t have = 0;

	while (have < len) {
		ssize_t n = write_it ? ktls_write(k, buf + have, len - have,
						  0) :
				       ktls_read(k, buf + have, len - have);

		must(n > 0);
		have += (size_t)n;
	}
}

static void echo(size_t len)
{
	size_t i;

	costs_peer_do(COSTS_ECHO, len);
	for (i = 0; i < n_conns; i++) {
		all_of(conns[i], len, 0);
		all_of(conns[i], len, 1);
	}
	costs_peer_wait();
}

static int is_idle(const char *when, long live, long most)
{
	const long n = (long)(n_conns - WARM);
	const long each = (costs.live - live + n - 1) / n;

	printf("%ld connections, %s: %ld bytes each, at most %ld\n", n, when,
	       each, most);
	return each <= most;
}

static void expect_path(struct ktls *k, enum ktls_path path)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	ck_assert_int_eq(ktls_info(k, &info), 0);
	ck_assert_int_eq(info.tx.path, path);
	ck_assert_int_eq(info.rx.path, path);
	ck_assert_int_eq(info.ssl_held, 0);
}

static void open_more(const struct ktls_opts *opts, enum ktls_path path,
		      size_t most)
{
	while (n_conns < most) {
		conns[n_conns] = costs_connect(opts);
		expect_path(conns[n_conns++], path);
	}
}

/* One buffer of each size, which all connections share. */
static void fill_pool(void)
{
	static const size_t sizes[] = { KTLS__BUFFER_SMALL, KTLS__BUFFER_MIDDLE,
					KTLS__BUFFER_LARGE };
	uint8_t *buf;
	size_t cap;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		buf = ktls__pool_take(sizes[i], &cap);
		must(buf != NULL);
		ktls__pool_give(buf, cap);
	}
}

/* What the first connections of a process make, the others find. */
static void idle(enum ktls_choice choice, enum ktls_path path, size_t most,
		 long bound)
{
	const struct ktls_opts opts = both(choice);
	int ok = 1;
	long live;
	size_t i;

	open_more(&opts, path, WARM);
	echo((size_t)100 * 1024);
	fill_pool();
	live = costs.live;
	open_more(&opts, path, WARM + most);
	ok &= is_idle("handed off", live, bound);
	echo(1024);
	ok &= is_idle("after 1 KiB", live, bound);
	echo((size_t)100 * 1024);
	ok &= is_idle("after 100 KiB", live, bound);
	ck_assert_int_eq(ok, 1);
	for (i = 0; i < n_conns; i++)
		ktls_free(conns[i]);
}

START_TEST(idle_userspace)
{
	const size_t most = allow(_i ? CONNECTIONS : CONNECTIONS / 10);

	costs_peer_start(_i ? KTLS_TLS_1_3 : KTLS_TLS_1_2);
	idle(KTLS_USERSPACE, KTLS_PATH_USERSPACE, most, IDLE_USERSPACE);
	costs_peer_stop();
}
END_TEST

START_TEST(idle_kernel)
{
	const struct fake_options options = { .rekey = 1,
					      .tx_list_max = 1 << 20 };

	(void)allow(CONNECTIONS_FAKE);
	costs_peer_start(_i ? KTLS_TLS_1_3 : KTLS_TLS_1_2);
	fake_kernel_start(&options);
	costs_calls(0);
	idle(KTLS_KERNEL, KTLS_PATH_KERNEL, CONNECTIONS_FAKE, IDLE_KERNEL);
	costs_peer_stop();
}
END_TEST

static TCase *of_calls(void)
{
	TCase *tcase = tcase_create("system calls and copies");

	tcase_add_checked_fixture(tcase, open_one, close_one);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, sendfile_1_mib);
	tcase_add_test(tcase, sendfile_64_kib);
	tcase_add_test(tcase, write_1_mib);
	tcase_add_test(tcase, read_1_mib);
	return tcase;
}

static TCase *of_heap(void)
{
	TCase *tcase = tcase_create("heap");

	tcase_set_timeout(tcase, 200);
	tcase_add_loop_test(tcase, idle_userspace, 0, 2);
	tcase_add_loop_test(tcase, idle_kernel, 0, 2);
	return tcase;
}

int main(void)
{
	Suite *all = suite_create("costs");

	setvbuf(stdout, NULL, _IOLBF, 0);
	suite_add_tcase(all, of_calls());
	if (COSTS_OF_MEMORY)
		suite_add_tcase(all, of_heap());
	return suite_main(all);
}
