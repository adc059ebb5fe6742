/* SPDX-License-Identifier: MIT */
/* One direction opened in order: what single records seal, and every way in
 * which one can be wrong. */
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "aead.h"
#include "opener.h"
#include "sample_keys.h"
#include "suite_main.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PLAIN_MAX 16384
#define BODY_MAX (PLAIN_MAX + 256)

static const uint8_t text[] = "attack at dawn";

static int fail_update;

/* Interposed so that it can fail; the library only decrypts here. */
int EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl,
		     const unsigned char *in, int inl)
{
	if (fail_update && out && --fail_update == 0)
		return 0;
	return EVP_CIPHER_CTX_is_encrypting(ctx)
		       ? EVP_EncryptUpdate(ctx, out, outl, in, inl)
		       : EVP_DecryptUpdate(ctx, out, outl, in, inl);
}

static struct ktls__opener keyed(const struct ktls_keys *keys)
{
	struct ktls__opener o;

	memset(&o, 0, sizeof(o));
	ck_assert_int_eq(ktls__opener_key(&o, keys), 0);
	return o;
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

/* `inner` bytes sealed as type `outer`, of which `len` are the payload. */
static void opens(struct ktls__opener *o, const struct ktls_keys *keys,
		  const uint8_t *inner, size_t inner_len, uint8_t outer,
		  size_t len, uint8_t type, int in_place)
{
	const size_t rec_len = inner_len + o->suite->overhead;
	uint8_t *sealed = room(inner_len + KTLS__RECORD_OVERHEAD);
	uint8_t *rec = room(rec_len), *apart = room(inner_len);
	uint8_t *out = in_place ? rec + ktls__opener_head(o) : apart;
	uint8_t seen = 0;

	ck_assert_int_eq(ktls__record_seal(sealed, keys, outer, inner,
					   inner_len), (int)rec_len);
	memcpy(rec, sealed, rec_len);
	ck_assert_int_eq(ktls__opener_open(o, out, &seen, rec, rec_len),
			 (int)len);
	ck_assert_uint_eq(seen, type);
	if (len)
		ck_assert_mem_eq(out, inner, len);
	free(sealed);
	free(rec);
	free(apart);
}

/* -err, nothing left of it, and the place is as it was. */
static void refused(struct ktls__opener *o, const uint8_t *rec, size_t rec_len,
		    int err)
{
	const size_t len = rec_len < o->suite->overhead
				   ? 0
				   : rec_len - o->suite->overhead;
	const size_t inner = o->suite->version == KTLS_TLS_1_3;
	const uint64_t seq = o->seq;
	uint8_t *copy = room(rec_len), *out = room(len);
	uint8_t type = 99;

	memcpy(copy, rec, rec_len);
	ck_assert_int_eq(ktls__opener_open(o, out, &type, copy, rec_len), err);
	for (size_t i = 0; i < len; i++)
		ck_assert_uint_eq(out[i], 0);
	ck_assert_uint_eq(type, 99);
	ck_assert_uint_eq(o->seq, seq);
	if (len)
		ck_assert_int_eq(ktls__opener_open(
			o, copy + ktls__opener_head(o), &type, copy, rec_len),
			err);
	/* In its place TLS 1.3's type stands behind it. */
	for (size_t i = 0; len && i < len + inner; i++)
		ck_assert_uint_eq(copy[ktls__opener_head(o) + i], 0);
	free(copy);
	free(out);
}

START_TEST(every_suite_what_single_records_seal)
{
	static const size_t lens[] = { 0, 1, 15, 16, 17, 1000, PLAIN_MAX };

	for (unsigned i = 0; ktls__suite_at(i); i++) {
		struct ktls_keys keys = sample_keys(ktls__suite_at(i)->id);
		struct ktls__opener o = keyed(&keys);
		const uint64_t ticket = o.owner.ticket;

		for (size_t n = 0; n < COUNT(lens) * 8; n++) {
			uint8_t *in = room(lens[n / 8]);
			uint8_t type = (uint8_t)(20 + n % 4);

			opens(&o, &keys, in, lens[n / 8], type, lens[n / 8],
			      type, n / 4 % 2);
			keys.seq++;
			keys.iv[11] ^= o.suite->explicit_len ? 0x55 : 0;
			ck_assert_uint_eq(o.seq, keys.seq);
			/* One context for all of them. */
			ck_assert_uint_eq(o.owner.ticket, ticket);
			free(in);
		}
		ktls__opener_wipe(&o);
	}
}
END_TEST

/* Type 0 sealed behind bytes makes these bytes an inner plaintext. */
START_TEST(padding_is_stripped)
{
	for (unsigned i = 0; i < 3; i++) {
		struct ktls_keys keys = sample_keys((uint16_t)(0x1301 + i));
		struct ktls__opener o = keyed(&keys);

		for (size_t pad = 1; pad < 300; pad++) {
			const size_t len = pad % 3 ? pad % 50 : 0;
			uint8_t inner[400] = { 0 };

			memset(inner, 0x5a, len);
			if (len > 1)
				inner[len - 1] = 0; /* no padding */
			inner[len] = 21;
			opens(&o, &keys, inner, len + pad, 0, len, 21,
			      pad & 1);
			keys.seq++;
		}
		ktls__opener_wipe(&o);
	}
}
END_TEST

START_TEST(no_type_is_malformed)
{
	const struct ktls_keys keys = sample_keys(0x1303);
	const uint8_t zeros[300] = { 0 };
	struct ktls__opener o = keyed(&keys);

	for (size_t len = 0; len < sizeof(zeros); len++) {
		uint8_t rec[sizeof(zeros) + KTLS__RECORD_OVERHEAD];
		int n = ktls__record_seal(rec, &keys, 0, zeros, len);

		refused(&o, rec, (size_t)n, -KTLS_EPROTOCOL);
	}
	ktls__opener_wipe(&o);
}
END_TEST

static void check_damage(const struct ktls__suite *suite)
{
	const struct ktls_keys keys = sample_keys(suite->id);
	struct ktls__opener o = keyed(&keys);
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD];
	size_t len = (size_t)ktls__record_seal(rec, &keys, 23, text, 14);

