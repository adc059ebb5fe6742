/* SPDX-License-Identifier: MIT */
/* Records sealed and opened without the library's own code for it, so that
 * the two are held against each other; well-formed or not. */
#include <check.h>
#include <string.h>

#include "life_peer.h"
#include "suite.h"
#include "tests/tls_calls.h"

#define HEADER 5
#define TAG TLS_TAG

static int is_1_3(const struct ktls_keys *keys)
{
	return keys->version == KTLS_TLS_1_3;
}

static size_t explicit_len(const struct ktls_keys *keys)
{
	return ktls__suite_find(keys->suite)->explicit_len;
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
static size_t aad_of(uint8_t out[13], const struct ktls_keys *keys,
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

/* Its parts, in buffers of the caller's. */
struct sealing {
	uint8_t nonce[12];
	uint8_t aad[13];
	struct tls_aead aead;
};

static void begin(struct sealing *to, const struct ktls_keys *keys,
		  const uint8_t *record, size_t text_len)
{
	const struct ktls__suite *suite = ktls__suite_find(keys->suite);

	nonce_of(to->nonce, keys, record);
	to->aead.key = keys->key;
	to->aead.key_len = suite->key_len;
	to->aead.chacha20 = strstr(suite->name, "CHACHA20") != NULL;
	to->aead.nonce = to->nonce;
	to->aead.aad = to->aad;
	to->aead.aad_len = aad_of(to->aad, keys, record, text_len);
}

/* In place, the tag behind it. */
static void seal_text(uint8_t *record, const struct ktls_keys *keys,
		      uint8_t *text, size_t len)
{
	struct sealing s;

	begin(&s, keys, record, len);
	ck_assert_int_eq(tls_seal(&s.aead, text, len), 1);
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
	struct sealing s;

	begin(&s, keys, record, len);
	return tls_open(&s.aead, out, text, len);
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
