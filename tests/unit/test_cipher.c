/* SPDX-License-Identifier: MIT */
/*
 * Every library that has AEADs against the standards' own answers, and
 * against libcrypto by other calls: all lengths, in place and apart.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "cipher.h"
#include "ktls/ktls.h"
#include "suite.h"
#include "suite_main.h"
#include "vectors/aead.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PLAIN_MAX 16384
#define AAD_LEN 13

static uint8_t secret[32], nonce[12], aad[AAD_LEN];

#ifdef KTLS_IPSEC_MB
static int no_manager;
static int found_key;     /* in what was freed */

static void watched_free(void *p);

/* The file under test, with an allocator that looks, and a library that may
 * have no memory. */
#include <intel-ipsec-mb.h>
#define free(p) watched_free(p)
#define alloc_mb_mgr(flags) (no_manager ? NULL : alloc_mb_mgr(flags))
#include "lib/cipher_ipsec_mb.c"
#undef alloc_mb_mgr
#undef free

static void watched_free(void *p)
{
	if (memmem(p, sizeof(struct context), secret, 16))
		found_key = 1;
	free(p);
}
#endif

static const struct ktls__provider *const all[] = {
	&ktls__libcrypto,
#ifdef KTLS_IPSEC_MB
	&ktls__ipsec_mb,
#endif
};

/* One suite for each AEAD: its rows of either version have the same. */
static const struct {
	uint16_t suite;
	const char *name;
} aeads[] = {
	{ 0x1301, "AES-128-GCM" },
	{ 0x1302, "AES-256-GCM" },
	{ 0x1303, "ChaCha20-Poly1305" },
};

static int can(const struct ktls__provider *p,
	       const struct ktls__suite *suite)
{
	return !p->takes || p->takes(suite);
}

static void setup(void)
{
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)(0xa1 + 7 * i);
	for (size_t i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)(0x31 + 5 * i);
	for (size_t i = 0; i < sizeof(aad); i++)
		aad[i] = (uint8_t)(0x77 - i);
}

/* Of exactly that length, so that ASan sees one byte too many. */
static uint8_t *bytes(size_t len)
{
	uint8_t *p = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + i / 251);
	return p;
}

static void *keyed(const struct ktls__provider *p, uint16_t suite, int enc)
{
	void *ctx = NULL;

	ck_assert_int_eq(p->key(&ctx, ktls__suite_find(suite), secret, enc), 0);
	ck_assert_ptr_nonnull(ctx);
	return ctx;
}

/* A plaintext and what it is sealed: len + 16 bytes. */
struct answer {
	const uint8_t *nonce, *aad, *plain, *sealed;
	size_t aad_len, len;
};

/* `inner`: the last byte of the plaintext is its type. */
static void check_seal(const struct ktls__provider *p, void *ctx,
		       const struct answer *a, int inner, int in_place)
{
	const size_t len = a->len - (size_t)inner;
	uint8_t type = inner ? a->plain[len] : 0;
	uint8_t *in = bytes(len), *out = bytes(a->len + 16);
	const struct ktls__cipher_text t = {
		.nonce = a->nonce, .aad = a->aad, .aad_len = a->aad_len,
		.out = out, .in = in_place ? out : in, .len = len,
		.type = inner ? &type : NULL,
	};

	memcpy(in_place ? out : in, a->plain, len);
	ck_assert_int_eq(p->seal(ctx, &t), 0);
	ck_assert_mem_eq(out, a->sealed, a->len + 16);
	free(in);
	free(out);
}

static int open_text(const struct ktls__provider *p, void *ctx,
		     const struct answer *a, int inner, int in_place)
{
	const size_t len = a->len - (size_t)inner;
	uint8_t *in = bytes(a->len + 16), *apart = bytes(len), type = 99;
	uint8_t *out = in_place ? in : apart;
	const struct ktls__cipher_text t = {
		.nonce = a->nonce, .aad = a->aad, .aad_len = a->aad_len,
		.out = out, .in = in, .len = len,
		.type = inner ? &type : NULL,
	};
	int err;

	memcpy(in, a->sealed, a->len + 16);
	err = p->open(ctx, &t);
	if (err == 0 && len)
		ck_assert_mem_eq(out, a->plain, len);
	if (err == 0 && inner)
		ck_assert_uint_eq(type, a->plain[len]);
	free(in);
	free(apart);
	return err;
}

