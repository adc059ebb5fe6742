/* SPDX-License-Identifier: MIT */
/* What is measured: calls with their sizes, versions and suites. */
#include <string.h>

#include "kbench.h"

#define KIB ((size_t)1 << 10)
#define END 0

const struct suite suites[SUITES] = {
	{ "AES-128-GCM", "TLS_AES_128_GCM_SHA256",
	  "ECDHE-ECDSA-AES128-GCM-SHA256", 0x1301, 0xc02b },
	{ "AES-256-GCM", "TLS_AES_256_GCM_SHA384",
	  "ECDHE-ECDSA-AES256-GCM-SHA384", 0x1302, 0xc02c },
	{ "ChaCha20-Poly1305", "TLS_CHACHA20_POLY1305_SHA256",
	  "ECDHE-ECDSA-CHACHA20-POLY1305", 0x1303, 0xcca9 },
};

/* The main lines are measured with the other suites too, with one size, and
 * in quick runs with two. */
struct row {
	const char *name;
	int main;
	const char *call;
	const char *path;
	enum setup setup;
	move_fn *move;
	uint16_t version;
	size_t sizes[5];
};

#define ONE { 16 * KIB, END }
#define TWO { 16 * KIB, 256 * KIB, END }
#define FOUR { 16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB, END }
#define OUT_FILE "send-file"
#define OUT_MEM "send-memory"
#define IN "receive"
#define V12 KTLS_TLS_1_2
#define V13 KTLS_TLS_1_3

static const struct row rows[] = {
	/* from a file */
	{ OUT_FILE, 0, "sendfile", "tcp", PLAIN, move_sendfile, V13, FOUR },
	{ OUT_FILE, 1, "sendfile", "kernel", RAW, move_sendfile, V13, FOUR },
	{ OUT_FILE, 1, "ktls_sendfile", "kernel", HANDED, move_ktls_sendfile,
	  V13, FOUR },
	{ OUT_FILE, 1, "SSL_sendfile", "kernel", SSL_KERNEL, move_ssl_sendfile,
	  V13, FOUR },
	{ OUT_FILE, 0, "pread+send", "kernel", RAW, move_pread_send, V13, TWO },
	{ OUT_FILE, 0, "pread+SSL_write", "kernel", SSL_KERNEL,
	  move_pread_ssl_write, V13, ONE },
	{ OUT_FILE, 1, "ktls_sendfile", "userspace", HANDED_USER,
	  move_ktls_sendfile, V13, FOUR },
	{ OUT_FILE, 1, "pread+SSL_write", "userspace", SSL_USER,
	  move_pread_ssl_write, V13, ONE },
	/* from memory */
	{ OUT_MEM, 0, "send", "tcp", PLAIN, move_send, V13, TWO },
	{ OUT_MEM, 0, "send", "kernel", RAW, move_send, V13, FOUR },
	{ OUT_MEM, 0, "ktls_write", "kernel", HANDED, move_ktls_write, V13,
	  FOUR },
	{ OUT_MEM, 0, "SSL_write", "kernel", SSL_KERNEL, move_ssl_write, V13,
	  FOUR },
	{ OUT_MEM, 0, "ktls_write", "userspace", HANDED_USER, move_ktls_write,
	  V13, FOUR },
	{ OUT_MEM, 0, "SSL_write", "userspace", SSL_USER, move_ssl_write, V13,
	  FOUR },
	/* reading TLS 1.3 */
	{ IN, 0, "recv", "tcp", PLAIN, move_recv, V13, TWO },
	{ IN, 1, "recv", "kernel", RAW, move_recv, V13, FOUR },
	{ IN, 0, "recvmsg", "kernel", RAW, move_recvmsg, V13, TWO },
	{ IN, 0, "recv", "kernel no-pad", RAW_NO_PAD, move_recv, V13, FOUR },
	{ IN, 0, "recvmsg", "kernel no-pad", RAW_NO_PAD, move_recvmsg, V13,
	  TWO },
	{ IN, 1, "ktls_read", "kernel", HANDED, move_ktls_read, V13, FOUR },
	{ IN, 1, "ktls_read", "kernel no-pad", HANDED_NO_PAD, move_ktls_read,
	  V13, FOUR },
	{ IN, 0, "SSL_read", "kernel", SSL_KERNEL, move_ssl_read, V13, ONE },
	{ IN, 1, "ktls_read", "userspace", HANDED_USER, move_ktls_read, V13,
	  FOUR },
	{ IN, 1, "SSL_read", "userspace", SSL_USER, move_ssl_read, V13, ONE },
	/* reading TLS 1.2, which OpenSSL 3.0 leaves to the kernel too */
	{ IN, 0, "recv", "kernel", RAW, move_recv, V12, TWO },
	{ IN, 0, "ktls_read", "kernel", HANDED, move_ktls_read, V12, TWO },
	{ IN, 0, "SSL_read", "kernel", SSL_KERNEL, move_ssl_read, V12, TWO },
	{ IN, 0, "ktls_read", "userspace", HANDED_USER, move_ktls_read, V12,
	  TWO },
	{ IN, 0, "SSL_read", "userspace", SSL_USER, move_ssl_read, V12, ONE },
};

#define ROWS (sizeof(rows) / sizeof(*rows))

/* How much of it. */
enum part { ALL, QUICK, ONE_SIZE };

static int is_wanted(const struct row *row, size_t size, enum part part)
{
	if (part == ALL || row->sizes[1] == END || size == 64 * KIB)
		return 1;
	return part == QUICK && size == 1024 * KIB;
}

static int run_row(const struct row *row, const struct suite *suite,
		   enum part part, int (*run)(const struct cell *cell))
{
	struct cell cell = { .name = row->name,
			     .dir = strcmp(row->name, IN) == 0 ? KTLS_RX :
								 KTLS_TX,
			     .call = row->call,
			     .path = row->path,
			     .setup = row->setup,
			     .move = row->move,
			     .version = row->version,
			     .suite = suite };
	size_t i;

	for (i = 0; row->sizes[i] != END; i++) {
		cell.size = row->sizes[i];
		if (is_wanted(row, cell.size, part) && run(&cell) < 0)
			return -1;
	}
	return 0;
}

int cells_warm_up(int (*run)(const struct cell *cell))
{
	size_t s;
	int err = 0;

	/* The second row: each suite of the kernel once. */
	for (s = 0; s < SUITES && err == 0; s++)
		err = run_row(&rows[1], &suites[s], ONE_SIZE, run);
	return err;
}

static int run_suite(size_t s, enum part part,
		     int (*run)(const struct cell *cell))
{
	size_t r;
	int err = 0;

	for (r = 0; r < ROWS && err == 0; r++)
		if (rows[r].main || part == ALL)
			err = run_row(&rows[r], &suites[s], part, run);
	return err;
}

int cells_each(int quick, int (*run)(const struct cell *cell))
{
	size_t s;
	int err;

	err = run_suite(0, quick ? QUICK : ALL, run);
	for (s = 1; s < SUITES && err == 0 && !quick; s++)
		err = run_suite(s, ONE_SIZE, run);
	return err;
}
