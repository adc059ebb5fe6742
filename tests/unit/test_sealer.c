/* SPDX-License-Identifier: MIT */
/* One direction sealed in order: against one-shot records, and its ends. */
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "aead.h"
#include "sample_keys.h"
#include "sealer.h"
#include "suite_main.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PLAIN_MAX 16384

static const uint8_t text[] = "attack at dawn";

static int fail_final;

/* The last step, interposed so that it can fail. */
int EVP_CipherFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *outm, int *outl)
{
	if (fail_final)
		return 0;
	return EVP_CIPHER_CTX_is_encrypting(ctx)
		       ? EVP_EncryptFinal_ex(ctx, outm, outl)
		       : EVP_DecryptFinal_ex(ctx, outm, outl);
}

static struct ktls__sealer keyed(const struct ktls_keys *keys)
{
	struct ktls__sealer s;

	memset(&s, 0, sizeof(s));
	ck_assert_int_eq(ktls__sealer_key(&s, keys), 0);
	return s;
}

static struct ktls_keys any_keys(const struct ktls__suite *suite)
{
	struct ktls_keys keys = sample_keys(suite->id);

	/* So that the explicit nonce has something to carry. */
	memset(keys.iv + 6, 0xff, 6);
	return keys;
}

/* What the next record's one-shot keys are, by long addition. */
static void next_keys(struct ktls_keys *keys, const struct ktls__suite *suite)
{
	keys->seq++;
	for (int i = 11; i >= 4 && suite->explicit_len; i--)
		if (++keys->iv[i] != 0)
			break;
}

/* Of exactly that length, so that ASan sees one byte too many. */
static uint8_t *room(size_t len)
{
	uint8_t *p = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 11 + 3);
	return p;
}

static void check_next(struct ktls__sealer *s, const struct ktls_keys *keys,
		       uint8_t type, size_t len, int in_place)
{
	const size_t rec_len = len + s->suite->overhead;
	uint8_t *in = room(len), *out = room(rec_len);
	uint8_t *want = room(len + KTLS__RECORD_OVERHEAD);
	const uint8_t *from = in;

	ck_assert_int_eq(ktls__record_seal(want, keys, type, in, len),
			 (int)rec_len);
	if (in_place)
		from = memcpy(out + ktls__sealer_head(s), in, len);
	ck_assert_int_eq(ktls__sealer_seal(s, out, type, from, len),
			 (int)rec_len);
	ck_assert_mem_eq(out, want, rec_len);
	free(in);
	free(out);
	free(want);
}

START_TEST(every_suite_like_single_records)
{
	static const size_t lens[] = { 0, 1, 15, 16, 17, 1000, PLAIN_MAX };

	for (unsigned i = 0; ktls__suite_at(i); i++) {
		const struct ktls__suite *suite = ktls__suite_at(i);
		struct ktls_keys keys = any_keys(suite);
		struct ktls__sealer s = keyed(&keys);
		const uint64_t ticket = s.owner.ticket;

		ck_assert_uint_eq(ktls__sealer_head(&s),
				  5 + (size_t)suite->explicit_len);
		for (size_t n = 0; n < COUNT(lens) * 2; n++) {
			check_next(&s, &keys, (uint8_t)(20 + n % 4),
				   lens[n / 2], n % 2);
			next_keys(&keys, suite);
			ck_assert_uint_eq(s.seq, keys.seq);
			/* One context for all of them. */
			ck_assert_uint_eq(s.owner.ticket, ticket);
		}
		ktls__sealer_wipe(&s);
	}
}
END_TEST

/* The salt is no part of the counter. */
START_TEST(explicit_nonce_wraps_alone)
{
	struct ktls_keys keys = sample_keys(0xc02f);
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD];
	struct ktls__sealer s;

	memset(keys.iv + 4, 0xff, 8);
	s = keyed(&keys);
	ck_assert_int_gt(ktls__sealer_seal(&s, rec, 23, text, 14), 0);
	ck_assert_mem_eq(rec + 5, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	ck_assert_int_gt(ktls__sealer_seal(&s, rec, 23, text, 14), 0);
	ck_assert_mem_eq(rec + 5, "\0\0\0\0\0\0\0\0", 8);
	ck_assert_mem_eq(s.iv, keys.iv, 4);
	ktls__sealer_wipe(&s);
}
END_TEST

START_TEST(goes_on_under_the_next_key)
{
	struct ktls_keys keys = sample_keys(0x1301);
	struct ktls_keys next = sample_keys(0x1301);
	struct ktls__sealer s = keyed(&keys);

	check_next(&s, &keys, 23, 100, 0);
	next.key[3] ^= 1;
	next.iv[3] ^= 1;
	next.seq = 0;
	ck_assert_int_eq(ktls__sealer_key(&s, &next), 0);
	check_next(&s, &next, 23, 100, 0);
	ck_assert_uint_eq(s.seq, 1);
	ktls__sealer_wipe(&s);
}
END_TEST