static void check_answer(const struct ktls__provider *p, uint16_t suite,
			 const struct answer *a)
{
	void *enc, *dec;

	if (!can(p, ktls__suite_find(suite)))
		return;
	enc = keyed(p, suite, 1);
	dec = keyed(p, suite, 0);
	for (int way = 0; way < 4; way++) {
		if (a->len == 0 && way & 1)
			continue;
		check_seal(p, enc, a, way & 1, way & 2);
		ck_assert_int_eq(open_text(p, dec, a, way & 1, way & 2), 0);
	}
	p->free(enc);
	p->free(dec);
}

START_TEST(the_standards_answers)
{
	for (size_t v = 0; v < COUNT(aead_vectors); v++) {
		const struct aead_vector *x = &aead_vectors[v];
		const struct answer a = {
			.nonce = x->nonce, .aad = x->aad, .plain = x->plain,
			.sealed = x->sealed, .aad_len = x->aad_len,
			.len = x->len,
		};

		memcpy(secret, x->key, sizeof(secret));
		for (size_t i = 0; i < COUNT(all); i++)
			check_answer(all[i], x->suite, &a);
	}
}
END_TEST

/* By a context of its own, in one update. */
static void reference(const char *name, const uint8_t *in, size_t len,
		      uint8_t *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	ck_assert_int_eq(EVP_EncryptInit_ex2(ctx, cipher, secret, nonce, NULL),
			 1);
	ck_assert_int_eq(EVP_EncryptUpdate(ctx, NULL, &n, aad, AAD_LEN), 1);
	if (len)
		ck_assert_int_eq(EVP_EncryptUpdate(ctx, out, &n, in, (int)len),
				 1);
	ck_assert_int_eq(EVP_EncryptFinal_ex(ctx, out + len, &n), 1);
	ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16,
					     out + len), 1);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

static void check_length(size_t aead, size_t len)
{
	uint8_t *plain = bytes(len), *sealed = bytes(len + 16);
	const struct answer a = { .nonce = nonce, .aad = aad, .plain = plain,
				  .sealed = sealed, .aad_len = AAD_LEN,
				  .len = len };

	reference(aeads[aead].name, plain, len, sealed);
	for (size_t i = 0; i < COUNT(all); i++)
		check_answer(all[i], aeads[aead].suite, &a);
	free(plain);
	free(sealed);
}

START_TEST(every_length)
{
	for (size_t len = 0; len <= 300; len++)
		check_length((size_t)_i, len);
	for (size_t len = PLAIN_MAX - 2; len <= PLAIN_MAX + 1; len++)
		check_length((size_t)_i, len);
}
END_TEST

