/* SPDX-License-Identifier: MIT */
/* The suite table against the RFCs' list and against libssl's own table. */
#include <stdio.h>
#include <string.h>

#include <openssl/objects.h>
#include <openssl/ssl.h>

#include "ktls/ktls.h"
#include "suite.h"
#include "suite_main.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* As the RFCs give them, in the order of the numbers. */
static const struct {
	uint16_t id;
	const char *name;
} registry[] = {
	/* RFC 5288 */
	{ 0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256" },
	{ 0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384" },
	{ 0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256" },
	{ 0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384" },
	{ 0x00a2, "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256" },
	{ 0x00a3, "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384" },
	/* RFC 5487 */
	{ 0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256" },
	{ 0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384" },
	{ 0x00aa, "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256" },
	{ 0x00ab, "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384" },
	{ 0x00ac, "TLS_RSA_PSK_WITH_AES_128_GCM_SHA256" },
	{ 0x00ad, "TLS_RSA_PSK_WITH_AES_256_GCM_SHA384" },
	/* RFC 8446 */
	{ 0x1301, "TLS_AES_128_GCM_SHA256" },
	{ 0x1302, "TLS_AES_256_GCM_SHA384" },
	{ 0x1303, "TLS_CHACHA20_POLY1305_SHA256" },
	/* RFC 5289 */
	{ 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
	{ 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
	{ 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
	{ 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" },
	/* RFC 7905 */
	{ 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0xccab, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0xccac, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0xccad, "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0xccae, "TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256" },
	/* RFC 8442 */
	{ 0xd001, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256" },
	{ 0xd002, "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384" },
};

/* What the name says of a suite: the table must say the same. */
static const struct {
	const char *aead;
	unsigned cipher_bit, cipher_type, hash, hash_len, key_len, salt_len;
	unsigned info_len, fixed_iv_12, explicit_12, overhead_12;
} aeads[] = {
	{ "AES_128_GCM_SHA256", KTLS_CIPHER_AES_128_GCM, 51, KTLS__SHA256, 32,
	  16, 4, 40, 4, 8, 5 + 8 + 16 },
	{ "AES_256_GCM_SHA384", KTLS_CIPHER_AES_256_GCM, 52, KTLS__SHA384, 48,
	  32, 4, 56, 4, 8, 5 + 8 + 16 },
	{ "CHACHA20_POLY1305_SHA256", KTLS_CIPHER_CHACHA20_POLY1305, 54,
	  KTLS__SHA256, 32, 32, 0, 56, 12, 0, 5 + 16 },
};

START_TEST(rows_are_the_registry)
{
	size_t rows = 0;

	for (size_t i = 0; i < COUNT(registry); i++) {
		const uint16_t id = registry[i].id;
		const struct ktls__suite *row = ktls__suite_find(id);

		ck_assert_ptr_nonnull(row);
		ck_assert_uint_eq(row->id, id);
		ck_assert_str_eq(row->name, registry[i].name);
		ck_assert_str_eq(ktls_suite_name(id), registry[i].name);
	}
	while (ktls__suite_at((unsigned)rows))
		rows++;
	ck_assert_uint_eq(rows, COUNT(registry));
	ck_assert_ptr_null(ktls__suite_at((unsigned)rows + 1));
	ck_assert_ptr_null(ktls__suite_at(~0u));
}
END_TEST

START_TEST(every_other_number_is_unknown)
{
	size_t known = 0;

	for (unsigned id = 0; id <= 0xffff; id++) {
		const char *name = ktls_suite_name((uint16_t)id);

		ck_assert(!name == !ktls__suite_find((uint16_t)id));
		known += name != NULL;
	}
	ck_assert_uint_eq(known, COUNT(registry));
	/* Neighbours that are none of ours: DH, DH_anon, ECDH, CCM, ARIA. */
	ck_assert_ptr_null(ktls_suite_name(0x00a0));
	ck_assert_ptr_null(ktls_suite_name(0x00a6));
	ck_assert_ptr_null(ktls_suite_name(0xc02d));
	ck_assert_ptr_null(ktls_suite_name(0x1304));
	ck_assert_ptr_null(ktls_suite_name(0xc05c));
}
END_TEST

static void check_row(const struct ktls__suite *row)
{
	const int is_13 = !strstr(row->name, "_WITH_");
	size_t i = 0;

	while (i < COUNT(aeads) && !strstr(row->name, aeads[i].aead))
		i++;
	ck_assert_msg(i < COUNT(aeads), "%s", row->name);
	ck_assert_uint_eq(row->version, is_13 ? KTLS_TLS_1_3 : KTLS_TLS_1_2);
	ck_assert_uint_eq(row->cipher_bit, aeads[i].cipher_bit);
	ck_assert_uint_eq(row->cipher_type, aeads[i].cipher_type);
	ck_assert_uint_eq(row->hash, aeads[i].hash);
	ck_assert_uint_eq(row->hash_len, aeads[i].hash_len);
	ck_assert_uint_eq(row->key_len, aeads[i].key_len);
	ck_assert_uint_eq(row->salt_len, aeads[i].salt_len);
	ck_assert_uint_eq(row->info_len, aeads[i].info_len);
	ck_assert_uint_eq(row->fixed_iv_len, is_13 ? 12 : aeads[i].fixed_iv_12);
	ck_assert_uint_eq(row->explicit_len, is_13 ? 0 : aeads[i].explicit_12);
	ck_assert_uint_eq(row->overhead,
			  is_13 ? 5 + 1 + 16 : aeads[i].overhead_12);
}

START_TEST(sizes_follow_from_the_name)
{
	for (unsigned i = 0; ktls__suite_at(i); i++)
		check_row(ktls__suite_at(i));
}
END_TEST

static int kx_is_ours(const SSL_CIPHER *cipher)
{
	switch (SSL_CIPHER_get_kx_nid(cipher)) {
	case NID_kx_any:
	case NID_kx_rsa:
	case NID_kx_psk:
	case NID_kx_ecdhe_psk:
	case NID_kx_dhe_psk:
	case NID_kx_rsa_psk:
		return 1;
	case NID_kx_dhe:
	case NID_kx_ecdhe:
		return SSL_CIPHER_get_auth_nid(cipher) != NID_auth_null;
	default:
		return 0;
	}
}

static unsigned cipher_bit_of(const SSL_CIPHER *cipher)
{
	switch (SSL_CIPHER_get_cipher_nid(cipher)) {
	case NID_aes_128_gcm:
		return KTLS_CIPHER_AES_128_GCM;
	case NID_aes_256_gcm:
		return KTLS_CIPHER_AES_256_GCM;
	case NID_chacha20_poly1305:
		return KTLS_CIPHER_CHACHA20_POLY1305;
	default:
		return 0;
	}
}

static void check_against_libssl(const SSL_CIPHER *cipher)
{
	const uint16_t id = SSL_CIPHER_get_protocol_id(cipher);
	const struct ktls__suite *row = ktls__suite_find(id);
	const EVP_MD *md = SSL_CIPHER_get_handshake_digest(cipher);

	ck_assert_msg(row != NULL, "no row for %s",
		      SSL_CIPHER_standard_name(cipher));
	ck_assert_str_eq(row->name, SSL_CIPHER_standard_name(cipher));
	ck_assert_uint_eq(row->cipher_bit, cipher_bit_of(cipher));
	ck_assert_int_eq(EVP_MD_get_size(md), row->hash_len);
	ck_assert_int_eq(EVP_MD_get_type(md), row->hash == KTLS__SHA384
						      ? NID_sha384
						      : NID_sha256);
	ck_assert_str_eq(SSL_CIPHER_get_version(cipher),
			 row->version == KTLS_TLS_1_3 ? "TLSv1.3" : "TLSv1.2");
}

static SSL_CTX *ctx_with_all(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	ck_assert_ptr_nonnull(ctx);
	ck_assert_int_eq(SSL_CTX_set_cipher_list(
				 ctx, "ALL:COMPLEMENTOFALL:@SECLEVEL=0"), 1);
	ck_assert_int_eq(SSL_CTX_set_ciphersuites(
				 ctx, "TLS_AES_128_GCM_SHA256:"
				      "TLS_AES_256_GCM_SHA384:"
				      "TLS_CHACHA20_POLY1305_SHA256:"
				      "TLS_AES_128_CCM_SHA256:"
				      "TLS_AES_128_CCM_8_SHA256"), 1);
	return ctx;
}

START_TEST(each_of_libssl_has_its_row)
{
	SSL_CTX *ctx = ctx_with_all();
	const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
	int seen = 0, n13 = 0;

	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);

		if (!cipher_bit_of(cipher) || !kx_is_ours(cipher))
			continue;
		check_against_libssl(cipher);
		n13 += SSL_CIPHER_get_kx_nid(cipher) == NID_kx_any;
		seen++;
	}
	SSL_CTX_free(ctx);
	/* ECDHE and RSA at least, however libssl was configured. */
	ck_assert_int_eq(n13, 3);
	ck_assert_int_ge(seen, 3 + 8);
}
END_TEST

START_TEST(each_row_that_libssl_knows_agrees)
{
	SSL_CTX *ctx = ctx_with_all();
	SSL *ssl = SSL_new(ctx);
	int seen = 0;

	for (size_t i = 0; i < COUNT(registry); i++) {
		const unsigned char id[2] = {
			(unsigned char)(registry[i].id >> 8),
			(unsigned char)registry[i].id
		};
		const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, id);

		if (!cipher)
			continue;
		check_against_libssl(cipher);
		seen++;
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	ck_assert_int_ge(seen, 3 + 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("suite");
	TCase *tc = tcase_create("table");

	tcase_add_test(tc, rows_are_the_registry);
	tcase_add_test(tc, every_other_number_is_unknown);
	tcase_add_test(tc, sizes_follow_from_the_name);
	tcase_add_test(tc, each_of_libssl_has_its_row);
	tcase_add_test(tc, each_row_that_libssl_knows_agrees);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
