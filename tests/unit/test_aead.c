/* SPDX-License-Identifier: MIT */
/*
 * Records sealed and opened: RFC 8448's own, TLS 1.2's rebuilt from its
 * nonce and additional data, and every way in which one can be wrong.
 */
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "aead.h"
#include "ktls/ktls.h"
#include "suite.h"
#include "suite_main.h"
#include "vectors/rfc8448.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PLAIN_MAX 16384

static const uint8_t text[] = "attack at dawn";

/* The last step of the library's AEADs, interposed so that it can fail. */
static int fail_final;

int EVP_CipherFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *outm, int *outl)
{
	if (fail_final)
		return 0;
	return EVP_CIPHER_CTX_is_encrypting(ctx)
		       ? EVP_EncryptFinal_ex(ctx, outm, outl)
		       : EVP_DecryptFinal_ex(ctx, outm, outl);
}

static struct ktls_keys keys_for(const struct ktls__suite *suite)
{
	struct ktls_keys keys = { .version = suite->version,
				  .suite = suite->id,
				  .seq = UINT64_C(0x0102030405060708) };

	for (size_t i = 0; i < sizeof(keys.key); i++)
		keys.key[i] = (uint8_t)(0x40 + i);
	for (size_t i = 0; i < sizeof(keys.iv); i++)
		keys.iv[i] = (uint8_t)(0xa0 + i);
	return keys;
}

/* Of exactly that length, so that ASan sees one byte too many. */
static uint8_t *bytes(size_t len)
{
	uint8_t *p = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + 1);
	return p;
}

/* Opening a copy of `rec` answers `err`, and leaves only zeros. */
static void refused(const struct ktls_keys *keys, const uint8_t *rec,
		    size_t len, int err)
{
	uint8_t *copy = bytes(len), *out = bytes(len);
	uint8_t type = 0;

	memcpy(copy, rec, len);
	ck_assert_int_eq(ktls__record_open(out, &type, keys, copy, len), err);
	for (size_t i = 0; i < len; i++)
		ck_assert_uint_eq(out[i], 0);
	free(copy);
	free(out);
}

/* What seals as the RFCs write it down, with libcrypto alone. */
static void reference(const char *cipher_name, const uint8_t *key,
		      const uint8_t *nonce, const uint8_t *aad, int aad_len,
		      const uint8_t *in, int in_len, uint8_t *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, cipher_name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	ck_assert_int_eq(EVP_EncryptInit_ex2(ctx, cipher, key, nonce, NULL), 1);
	ck_assert_int_eq(EVP_EncryptUpdate(ctx, NULL, &n, aad, aad_len), 1);
	ck_assert_int_eq(EVP_EncryptUpdate(ctx, out, &n, in, in_len), 1);
	ck_assert_int_eq(EVP_EncryptFinal_ex(ctx, out + n, &n), 1);
	ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16,
					     out + in_len), 1);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

static void check_rfc8448(const uint8_t *secret, uint64_t seq,
			  const uint8_t *rec, size_t rec_len, uint8_t type,
			  int plain_len)
{
	uint8_t plain[256], again[256], seen = 0;
	struct ktls_keys keys;

	ck_assert_int_eq(ktls_keys_tls13(&keys, 0x1301, secret, 32), 0);
	keys.seq = seq;
	ck_assert_int_eq(ktls__record_open(plain, &seen, &keys, rec, rec_len),
			 plain_len);
	ck_assert_uint_eq(seen, type);
	if (type == KTLS_RECORD_DATA)
		for (int i = 0; i < plain_len; i++)
			ck_assert_int_eq(plain[i], i);
	if (type == KTLS_RECORD_ALERT)
		ck_assert_mem_eq(plain, "\1\0", 2);
	ck_assert_int_eq(ktls__record_seal(again, &keys, type, plain,
					   (size_t)plain_len), (int)rec_len);
	ck_assert_mem_eq(again, rec, rec_len);
}

