/* SPDX-License-Identifier: MIT */
/* See session.h. */
#include "session.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "aead.h"
#include "opener.h"
#include "output.h"
#include "pool.h"
#include "schedule.h"
#include "wipe.h"

#define IV_LEN 12
#define SALT_LEN 4

/* One direction, on its way into struct ktls__session. */
struct half {
	struct ktls_keys *keys;
	uint8_t *secret;
	uint8_t *secret_len;
};

static int take_secret(const struct half *to, const struct ktls__suite *suite,
		       const struct ktls_protection *p)
{
	int err;

	if (p->secret == NULL || suite->version != KTLS_TLS_1_3)
		return -EINVAL;
	err = ktls_keys_tls13(to->keys, suite->id, p->secret, p->secret_len);
	if (err < 0)
		return err;
	memcpy(to->secret, p->secret, p->secret_len);
	*to->secret_len = (uint8_t)p->secret_len;
	return 0;
}

static int take_key(struct ktls_keys *keys, const struct ktls__suite *suite,
		    const struct ktls_protection *p)
{
	const uint64_t nonce = htobe64(p->seq);
	const bool counts = suite->explicit_len > 0 && p->iv_len == SALT_LEN;

	if (p->key == NULL || p->key_len != suite->key_len ||
	    p->iv == NULL || (p->iv_len != IV_LEN && !counts))
		return -EINVAL;
	keys->version = suite->version;
	keys->suite = suite->id;
	memcpy(keys->key, p->key, p->key_len);
	memcpy(keys->iv, p->iv, p->iv_len);
	if (counts)
		memcpy(keys->iv + SALT_LEN, &nonce, sizeof(nonce));
	return 0;
}

static int take_half(const struct half *to, const struct ktls__suite *suite,
		     const struct ktls_protection *p)
{
	int err;

	/* The next record would have a number that no other may follow. */
	if (p->seq == UINT64_MAX)
		return -EOVERFLOW;
	if (p->secret != NULL || p->secret_len > 0)
		err = take_secret(to, suite, p);
	else
		err = take_key(to->keys, suite, p);
	to->keys->seq = p->seq;
	return err;
}

static int take_both(struct ktls__session *s, const struct ktls_session *in)
{
	const struct half tx = { &s->tx, s->tx_secret, &s->tx_secret_len };
	const struct half rx = { &s->rx, s->rx_secret, &s->rx_secret_len };
	int err = take_half(&tx, s->hs.row, &in->tx);

	return err < 0 ? err : take_half(&rx, s->hs.row, &in->rx);
}

static int take_handshake(struct ktls__handshake *hs,
			  const struct ktls_session *in)
{
	if (in->version != KTLS_TLS_1_2 && in->version != KTLS_TLS_1_3)
		return -KTLS_EVERSION;
	hs->row = ktls__suite_find(in->suite);
	if (hs->row == NULL || hs->row->version != in->version)
		return -KTLS_ESUITE;
	hs->version = in->version;
	hs->suite = in->suite;
	hs->server = in->server != 0;
	return 0;
}

static int take_leftovers(struct ktls__session *s,
			  const struct ktls_session *in)
{
	if ((in->plaintext == NULL && in->plaintext_len > 0) ||
	    (in->ciphertext == NULL && in->ciphertext_len > 0))
		return -EINVAL;
	if (in->ciphertext_len > 0 && !ktls__cipher_takes(s->hs.row))
		return -EOPNOTSUPP;
	s->plaintext = in->plaintext;
	s->plaintext_len = in->plaintext_len;
	s->ciphertext = in->ciphertext;
	s->ciphertext_len = in->ciphertext_len;
	return 0;
}

int ktls__session_read(struct ktls__session *s, const struct ktls_session *in)
{
	struct ktls_session all = { .size = 0 };
	int err;

	memset(s, 0, sizeof(*s));
	if (in->size < sizeof(in->size))
		return -EINVAL;
	/* An older caller's struct is shorter than ours, a newer one's
	 * longer. */
	memcpy(&all, in, in->size < sizeof(all) ? in->size : sizeof(all));
	err = take_handshake(&s->hs, &all);
	if (err == 0)
		err = take_both(s, &all);
	if (err == 0)
		err = take_leftovers(s, &all);
	return err;
}

