/* SPDX-License-Identifier: MIT */
/* What encrypting and decrypting alone cost, as libktls is built. */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "jobs.h"
#include "part_mb.h"
#include "parts.h"

#define TAG 16
#define SLOT (HEADER + 8 + RECORD + 1 + TAG + 2)

/* As many records as one send takes: the caches see what an engine sees. */
struct aead {
	EVP_CIPHER_CTX *ctx;
	struct mb *mb; /* in place of ctx */
	const struct suite *suite;
	const uint8_t *source; /* NULL: in place */
	size_t payload, records; /* of a record, in a call */
	uint64_t seq;
	uint8_t iv[12], aad[13];
	int aad_len, type_len;
	uint8_t slot[BATCH][SLOT];
	uint8_t tag[BATCH][TAG];
	uint8_t opened[BATCH * RECORD];
};

static void number(struct aead *a, uint64_t seq)
{
	memcpy(a->iv + 4, &seq, sizeof(seq));
}

static int seal_evp(struct aead *a, uint8_t *slot, const uint8_t *from,
		    int len)
{
	uint8_t *body = slot + HEADER, *tag = body + len + 1;
	int n, ok;

	ok = EVP_EncryptInit_ex(a->ctx, NULL, NULL, NULL, a->iv) &&
	     EVP_EncryptUpdate(a->ctx, NULL, &n, a->aad, a->aad_len);
	if (a->suite->protocol != TLS1_3_VERSION) {
		ok = ok && EVP_EncryptUpdate(a->ctx, body, &n, from, len);
	} else if (from == body) {
		body[len] = KTLS_RECORD_DATA;
		ok = ok && EVP_EncryptUpdate(a->ctx, body, &n, body, len + 1);
	} else {
		body[len] = KTLS_RECORD_DATA;
		ok = ok && EVP_EncryptUpdate(a->ctx, body, &n, from, len) &&
		     EVP_EncryptUpdate(a->ctx, body + len, &n, body + len, 1);
	}
	ok = ok && EVP_EncryptFinal_ex(a->ctx, tag, &n) &&
	     EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag);
	return ok ? 0 : complain("sealing alone", -KTLS_ECRYPTO);
}

static int seal(struct aead *a, uint8_t *slot, const uint8_t *from, int len)
{
	uint8_t *body = slot + HEADER, *end = body + len;

	number(a, a->seq++);
	if (!a->mb)
		return seal_evp(a, slot, from, len);
	*end = KTLS_RECORD_DATA;
	if (from == body)
		mb_seal(a->mb, body, body, (size_t)(len + a->type_len), NULL,
			0, a->iv, a->aad, (size_t)a->aad_len, end + 1);
	else
		mb_seal(a->mb, body, from, (size_t)len, end,
			(size_t)a->type_len, a->iv, a->aad,
			(size_t)a->aad_len, end + 1);
	return 0;
}

static int open_evp(struct aead *a, size_t i)
{
	uint8_t *body = a->slot[i] + HEADER;
	int n, ok, len = (int)a->payload;
	uint8_t type;

	ok = EVP_DecryptInit_ex(a->ctx, NULL, NULL, NULL, a->iv) &&
	     EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, TAG,
				 a->tag[i]) &&
	     EVP_DecryptUpdate(a->ctx, NULL, &n, a->aad, a->aad_len) &&
	     EVP_DecryptUpdate(a->ctx, a->opened + i * RECORD, &n, body, len);
	if (a->suite->protocol == TLS1_3_VERSION)
		ok = ok && EVP_DecryptUpdate(a->ctx, &type, &n, body + len, 1);
	ok = ok && EVP_DecryptFinal_ex(a->ctx, &type, &n);
	return ok ? 0 : complain("opening alone", -KTLS_ECRYPTO);
}

static int open_one(struct aead *a, size_t i)
{
	uint8_t *body = a->slot[i] + HEADER;

	number(a, i);
	if (!a->mb)
		return open_evp(a, i);
	return mb_open(a->mb, a->opened + i * RECORD, body, a->payload,
		       body + a->payload, (size_t)a->type_len, a->iv, a->aad,
		       (size_t)a->aad_len, a->tag[i]) ?
		       0 :
		       complain("opening alone", -KTLS_ECRYPTO);
}

static double run_seal(struct way *w, long calls)
{
	struct aead *a = w->state;
	double began = cpu_now();
	const uint8_t *from;
	uint8_t *slot;
	size_t i;

	for (; calls > 0; calls--)
		for (i = 0; i < a->records; i++) {
			slot = a->slot[i % BATCH];
			from = a->source ? a->source + i * RECORD :
					   slot + HEADER;
			if (seal(a, slot, from, (int)a->payload) < 0)
				return -1;
		}
	return cpu_now() - began;
}

static double run_open(struct way *w, long calls)
{
	struct aead *a = w->state;
	double began = cpu_now();
	size_t i;

	for (; calls > 0; calls--)
		for (i = 0; i < a->records; i++)
			if (open_one(a, i % BATCH) < 0)
				return -1;
	return cpu_now() - began;
}

void aead_free(struct aead *a)
{
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->ctx);
	mb_free(a->mb);
	free(a);
}

static void close_aead(struct way *w)
{
	aead_free(w->state);
	w->state = NULL;
}

static const uint8_t key[32] = { 1, 2, 3 };

static int set_key(struct aead *a, int encrypt)
{
	return EVP_CipherInit_ex(a->ctx, a->suite->cipher(), NULL, key, a->iv,
				 encrypt) ? 0 : -1;
}

struct aead *aead_new(const struct suite *s, size_t payload)
{
	struct aead *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->suite = s;
	a->payload = payload;
	a->aad_len = s->protocol == TLS1_3_VERSION ? 5 : 13;
	a->type_len = s->protocol == TLS1_3_VERSION;
	a->mb = mb_new(s, key);
	a->ctx = EVP_CIPHER_CTX_new();
	if (a->ctx && set_key(a, 1) == 0)
		return a;
	aead_free(a);
	return NULL;
}

int aead_seal(struct aead *a, uint8_t *slot, const uint8_t *from)
{
	return seal(a, slot, from, (int)a->payload);
}

static struct aead *make(struct race *r, const struct suite *s,
			 const char *name)
{
	size_t payload = r->size < RECORD ? r->size : RECORD;
	struct aead *a = aead_new(s, payload);
	struct way *w;

	if (!a)
		return NULL;
	a->records = r->size / payload;
	w = race_add(r, name, ROLE_PART);
	w->close = close_aead;
	w->state = a;
	w->run = run_seal;
	return a;
}

int part_seal(struct race *r, const struct suite *s, bool in_place)
{
	struct aead *a = make(r, s, "AEAD alone");

	if (!a || !source_get())
		return complain("EVP", -KTLS_ECRYPTO);
	a->source = in_place ? NULL : source_get()->memory;
	return 0;
}

int part_open(struct race *r, const struct suite *s)
{
	struct aead *a = make(r, s, "AEAD alone");
	size_t i, len;

	if (!a)
		return complain("EVP", -KTLS_ECRYPTO);
	r->way[r->ways - 1].run = run_open;
	for (i = 0; i < BATCH; i++) {
		if (seal(a, a->slot[i], a->slot[i] + HEADER,
			 (int)a->payload) < 0)
			return -1;
		len = a->payload + 1;
		memcpy(a->tag[i], a->slot[i] + HEADER + len, TAG);
	}
	return set_key(a, 0);
}
