/* SPDX-License-Identifier: MIT */
/*
 * Known answers for the key schedule: RFC 8448, and libcrypto's own KDFs,
 * which share no code with ours but the hash.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "ktls/ktls.h"
#include "schedule.h"
#include "suite.h"
#include "suite_main.h"
#include "vectors/rfc8448.h"

#define SUITE_12 0xc02f
#define NO_SUITE 0x00a6

/*
 * The last step of each hash, interposed: the call of number `fail_at` fails,
 * with garbage in its output.  0: none does.
 */
static int fail_at;
static int calls;
static int (*next_final)(EVP_MD_CTX *, unsigned char *, unsigned int *);

int EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md, unsigned int *size)
{
	if (!next_final)
		*(void **)&next_final = dlsym(RTLD_NEXT, __func__);
	if (++calls == fail_at) {
		memset(md, 0xbd, (size_t)EVP_MD_CTX_get_size(ctx));
		return 0;
	}
	return next_final(ctx, md, size);
}

static const char *digest_of(const struct ktls__suite *suite)
{
	return suite->hash == KTLS__SHA384 ? "SHA384" : "SHA256";
}

static void derive(const char *name, const OSSL_PARAM *params, uint8_t *out,
		   size_t out_len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

	ck_assert_ptr_nonnull(ctx);
	ck_assert_int_eq(EVP_KDF_derive(ctx, out, out_len, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* `info`: a whole HkdfLabel, as a string of `info_len` bytes. */
static void hkdf(const struct ktls__suite *suite, const uint8_t *secret,
		 const char *info, size_t info_len, uint8_t *out,
		 size_t out_len)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_KDF_PARAM_DIGEST, (char *)digest_of(suite), 0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_KEY, (void *)secret, suite->hash_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
						  (void *)info, info_len),
		OSSL_PARAM_construct_end()
	};

	derive("HKDF", params, out, out_len);
}

static void fill(uint8_t *out, size_t len, uint8_t from)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(from + 7 * i);
}

static void check_zero(const struct ktls_keys *keys)
{
	const uint8_t *at = (const uint8_t *)keys;

	for (size_t i = 0; i < sizeof(*keys); i++)
		ck_assert_uint_eq(at[i], 0);
}

START_TEST(rfc8448_keys)
{
	struct ktls_keys keys;

	ck_assert_int_eq(ktls_keys_tls13(&keys, 0x1301, rfc8448_client_secret,
					 32), 0);
	ck_assert_mem_eq(keys.key, rfc8448_client_key, 16);
	ck_assert_mem_eq(keys.iv, rfc8448_client_iv, 12);
	ck_assert_uint_eq(keys.version, KTLS_TLS_1_3);
	ck_assert_uint_eq(keys.suite, 0x1301);
	ck_assert_uint_eq(keys.seq, 0);

	ck_assert_int_eq(ktls_keys_tls13(&keys, 0x1301, rfc8448_server_secret,
					 32), 0);
	ck_assert_mem_eq(keys.key, rfc8448_server_key, 16);
	ck_assert_mem_eq(keys.iv, rfc8448_server_iv, 12);
}
END_TEST

static void check_13(const struct ktls__suite *suite)
{
	char key_label[] = "\0\0\11tls13 key\0";
	struct ktls_keys keys, both;
	uint8_t secret[48], other[48], next[48], key[32], iv[12];
	uint8_t upd_len = suite->hash_len;
	char upd_label[] = "\0\0\21tls13 traffic upd\0";

	fill(secret, sizeof(secret), suite->hash);
	key_label[1] = (char)suite->key_len;
	upd_label[1] = (char)upd_len;
	/* Three generations. */
	for (int i = 0; i < 3; i++) {
		memset(&keys, 0xee, sizeof(keys));
		ck_assert_int_eq(ktls_keys_tls13(&keys, suite->id, secret,
						 suite->hash_len), 0);
		hkdf(suite, secret, key_label, sizeof(key_label) - 1, key,
		     suite->key_len);
		hkdf(suite, secret, "\0\14\10tls13 iv\0", 12, iv, 12);
		ck_assert_mem_eq(keys.key, key, suite->key_len);
		ck_assert_mem_eq(keys.iv, iv, 12);
		for (size_t at = suite->key_len; at < sizeof(keys.key); at++)
			ck_assert_uint_eq(keys.key[at], 0);

		if (i > 0)
			ck_assert_mem_eq(&both, &keys, sizeof(keys));

		memcpy(other, secret, sizeof(other));
		ck_assert_int_eq(ktls__keys_next(&both, suite->id, other,
						 suite->hash_len), 0);
		hkdf(suite, secret, upd_label, sizeof(upd_label) - 1, next,
		     suite->hash_len);
		ck_assert_int_eq(ktls_secret_next(suite->id, secret,
						  suite->hash_len), 0);
		ck_assert_mem_eq(secret, next, suite->hash_len);
		ck_assert_mem_eq(other, next, suite->hash_len);
	}
}

