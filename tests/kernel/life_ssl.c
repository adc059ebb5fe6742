/* SPDX-License-Identifier: MIT */
/* Steps in which one of the two SSLs has its part. */
#include <check.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "life_run.h"
#include "tests/tls_calls.h"

/* What the callback was given last; one life at a time. */
static SSL_SESSION *session;

static int keep_session(SSL *ssl, SSL_SESSION *new)
{
	(void)ssl;
	SSL_SESSION_free(session);
	session = new;
	return 1;
}

void life_ssl_start(struct life *l)
{
	SSL_CTX *ctx = l->rig.ctx;

	/* of the handshake itself, where TLS 1.2 has one */
	SSL_SESSION_free(session);
	session = NULL;
	if (l->run->env & LIFE_SERVER)
		return;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
					    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
}

void life_ssl_end(struct life *l)
{
	(void)l;
	SSL_SESSION_free(session);
	session = NULL;
}

/* What the peer's SSL says is sealed under its keys, which are the first. */
static size_t open_first(struct life *l, uint8_t *out, size_t room, BIO *wire)
{
	struct ktls_keys keys = l->rig.peer_tx;
	uint8_t record[4096];
	uint8_t type;
	int len = BIO_read(wire, record, sizeof(record));
	ssize_t n;

	keys.seq += l->tickets++;
	ck_assert_int_gt(len, 5);
	ck_assert_uint_le((size_t)len, room);
	n = life_open(out, &type, &keys, record, (size_t)len);
	ck_assert_int_gt(n, 4);
	ck_assert_int_eq(type, KTLS_RECORD_HANDSHAKE);
	return (size_t)n;
}

/* A new one; or that of the handshake, which a server of BoringSSL keeps back
 * until it writes, again and again. */
static size_t make_ticket(struct life *l, uint8_t *out, size_t room)
{
	static uint8_t kept[4096];
	static size_t kept_len;
	BIO *wire;

	if (l->tickets == 0 || tls_has(TLS_TICKETS_LATER)) {
		wire = BIO_new(BIO_s_mem());
		ck_assert_int_eq(BIO_up_ref(wire), 1);
		SSL_set0_wbio(l->rig.peer, wire);
		if (tls_has(TLS_TICKETS_LATER))
			ck_assert_int_eq(tls_new_ticket(l->rig.peer), 1);
		ck_assert_int_eq(tls_flush(l->rig.peer), 1);
		kept_len = open_first(l, kept, sizeof(kept), wire);
		BIO_free(wire);
	}
	ck_assert_uint_le(kept_len, room);
	memcpy(out, kept, kept_len);
	return kept_len;
}

/* Sealed again where the peer stands; in pieces where the step says so. */
void life_true_ticket(struct life *l, const struct life_step *s)
{
	struct life_step send = *s;
	uint8_t msg[4096];

	send.type = KTLS_RECORD_HANDSHAKE;
	send.len = make_ticket(l, msg, sizeof(msg));
	send.bytes = (const char *)msg;
	life_send(l, &send);
}

void life_new_ticket(struct life *l, const struct life_step *s)
{
	(void)s;
	ck_assert_ptr_nonnull(l->rig.ssl);
	ck_assert_int_eq(tls_new_ticket(l->rig.ssl), 1);
}

void life_ask_cert(struct life *l, const struct life_step *s)
{
	(void)s;
	ck_assert_ptr_nonnull(l->rig.ssl);
	SSL_set_verify(l->rig.ssl, SSL_VERIFY_PEER, NULL);
	ck_assert_int_eq(tls_ask_for_cert(l->rig.ssl), 1);
}

static void shake(SSL *client, SSL *server)
{
	int done = 0;
	int i;

	for (i = 0; i < 20 && done != 2; i++)
		done = (SSL_do_handshake(client) == 1) +
		       (SSL_do_handshake(server) == 1);
	ck_assert_int_eq(done, 2);
}

void life_resumes(struct life *l, const struct life_step *s)
{
	SSL *client = SSL_new(l->rig.ctx);
	SSL *server = SSL_new(l->rig.peer_ctx);
	BIO *ends[2];

	if (!session)
		life_fail(l, "the new-session callback was not called");
	SSL_set_app_data(server, &l->rig);
	SSL_set_app_data(client, &l->rig);
	ck_assert_int_eq(BIO_new_bio_pair(&ends[0], 0, &ends[1], 0), 1);
	SSL_set_bio(client, ends[0], ends[0]);
	SSL_set_bio(server, ends[1], ends[1]);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	ck_assert_int_eq(SSL_set_session(client, session), 1);
	shake(client, server);
	if (!SSL_session_reused(client) || !SSL_session_reused(server))
		life_fail(l, "the session is not resumed");
	SSL_free(client);
	SSL_free(server);
	(void)s;
}
