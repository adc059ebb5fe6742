/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a record for ktls__record_open(): nothing that was not sealed
 * opens, and no byte is touched outside of what the call was given.  The
 * input's first byte chooses the suite, its second the kind of test: the
 * bytes themselves, or a record sealed from them and damaged by them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aead.h"
#include "lib/suite.h"
#include "target.h"

#define SUITES 6

static unsigned long opened;

/* One row each of the three AEADs and two versions. */
static const uint16_t suites[SUITES] = { 0x1301, 0x1302, 0x1303,
					 0xc02b, 0xc02c, 0xcca9 };

static struct ktls_keys keys_of(uint16_t suite)
{
	struct ktls_keys keys;

	memset(&keys, 0x5a, sizeof(keys));
	keys.suite = suite;
	keys.version = suite >> 8 == 0x13 ? KTLS_TLS_1_3 : KTLS_TLS_1_2;
	keys.seq = 3;
	return keys;
}

static int try(const struct ktls_keys *keys, const uint8_t *rec, size_t len,
	       const uint8_t *plain, size_t plain_len)
{
	uint8_t *out = malloc(len ? len : 1);
	uint8_t type = 0;
	int n;

	if (!out)
		return -ENOMEM;
	n = ktls__record_open(out, &type, keys, rec, len);
	if (n >= 0 && ((size_t)n != plain_len || type != 23 ||
		       memcmp(out, plain, plain_len) != 0))
		abort();
	free(out);
	return n;
}

/* Whole, it opens; with any one bit changed, or cut, it does not. */
static void sealed(const struct ktls_keys *keys, const uint8_t *data,
		   size_t len, uint8_t how)
{
	uint8_t *rec = malloc(len + KTLS__RECORD_OVERHEAD);
	size_t at;
	int n;

	if (!rec)
		return;
	n = ktls__record_seal(rec, keys, 23, data, len);
	if (n < 0)
		abort();
	if (try(keys, rec, (size_t)n, data, len) < 0)
		abort();
	opened++;
	/* Behind the header, of which not all bits are authenticated. */
	at = 5 + (size_t)how % ((size_t)n - 5);
	rec[at] ^= (uint8_t)(1 << (how & 7));
	if (try(keys, rec, (size_t)n, data, len) != -EBADMSG)
		abort();
	rec[at] ^= (uint8_t)(1 << (how & 7));
	if (try(keys, rec, (size_t)how % (size_t)n, data, len) != -EBADMSG)
		abort();
	free(rec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ktls_keys keys;

	if (len < 3)
		return 0;
	keys = keys_of(suites[data[0] % SUITES]);
	if (data[1] & 1)
		sealed(&keys, data + 3, len - 3, data[2]);
	else if (try(&keys, data + 3, len - 3, NULL, 0) >= 0)
		abort();
	return 0;
}

/* A header that fits its body, so that it comes as far as the AEAD. */
size_t target_make(struct stream_random *r, uint8_t *out, size_t room)
{
	size_t len = stream_below(r, 200) + 8;
	size_t body = len - 8;

	(void)room;
	stream_fill(stream_next(r), 0, out, len);
	if (!stream_one_in(r, 8)) {
		out[3] = 23;
		out[4] = 3;
		out[5] = 3;
		out[6] = (uint8_t)(body >> 8);
		out[7] = (uint8_t)body;
	}
	return len;
}

unsigned long target_hits(const char **name)
{
	*name = "sealed and opened";
	return opened;
}
