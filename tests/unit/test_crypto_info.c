/* SPDX-License-Identifier: MIT */
/* The kernel's crypto_info byte for byte, and our copies of its header. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#ifdef __has_include
#if __has_include(<linux/tls.h>)
#include <linux/inet_diag.h>
#include <linux/tls.h>
#endif
#endif

#include "ktls/ktls.h"
#include "suite.h"
#include "suite_main.h"
#include "uapi.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Keys in which no two bytes are alike. */
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

#define KEY_16 \
	0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, \
	0x4b, 0x4c, 0x4d, 0x4e, 0x4f
#define KEY_32 \
	KEY_16, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, \
	0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f
#define SALT 0xa0, 0xa1, 0xa2, 0xa3
#define IV_8 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab
#define REC_SEQ 1, 2, 3, 4, 5, 6, 7, 8

/* What follows version and cipher_type. */
static const uint8_t aes_gcm_128[36] = { IV_8, KEY_16, SALT, REC_SEQ };
static const uint8_t aes_gcm_256[52] = { IV_8, KEY_32, SALT, REC_SEQ };
static const uint8_t chacha20[52] = { SALT, IV_8, KEY_32, REC_SEQ };

static const struct {
	unsigned cipher_bit;
	uint16_t version, cipher_type;
	size_t len;
	const uint8_t *body;
} expected[] = {
	{ KTLS_CIPHER_AES_128_GCM, 0x0303, 51, 40, aes_gcm_128 },
	{ KTLS_CIPHER_AES_128_GCM, 0x0304, 51, 40, aes_gcm_128 },
	{ KTLS_CIPHER_AES_256_GCM, 0x0303, 52, 56, aes_gcm_256 },
	{ KTLS_CIPHER_AES_256_GCM, 0x0304, 52, 56, aes_gcm_256 },
	{ KTLS_CIPHER_CHACHA20_POLY1305, 0x0303, 54, 56, chacha20 },
	{ KTLS_CIPHER_CHACHA20_POLY1305, 0x0304, 54, 56, chacha20 },
};

static void check_bytes(const struct ktls__suite *suite)
{
	const struct ktls_keys keys = keys_for(suite);
	uint8_t out[KTLS_CRYPTO_INFO_MAX + 1];
	uint16_t head[2];
	size_t i = 0;

	while (i < COUNT(expected) &&
	       (expected[i].cipher_bit != suite->cipher_bit ||
		expected[i].version != suite->version))
		i++;
	ck_assert_msg(i < COUNT(expected), "%s", suite->name);
	memset(out, 0xee, sizeof(out));
	ck_assert_int_eq(ktls_crypto_info(out, KTLS_CRYPTO_INFO_MAX, &keys),
			 (int)expected[i].len);
	memcpy(head, out, sizeof(head));
	ck_assert_uint_eq(head[0], expected[i].version);
	ck_assert_uint_eq(head[1], expected[i].cipher_type);
	ck_assert_mem_eq(out + 4, expected[i].body, expected[i].len - 4);
	/* Nothing behind its end. */
	for (size_t at = expected[i].len; at < sizeof(out); at++)
		ck_assert_uint_eq(out[at], 0xee);
}

START_TEST(every_suite_byte_for_byte)
{
	for (unsigned i = 0; ktls__suite_at(i); i++)
		check_bytes(ktls__suite_at(i));
}
END_TEST

START_TEST(structs_find_their_members)
{
	struct ktls_keys keys = keys_for(ktls__suite_find(0x1301));
	struct ktls__tls12_crypto_info_aes_gcm_128 info;

	ck_assert_int_eq(ktls_crypto_info(&info, sizeof(info), &keys),
			 sizeof(info));
	ck_assert_uint_eq(info.info.version, KTLS__TLS_1_3_VERSION);
	ck_assert_uint_eq(info.info.cipher_type, KTLS__TLS_CIPHER_AES_GCM_128);
	ck_assert_mem_eq(info.salt, keys.iv, 4);
	ck_assert_mem_eq(info.iv, keys.iv + 4, 8);
	ck_assert_mem_eq(info.key, keys.key, 16);
	ck_assert_mem_eq(info.rec_seq, "\1\2\3\4\5\6\7\10", 8);
}
END_TEST

static void check_refused(struct ktls_keys keys, size_t len, int err)
{
	uint8_t out[KTLS_CRYPTO_INFO_MAX], before[KTLS_CRYPTO_INFO_MAX];

	memset(out, 0xee, sizeof(out));
	memcpy(before, out, sizeof(out));
	ck_assert_int_eq(ktls_crypto_info(out, len, &keys), err);
	ck_assert_mem_eq(out, before, sizeof(out));
}

START_TEST(bad_input_changes_nothing)
{
	const uint16_t versions[] = { 0, 0x0300, 0x0301, 0x0302, 0x0305,
				      0xfefd, 0x7f1c };

	for (unsigned i = 0; ktls__suite_at(i); i++) {
		const struct ktls__suite *suite = ktls__suite_at(i);
		struct ktls_keys keys = keys_for(suite);

		check_refused(keys, 0, -ENOBUFS);
		check_refused(keys, suite->info_len - 1u, -ENOBUFS);
		keys.version ^= KTLS_TLS_1_2 ^ KTLS_TLS_1_3;
		check_refused(keys, KTLS_CRYPTO_INFO_MAX, -KTLS_ESUITE);
		for (size_t v = 0; v < COUNT(versions); v++) {
			keys.version = versions[v];
			check_refused(keys, KTLS_CRYPTO_INFO_MAX,
				      -KTLS_EVERSION);
		}
		keys.version = suite->version;
		keys.suite = 0x00a6;
		check_refused(keys, KTLS_CRYPTO_INFO_MAX, -KTLS_ESUITE);
	}
}
END_TEST

