/* SPDX-License-Identifier: MIT */
/*
 * An SSL_CTX for each end, version and suite, and a session of each: a
 * handshake that resumes costs a third of a full one.
 */
#include <openssl/err.h>

#include "parity.h"
#include "tests/kernel/certs.h"

#define SUITES 3

static struct certs certs;
static SSL_CTX *contexts[2][2][SUITES]; /* ours, TLS 1.3, suite */
static SSL_SESSION *sessions[2][2][SUITES]; /* our role is the server */

static const char *const names[2][SUITES] = {
	{ "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
	  "ECDHE-ECDSA-CHACHA20-POLY1305" },
	{ "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
	  "TLS_CHACHA20_POLY1305_SHA256" }
};

static int is_1_3(const struct parity_script *s)
{
	return s->version == KTLS_TLS_1_3;
}

/* The one that get_session() waits for. */
static SSL_SESSION *came;

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	if (came != NULL)
		return 0;
	came = session;
	return 1;
}

static SSL_CTX *make_context(int ours, int v13, int suite)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	int version = v13 ? TLS1_3_VERSION : TLS1_2_VERSION;

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set1_groups_list(ctx, "P-256");
	SSL_CTX_set_session_id_context(ctx, (const uint8_t *)"p", 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
					    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	SSL_CTX_set_num_tickets(ctx, 0);
	if ((v13 ? SSL_CTX_set_ciphersuites(ctx, names[1][suite]) :
		   SSL_CTX_set_cipher_list(ctx, names[0][suite])) != 1 ||
	    certs_use(&certs, ctx) < 0)
		goto fail;
	if (!ours)
		SSL_CTX_set_keylog_callback(ctx, parity_raw_keylog);
	if (ktls_prepare(ctx, ours ? 0 : KTLS_ATTACH_LATE) < 0)
		goto fail;
	return ctx;
fail:
	SSL_CTX_free(ctx);
	return NULL;
}

static int shake(SSL *server, SSL *client)
{
	int ours = 0;
	int theirs = 0;
	int i;

	for (i = 0; i < 20 && (ours != 1 || theirs != 1); i++) {
		theirs = SSL_do_handshake(client);
		ours = SSL_do_handshake(server);
	}
	return ours == 1 && theirs == 1 ? 0 : -1;
}

/* A full handshake, in memory, and the ticket behind it. */
static int get_session(SSL_CTX *server_ctx, SSL_CTX *client_ctx,
		       SSL_SESSION **slot)
{
	SSL *server = SSL_new(server_ctx);
	SSL *client = SSL_new(client_ctx);
	BIO *bios[2];
	char byte;
	int err;

	if (server == NULL || client == NULL ||
	    BIO_new_bio_pair(&bios[0], 0, &bios[1], 0) != 1)
		return -1;
	SSL_set_bio(server, bios[0], bios[0]);
	SSL_set_bio(client, bios[1], bios[1]);
	SSL_set_num_tickets(server, 1);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	came = NULL;
	err = shake(server, client);
	(void)SSL_read(client, &byte, 1);
	/* one that is in use goes bad with its connection */
	*slot = came ? SSL_SESSION_dup(came) : NULL;
	SSL_SESSION_free(came);
	SSL_free(client);
	SSL_free(server);
	ERR_clear_error();
	return err == 0 && *slot != NULL ? 0 : -1;
}

static int open_suite(int v13, int suite)
{
	SSL_CTX **peers = &contexts[0][v13][suite];
	SSL_CTX **ours = &contexts[1][v13][suite];

	*peers = make_context(0, v13, suite);
	*ours = make_context(1, v13, suite);
	if (*peers == NULL || *ours == NULL)
		return -1;
	if (get_session(*peers, *ours, &sessions[0][v13][suite]) ||
	    get_session(*ours, *peers, &sessions[1][v13][suite]))
		return -1;
	return 0;
}

int parity_contexts_open(void)
{
	int i;

	if (certs_make(&certs, "P-256") < 0)
		return -1;
	for (i = 0; i < 2 * SUITES; i++)
		if (open_suite(i & 1, i / 2))
			return -1;
	return 0;
}

void parity_contexts_close(void)
{
	int ours, suite, v13;

	for (ours = 0; ours < 2; ours++)
		for (v13 = 0; v13 < 2; v13++)
			for (suite = 0; suite < SUITES; suite++) {
				SSL_CTX_free(contexts[ours][v13][suite]);
				SSL_SESSION_free(sessions[ours][v13][suite]);
			}
	certs_free(&certs);
}

SSL *parity_ssl(const struct parity_script *s, int ours)
{
	SSL *ssl = SSL_new(contexts[ours][is_1_3(s)][s->suite]);
	SSL_SESSION *copy;

	if (ssl == NULL)
		return NULL;
	if (s->server == ours) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_set_connect_state(ssl);
	/* A connection that ends badly takes its session with it. */
	copy = SSL_SESSION_dup(sessions[s->server][is_1_3(s)][s->suite]);
	SSL_set_session(ssl, copy);
	SSL_SESSION_free(copy);
	return ssl;
}
