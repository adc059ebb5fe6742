/* SPDX-License-Identifier: MIT */
/* The SSL_CTX of a cell's own side, as its scenario wants it. */
#include "cell.h"

#include <string.h>

#include <openssl/conf.h>

#include "tests/tls_calls.h"

const char cell_early_data[] = "<early data of the first flight>\n";

static const unsigned char psk[16] = "0123456789abcdef";

static unsigned psk_client(SSL *ssl, const char *hint, char *identity,
			   unsigned identity_len, unsigned char *out,
			   unsigned out_len)
{
	(void)ssl;
	(void)hint;
	if (identity_len < 5 || out_len < sizeof(psk))
		return 0;
	memcpy(identity, "user", 5);
	memcpy(out, psk, sizeof(psk));
	return sizeof(psk);
}

static unsigned psk_server(SSL *ssl, const char *identity, unsigned char *out,
			   unsigned out_len)
{
	(void)ssl;
	if (strcmp(identity, "user") != 0 || out_len < sizeof(psk))
		return 0;
	memcpy(out, psk, sizeof(psk));
	return sizeof(psk);
}

static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

/* Keeps the newest; TLS 1.3 may bring two. */
static int new_session(SSL *ssl, SSL_SESSION *session)
{
	struct cell *cell = SSL_get_app_data(ssl);

	SSL_SESSION_free(cell->session);
	cell->session = session;
	return 1;
}

static void count_keylog(const SSL *ssl, const char *line)
{
	struct cell *cell = SSL_get_app_data(ssl);

	if (cell && strlen(line) > 64)
		cell->keylog_calls++;
}

static void count_msg(int write_p, int version, int content_type,
		      const void *buf, size_t len, SSL *ssl, void *arg)
{
	struct cell *cell = arg;

	(void)version;
	(void)content_type;
	if ((write_p == 0 || write_p == 1) && buf && len > 0 &&
	    SSL_get_app_data(ssl) == cell)
		cell->msg_calls++;
}

static int switch_context(SSL *ssl, int *alert, void *arg)
{
	struct cell *cell = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	if (name && strcmp(name, "other.test") == 0)
		SSL_set_SSL_CTX(ssl, cell->other);
	return SSL_TLSEXT_ERR_OK;
}

static void set_suite(struct cell *cell, SSL_CTX *ctx)
{
	const char *name = cell->sc->flags & CELL_PSK ? cell->aead->psk_1_2 :
							cell->aead->suite_1_2;

	SSL_CTX_set_min_proto_version(ctx, (uint16_t)cell->version);
	SSL_CTX_set_max_proto_version(ctx, (uint16_t)cell->version);
	if (cell->version == KTLS_TLS_1_3)
		cell_want(cell, tls_set_suites(ctx, cell->aead->suite_1_3) ==
					1);
	else
		cell_want(cell, SSL_CTX_set_cipher_list(ctx, name) == 1);
}

static void server_side(struct cell *cell, SSL_CTX *ctx)
{
	unsigned flags = cell->sc->flags;

	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"cell", 4);
	cell_want(cell, certs_use(&cell->files->certs, ctx) == 0);
	if (flags & CELL_HELLO_RETRY)
		SSL_CTX_set1_curves_list(ctx, "P-384");
	if (flags & CELL_CLIENT_CERT)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
				   SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
	if (flags & CELL_PSK)
		SSL_CTX_set_psk_server_callback(ctx, psk_server);
	if (flags & CELL_EARLY)
		tls_set_early_data(ctx);
	if (flags & CELL_NO_TICKETS)
		SSL_CTX_set_num_tickets(ctx, 0);
	/* only a stateful cache can lose a session */
	if (flags & CELL_FREED)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
}

static void client_side(struct cell *cell, SSL_CTX *ctx)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
				       SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, new_session);
	if (cell->sc->flags & CELL_CLIENT_CERT)
		cell_want(cell, certs_use(&cell->files->certs, ctx) == 0);
	if (cell->sc->flags & CELL_PSK)
		SSL_CTX_set_psk_client_callback(ctx, psk_client);
	if (cell->sc->flags & CELL_EARLY)
		tls_set_early_data(ctx);
}

static void prepare(struct cell *cell, SSL_CTX *ctx)
{
	unsigned flags = cell->sc->flags;

	if (flags & CELL_KTLS_OPTION)
		tls_set_ktls_option(ctx);
	if (flags & (CELL_KTLS_OPTION | CELL_KTLS_CONF))
		cell_want(cell, tls_ktls_option(ctx));
	if (flags & CELL_CALLBACKS)
		SSL_CTX_set_keylog_callback(ctx, count_keylog);
	cell_want(cell, ktls_prepare(ctx, flags & CELL_LATE ?
				     KTLS_ATTACH_LATE : 0) == 0);
	cell_want(cell, !tls_ktls_option(ctx));
	if (flags & CELL_CALLBACKS)
		cell_want(cell, ktls_set_msg_callback(ctx, count_msg, cell) ==
				0);
}

static SSL_CTX *new_context(struct cell *cell)
{
	SSL_CTX *ctx = SSL_CTX_new(cell->server ? TLS_server_method() :
						  TLS_client_method());

	cell_want(cell, ctx != NULL);
	set_suite(cell, ctx);
	if (cell->server)
		server_side(cell, ctx);
	else
		client_side(cell, ctx);
	return ctx;
}

void cell_contexts(struct cell *cell)
{
	unsigned flags = cell->sc->flags;

	if (flags & CELL_KTLS_CONF)
		cell_want(cell, CONF_modules_load_file(cell->files->conf, NULL,
						       0) == 1);
	cell->ctx = new_context(cell);
	prepare(cell, cell->ctx);
	if (!(flags & CELL_SNI))
		return;
	cell->other = new_context(cell);
	if (!(flags & CELL_UNPREPARED))
		prepare(cell, cell->other);
	SSL_CTX_set_tlsext_servername_callback(cell->ctx, switch_context);
	SSL_CTX_set_tlsext_servername_arg(cell->ctx, cell);
}