/* Only what the build host's own headers have can be compared. */

#define SAME(name) ck_assert_int_eq(KTLS__##name, name)
#define SAME_STRUCT(name) \
	ck_assert_uint_eq(sizeof(struct ktls__##name), sizeof(struct name)); \
	SAME_MEMBER(name, iv); \
	SAME_MEMBER(name, key); \
	SAME_MEMBER(name, rec_seq)
#define SAME_MEMBER(name, member) \
	ck_assert_uint_eq(offsetof(struct ktls__##name, member), \
			  offsetof(struct name, member))

START_TEST(structs_are_the_kernels)
{
#ifdef TLS_CIPHER_AES_GCM_128
	SAME(TLS_TX);
	SAME(TLS_SET_RECORD_TYPE);
	SAME(TLS_1_2_VERSION);
	SAME(TLS_CIPHER_AES_GCM_128);
	SAME_STRUCT(tls12_crypto_info_aes_gcm_128);
	SAME_MEMBER(tls12_crypto_info_aes_gcm_128, salt);
#endif
#ifdef TLS_RX
	SAME(TLS_RX);
	SAME(TLS_GET_RECORD_TYPE);
#endif
#ifdef TLS_CIPHER_AES_GCM_256
	SAME(TLS_1_3_VERSION);
	SAME(TLS_CIPHER_AES_GCM_256);
	SAME_STRUCT(tls12_crypto_info_aes_gcm_256);
	SAME_MEMBER(tls12_crypto_info_aes_gcm_256, salt);
#endif
#ifdef TLS_CIPHER_CHACHA20_POLY1305
	SAME(TLS_CIPHER_CHACHA20_POLY1305);
	SAME_STRUCT(tls12_crypto_info_chacha20_poly1305);
#endif
}
END_TEST

START_TEST(other_ciphers_are_the_kernels)
{
#ifdef TLS_CIPHER_AES_CCM_128
	SAME(TLS_CIPHER_AES_CCM_128);
	ck_assert_uint_eq(sizeof(struct tls12_crypto_info_aes_ccm_128),
			  sizeof(struct ktls__tls12_crypto_info_aes_gcm_128));
#endif
#ifdef TLS_CIPHER_SM4_GCM
	SAME(TLS_CIPHER_SM4_GCM);
	SAME(TLS_CIPHER_SM4_CCM);
	ck_assert_uint_eq(sizeof(struct tls12_crypto_info_sm4_gcm),
			  sizeof(struct ktls__tls12_crypto_info_aes_gcm_128));
#endif
#ifdef TLS_CIPHER_ARIA_GCM_128
	SAME(TLS_CIPHER_ARIA_GCM_128);
	SAME(TLS_CIPHER_ARIA_GCM_256);
	ck_assert_uint_eq(sizeof(struct tls12_crypto_info_aria_gcm_256),
			  sizeof(struct ktls__tls12_crypto_info_aes_gcm_256));
#endif
}
END_TEST

START_TEST(options_and_diag_are_the_kernels)
{
#ifdef TLS_CONF_BASE
	/* Both headers learnt of it in 5.4. */
	SAME(INET_DIAG_ULP_INFO);
	SAME(INET_ULP_INFO_NAME);
	SAME(INET_ULP_INFO_TLS);
	SAME(TLS_INFO_VERSION);
	SAME(TLS_INFO_CIPHER);
	SAME(TLS_INFO_TXCONF);
	SAME(TLS_INFO_RXCONF);
	SAME(TLS_CONF_BASE);
	SAME(TLS_CONF_SW);
	SAME(TLS_CONF_HW);
	SAME(TLS_CONF_HW_RECORD);
#endif
#ifdef TLS_TX_ZEROCOPY_RO
	SAME(TLS_TX_ZEROCOPY_RO);
	SAME(TLS_INFO_ZC_RO_TX);
#endif
#ifdef TLS_RX_EXPECT_NO_PAD
	SAME(TLS_RX_EXPECT_NO_PAD);
	SAME(TLS_INFO_RX_NO_PAD);
#endif
#ifdef TLS_TX_MAX_PAYLOAD_LEN
	SAME(TLS_TX_MAX_PAYLOAD_LEN);
	SAME(TLS_INFO_TX_MAX_PAYLOAD_LEN);
#endif
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crypto_info");
	TCase *tc = tcase_create("bytes");

	tcase_add_test(tc, every_suite_byte_for_byte);
	tcase_add_test(tc, structs_find_their_members);
	tcase_add_test(tc, bad_input_changes_nothing);
	suite_add_tcase(suite, tc);
	tc = tcase_create("uapi");
	tcase_add_test(tc, structs_are_the_kernels);
	tcase_add_test(tc, other_ciphers_are_the_kernels);
	tcase_add_test(tc, options_and_diag_are_the_kernels);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