	for (size_t bit = 8 * 5; bit < 8 * len; bit++) {
		rec[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused(&o, rec, len, -KTLS_EBADRECORD);
		rec[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* The type is authenticated. */
	rec[0] = 22;
	refused(&o, rec, len, -KTLS_EBADRECORD);
	rec[0] = 23;
	for (size_t cut = 5; cut < len; cut++) {
		rec[4] = (uint8_t)(cut - 5);
		refused(&o, rec, cut, -KTLS_EBADRECORD);
	}
	rec[4] = (uint8_t)(len - 5);
	o.seq++;
	refused(&o, rec, len, -KTLS_EBADRECORD);
	o.seq--;
	/* And after all that it opens. */
	opens(&o, &keys, text, 14, 23, 14, 23, 0);
	ktls__opener_wipe(&o);
}

START_TEST(damage_is_seen)
{
	for (unsigned i = 0; ktls__suite_at(i); i++)
		check_damage(ktls__suite_at(i));
}
END_TEST

/* Records that no honest side seals: TLS 1.3, authentic, at seq 0. */
static size_t seal_inner(uint8_t *rec, const struct ktls_keys *keys,
			 const uint8_t *inner, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const size_t body = len + 16;
	uint8_t head[5] = { 23, 3, 3, (uint8_t)(body >> 8), (uint8_t)body };
	int n;

	memcpy(rec, head, 5);
	ck_assert_int_eq(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL,
					    keys->key, keys->iv), 1);
	ck_assert_int_eq(EVP_EncryptUpdate(ctx, NULL, &n, head, 5), 1);
	ck_assert_int_eq(EVP_EncryptUpdate(ctx, rec + 5, &n, inner, (int)len),
			 1);
	ck_assert_int_eq(EVP_EncryptFinal_ex(ctx, rec + 5 + len, &n), 1);
	ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16,
					     rec + 5 + len), 1);
	EVP_CIPHER_CTX_free(ctx);
	return 5 + body;
}