/* A look through the ciphertext. */
struct look {
	struct ktls__opener opener;
	uint8_t secret[KTLS__SECRET_MAX];
	uint8_t secret_len;
	uint8_t *text;           /* room for one record */
	size_t cap;
	uint8_t tail[5];         /* of the handshake messages so far */
	bool updated;            /* the last record may have changed the key */
};

/* RFC 8446 section 5.1: a key change ends a record; its message may have begun
 * in an earlier one. */
static bool ends_in_key_update(struct look *look, const uint8_t *text,
			       size_t len)
{
	static const uint8_t head[] = { 24, 0, 0, 1 };
	const size_t last = sizeof(head);
	const size_t fresh = len < sizeof(look->tail) ? len :
							sizeof(look->tail);

	memmove(look->tail, look->tail + fresh, sizeof(look->tail) - fresh);
	memcpy(look->tail + sizeof(look->tail) - fresh, text + len - fresh,
	       fresh);
	return look->tail[last] <= 1 && memcmp(look->tail, head, last) == 0;
}

static int next_key(struct look *look)
{
	struct ktls_keys keys;
	int err = ktls__keys_next(&keys, look->opener.suite->id, look->secret,
				  look->secret_len);

	if (err == 0)
		err = ktls__opener_key(&look->opener, &keys);
	ktls_keys_wipe(&keys);
	return err;
}

static int open_one(struct look *look, uint8_t *type, const uint8_t *rec,
		    size_t len)
{
	int n = ktls__opener_open(&look->opener, look->text, type, rec, len);

	if (n != -KTLS_EBADRECORD || !look->updated)
		return n;
	n = next_key(look);
	return n < 0 ? n : ktls__opener_open(&look->opener, look->text, type,
					     rec, len);
}

/* Is it the last that the peer has to say?  One that is malformed is. */
static bool is_last(const struct look *look, const uint8_t *alert, int len)
{
	if (len != 2 || alert[1] == 0)
		return true;
	return look->opener.suite->version == KTLS_TLS_1_3 ?
		       alert[1] != KTLS__USER_CANCELED :
		       alert[0] != KTLS__ALERT_WARNING;
}

/* 1: look on; 0: nothing behind this record matters; or its error. */
static int try_one(struct look *look, const uint8_t *rec, size_t len)
{
	uint8_t type = 0;
	bool last = false;
	int n = open_one(look, &type, rec, len);

	if (n < 0)
		return n;
	if (type == KTLS_RECORD_ALERT)
		last = is_last(look, look->text, n);
	look->updated = look->opener.suite->version == KTLS_TLS_1_3 &&
			type == KTLS_RECORD_HANDSHAKE &&
			ends_in_key_update(look, look->text, (size_t)n);
	ktls__wipe(look->text, (size_t)n);
	return !last && (!look->updated || look->secret_len > 0);
}

static int try_all(struct look *look, const uint8_t *p, size_t len)
{
	int more = 1;
	int body;

	while (more > 0 && len >= KTLS__HEADER_LEN) {
		body = ktls__aead_body(look->opener.suite, p);
		if (body < 0)
			return body;
		if (len - KTLS__HEADER_LEN < (size_t)body)
			return 0;
		more = try_one(look, p, KTLS__HEADER_LEN + (size_t)body);
		p += KTLS__HEADER_LEN + (size_t)body;
		len -= KTLS__HEADER_LEN + (size_t)body;
	}
	return more < 0 ? more : 0;
}

int ktls__session_try(const struct ktls__session *s)
{
	struct look look = { .secret_len = s->rx_secret_len };
	int err;

	if (s->ciphertext_len == 0)
		return 0;
	look.text = ktls__pool_take(KTLS__BUFFER_SMALL, &look.cap);
	if (look.text == NULL)
		return -ENOMEM;
	memcpy(look.secret, s->rx_secret, sizeof(look.secret));
	err = ktls__opener_key(&look.opener, &s->rx);
	if (err == 0)
		err = try_all(&look, s->ciphertext, s->ciphertext_len);
	ktls__opener_wipe(&look.opener);
	ktls__wipe(look.secret, sizeof(look.secret));
	ktls__pool_give(look.text, look.cap);
	return err;
}
