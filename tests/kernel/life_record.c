/* SPDX-License-Identifier: MIT */
/* Records sealed and opened without the library's own code for it, so that
 * the two are held against each other; well-formed or not. */
#include <check.h>
#include <string.h>

#include <openssl/evp.h>

#include "life_peer.h"
#include "suite.h"

#define HEADER 5
#define TAG 16

static int is_1_3(const struct ktls_keys *keys)
{
	return keys->version == KTLS_TLS_1_3;
}

static size_t explicit_len(const struct ktls_keys *keys)
{
	return ktls__suite_find(keys->suite)->explicit_len;
}

static const EVP_CIPHER *cipher_of(const struct ktls_keys *keys)
{
	const struct ktls__suite *suite = ktls__suite_find(keys->suite);

	if (strstr(suite->name, "CHACHA20"))
		return EVP_chacha20_poly1305();
	return suite->key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

static void put_seq(uint8_t out[8], uint64_t seq)
{
	int i;

	for (i = 7; i >= 0; i--, seq >>= 8)
		out[i] = (uint8_t)seq;
}

static void nonce_of(uint8_t out[12], const struct ktls_keys *keys,
		     const uint8_t *record)
{
	uint8_t seq[8];
	int i;

	memcpy(out, keys->iv, 12);
	if (explicit_len(keys) > 0) {
		memcpy(out + 4, record + HEADER, 8);
		return;
	}
	put_seq(seq, keys->seq);
	for (i = 0; i < 8; i++)
		out[4 + i] ^= seq[i];
}

/* RFC 8446 section 5.2; RFC 5246 section 6.2.3.3. */
static int aad_of(uint8_t out[13], const struct ktls_keys *keys,
		  const uint8_t *record, size_t text_len)
{
	if (is_1_3(keys)) {
		memcpy(out, record, HEADER);
		return HEADER;
	}
	put_seq(out, keys->seq);
	memcpy(out + 8, record, 3);
	out[11] = (uint8_t)(text_len >> 8);
	out[12] = (uint8_t)text_len;
	return 13;
}

static EVP_CIPHER_CTX *begin(const struct ktls_keys *keys,
			     const uint8_t *record, size_t text_len, int seal)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12];
	uint8_t aad[13];
	int len = aad_of(aad, keys, record, text_len);
	int n;

	nonce_of(nonce, keys, record);
	ck_assert_ptr_nonnull(ctx);
	ck_assert_int_eq(EVP_CipherInit_ex(ctx, cipher_of(keys), NULL,
					   keys->key, nonce, seal), 1);
	ck_assert_int_eq(EVP_CipherUpdate(ctx, NULL, &n, aad, len), 1);
	return ctx;
}

/* In place, the tag behind it. */
static void seal_text(uint8_t *record, const struct ktls_keys *keys,
		      uint8_t *text, size_t len)
{
	EVP_CIPHER_CTX *ctx = begin(keys, record, len, 1);
	uint8_t *tag = text + len;
	int n;

	if (len > 0)
		ck_assert_int_eq(EVP_CipherUpdate(ctx, text, &n, text,
						  (int)len), 1);
	ck_assert_int_eq(EVP_CipherFinal_ex(ctx, tag, &n), 1);
	ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG,
					     tag), 1);
	EVP_CIPHER_CTX_free(ctx);
}

static void put_header(uint8_t *out, const struct ktls_keys *keys,
		       const struct life_record *r, size_t body)
{
	out[0] = r->type;
	if (is_1_3(keys))
		out[0] = r->fault == LIFE_OUTER_TYPE ? KTLS_RECORD_HANDSHAKE :
						       KTLS_RECORD_DATA;
	out[1] = 3;
	out[2] = 3;
	out[3] = (uint8_t)(body >> 8);
	out[4] = (uint8_t)body;
	if (explicit_len(keys) > 0)
		put_seq(out + HEADER, keys->seq);
}

size_t life_seal(uint8_t out[LIFE_WIRE_MAX], struct ktls_keys *keys,
		 const struct life_record *r)
{
	uint8_t *text = out + HEADER + explicit_len(keys);
	size_t len = r->len;
	size_t total;

	if (r->len > 0)
		memcpy(text, r->bytes, r->len);
	if (is_1_3(keys)) {
		text[len++] = r->fault == LIFE_ALL_ZERO ? 0 : r->type;
		memset(text + len, 0, r->pad);
		len += r->pad;
	}
	total = (size_t)(text - out) + len + TAG;
	ck_assert_uint_le(total, LIFE_WIRE_MAX);
	put_header(out, keys, r, total - HEADER);
	seal_text(out, keys, text, len);
	if (r->fault == LIFE_BAD_TAG)
		out[total - 1] ^= 1;
	if (r->fault == LIFE_BAD_VERSION)
		out[1] = 5;
	keys->seq++;
	return total;
}

static int open_text(uint8_t *out, const struct ktls_keys *keys,
		     const uint8_t *record, const uint8_t *text, size_t len)
{
	EVP_CIPHER_CTX *ctx = begin(keys, record, len, 0);
	uint8_t tag[TAG];
	int n;
	int ok;

	memcpy(tag, text + len, TAG);
	if (len > 0)
		ck_assert_int_eq(EVP_CipherUpdate(ctx, out, &n, text,
						  (int)len), 1);
	ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG,
					     tag), 1);
	ok = EVP_CipherFinal_ex(ctx, tag, &n);
	EVP_CIPHER_CTX_free(ctx);
	return ok == 1;
}

ssize_t life_open(uint8_t *out, uint8_t *type, struct ktls_keys *keys,
		  const uint8_t *record, size_t len)
{
	const uint8_t *text = record + HEADER + explicit_len(keys);
	size_t text_len;

	if (len < (size_t)(text - record) + TAG)
		return -1;
	text_len = (size_t)(record + len - text) - TAG;
	if (!open_text(out, keys, record, text, text_len))
		return -1;
	keys->seq++;
	*type = record[0];
	if (!is_1_3(keys))
		return (ssize_t)text_len;
	while (text_len > 0 && out[text_len - 1] == 0)
		text_len--;
	if (*type != KTLS_RECORD_DATA || text_len == 0)
		return -1;
	*type = out[text_len - 1];
	return (ssize_t)text_len - 1;
}