START_TEST(rfc8448_records)
{
#define CHECK(side, seq, type, len) \
	check_rfc8448(rfc8448_##side##_secret, seq, \
		      rfc8448_##side##_record_##seq, \
		      sizeof(rfc8448_##side##_record_##seq), type, len)
	CHECK(client, 0, KTLS_RECORD_DATA, 50);
	CHECK(client, 1, KTLS_RECORD_ALERT, 2);
	CHECK(server, 0, KTLS_RECORD_HANDSHAKE, 205);
	CHECK(server, 1, KTLS_RECORD_DATA, 50);
	CHECK(server, 2, KTLS_RECORD_ALERT, 2);
#undef CHECK
}
END_TEST

START_TEST(tls12_gcm_as_rfc5288_has_it)
{
	const struct ktls_keys keys = keys_for(ktls__suite_find(0xc02f));
	/* Header, explicit nonce = iv[4..11]. */
	uint8_t expected[64] = { 22, 3, 3, 0, 8 + 14 + 16, 0xa4, 0xa5, 0xa6,
				 0xa7, 0xa8, 0xa9, 0xaa, 0xab };
	const uint8_t aad[13] = { 1, 2, 3, 4, 5, 6, 7, 8, 22, 3, 3, 0, 14 };
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD];

	reference("AES-128-GCM", keys.key, keys.iv, aad, 13, text, 14,
		  expected + 13);
	ck_assert_int_eq(ktls__record_seal(rec, &keys, 22, text, 14),
			 5 + 8 + 14 + 16);
	ck_assert_mem_eq(rec, expected, 5 + 8 + 14 + 16);
}
END_TEST

START_TEST(tls12_chacha_as_rfc7905_has_it)
{
	const struct ktls_keys keys = keys_for(ktls__suite_find(0xcca8));
	uint8_t expected[64] = { 21, 3, 3, 0, 14 + 16 };
	const uint8_t aad[13] = { 1, 2, 3, 4, 5, 6, 7, 8, 21, 3, 3, 0, 14 };
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD], nonce[12];

	memcpy(nonce, keys.iv, 12);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= aad[i];
	reference("ChaCha20-Poly1305", keys.key, nonce, aad, 13, text, 14,
		  expected + 5);
	ck_assert_int_eq(ktls__record_seal(rec, &keys, 21, text, 14),
			 5 + 14 + 16);
	ck_assert_mem_eq(rec, expected, 5 + 14 + 16);
}
END_TEST

static void round_trip(const struct ktls__suite *suite, uint8_t type,
		       size_t len)
{
	const struct ktls_keys keys = keys_for(suite);
	const size_t rec_len = len + suite->overhead;
	uint8_t *in = bytes(len), *rec = bytes(rec_len), *out = bytes(rec_len);
	uint8_t seen = 0;

	ck_assert_int_eq(ktls__record_seal(rec, &keys, type, in, len),
			 (int)rec_len);
	ck_assert_uint_eq(rec[0], suite->version == KTLS_TLS_1_3 ? 23 : type);
	ck_assert_uint_eq(rec[3] * 256u + rec[4], rec_len - 5);
	ck_assert_int_eq(ktls__record_open(out, &seen, &keys, rec, rec_len),
			 (int)len);
	ck_assert_uint_eq(seen, type);
	if (len)
		ck_assert_mem_eq(out, in, len);
	free(in);
	free(rec);
	free(out);
}

START_TEST(every_suite_there_and_back)
{
	static const size_t lens[] = { 0, 1, 15, 16, 17, 1000, PLAIN_MAX - 1,
				       PLAIN_MAX };

	for (unsigned i = 0; ktls__suite_at(i); i++)
		for (size_t n = 0; n < COUNT(lens); n++)
			for (int type = 20; type <= 23; type++)
				round_trip(ktls__suite_at(i), (uint8_t)type,
					   lens[n]);
	ck_assert_uint_le(29, KTLS__RECORD_OVERHEAD);
}
END_TEST

START_TEST(explicit_nonce_is_the_records)
{
	struct ktls_keys keys = keys_for(ktls__suite_find(0xc030));
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD], out[sizeof(rec)], type;
	int len = ktls__record_seal(rec, &keys, 23, text, 14);

	memset(keys.iv + 4, 0, 8);
	ck_assert_int_eq(ktls__record_open(out, &type, &keys, rec,
					   (size_t)len), 14);
	ck_assert_mem_eq(out, text, 14);
	keys.iv[0] ^= 1;
	refused(&keys, rec, (size_t)len, -EBADMSG);
}
END_TEST

