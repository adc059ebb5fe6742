/* SPDX-License-Identifier: MIT */
/*
 * TLS records on libcrypto's AEADs: how one is laid out, sealed and opened.
 * A context is keyed once and serves any number of records after that.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "aead.h"
#include "suite.h"
#include "wipe.h"

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

const struct ktls__suite *ktls__aead_suite(const struct ktls_keys *keys)
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

int ktls__aead_key(void **ctx, const struct ktls__suite *suite,
		   const uint8_t *key, int enc)
{
	const EVP_CIPHER *cipher = cipher_of(suite);
	EVP_CIPHER_CTX *fresh = EVP_CIPHER_CTX_new();

	if (!fresh)
		return -ENOMEM;
	if (!cipher ||
	    EVP_CipherInit_ex(fresh, cipher, NULL, key, NULL, enc) != 1) {
		EVP_CIPHER_CTX_free(fresh);
		return -KTLS_ECRYPTO;
	}
	EVP_CIPHER_CTX_free(*ctx);
	*ctx = fresh;
	return 0;
}

void ktls__aead_free(void *ctx)
{
	EVP_CIPHER_CTX_free(ctx);
}

size_t ktls__aead_head(const struct ktls__suite *suite)
{
	return KTLS__HEADER_LEN + (size_t)suite->explicit_len;
}

/* TLS 1.3 hides the type inside; TLS 1.2's is never 0. */
static int sealed_type(const struct ktls__suite *suite, uint8_t type)
{
	return suite->version == KTLS_TLS_1_3 ? type == KTLS_RECORD_DATA
					      : type != 0;
}

