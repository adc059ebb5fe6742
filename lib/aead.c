/* SPDX-License-Identifier: MIT */
/*
 * One TLS record, sealed or opened with libcrypto's AEADs.  It serves few
 * records per connection, so each call sets its cipher up afresh.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "aead.h"
#include "suite.h"
#include "wipe.h"

#define HEADER_LEN 5
#define NONCE_LEN 12
#define TAG_LEN 16
#define AAD_MAX 13
#define PLAIN_MAX 16384
#define CIPHER_MAX (PLAIN_MAX + 256) /* RFC 8446 section 5.2 */

static const struct {
	unsigned bit;
	const EVP_CIPHER *(*cipher)(void);
} ciphers[] = {
	{ KTLS_CIPHER_AES_128_GCM, EVP_aes_128_gcm },
	{ KTLS_CIPHER_AES_256_GCM, EVP_aes_256_gcm },
	{ KTLS_CIPHER_CHACHA20_POLY1305, EVP_chacha20_poly1305 },
};

/* All that one AEAD operation needs besides its text. */
struct once {
	const struct ktls__suite *suite;
	uint8_t nonce[NONCE_LEN];
	uint8_t aad[AAD_MAX];
	int aad_len;
};

static const struct ktls__suite *suite_of(const struct ktls_keys *keys)
{
	const struct ktls__suite *suite = ktls__suite_find(keys->suite);

	return suite && suite->version == keys->version ? suite : NULL;
}

static const EVP_CIPHER *cipher_of(const struct ktls__suite *suite)
{
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (ciphers[i].bit == suite->cipher_bit)
			return ciphers[i].cipher();
	return NULL;
}

static void put_header(uint8_t *out, uint8_t type, size_t body_len)
{
	out[0] = type;
	out[1] = 3;
	out[2] = 3;
	out[3] = (uint8_t)(body_len >> 8);
	out[4] = (uint8_t)body_len;
}

/* The nonce: write_iv XOR sequence number (RFC 8446 section 5.3, RFC 7905),
 * or salt and explicit part (RFC 5288). */
