/* SPDX-License-Identifier: MIT */
/*
 * Secrets to keys: HKDF-Expand-Label for TLS 1.3, the key block for TLS 1.2.
 * Everything comes down to HMAC: see mac.h.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "mac.h"
#include "schedule.h"
#include "suite.h"
#include "wipe.h"

#define HASH_MAX KTLS__MAC_MAX
#define KEY_BLOCK_MAX (2 * (32 + 12))

#define LABEL_13 "tls13 "
#define LABEL_12 "key expansion"
#define SEED_12_LEN (sizeof(LABEL_12) - 1 + 32 + 32)

/*
 * RFC 8446 section 7.1 with an empty context.  All that is ever asked for
 * is no longer than the hash: HKDF-Expand ends after its first block.
 */
static int expand_label(const struct ktls__mac *secret, uint8_t *out,
			size_t out_len, const char *label)
{
	size_t label_len = strlen(label);
	uint8_t info[32] = { 0, (uint8_t)out_len };
	uint8_t block[HASH_MAX];
	size_t n = 2;
	int err;

	info[n++] = (uint8_t)(sizeof(LABEL_13) - 1 + label_len);
	memcpy(info + n, LABEL_13, sizeof(LABEL_13) - 1);
	n += sizeof(LABEL_13) - 1;
	memcpy(info + n, label, label_len);
	n += label_len;
	info[n++] = 0; /* length of the context */
	info[n++] = 1; /* number of the block */

	err = ktls__mac_text(secret, block, info, n);
	if (!err)
		memcpy(out, block, out_len);
	ktls__wipe(block, sizeof(block));
	return err;
}

/* The row, if the suite is one of TLS 1.3 and the secret fits its hash. */
static int suite_13(const struct ktls__suite **suite, uint16_t id,
		    size_t secret_len)
{
	*suite = ktls__suite_find(id);
	if (!*suite || (*suite)->version != KTLS_TLS_1_3)
		return -KTLS_ESUITE;
	return secret_len == (*suite)->hash_len ? 0 : -EINVAL;
}

static int expand_keys(struct ktls_keys *out, const struct ktls__suite *suite,
		       const uint8_t *secret)
{
	struct ktls__mac mac;
	int err = ktls__mac_begin(&mac, suite, secret, suite->hash_len);

	if (err)
		return err;
	err = expand_label(&mac, out->key, suite->key_len, "key");
	if (!err)
		err = expand_label(&mac, out->iv, suite->fixed_iv_len, "iv");
	ktls__mac_end(&mac);
	return err;
}

int ktls_keys_tls13(struct ktls_keys *out, uint16_t suite,
		    const uint8_t *secret, size_t secret_len)
{
	const struct ktls__suite *row;
	int err;

	ktls__wipe(out, sizeof(*out));
	err = suite_13(&row, suite, secret_len);
	if (!err)
		err = expand_keys(out, row, secret);
	if (err) {
		ktls__wipe(out, sizeof(*out));
		return err;
	}
	out->version = row->version;
	out->suite = row->id;
	return 0;
}

int ktls_secret_next(uint16_t suite, uint8_t *secret, size_t secret_len)
{
	const struct ktls__suite *row;
	struct ktls__mac mac;
	uint8_t next[HASH_MAX];
	int err;

	err = suite_13(&row, suite, secret_len);
	if (!err)
		err = ktls__mac_begin(&mac, row, secret, secret_len);
	if (err)
		return err;
	err = expand_label(&mac, next, secret_len, "traffic upd");
	ktls__mac_end(&mac);
	if (!err)
		memcpy(secret, next, secret_len);
	ktls__wipe(next, sizeof(next));
	return err;
}