static void check_damage(const struct ktls__suite *suite)
{
	struct ktls_keys keys = keys_for(suite);
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD + 1] = { 0 };
	size_t len = (size_t)ktls__record_seal(rec, &keys, 23, text, 14);

	for (size_t bit = 0; bit < 8 * len; bit++) {
		rec[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused(&keys, rec, len, -EBADMSG);
		rec[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	keys.seq++;
	refused(&keys, rec, len, -EBADMSG);
	keys.seq--;
	keys.key[0] ^= 1;
	refused(&keys, rec, len, -EBADMSG);
	keys.key[0] ^= 1;
	for (size_t cut = 0; cut < len; cut++)
		refused(&keys, rec, cut, -EBADMSG);
	refused(&keys, rec, len + 1, -EBADMSG);
	/* Cut off, and the header tells so. */
	for (size_t cut = 5; cut < len; cut++) {
		rec[4] = (uint8_t)(cut - 5);
		refused(&keys, rec, cut, -EBADMSG);
	}
}

START_TEST(damage_is_seen)
{
	for (unsigned i = 0; ktls__suite_at(i); i++)
		check_damage(ktls__suite_at(i));
}
END_TEST

/* An inner plaintext with type 0 behind it is one with padding. */
START_TEST(padding_is_removed)
{
	const uint8_t padded[] = { 'a', 0, 'b', 22, 0, 0, 0 };
	const uint8_t zeros[64] = { 0 };
	const struct ktls_keys keys = keys_for(ktls__suite_find(0x1303));
	uint8_t rec[sizeof(zeros) + KTLS__RECORD_OVERHEAD];
	uint8_t out[sizeof(rec)], type;
	int len;

	len = ktls__record_seal(rec, &keys, 0, padded, sizeof(padded));
	ck_assert_int_eq(ktls__record_open(out, &type, &keys, rec,
					   (size_t)len), 3);
	ck_assert_mem_eq(out, padded, 3);
	ck_assert_uint_eq(type, 22);
	/* No type at all. */
	len = ktls__record_seal(rec, &keys, 0, zeros, sizeof(zeros));
	refused(&keys, rec, (size_t)len, -EBADMSG);
	len = ktls__record_seal(rec, &keys, 0, zeros, 0);
	refused(&keys, rec, (size_t)len, -EBADMSG);
}
END_TEST

/* Authentic, but RFC 8446 section 5.2 wants 23 outside. */
START_TEST(outer_type_is_checked)
{
	struct ktls_keys keys = keys_for(ktls__suite_find(0x1302));
	uint8_t rec[5 + sizeof(text) + 16] = { 22, 3, 3, 0, sizeof(text) + 16 };
	uint8_t inner[sizeof(text)], out[sizeof(rec)], type;

	keys.seq = 0;
	memcpy(inner, text, sizeof(inner));
	inner[sizeof(inner) - 1] = 22;
	reference("AES-256-GCM", keys.key, keys.iv, rec, 5, inner,
		  sizeof(inner), rec + 5);
	refused(&keys, rec, sizeof(rec), -EBADMSG);
	rec[0] = 23;
	reference("AES-256-GCM", keys.key, keys.iv, rec, 5, inner,
		  sizeof(inner), rec + 5);
	ck_assert_int_eq(ktls__record_open(out, &type, &keys, rec,
					   sizeof(rec)), sizeof(text) - 1);
}
END_TEST

START_TEST(oversize_is_refused)
{
	struct ktls_keys keys = keys_for(ktls__suite_find(0x1301));
	uint8_t *in = bytes(PLAIN_MAX + 512), *rec = bytes(PLAIN_MAX + 1024);
	const uint8_t head_13[] = { 23, 3, 3, 64, 2 + 16 };
	const uint8_t head_12[] = { 23, 3, 3, 64, 8 + 1 + 16 };
	const uint8_t aad[] = { 1, 2, 3, 4, 5, 6, 7, 8, 23, 3, 3, 64, 1 };
	uint8_t nonce[12];
	int n = PLAIN_MAX + 1;

	ck_assert_int_eq(ktls__record_seal(rec, &keys, 23, in, (size_t)n),
			 -EMSGSIZE);
	ck_assert_int_eq(ktls__record_seal(rec, &keys, 23, in, SIZE_MAX),
			 -EMSGSIZE);
	/* Authentic, and one byte too long: TLS 1.3, then TLS 1.2. */
	memcpy(rec, head_13, 5);
	memcpy(nonce, keys.iv, 12);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= aad[i];
	in[n] = 23;
	reference("AES-128-GCM", keys.key, nonce, rec, 5, in, n + 1, rec + 5);
	refused(&keys, rec, 5 + PLAIN_MAX + 2 + 16, -EBADMSG);

	keys = keys_for(ktls__suite_find(0x009c));
	memcpy(rec, head_12, 5);
	memcpy(rec + 5, keys.iv + 4, 8);
	reference("AES-128-GCM", keys.key, keys.iv, aad, 13, in, n, rec + 13);
	refused(&keys, rec, 5 + 8 + PLAIN_MAX + 1 + 16, -EBADMSG);
	free(in);
	free(rec);
}
END_TEST

START_TEST(unknown_suites_are_refused)
{
	struct ktls_keys keys = keys_for(ktls__suite_find(0x1301));
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD];
	int len = ktls__record_seal(rec, &keys, 23, text, 14);

	ck_assert_int_gt(len, 0);
	keys.version = KTLS_TLS_1_2;
	ck_assert_int_eq(ktls__record_seal(rec, &keys, 23, text, 14),
			 -KTLS_ESUITE);
	refused(&keys, rec, (size_t)len, -KTLS_ESUITE);
	keys.version = KTLS_TLS_1_3;
	keys.suite = 0x1304;
	ck_assert_int_eq(ktls__record_seal(rec, &keys, 23, text, 14),
			 -KTLS_ESUITE);
	refused(&keys, rec, (size_t)len, -KTLS_ESUITE);
}
END_TEST

/* With ChaCha20-Poly1305, which is libcrypto's in every build. */
START_TEST(libcrypto_failing)
{
	const struct ktls_keys keys = keys_for(ktls__suite_find(0x1303));
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD] = { 23, 3, 3, 0, 31 };
	uint8_t out[sizeof(rec)];
	const int len = 5 + 31;

	/* A cipher is looked for until it was found once. */
	ck_assert_int_eq(EVP_set_default_properties(NULL, "provider=none"), 1);
	memset(out, 0xee, sizeof(out));
	ck_assert_int_eq(ktls__record_seal(out, &keys, 23, text, 14),
			 -KTLS_ECRYPTO);
	ck_assert_ptr_null(memmem(out, sizeof(out), text, 14));
	refused(&keys, rec, (size_t)len, -KTLS_ECRYPTO);
	ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
	ck_assert_int_eq(ktls__record_seal(rec, &keys, 23, text, 14), len);

	/* At the end, with a keystream's worth of output written already. */
	fail_final = 1;
	memset(out, 0xee, sizeof(out));
	ck_assert_int_eq(ktls__record_seal(out, &keys, 23, text, 14),
			 -KTLS_ECRYPTO);
	for (int i = 0; i < len; i++)
		ck_assert_uint_eq(out[i], 0);
	fail_final = 0;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("aead");
	TCase *tc = tcase_create("answers");

	tcase_add_test(tc, rfc8448_records);
	tcase_add_test(tc, tls12_gcm_as_rfc5288_has_it);
	tcase_add_test(tc, tls12_chacha_as_rfc7905_has_it);
	tcase_add_test(tc, every_suite_there_and_back);
	tcase_add_test(tc, explicit_nonce_is_the_records);
	tcase_add_test(tc, padding_is_removed);
	suite_add_tcase(suite, tc);
	tc = tcase_create("refusals");
	tcase_add_test(tc, damage_is_seen);
	tcase_add_test(tc, outer_type_is_checked);
	tcase_add_test(tc, oversize_is_refused);
	tcase_add_test(tc, unknown_suites_are_refused);
	tcase_add_test(tc, libcrypto_failing);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