static void check_forged(const struct ktls__provider *p, size_t aead)
{
	uint8_t *plain = bytes(40), *sealed = bytes(40 + 16);
	const struct answer a = { .nonce = nonce, .aad = aad, .plain = plain,
				  .sealed = sealed, .aad_len = AAD_LEN,
				  .len = 40 };
	void *ctx = keyed(p, aeads[aead].suite, 0);

	reference(aeads[aead].name, plain, 40, sealed);
	for (size_t bit = 0; bit < 8 * 56; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		for (int way = 0; way < 4; way++)
			ck_assert_int_eq(open_text(p, ctx, &a, way & 1,
						   way & 2), -KTLS_EBADRECORD);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	aad[0] ^= 1;
	ck_assert_int_eq(open_text(p, ctx, &a, 1, 0), -KTLS_EBADRECORD);
	aad[0] ^= 1;
	ck_assert_int_eq(open_text(p, ctx, &a, 1, 0), 0);
	p->free(ctx);
	free(plain);
	free(sealed);
}

/* Nor is it told in the thread's error queue: the application may take what
 * it finds there for another connection's. */
START_TEST(forged_texts)
{
	ERR_clear_error();
	for (size_t i = 0; i < COUNT(all); i++)
		if (can(all[i], ktls__suite_find(aeads[_i].suite)))
			check_forged(all[i], (size_t)_i);
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

/* The same context, under a key after another, in both directions. */
START_TEST(keyed_anew_in_its_place)
{
	uint8_t plain[33], sealed[33 + 16];
	const struct answer a = { .nonce = nonce, .aad = aad, .plain = plain,
				  .sealed = sealed, .aad_len = AAD_LEN,
				  .len = sizeof(plain) };
	const struct ktls__suite *suite = ktls__suite_find(aeads[_i].suite);

	memset(plain, 0x5a, sizeof(plain));
	for (size_t i = 0; i < COUNT(all); i++) {
		void *ctx, *same;

		if (!can(all[i], suite))
			continue;
		ctx = same = keyed(all[i], suite->id, 1);
		for (int n = 0; n < 20; n++) {
			secret[n]++;
			reference(aeads[_i].name, plain, 33, sealed);
			ck_assert_int_eq(all[i]->key(&ctx, suite, secret,
						     n & 1), 0);
			ck_assert_ptr_eq(ctx, same);
			if (n & 1)
				check_seal(all[i], ctx, &a, 1, n & 2);
			else
				ck_assert_int_eq(open_text(all[i], ctx, &a, 1,
							   n & 2), 0);
		}
		all[i]->free(ctx);
	}
}
END_TEST

START_TEST(cipher_not_there)
{
	struct ktls__cipher c = { .by = NULL }, none = c;
	const struct ktls__suite *chacha = ktls__suite_find(0x1303);

	ERR_clear_error();
	ck_assert_int_eq(EVP_set_default_properties(NULL, "provider=none"), 1);
	ck_assert_int_eq(ktls__cipher_key(&c, chacha, secret, 1),
			 -KTLS_ECRYPTO);
	ck_assert_mem_eq(&c, &none, sizeof(c));
	ck_assert_uint_eq(ERR_peek_error(), 0);
	ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
	ck_assert_int_eq(ktls__cipher_key(&c, chacha, secret, 1), 0);
	ck_assert_ptr_eq(c.by, &ktls__libcrypto);
	ktls__cipher_free(&c);
	ck_assert_mem_eq(&c, &none, sizeof(c));
}
END_TEST

static void check_names(const char *gcm)
{
	ck_assert_str_eq(ktls__cipher_provider(ktls__suite_find(0x1301)), gcm);
	ck_assert_str_eq(ktls__cipher_provider(ktls__suite_find(0xc030)), gcm);
	ck_assert_str_eq(ktls__cipher_provider(ktls__suite_find(0x1303)),
			 "libcrypto");
}

START_TEST(who_takes_what)
{
	const struct ktls__suite *gcm = ktls__suite_find(0x1301);

	check_names(can(all[COUNT(all) - 1], gcm) ? all[COUNT(all) - 1]->name
						    : "libcrypto");
}
END_TEST

#ifdef KTLS_IPSEC_MB
/* For this process, then. */
START_TEST(libcrypto_takes_what_others_cannot)
{
	struct ktls__cipher c = { .by = NULL };

	no_manager = 1;
	check_names("libcrypto");
	ck_assert_int_eq(ktls__cipher_key(&c, ktls__suite_find(0x1302), secret,
					  1), 0);
	ck_assert_ptr_eq(c.by, &ktls__libcrypto);
	ktls__cipher_free(&c);
}
END_TEST

START_TEST(freed_without_its_key)
{
	void *ctx;

	if (!can(&ktls__ipsec_mb, ktls__suite_find(0x1301)))
		return;
	ctx = keyed(&ktls__ipsec_mb, 0x1301, 1);
	ck_assert_ptr_nonnull(memmem(ctx, sizeof(struct context), secret, 16));
	ktls__ipsec_mb.free(ctx);
	ck_assert(!found_key);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("cipher");
	TCase *tc = tcase_create("answers");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, the_standards_answers);
	tcase_add_loop_test(tc, every_length, 0, COUNT(aeads));
	tcase_add_loop_test(tc, forged_texts, 0, COUNT(aeads));
	tcase_add_loop_test(tc, keyed_anew_in_its_place, 0, COUNT(aeads));
	suite_add_tcase(suite, tc);
	tc = tcase_create("providers");
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, cipher_not_there);
	tcase_add_test(tc, who_takes_what);
#ifdef KTLS_IPSEC_MB
	tcase_add_test(tc, libcrypto_takes_what_others_cannot);
	tcase_add_test(tc, freed_without_its_key);
#endif
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
