/* SPDX-License-Identifier: MIT */
/* A connection by its keys: see rig_keys.h. */
#include "rig_keys.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>

#include "rig.h"

static int use_keys;

void rig_use_keys(void)
{
	if (tls_lacks(TLS_WATCHED_BIOS, "--keys"))
		exit(77);
	use_keys = 1;
}

int rig_keys(void)
{
	return use_keys;
}

static void on_keylog(const SSL *ssl, const char *line)
{
	struct rig *rig = SSL_get_app_data(ssl);
	const char *hex = strrchr(line, ' ') + 1;
	uint8_t *secret;
	size_t len = 0;
	unsigned byte;

	if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) == 0)
		secret = rig->own.secret[0];
	else if (strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0)
		secret = rig->own.secret[1];
	else
		return;
	while (len < 48 && sscanf(hex + 2 * len, "%2x", &byte) == 1)
		secret[len++] = (uint8_t)byte;
	rig->own.secret_len = len;
}

/* The Finished is the last record under the old key of TLS 1.3, and the first
 * under the new one of TLS 1.2; its header was counted before it. */
static void on_message(int write_p, int version, int type, const void *buf,
		       size_t len, SSL *ssl, void *arg)
{
	struct rig *rig = SSL_get_app_data(ssl);
	const uint8_t *msg = buf;

	(void)version, (void)arg;
	if (type == SSL3_RT_HEADER)
		rig->own.seq[write_p != 0]++;
	else if (type == SSL3_RT_HANDSHAKE && len > 0 &&
		 msg[0] == SSL3_MT_FINISHED)
		rig->own.seq[write_p != 0] =
			rig->config.version == KTLS_TLS_1_2;
}

void rig_keys_context(SSL_CTX *ctx)
{
	SSL_CTX_set_keylog_callback(ctx, on_keylog);
	SSL_CTX_set_msg_callback(ctx, on_message);
}

static uint64_t get_be64(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* One byte of what we send. */
static void tap(struct rig_own *own, uint8_t byte)
{
	struct rig_tap *t = &own->tap;

	if (t->have == sizeof(t->head)) {
		if (--t->skip == 0)
			t->have = 0;
		return;
	}
	t->head[t->have++] = byte;
	if (t->have == 5)
		t->skip = (size_t)(t->head[3] << 8 | t->head[4]);
	if (t->have == 6 && t->head[0] == SSL3_RT_CHANGE_CIPHER_SPEC) {
		t->encrypted = 1;
		t->have = 0;
	}
	/* an alert is the shortest other one */
	if (t->have == 5 + t->skip)
		t->have = 0;
	if (t->have < sizeof(t->head))
		return;
	if (t->encrypted)
		own->nonce = get_be64(t->head + 5);
	t->skip -= 8;
	if (t->skip == 0)
		t->have = 0;
}

static void written(void *arg, const uint8_t *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		tap(arg, buf[i]);
}

void rig_keys_watch(struct rig *rig)
{
	rig->own.watch.written = written;
	rig->own.watch.arg = &rig->own;
	tls_watch(rig->ssl, &rig->own.watch);
}

static void take_1_3(struct rig *rig)
{
	struct rig_own *own = &rig->own;
	struct ktls_session *s = &own->session;

	s->tx.secret = own->secret[rig->config.server];
	s->rx.secret = own->secret[!rig->config.server];
	s->tx.secret_len = own->secret_len;
	s->rx.secret_len = own->secret_len;
}

static void protect(struct ktls_protection *p, const struct ktls_keys *keys,
		    int gcm)
{
	p->key = keys->key;
	p->key_len = gcm && keys->suite != 0xc02c ? 16 : 32;
	p->iv = keys->iv;
	p->iv_len = 12;
}

static void take_1_2(struct rig *rig)
{
	struct rig_own *own = &rig->own;
	struct ktls_session *s = &own->session;
	struct ktls_keys *tx = &own->keys[rig->config.server];
	struct ktls_keys *rx = &own->keys[!rig->config.server];
	const int gcm = strstr(rig->config.suite, "GCM") != NULL;
	uint8_t master[48];
	uint8_t random[2][32];
	int i;

	SSL_SESSION_get_master_key(SSL_get_session(rig->ssl), master, 48);
	SSL_get_client_random(rig->ssl, random[0], 32);
	SSL_get_server_random(rig->ssl, random[1], 32);
	ck_assert_int_eq(ktls_keys_tls12(&own->keys[0], &own->keys[1],
					 s->suite, master, random[0],
					 random[1]), 0);
	/* OpenSSL's begins anywhere. */
	ck_assert_int_eq(own->tap.encrypted, 1);
	for (i = 0; gcm && i < 8; i++)
		tx->iv[4 + i] = (uint8_t)((own->nonce + 1) >> (56 - 8 * i));
	protect(&s->tx, tx, gcm);
	protect(&s->rx, rx, gcm);
	if (gcm)
		s->rx.iv_len = 4;
}

/* An SSL reads no more than a record: what it has is plaintext. */
static void take_plaintext(struct rig *rig)
{
	struct rig_own *own = &rig->own;
	int len = SSL_pending(rig->ssl);

	if (len > 0) {
		ck_assert_int_eq(SSL_read(rig->ssl, own->plaintext,
					  sizeof(own->plaintext)), len);
		own->session.plaintext = own->plaintext;
		own->session.plaintext_len = (size_t)len;
	}
	ck_assert_int_eq(SSL_has_pending(rig->ssl), 0);
}

static void take(struct rig *rig)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(rig->ssl);
	struct ktls_session *s = &rig->own.session;

	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->version = (uint16_t)SSL_version(rig->ssl);
	s->suite = SSL_CIPHER_get_protocol_id(cipher);
	s->server = rig->config.server;
	take_plaintext(rig);
	if (s->version == KTLS_TLS_1_3)
		take_1_3(rig);
	else
		take_1_2(rig);
	s->rx.seq = rig->own.seq[0];
	s->tx.seq = rig->own.seq[1];
	SSL_free(rig->ssl);
	rig->ssl = NULL;
	rig->own.taken = 1;
}

int rig_take_over(struct rig *rig, const struct ktls_opts *opts)
{
	struct ktls_opts without_ssl = *opts;

	if (!use_keys)
		return ktls_handoff(&rig->k, rig->ssl, opts);
	if (!rig->own.taken)
		take(rig);
	without_ssl.flags &= ~(unsigned)KTLS_TAKE_SSL;
	return ktls_open(&rig->k, rig->fd, &rig->own.session, &without_ssl);
}