int ktls__aead_body(const struct ktls__suite *suite, const uint8_t *header)
{
	const int least = suite->overhead - KTLS__HEADER_LEN;
	const int most = suite->version == KTLS_TLS_1_3 ? CIPHER_MAX
							: PLAIN_MAX + least;
	const int len = header[3] << 8 | header[4];

	if (header[1] != 3 || header[2] != 3 || !sealed_type(suite, header[0]))
		return -KTLS_EPROTOCOL;
	if (len > most)
		return -KTLS_EOVERSIZE;
	return len < least ? -KTLS_EBADRECORD : len;
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
static void put_nonce(uint8_t *nonce, const struct ktls__place *at,
		      const uint8_t *explicit_nonce)
{
	const uint64_t seq = htobe64(at->seq);
	uint8_t bytes[sizeof(seq)];

	memcpy(nonce, at->iv, NONCE_LEN);
	if (at->suite->explicit_len) {
		memcpy(nonce + at->suite->fixed_iv_len, explicit_nonce,
		       at->suite->explicit_len);
		return;
	}
	memcpy(bytes, &seq, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		nonce[NONCE_LEN - sizeof(bytes) + i] ^= bytes[i];
}

/* The additional data: the header (RFC 8446 section 5.2), or sequence
 * number and header with the plaintext's length (RFC 5246 section 6.2.3.3). */
static int put_aad(uint8_t *aad, const struct ktls__place *at,
		   const uint8_t *header, size_t plain_len)
{
	const uint64_t seq = htobe64(at->seq);

	if (at->suite->version == KTLS_TLS_1_3) {
		memcpy(aad, header, KTLS__HEADER_LEN);
		return KTLS__HEADER_LEN;
	}
	memcpy(aad, &seq, sizeof(seq));
	put_header(aad + sizeof(seq), header[0], plain_len);
	return AAD_MAX;
}

/* The next record of a keyed context: only its iv is set anew. */
static int start(EVP_CIPHER_CTX *ctx, const struct ktls__place *at,
		 const uint8_t *header, size_t plain_len)
{
	uint8_t nonce[NONCE_LEN], aad[AAD_MAX];
	int aad_len, ok, n;

	if (at->seq == UINT64_MAX)
		return 0;
	put_nonce(nonce, at, header + KTLS__HEADER_LEN);
	aad_len = put_aad(aad, at, header, plain_len);
	/* All three take a nonce of 12 bytes unless told otherwise. */
	ok = EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
	     EVP_CipherUpdate(ctx, NULL, &n, aad, aad_len) == 1;
	ktls__wipe(nonce, sizeof(nonce));
	return ok;
}

/* EVP takes no empty update from every cipher: leave it out. */
static int update(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in,
		  size_t len)
{
	int n;

	return len == 0 || EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1;
}

int ktls__aead_seal(void *ctx, const struct ktls__place *at, uint8_t *out,
		    uint8_t type, const uint8_t *in, size_t len)
{
	const struct ktls__suite *suite = at->suite;
	const size_t inner = suite->version == KTLS_TLS_1_3;
	const size_t rec_len = len + suite->overhead;
	uint8_t *text = out + ktls__aead_head(suite);
	uint8_t *tag;
	int n;

	if (len > PLAIN_MAX)
		return -EMSGSIZE;
	tag = text + len + inner;
	/* RFC 8446 section 5.2: the outer type is always data. */
	put_header(out, inner ? KTLS_RECORD_DATA : type,
		   rec_len - KTLS__HEADER_LEN);
	memcpy(out + KTLS__HEADER_LEN, at->iv + suite->fixed_iv_len,
	       suite->explicit_len);
	if (start(ctx, at, out, len) && update(ctx, text, in, len) &&
	    update(ctx, text + len, &type, inner) &&
	    EVP_CipherFinal_ex(ctx, tag, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) == 1)
		return (int)rec_len;
	ktls__wipe(out, rec_len);
	return -KTLS_ECRYPTO;
}

/* The tag stands behind the text that was opened.  EVP copies it, but takes
 * no pointer to what it may not change. */
static int check_tag(EVP_CIPHER_CTX *ctx, const uint8_t *text_end)
{
	uint8_t none[1]; /* Final adds nothing, but wants a place. */
	uint8_t tag[TAG_LEN];
	int n;

	memcpy(tag, text_end, sizeof(tag));
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1)
		return -KTLS_ECRYPTO;
	return EVP_CipherFinal_ex(ctx, none, &n) == 1 ? 0 : -KTLS_EBADRECORD;
}

/* RFC 8446 section 5.4: the last byte that is not 0 is the inner type, and
 * there is one.  It is *type already unless there is padding. */
static int strip_padding(uint8_t *type, const uint8_t *text, size_t len)
{
	if (*type != 0)
		return (int)len;
	while (len > 0 && text[len - 1] == 0)
		len--;
	if (len == 0)
		return -KTLS_EPROTOCOL;
	*type = text[len - 1];
	return (int)(len - 1);
}

/* TLS 1.3's last byte, mostly the type, goes to *type: the caller's buffer
 * need not be longer than the payload. */
static int open_text(EVP_CIPHER_CTX *ctx, const struct ktls__place *at,
		     uint8_t *out, uint8_t *type, const uint8_t *rec,
		     size_t len)
{
	const size_t inner = at->suite->version == KTLS_TLS_1_3;
	const uint8_t *text = rec + ktls__aead_head(at->suite);
	int err;

	if (!start(ctx, at, rec, len) || !update(ctx, out, text, len) ||
	    !update(ctx, type, text + len, inner))
		return -KTLS_ECRYPTO;
	err = check_tag(ctx, text + len + inner);
	if (err < 0)
		return err;
	return inner ? strip_padding(type, out, len) : (int)len;
}

int ktls__aead_open(void *ctx, const struct ktls__place *at, uint8_t *out,
		    uint8_t *type, const uint8_t *rec, size_t rec_len)
{
	const size_t len = rec_len - at->suite->overhead;
	uint8_t got = rec[0];
	int n = open_text(ctx, at, out, &got, rec, len);

	/* RFC 8446 section 5.4: padding counts. */
	if (n >= 0 && len > PLAIN_MAX)
		n = -KTLS_EOVERSIZE;
	if (n < 0)
		ktls__wipe(out, len);
	else
		*type = got;
	return n;
}

int ktls__record_seal(uint8_t *out, const struct ktls_keys *keys, uint8_t type,
		      const uint8_t *in, size_t in_len)
{
	const struct ktls__suite *suite = ktls__aead_suite(keys);
	const struct ktls__place at = { suite, keys->iv, keys->seq };
	void *ctx = NULL;
	int n;

	if (!suite)
		return -KTLS_ESUITE;
	if (in_len > PLAIN_MAX)
		return -EMSGSIZE;
	if (ktls__aead_key(&ctx, suite, keys->key, 1) < 0) {
		ktls__wipe(out, in_len + suite->overhead);
		return -KTLS_ECRYPTO;
	}
	n = ktls__aead_seal(ctx, &at, out, type, in, in_len);
	ktls__aead_free(ctx);
	return n;
}

static int open_once(uint8_t *out, uint8_t *type, const struct ktls_keys *keys,
		     const uint8_t *rec, size_t rec_len)
{
	const struct ktls__suite *suite = ktls__aead_suite(keys);
	const struct ktls__place at = { suite, keys->iv, keys->seq };
	void *ctx = NULL;
	int n;

	if (!suite)
		return -KTLS_ESUITE;
	if (rec_len < KTLS__HEADER_LEN)
		return -EBADMSG;
	n = ktls__aead_body(suite, rec);
	if (n < 0 || (size_t)n != rec_len - KTLS__HEADER_LEN)
		return -EBADMSG;
	if (ktls__aead_key(&ctx, suite, keys->key, 0) < 0)
		return -KTLS_ECRYPTO;
	n = ktls__aead_open(ctx, &at, out, type, rec, rec_len);
	ktls__aead_free(ctx);
	return n == -KTLS_EBADRECORD || n == -KTLS_EOVERSIZE ||
			       n == -KTLS_EPROTOCOL ? -EBADMSG : n;
}

int ktls__record_open(uint8_t *out, uint8_t *type,
		      const struct ktls_keys *keys, const uint8_t *rec,
		      size_t rec_len)
{
	int n = open_once(out, type, keys, rec, rec_len);

	if (n < 0)
		ktls__wipe(out, rec_len);
	return n;
}
