/* SPDX-License-Identifier: MIT */
/*
 * A library without cryptography, and tests that need neither a TLS library
 * nor a test framework: they run as a static program of any libc.
 */
#ifndef KTLS_TEST_NONE_H
#define KTLS_TEST_NONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ktls/ktls.h"

/* ------------------------------------------------------------------ checks */

/* A test is a row of these; what fails names itself, and the rest goes on. */
#define expect(good) \
	expect_at((good), __FILE__, __LINE__, "%s", #good)
#define expect_int(got, want) \
	expect_int_at((got), (want), __FILE__, __LINE__, #got)

bool expect_at(bool good, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
bool expect_int_at(long long got, long long want, const char *file, int line,
		   const char *what);

/* Run one test, and print how it ended: "ok - " or "not ok - ". */
bool test_ends(const char *name);

/* What the last test that failed met first: for people. */
const char *test_fault(void);

/* Exit status of all tests. */
int test_status(void);

/* ------------------------------------------------------------- connections */

/* Which keys, and which end of the connection is under test. */
struct cell {
	uint16_t version;
	uint16_t suite;
	const char *name;
	uint8_t key_len;
	uint8_t bit;       /* KTLS_CIPHER_* */
	bool server;
};

#define CELLS 12
extern const struct cell cells[CELLS];

/* Connected TCP: `fd` is under test, `peer` says and hears what it has to. */
struct ends {
	int fd;
	int peer;
	struct ktls *k;          /* on fd */
	struct ktls_keys out;    /* of what fd sends */
	struct ktls_keys in;     /* of what peer sends */
};

void ends_tcp(struct ends *e, const struct cell *c);

/* `dirs`: the directions that `peer` encrypts; the others are plain. */
void ends_open(struct ends *e, const struct cell *c, int dirs);
void ends_close(struct ends *e);

/* Keys of another stack; `turned`: as the peer sees them. */
struct ktls_session session_of(const struct ends *e, const struct cell *c,
			       bool turned);
bool has_salt(const struct cell *c);

/* The socket is as it was: bytes go through as they are. */
void expect_plain(const struct ends *e);

void peer_send(const struct ends *e, uint8_t type, const void *buf, size_t len);
/* `len` bytes of this type, in as many calls as it takes. */
void peer_expect(const struct ends *e, uint8_t type, const void *buf,
		 size_t len);
void peer_expect_alert(const struct ends *e, uint8_t level, uint8_t number);
void read_expect(struct ktls *k, const void *buf, size_t len);
void write_all(struct ktls *k, const void *buf, size_t len);

/* Bytes that tell their place. */
void fill(uint8_t *buf, size_t len);

/* ------------------------------------------------------------------- tests */

struct test {
	const char *name;
	void (*run)(const struct cell *c);
};

/* Lists that end with a name of NULL: with kernel TLS, once for each cell. */
extern const struct test data_tests[];
extern const struct test end_tests[];
extern const struct test sock_tests[];
/* Refusals, which need no kernel TLS. */
extern const struct test refused_tests[];
/* Where this kernel has no TLS. */
extern const struct test absent_tests[];

#endif