START_TEST(oversize_is_told_apart)
{
	struct ktls_keys keys = sample_keys(0x1301);
	uint8_t *inner = room(BODY_MAX), *rec = room(BODY_MAX + 5), type;
	struct ktls__opener o;
	size_t len;

	keys.seq = 0;
	o = keyed(&keys);
	inner[PLAIN_MAX + 1] = 23;
	len = seal_inner(rec, &keys, inner, PLAIN_MAX + 2);
	refused(&o, rec, len, -KTLS_EOVERSIZE);
	/* With padding up to the longest body there is. */
	memset(inner + PLAIN_MAX + 2, 0, 238);
	len = seal_inner(rec, &keys, inner, BODY_MAX - 16);
	refused(&o, rec, len, -KTLS_EOVERSIZE);
	/* Forged and oversize: what is not authentic has no length. */
	rec[100] ^= 1;
	refused(&o, rec, len, -KTLS_EBADRECORD);
	/* Padding counts as the payload does. */
	inner[PLAIN_MAX] = 23;
	inner[PLAIN_MAX + 1] = 0;
	len = seal_inner(rec, &keys, inner, PLAIN_MAX + 2);
	refused(&o, rec, len, -KTLS_EOVERSIZE);
	len = seal_inner(rec, &keys, inner, PLAIN_MAX + 1);
	ck_assert_int_eq(ktls__opener_open(&o, rec + 5, &type, rec, len),
			 PLAIN_MAX);
	ck_assert_mem_eq(rec + 5, inner, PLAIN_MAX);
	free(inner);
	free(rec);
	ktls__opener_wipe(&o);
}
END_TEST

START_TEST(headers)
{
	static const struct {
		uint16_t suite;
		uint8_t type, major, minor;
		int len, result;
	} rows[] = {
		{ 0x1301, 23, 3, 3, 17, 17 },
		{ 0x1301, 23, 3, 3, 16, -KTLS_EBADRECORD },
		{ 0x1301, 23, 3, 3, 0, -KTLS_EBADRECORD },
		{ 0x1302, 23, 3, 3, BODY_MAX, BODY_MAX },
		{ 0x1303, 23, 3, 3, BODY_MAX + 1, -KTLS_EOVERSIZE },
		{ 0x1301, 23, 3, 3, 65535, -KTLS_EOVERSIZE },
		{ 0x1301, 20, 3, 3, 1, -KTLS_EPROTOCOL },
		{ 0x1301, 21, 3, 3, 40, -KTLS_EPROTOCOL },
		{ 0x1301, 22, 3, 3, 40, -KTLS_EPROTOCOL },
		{ 0x1301, 23, 3, 1, 40, -KTLS_EPROTOCOL },
		{ 0x1301, 23, 3, 4, 40, -KTLS_EPROTOCOL },
		{ 0x1301, 23, 2, 3, 40, -KTLS_EPROTOCOL },
		{ 0xc02f, 20, 3, 3, 24, 24 },
		{ 0xc02f, 23, 3, 3, 23, -KTLS_EBADRECORD },
		{ 0xc030, 23, 3, 3, PLAIN_MAX + 24, PLAIN_MAX + 24 },
		{ 0xc030, 23, 3, 3, PLAIN_MAX + 25, -KTLS_EOVERSIZE },
		{ 0xcca8, 23, 3, 3, 16, 16 },
		{ 0xcca8, 23, 3, 3, 15, -KTLS_EBADRECORD },
		{ 0xcca8, 23, 3, 3, PLAIN_MAX + 16, PLAIN_MAX + 16 },
		{ 0xcca8, 23, 3, 3, PLAIN_MAX + 17, -KTLS_EOVERSIZE },
		{ 0xcca8, 23, 3, 1, 100, -KTLS_EPROTOCOL },
		{ 0xcca8, 0, 3, 3, 100, -KTLS_EPROTOCOL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const uint8_t head[] = { rows[i].type, rows[i].major,
					 rows[i].minor,
					 (uint8_t)(rows[i].len >> 8),
					 (uint8_t)rows[i].len };

		ck_assert_int_eq(ktls__aead_body(ktls__suite_find(
						 rows[i].suite), head),
				 rows[i].result);
	}
}
END_TEST

START_TEST(the_sequence_number_never_wraps)
{
	struct ktls_keys keys = sample_keys(0x1302);
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD];
	struct ktls__opener o;
	int len;

	keys.seq = UINT64_MAX - 1;
	o = keyed(&keys);
	len = ktls__record_seal(rec, &keys, 23, text, 14);
	opens(&o, &keys, text, 14, 23, 14, 23, 1);
	ck_assert_uint_eq(o.seq, UINT64_MAX);
	refused(&o, rec, (size_t)len, -KTLS_ECRYPTO);
	ktls__opener_wipe(&o);
}
END_TEST