START_TEST(tls13_is_hkdf_for_every_suite)
{
	int n = 0;

	for (unsigned i = 0; ktls__suite_at(i); i++) {
		if (ktls__suite_at(i)->version != KTLS_TLS_1_3)
			continue;
		check_13(ktls__suite_at(i));
		n++;
	}
	ck_assert_int_eq(n, 3);
}
END_TEST

/* Inputs of ktls_keys_tls12() and the key block that libcrypto makes. */
struct block_12 {
	uint8_t master[48];
	uint8_t client_random[32];
	uint8_t server_random[32];
	uint8_t bytes[88];
};

static void block_12(struct block_12 *b, const struct ktls__suite *suite)
{
	uint8_t seed[13 + 64] = "key expansion";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_KDF_PARAM_DIGEST, (char *)digest_of(suite), 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET,
						  b->master, 48),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed,
						  sizeof(seed)),
		OSSL_PARAM_construct_end()
	};

	fill(b->master, 48, (uint8_t)suite->id);
	fill(b->client_random, 32, 0x55);
	fill(b->server_random, 32, 0xaa);
	memcpy(seed + 13, b->server_random, 32);
	memcpy(seed + 45, b->client_random, 32);
	derive("TLS1-PRF", params, b->bytes,
	       2 * ((size_t)suite->key_len + suite->fixed_iv_len));
}

static void check_12_side(const struct ktls__suite *suite,
			  const struct ktls_keys *keys, const uint8_t *key,
			  const uint8_t *iv)
{
	static const uint8_t one[8] = { 0, 0, 0, 0, 0, 0, 0, 1 };

	ck_assert_uint_eq(keys->version, KTLS_TLS_1_2);
	ck_assert_uint_eq(keys->suite, suite->id);
	ck_assert_uint_eq(keys->seq, 1);
	ck_assert_mem_eq(keys->key, key, suite->key_len);
	for (size_t at = suite->key_len; at < sizeof(keys->key); at++)
		ck_assert_uint_eq(keys->key[at], 0);
	ck_assert_mem_eq(keys->iv, iv, suite->fixed_iv_len);
	if (suite->fixed_iv_len == 4)
		ck_assert_mem_eq(keys->iv + 4, one, 8);
}

static void check_12(const struct ktls__suite *suite)
{
	const size_t key = suite->key_len, iv = suite->fixed_iv_len;
	struct ktls_keys client, server;
	struct block_12 b;

	block_12(&b, suite);
	memset(&client, 0xee, sizeof(client));
	memset(&server, 0xee, sizeof(server));
	ck_assert_int_eq(ktls_keys_tls12(&client, &server, suite->id, b.master,
					 b.client_random, b.server_random),
			 0);
	check_12_side(suite, &client, b.bytes, b.bytes + 2 * key);
	check_12_side(suite, &server, b.bytes + key, b.bytes + 2 * key + iv);
}

START_TEST(tls12_is_the_prf_for_every_suite)
{
	int n = 0;

	for (unsigned i = 0; ktls__suite_at(i); i++) {
		if (ktls__suite_at(i)->version != KTLS_TLS_1_2)
			continue;
		check_12(ktls__suite_at(i));
		n++;
	}
	ck_assert_int_eq(n, 25);
}
END_TEST

static void refused_13(uint16_t suite, size_t len, int err)
{
	struct ktls_keys keys;
	uint8_t secret[64], before[64];

	fill(secret, sizeof(secret), 3);
	memcpy(before, secret, sizeof(secret));
	memset(&keys, 0xee, sizeof(keys));
	ck_assert_int_eq(ktls_keys_tls13(&keys, suite, secret, len), err);
	check_zero(&keys);
	ck_assert_int_eq(ktls_secret_next(suite, secret, len), err);
	ck_assert_mem_eq(secret, before, sizeof(secret));
}

START_TEST(bad_input_tls13)
{
	refused_13(NO_SUITE, 32, -KTLS_ESUITE);
	refused_13(0, 32, -KTLS_ESUITE);
	refused_13(SUITE_12, 32, -KTLS_ESUITE);
	for (size_t len = 0; len <= 64; len++) {
		if (len != 32) {
			refused_13(0x1301, len, -EINVAL);
			refused_13(0x1303, len, -EINVAL);
		}
		if (len != 48)
			refused_13(0x1302, len, -EINVAL);
	}
	refused_13(0x1301, SIZE_MAX, -EINVAL);
}
END_TEST

