/* SPDX-License-Identifier: MIT */
/*
 * The cipher suites, one constant row each: every size and number that
 * depends on the suite is read from here.
 */
#ifndef KTLS_SUITE_H
#define KTLS_SUITE_H

#include <stdint.h>

enum ktls__hash {
	KTLS__SHA256,
	KTLS__SHA384
};

struct ktls__suite {
	uint16_t id;          /* IANA */
	uint16_t version;     /* KTLS_TLS_1_2 or KTLS_TLS_1_3 */
	uint16_t cipher_type; /* the kernel's: TLS_CIPHER_* */
	uint8_t cipher_bit;   /* KTLS_CIPHER_* */
	uint8_t hash;         /* enum ktls__hash */
	uint8_t hash_len;
	uint8_t key_len;
	uint8_t fixed_iv_len; /* of the key block or write_iv: 4 or 12 */
	uint8_t explicit_len; /* nonce bytes on the wire: 8, or 0 */
	uint8_t salt_len;     /* of the kernel's struct: 4, or 0 */
	uint8_t info_len;     /* sizeof the kernel's struct: 40 or 56 */
	uint8_t overhead;     /* bytes a data record adds to its payload */
	const char *name;
};

/* The row of a suite; NULL for one that the library does not know. */
const struct ktls__suite *ktls__suite_find(uint16_t id);

/* The rows in order, for tests: NULL behind the last. */
const struct ktls__suite *ktls__suite_at(unsigned i);

#endif