static void set_nonce(struct once *op, const struct ktls_keys *keys,
		      const uint8_t *explicit_nonce)
{
	const uint64_t seq = htobe64(keys->seq);
	uint8_t bytes[sizeof(seq)];

	memcpy(op->nonce, keys->iv, NONCE_LEN);
	if (op->suite->explicit_len) {
		memcpy(op->nonce + op->suite->fixed_iv_len, explicit_nonce,
		       op->suite->explicit_len);
		return;
	}
	memcpy(bytes, &seq, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		op->nonce[NONCE_LEN - sizeof(bytes) + i] ^= bytes[i];
}

/* The additional data: the header (RFC 8446 section 5.2), or sequence
 * number and header with the plaintext's length (RFC 5246 section 6.2.3.3). */
static void set_aad(struct once *op, const struct ktls_keys *keys,
		    const uint8_t *header, size_t plain_len)
{
	const uint64_t seq = htobe64(keys->seq);

	if (op->suite->version == KTLS_TLS_1_3) {
		memcpy(op->aad, header, HEADER_LEN);
		op->aad_len = HEADER_LEN;
		return;
	}
	memcpy(op->aad, &seq, sizeof(seq));
	put_header(op->aad + sizeof(seq), header[0], plain_len);
	op->aad_len = AAD_MAX;
}

static EVP_CIPHER_CTX *start(const struct once *op,
			     const struct ktls_keys *keys, int enc)
{
	const EVP_CIPHER *cipher = cipher_of(op->suite);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	/* All three take a nonce of 12 bytes unless told otherwise. */
	if (ctx && cipher &&
	    EVP_CipherInit_ex(ctx, cipher, NULL, keys->key, op->nonce,
			      enc) == 1 &&
	    EVP_CipherUpdate(ctx, NULL, &n, op->aad, op->aad_len) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

/* EVP takes no empty update from every cipher: leave it out. */
static int update(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in,
		  size_t len)
{
	int n;

	return len == 0 || EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1;
}

static int seal(uint8_t *out, const struct once *op,
		const struct ktls_keys *keys, uint8_t type, const uint8_t *in,
		size_t in_len)
{
	const size_t inner = op->suite->version == KTLS_TLS_1_3;
	EVP_CIPHER_CTX *ctx = start(op, keys, 1);
	uint8_t *tag = out + in_len + inner;
	int ok, n;

	ok = ctx && update(ctx, out, in, in_len) &&
	     update(ctx, out + in_len, &type, inner) &&
	     EVP_CipherFinal_ex(ctx, tag, &n) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -KTLS_ECRYPTO;
}

int ktls__record_seal(uint8_t *out, const struct ktls_keys *keys, uint8_t type,
		      const uint8_t *in, size_t in_len)
{
	struct once op = { .suite = suite_of(keys) };
	size_t explicit_len, len;
	int err;

	if (!op.suite)
		return -KTLS_ESUITE;
	if (in_len > PLAIN_MAX)
		return -EMSGSIZE;
	explicit_len = op.suite->explicit_len;
	len = in_len + op.suite->overhead;

	/* RFC 8446 section 5.2: the outer type is always data. */
	put_header(out, op.suite->version == KTLS_TLS_1_3 ? KTLS_RECORD_DATA
							  : type,
		   len - HEADER_LEN);
	memcpy(out + HEADER_LEN, keys->iv + op.suite->fixed_iv_len,
	       explicit_len);
	set_nonce(&op, keys, out + HEADER_LEN);
	set_aad(&op, keys, out, in_len);
	err = seal(out + HEADER_LEN + explicit_len, &op, keys, type, in,
		   in_len);
	if (err)
		ktls__wipe(out, len);
	return err ? err : (int)len;
}

/* in_len counts no tag; the tag stands behind. */
static int open_text(uint8_t *out, const struct once *op,
		     const struct ktls_keys *keys, const uint8_t *in,
		     size_t in_len)
{
	EVP_CIPHER_CTX *ctx = start(op, keys, 0);
	uint8_t tag[TAG_LEN];
	int err = -KTLS_ECRYPTO;
	int n;

	memcpy(tag, in + in_len, sizeof(tag));
	if (ctx && update(ctx, out, in, in_len) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
				tag) == 1) {
		uint8_t none[1]; /* Final adds nothing, but wants a place. */

		err = EVP_CipherFinal_ex(ctx, none, &n) == 1 ? 0 : -EBADMSG;
	}
	EVP_CIPHER_CTX_free(ctx);
	return err;
}

/* Whether header and lengths are those of a record of this suite. */
static int well_formed(const struct ktls__suite *suite, const uint8_t *rec,
		       size_t rec_len)
{
	size_t body_len;

	if (rec_len < suite->overhead || rec_len > HEADER_LEN + CIPHER_MAX)
		return 0;
	body_len = (size_t)(rec[3] << 8 | rec[4]);
	return rec[1] == 3 && rec[2] == 3 &&
	       body_len == rec_len - HEADER_LEN &&
	       (suite->version != KTLS_TLS_1_3 || rec[0] == KTLS_RECORD_DATA);
}

/* RFC 8446 section 5.4: the last byte that is not 0 is the inner type. */
static int strip_padding(uint8_t *type, const uint8_t *text, size_t len)
{
	while (len > 0 && text[len - 1] == 0)
		len--;
	if (len == 0)
		return -EBADMSG;
	*type = text[len - 1];
	return (int)(len - 1);
}

/* A well-formed record: the plaintext's length, or what is wrong. */
static int open_record(uint8_t *out, uint8_t *type,
		       const struct ktls__suite *suite,
		       const struct ktls_keys *keys, const uint8_t *rec,
		       size_t rec_len)
{
	struct once op = { .suite = suite };
	const uint8_t *text = rec + HEADER_LEN + suite->explicit_len;
	const size_t len = (size_t)(rec + rec_len - text) - TAG_LEN;
	int n = (int)len;
	int err;

	set_nonce(&op, keys, rec + HEADER_LEN);
	set_aad(&op, keys, rec, len);
	err = open_text(out, &op, keys, text, len);
	if (err)
		return err;
	*type = rec[0];
	if (suite->version == KTLS_TLS_1_3)
		n = strip_padding(type, out, len);
	return n > PLAIN_MAX ? -EBADMSG : n;
}

int ktls__record_open(uint8_t *out, uint8_t *type,
		      const struct ktls_keys *keys, const uint8_t *rec,
		      size_t rec_len)
{
	const struct ktls__suite *suite = suite_of(keys);
	int n = -EBADMSG;

	if (!suite)
		n = -KTLS_ESUITE;
	else if (well_formed(suite, rec, rec_len))
		n = open_record(out, type, suite, keys, rec, rec_len);
	if (n < 0)
		ktls__wipe(out, rec_len);
	return n;
}