static void refused_12(uint16_t suite, int err)
{
	struct ktls_keys client, server;
	uint8_t master[48] = { 1 }, random[32] = { 2 };

	memset(&client, 0xee, sizeof(client));
	memset(&server, 0xee, sizeof(server));
	ck_assert_int_eq(ktls_keys_tls12(&client, &server, suite, master,
					 random, random), err);
	check_zero(&client);
	check_zero(&server);
}

START_TEST(bad_input_tls12)
{
	refused_12(NO_SUITE, -KTLS_ESUITE);
	refused_12(0, -KTLS_ESUITE);
	refused_12(0x1301, -KTLS_ESUITE);
}
END_TEST

/* Every hash fails once, two of them to an HMAC; `calls` afterwards tells
 * whether there are more. */
START_TEST(crypto_failure_leaves_nothing)
{
	struct ktls_keys keys, other;
	uint8_t secret[48], before[48];

	fill(secret, sizeof(secret), 3);
	memcpy(before, secret, sizeof(secret));
	for (fail_at = 1; fail_at <= 4; fail_at++) {
		calls = 0;
		memset(&keys, 0xee, sizeof(keys));
		ck_assert_int_eq(ktls_keys_tls13(&keys, 0x1302, secret, 48),
				 -KTLS_ECRYPTO);
		check_zero(&keys);
		ck_assert_int_eq(calls, fail_at);
	}
	for (fail_at = 1; fail_at <= 2; fail_at++) {
		calls = 0;
		ck_assert_int_eq(ktls_secret_next(0x1302, secret, 48),
				 -KTLS_ECRYPTO);
		ck_assert_mem_eq(secret, before, sizeof(secret));
		ck_assert_int_eq(calls, fail_at);
	}
	for (fail_at = 1; fail_at <= 6; fail_at++) {
		calls = 0;
		memset(&keys, 0xee, sizeof(keys));
		ck_assert_int_eq(ktls__keys_next(&keys, 0x1302, secret, 48),
				 -KTLS_ECRYPTO);
		check_zero(&keys);
		ck_assert_mem_eq(secret, before, sizeof(secret));
		ck_assert_int_eq(calls, fail_at);
	}
	/* 40 bytes out of SHA-256 are two blocks, each of them two HMACs. */
	for (fail_at = 1; fail_at <= 8; fail_at++) {
		calls = 0;
		refused_12(SUITE_12, -KTLS_ECRYPTO);
		ck_assert_int_eq(calls, fail_at);
	}
	fail_at = calls = 0;
	ck_assert_int_eq(ktls_keys_tls12(&keys, &other, SUITE_12, secret,
					 secret, secret), 0);
	ck_assert_int_eq(calls, 8);
}
END_TEST

/* Nothing is kept of it, and the application hears nothing of it. */
START_TEST(digests_not_there)
{
	uint8_t secret[48], before[48];
	struct ktls_keys keys;

	fill(secret, sizeof(secret), 3);
	memcpy(before, secret, sizeof(secret));
	ERR_clear_error();
	ck_assert_int_eq(EVP_set_default_properties(NULL, "provider=none"), 1);
	memset(&keys, 0xee, sizeof(keys));
	ck_assert_int_eq(ktls_keys_tls13(&keys, 0x1302, secret, 48),
			 -KTLS_ECRYPTO);
	check_zero(&keys);
	ck_assert_int_eq(ktls_secret_next(0x1301, secret, 32), -KTLS_ECRYPTO);
	ck_assert_mem_eq(secret, before, sizeof(secret));
	refused_12(SUITE_12, -KTLS_ECRYPTO);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
	check_13(ktls__suite_find(0x1302));
	check_12(ktls__suite_find(SUITE_12));
}
END_TEST

START_TEST(wiping_keys)
{
	struct ktls_keys keys;

	memset(&keys, 0xee, sizeof(keys));
	ktls_keys_wipe(&keys);
	check_zero(&keys);
	ktls_keys_wipe(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tc = tcase_create("answers");

	tcase_add_test(tc, rfc8448_keys);
	tcase_add_test(tc, tls13_is_hkdf_for_every_suite);
	tcase_add_test(tc, tls12_is_the_prf_for_every_suite);
	suite_add_tcase(suite, tc);
	tc = tcase_create("failure");
	tcase_add_test(tc, bad_input_tls13);
	tcase_add_test(tc, bad_input_tls12);
	tcase_add_test(tc, crypto_failure_leaves_nothing);
	tcase_add_test(tc, digests_not_there);
	tcase_add_test(tc, wiping_keys);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
