/* SPDX-License-Identifier: MIT */
/* See aead.h: how a record is laid out, sealed and opened. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "aead.h"
#include "suite.h"
#include "wipe.h"

#define AAD_MAX 13
#define PLAIN_MAX 16384
#define CIPHER_MAX (PLAIN_MAX + 256) /* RFC 8446 section 5.2 */
#define SHORT_MAX 256

const struct ktls__suite *ktls__aead_suite(const struct ktls_keys *keys)
{
	const struct ktls__suite *suite = ktls__suite_find(keys->suite);

	return suite && suite->version == keys->version ? suite : NULL;
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
	uint64_t tail;

	memcpy(nonce, at->iv, KTLS__NONCE_LEN);
	if (at->suite->explicit_len) {
		memcpy(nonce + at->suite->fixed_iv_len, explicit_nonce,
		       at->suite->explicit_len);
		return;
	}
	memcpy(&tail, nonce + KTLS__NONCE_LEN - sizeof(tail), sizeof(tail));
	tail ^= htobe64(at->seq);
	memcpy(nonce + KTLS__NONCE_LEN - sizeof(tail), &tail, sizeof(tail));
}

/* The additional data: the header (RFC 8446 section 5.2), or sequence
 * number and header with the plaintext's length (RFC 5246 section 6.2.3.3). */
static size_t put_aad(uint8_t *aad, const struct ktls__place *at,
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

/* A text, and what it only points to. */
struct job {
	struct ktls__cipher_text text;
	uint8_t nonce[KTLS__NONCE_LEN];
	uint8_t aad[AAD_MAX];
};

/* 0; -KTLS_ECRYPTO: there is no nonce left. */
static int place(struct job *j, const struct ktls__place *at,
		 const uint8_t *header)
{
	if (at->seq == UINT64_MAX)
		return -KTLS_ECRYPTO;
	put_nonce(j->nonce, at, header + KTLS__HEADER_LEN);
	j->text.nonce = j->nonce;
	j->text.aad = j->aad;
	j->text.aad_len = put_aad(j->aad, at, header, j->text.len);
	return 0;
}

int ktls__aead_seal(const struct ktls__cipher *c, const struct ktls__place *at,
		    uint8_t *out, uint8_t type, const uint8_t *in, size_t len)
{
	const struct ktls__suite *suite = at->suite;
	const bool inner = suite->version == KTLS_TLS_1_3;
	const size_t rec_len = len + suite->overhead;
	uint8_t *text = out + ktls__aead_head(suite);
	struct job j;
	int err;

	if (len > PLAIN_MAX)
		return -EMSGSIZE;
	/* In its place text and type are sealed as one; copying a short one
	 * there costs less than a step for the type alone. */
	if (inner && len > 0 && len <= SHORT_MAX && in != text)
		in = memcpy(text, in, len);
	j.text = (struct ktls__cipher_text){
		.out = text,
		.in = in,
		.len = len,
		.type = inner ? &type : NULL,
	};
	/* RFC 8446 section 5.2: the outer type is always data. */
	put_header(out, inner ? KTLS_RECORD_DATA : type,
		   rec_len - KTLS__HEADER_LEN);
	memcpy(out + KTLS__HEADER_LEN, at->iv + suite->fixed_iv_len,
	       suite->explicit_len);
	err = place(&j, at, out);
	if (err == 0)
		err = ktls__cipher_seal(c, &j.text);
	ktls__wipe(j.nonce, sizeof(j.nonce));
	if (err < 0)
		ktls__wipe(out, rec_len);
	return err < 0 ? err : (int)rec_len;
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

static int open_text(const struct ktls__cipher *c, const struct ktls__place *at,
		     const uint8_t *header, struct job *j)
{
	const struct ktls__cipher_text *t = &j->text;
	int err = place(j, at, header);

	if (err == 0)
		err = ktls__cipher_open(c, t);
	ktls__wipe(j->nonce, sizeof(j->nonce));
	if (err < 0)
		return err;
	return t->type ? strip_padding(t->type, t->out, t->len) : (int)t->len;
}

/* TLS 1.3's last byte, mostly the type, goes to the stack: the caller's
 * buffer need not be longer than the payload.  In its place it is opened
 * where it stands, too. */
int ktls__aead_open(const struct ktls__cipher *c, const struct ktls__place *at,
		    uint8_t *out, uint8_t *type, const uint8_t *rec,
		    size_t rec_len)
{
	const bool inner = at->suite->version == KTLS_TLS_1_3;
	const size_t len = rec_len - at->suite->overhead;
	uint8_t got = rec[0];
	struct job j;
	int n;

	j.text = (struct ktls__cipher_text){
		.out = out,
		.in = rec + ktls__aead_head(at->suite),
		.len = len,
		.type = inner ? &got : NULL,
	};
	n = open_text(c, at, rec, &j);
	/* RFC 8446 section 5.4: padding counts. */
	if (n >= 0 && len > PLAIN_MAX)
		n = -KTLS_EOVERSIZE;
	if (n < 0)
		ktls__wipe(out, len + (inner && j.text.in == out));
	else
		*type = got;
	return n;
}

int ktls__record_seal(uint8_t *out, const struct ktls_keys *keys, uint8_t type,
		      const uint8_t *in, size_t in_len)
{
	const struct ktls__suite *suite = ktls__aead_suite(keys);
	const struct ktls__place at = { suite, keys->iv, keys->seq };
	struct ktls__cipher c = { .by = NULL };
	int n;

	if (!suite)
		return -KTLS_ESUITE;
	if (in_len > PLAIN_MAX)
		return -EMSGSIZE;
	if (ktls__cipher_key(&c, suite, keys->key, 1) < 0) {
		ktls__wipe(out, in_len + suite->overhead);
		return -KTLS_ECRYPTO;
	}
	n = ktls__aead_seal(&c, &at, out, type, in, in_len);
	ktls__cipher_free(&c);
	return n;
}

static int open_once(uint8_t *out, uint8_t *type, const struct ktls_keys *keys,
		     const uint8_t *rec, size_t rec_len)
{
	const struct ktls__suite *suite = ktls__aead_suite(keys);
	const struct ktls__place at = { suite, keys->iv, keys->seq };
	struct ktls__cipher c = { .by = NULL };
	int n;

	if (!suite)
		return -KTLS_ESUITE;
	if (rec_len < KTLS__HEADER_LEN)
		return -EBADMSG;
	n = ktls__aead_body(suite, rec);
	if (n < 0 || (size_t)n != rec_len - KTLS__HEADER_LEN)
		return -EBADMSG;
	if (ktls__cipher_key(&c, suite, keys->key, 0) < 0)
		return -KTLS_ECRYPTO;
	n = ktls__aead_open(&c, &at, out, type, rec, rec_len);
	ktls__cipher_free(&c);
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
