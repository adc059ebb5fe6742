/* SPDX-License-Identifier: MIT */
/* AES-GCM alone by Intel's multi-buffer library. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "part_mb.h"

#ifdef KTLS_IPSEC_MB
#include <intel-ipsec-mb.h>

#define TAG 16

struct mb {
	IMB_MGR *manager;
	struct gcm_context_data state;
	_Alignas(64) struct gcm_key_data key;
	bool aes_128;
};

struct mb *mb_new(const struct suite *s, const uint8_t *key)
{
	struct mb *m;

	if (strncmp(s->name, "AES-", 4) != 0)
		return NULL;
	m = aligned_alloc(_Alignof(struct mb), sizeof(*m));
	if (!m)
		return NULL;
	m->manager = alloc_mb_mgr(0);
	m->aes_128 = s->key == 16;
	if (!m->manager) {
		free(m);
		return NULL;
	}
	init_mb_mgr_auto(m->manager, NULL);
	if (m->aes_128)
		IMB_AES128_GCM_PRE(m->manager, key, &m->key);
	else
		IMB_AES256_GCM_PRE(m->manager, key, &m->key);
	return m;
}

void mb_free(struct mb *m)
{
	if (m)
		free_mb_mgr(m->manager);
	free(m);
}

static void begin(struct mb *m, const uint8_t *iv, const uint8_t *aad,
		  size_t aad_len)
{
	if (m->aes_128)
		IMB_AES128_GCM_INIT(m->manager, &m->key, &m->state, iv, aad,
				    aad_len);
	else
		IMB_AES256_GCM_INIT(m->manager, &m->key, &m->state, iv, aad,
				    aad_len);
}

void mb_seal(struct mb *m, uint8_t *out, const uint8_t *in, size_t len,
	     uint8_t *tail, size_t last, const uint8_t *iv,
	     const uint8_t *aad, size_t aad_len, uint8_t *tag)
{
	IMB_MGR *g = m->manager;
	aes_gcm_enc_dec_update_t update = m->aes_128 ? g->gcm128_enc_update :
						       g->gcm256_enc_update;

	begin(m, iv, aad, aad_len);
	update(&m->key, &m->state, out, in, len);
	if (last)
		update(&m->key, &m->state, tail, tail, last);
	(m->aes_128 ? g->gcm128_enc_finalize :
		      g->gcm256_enc_finalize)(&m->key, &m->state, tag, TAG);
}

bool mb_open(struct mb *m, uint8_t *out, const uint8_t *in, size_t len,
	     const uint8_t *tail, size_t last, const uint8_t *iv,
	     const uint8_t *aad, size_t aad_len, const uint8_t *tag)
{
	IMB_MGR *g = m->manager;
	aes_gcm_enc_dec_update_t update = m->aes_128 ? g->gcm128_dec_update :
						       g->gcm256_dec_update;
	uint8_t found[TAG], opened[TAG];

	begin(m, iv, aad, aad_len);
	update(&m->key, &m->state, out, in, len);
	if (last)
		update(&m->key, &m->state, opened, tail, last);
	(m->aes_128 ? g->gcm128_dec_finalize :
		      g->gcm256_dec_finalize)(&m->key, &m->state, found, TAG);
	return memcmp(found, tag, TAG) == 0;
}

#else

struct mb *mb_new(const struct suite *s, const uint8_t *key)
{
	(void)s;
	(void)key;
	return NULL;
}

void mb_free(struct mb *m)
{
	(void)m;
}

void mb_seal(struct mb *m, uint8_t *out, const uint8_t *in, size_t len,
	     uint8_t *tail, size_t last, const uint8_t *iv,
	     const uint8_t *aad, size_t aad_len, uint8_t *tag)
{
	(void)m, (void)out, (void)in, (void)len, (void)tail, (void)last;
	(void)iv, (void)aad, (void)aad_len, (void)tag;
}

bool mb_open(struct mb *m, uint8_t *out, const uint8_t *in, size_t len,
	     const uint8_t *tail, size_t last, const uint8_t *iv,
	     const uint8_t *aad, size_t aad_len, const uint8_t *tag)
{
	(void)m, (void)out, (void)in, (void)len, (void)tail, (void)last;
	(void)iv, (void)aad, (void)aad_len, (void)tag;
	return false;
}

#endif