int ktls__keys_next(struct ktls_keys *out, uint16_t suite, uint8_t *secret,
		    size_t secret_len)
{
	uint8_t next[HASH_MAX] = { 0 };
	int err;

	ktls__wipe(out, sizeof(*out));
	if (secret_len > sizeof(next))
		return -KTLS_ECRYPTO;
	memcpy(next, secret, secret_len);
	err = ktls_secret_next(suite, next, secret_len);
	if (!err)
		err = ktls_keys_tls13(out, suite, next, secret_len);
	if (!err)
		memcpy(secret, next, secret_len);
	ktls__wipe(next, sizeof(next));
	return err ? -KTLS_ECRYPTO : 0;
}

/*
 * RFC 5246 section 5: P_hash.  `chain` is A(i) with the seed behind it, as
 * each block of output hashes them.
 */
static int p_hash(const struct ktls__mac *master, uint8_t *out, size_t out_len,
		  const uint8_t seed[SEED_12_LEN])
{
	uint8_t chain[HASH_MAX + SEED_12_LEN];
	uint8_t block[HASH_MAX];
	const size_t len = master->suite->hash_len;
	const uint8_t *in = seed; /* A(0) */
	size_t in_len = SEED_12_LEN;
	int err = 0;

	memcpy(chain + len, seed, SEED_12_LEN);
	while (out_len > 0) {
		const size_t n = out_len < len ? out_len : len;

		err = ktls__mac_text(master, block, in, in_len);
		if (err)
			break;
		memcpy(chain, block, len);
		err = ktls__mac_text(master, block, chain, len + SEED_12_LEN);
		if (err)
			break;
		memcpy(out, block, n);
		out += n;
		out_len -= n;
		in = chain;
		in_len = len;
	}
	ktls__wipe(chain, sizeof(chain));
	ktls__wipe(block, sizeof(block));
	return err;
}

static void fill_12(struct ktls_keys *out, const struct ktls__suite *suite,
		    const uint8_t *key, const uint8_t *iv)
{
	/* The Finished message was record 0. */
	const uint64_t seq = 1;
	const uint64_t nonce = htobe64(seq);

	out->version = suite->version;
	out->suite = suite->id;
	memcpy(out->key, key, suite->key_len);
	memcpy(out->iv, iv, suite->fixed_iv_len);
	if (suite->explicit_len)
		memcpy(out->iv + suite->fixed_iv_len, &nonce, sizeof(nonce));
	out->seq = seq;
}

int ktls_keys_tls12(struct ktls_keys *client_write,
		    struct ktls_keys *server_write, uint16_t suite,
		    const uint8_t master[48], const uint8_t client_random[32],
		    const uint8_t server_random[32])
{
	const struct ktls__suite *row = ktls__suite_find(suite);
	struct ktls__mac mac;
	uint8_t seed[SEED_12_LEN];
	uint8_t block[KEY_BLOCK_MAX];
	size_t key, iv;
	int err;

	ktls__wipe(client_write, sizeof(*client_write));
	ktls__wipe(server_write, sizeof(*server_write));
	if (!row || row->version != KTLS_TLS_1_2)
		return -KTLS_ESUITE;
	key = row->key_len;
	iv = row->fixed_iv_len;

	memcpy(seed, LABEL_12, sizeof(LABEL_12) - 1);
	memcpy(seed + sizeof(LABEL_12) - 1, server_random, 32);
	memcpy(seed + sizeof(LABEL_12) - 1 + 32, client_random, 32);
	err = ktls__mac_begin(&mac, row, master, 48);
	if (err)
		return err;
	err = p_hash(&mac, block, 2 * (key + iv), seed);
	ktls__mac_end(&mac);
	if (!err) {
		/* Section 6.3; an AEAD has no MAC keys. */
		fill_12(client_write, row, block, block + 2 * key);
		fill_12(server_write, row, block + key, block + 2 * key + iv);
	}
	ktls__wipe(block, sizeof(block));
	return err;
}

void ktls_keys_wipe(struct ktls_keys *keys)
{
	if (keys)
		ktls__wipe(keys, sizeof(*keys));
}