/* The new key only; and a refused one leaves the old in force. */
START_TEST(keys_change)
{
	static const struct ktls__opener none;
	struct ktls_keys keys = sample_keys(0x1301);
	struct ktls_keys next = sample_keys(0x1303);
	struct ktls__opener o = keyed(&keys);

	next.version = KTLS_TLS_1_2;
	ck_assert_int_eq(ktls__opener_key(&o, &next), -KTLS_ESUITE);
	next.version = KTLS_TLS_1_3;
	ck_assert_int_eq(EVP_set_default_properties(NULL, "provider=none"), 1);
	ck_assert_int_eq(ktls__opener_key(&o, &next), -KTLS_ECRYPTO);
	ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
	opens(&o, &keys, text, 14, 23, 14, 23, 0);
	next.seq = 0;
	ck_assert_int_eq(ktls__opener_key(&o, &next), 0);
	opens(&o, &next, text, 14, 22, 14, 22, 0);
	ck_assert_uint_eq(o.seq, 1);
	ktls__opener_wipe(&o);
	ck_assert_mem_eq(&o, &none, sizeof(o));
	ktls__opener_wipe(&o);
}
END_TEST

/* At the text, and at TLS 1.3's last byte behind it; with ChaCha20-Poly1305,
 * which is libcrypto's in every build. */
START_TEST(libcrypto_failing)
{
	const struct ktls_keys keys = sample_keys(0x1303);
	uint8_t rec[14 + KTLS__RECORD_OVERHEAD];
	int len = ktls__record_seal(rec, &keys, 23, text, 14);

	for (int step = 1; step <= 2; step++) {
		struct ktls__opener o = keyed(&keys);
		uint8_t out[14], type;

		memset(out, 0xee, sizeof(out));
		fail_update = step;
		ck_assert_int_eq(ktls__opener_open(&o, out, &type, rec,
						   (size_t)len), -KTLS_ECRYPTO);
		for (size_t i = 0; i < sizeof(out); i++)
			ck_assert_uint_eq(out[i], 0);
		ck_assert_uint_eq(o.seq, keys.seq);
		ktls__opener_wipe(&o);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("opener");
	TCase *tc = tcase_create("records");

	tcase_add_test(tc, every_suite_what_single_records_seal);
	tcase_add_test(tc, padding_is_stripped);
	tcase_add_test(tc, keys_change);
	suite_add_tcase(suite, tc);
	tc = tcase_create("refusals");
	tcase_add_test(tc, no_type_is_malformed);
	tcase_add_test(tc, damage_is_seen);
	tcase_add_test(tc, oversize_is_told_apart);
	tcase_add_test(tc, headers);
	tcase_add_test(tc, the_sequence_number_never_wraps);
	tcase_add_test(tc, libcrypto_failing);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
