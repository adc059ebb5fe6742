/* SPDX-License-Identifier: MIT */
/* Keys for tests: every byte differs from its neighbours. */
#ifndef KTLS_TESTS_SAMPLE_KEYS_H
#define KTLS_TESTS_SAMPLE_KEYS_H

#include <string.h>

#include "ktls/ktls.h"
#include "suite.h"

/* One suite for each cipher and version that the kernel knows. */
static const uint16_t sample_suites[] = { 0x1301, 0x1302, 0x1303,
					  0xc02f, 0xc030, 0xcca8 };
#define SAMPLE_SUITES (sizeof(sample_suites) / sizeof(*sample_suites))

static inline struct ktls_keys sample_keys(uint16_t id)
{
	const struct ktls__suite *suite = ktls__suite_find(id);
	struct ktls_keys keys = { .version = suite->version,
				  .suite = id,
				  .seq = 0x0102030405060708 };

	for (unsigned i = 0; i < suite->key_len; i++)
		keys.key[i] = (uint8_t)(0xa1 + 7 * i);
	for (unsigned i = 0; i < sizeof(keys.iv); i++)
		keys.iv[i] = (uint8_t)(0x31 + 5 * i);
	return keys;
}

#endif