START_TEST(a_refused_key_changes_nothing)
{
	struct ktls_keys keys = sample_keys(0x1302);
	struct ktls_keys next = sample_keys(0x1303);
	struct ktls__sealer s = keyed(&keys), before = s;

	next.version = KTLS_TLS_1_2;
	ck_assert_int_eq(ktls__sealer_key(&s, &next), -KTLS_ESUITE);
	next.version = KTLS_TLS_1_3;
	ck_assert_int_eq(EVP_set_default_properties(NULL, "provider=none"), 1);
	ck_assert_int_eq(ktls__sealer_key(&s, &next), -KTLS_ECRYPTO);
	ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
	ck_assert_mem_eq(&s.owner, &before.owner, sizeof(s.owner));
	ck_assert_ptr_eq(s.suite, before.suite);
	ck_assert_mem_eq(s.iv, before.iv, sizeof(s.iv));
	ck_assert_uint_eq(s.seq, before.seq);
	check_next(&s, &keys, 23, 14, 0);
	ktls__sealer_wipe(&s);
}
END_TEST

static void check_fails(struct ktls__sealer *s)
{
	const struct ktls__sealer before = *s;
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD];
	const size_t len = 14 + (size_t)s->suite->overhead;

	memset(rec, 0xee, sizeof(rec));
	memcpy(rec + ktls__sealer_head(s), text, 14);
	ck_assert_int_eq(ktls__sealer_seal(s, rec, 23,
					   rec + ktls__sealer_head(s), 14),
			 -KTLS_ECRYPTO);
	for (size_t i = 0; i < sizeof(rec); i++)
		ck_assert_uint_eq(rec[i], i < len ? 0 : 0xee);
	ck_assert_uint_eq(s->seq, before.seq);
	ck_assert_mem_eq(s->iv, before.iv, sizeof(s->iv));
}

START_TEST(the_sequence_number_never_wraps)
{
	for (unsigned i = 0; ktls__suite_at(i); i++) {
		struct ktls_keys keys = any_keys(ktls__suite_at(i));
		struct ktls__sealer s;

		keys.seq = UINT64_MAX - 1;
		s = keyed(&keys);
		check_next(&s, &keys, 23, 14, 0);
		ck_assert_uint_eq(s.seq, UINT64_MAX);
		check_fails(&s);
		check_fails(&s);
		ktls__sealer_wipe(&s);
	}
}
END_TEST

/* With ChaCha20-Poly1305, which is libcrypto's in every build. */
START_TEST(libcrypto_failing)
{
	struct ktls_keys keys = sample_keys(0xcca8);
	struct ktls__sealer s = keyed(&keys);

	fail_final = 1;
	check_fails(&s);
	fail_final = 0;
	check_next(&s, &keys, 23, 14, 0);
	ktls__sealer_wipe(&s);
}
END_TEST

START_TEST(no_more_than_a_record_holds)
{
	struct ktls_keys keys = sample_keys(0x1301);
	struct ktls__sealer s = keyed(&keys);
	uint8_t *in = room(PLAIN_MAX + 1);
	uint8_t out[64];

	memset(out, 0xee, sizeof(out));
	ck_assert_int_eq(ktls__sealer_seal(&s, out, 23, in, PLAIN_MAX + 1),
			 -EMSGSIZE);
	ck_assert_int_eq(ktls__sealer_seal(&s, out, 23, in, SIZE_MAX),
			 -EMSGSIZE);
	for (size_t i = 0; i < sizeof(out); i++)
		ck_assert_uint_eq(out[i], 0xee);
	ck_assert_uint_eq(s.seq, keys.seq);
	free(in);
	ktls__sealer_wipe(&s);
}
END_TEST

START_TEST(wiped_it_is_as_new)
{
	static const struct ktls__sealer none;
	struct ktls_keys keys = sample_keys(0xcca8);
	struct ktls__sealer s = keyed(&keys);

	ktls__sealer_wipe(&s);
	ck_assert_mem_eq(&s, &none, sizeof(s));
	ktls__sealer_wipe(&s);
	ck_assert_int_eq(ktls__sealer_key(&s, &keys), 0);
	check_next(&s, &keys, 23, 14, 0);
	ktls__sealer_wipe(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sealer");
	TCase *tc = tcase_create("records");

	tcase_add_test(tc, every_suite_like_single_records);
	tcase_add_test(tc, explicit_nonce_wraps_alone);
	tcase_add_test(tc, goes_on_under_the_next_key);
	suite_add_tcase(suite, tc);
	tc = tcase_create("ends");
	tcase_add_test(tc, a_refused_key_changes_nothing);
	tcase_add_test(tc, the_sequence_number_never_wraps);
	tcase_add_test(tc, libcrypto_failing);
	tcase_add_test(tc, no_more_than_a_record_holds);
	tcase_add_test(tc, wiped_it_is_as_new);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
