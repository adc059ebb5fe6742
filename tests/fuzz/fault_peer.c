/* SPDX-License-Identifier: MIT */
/*
 * The peer: a plain SSL of OpenSSL, which takes no record with a wrong number
 * or key, and checks every byte that it gets.
 */
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fault.h"
#include "fault_peer.h"
#include "stream.h"
#include "tests/tls_calls.h"

static SSL_CTX *our_ctx;
static SSL_CTX *peer_ctx;

static int make_key(SSL_CTX *ctx)
{
	EVP_PKEY *key = tls_ec_key("P-256");
	X509 *cert = X509_new();
	int ok;

	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	ok = X509_sign(cert, key, EVP_sha256()) != 0 &&
	     SSL_CTX_use_certificate(ctx, cert) == 1 &&
	     SSL_CTX_use_PrivateKey(ctx, key) == 1;
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok;
}

/* A ticket's session, at whichever end is the client. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	(void)session;
	if (ssl == fault_run.peer.ssl)
		fault_run.peer.tickets_got++;
	else
		fault_run.tickets++;
	return 0;
}

static SSL_CTX *make_ctx(uint16_t version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256");
	tls_set_suites(ctx, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_id_context(ctx, (const uint8_t *)"f", 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
					    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	return ctx;
}

int fault_contexts_open(const struct fault_case *c)
{
	our_ctx = make_ctx((uint16_t)c->version);
	peer_ctx = make_ctx((uint16_t)c->version);
	if (!make_key(c->server ? our_ctx : peer_ctx) ||
	    ktls_prepare(our_ctx, 0))
		return fault_fail("no contexts");
	return 0;
}

void fault_contexts_close(void)
{
	SSL_CTX_free(our_ctx);
	SSL_CTX_free(peer_ctx);
}

static void on_message(int write_p, int version, int type, const void *buf,
		       size_t len, SSL *ssl, void *arg)
{
	struct fault_peer *p = arg;
	const uint8_t *msg = buf;

	(void)version;
	(void)ssl;
	if (type == KTLS_RECORD_HANDSHAKE && len && msg[0] == 24) {
		if (write_p)
			p->key_updates_sent++;
		else
			p->key_updates_got++;
	}
	if (type == KTLS_RECORD_HANDSHAKE && len && msg[0] == 20 && !write_p &&
	    p->auths_sent)
		p->auths_got++;
	if (type == KTLS_RECORD_ALERT && len == 2 && !write_p)
		p->alert = msg[1];
}

static void open_ssl(void)
{
	struct fault_run *r = &fault_run;
	struct fault_peer *p = &r->peer;

	r->ssl = SSL_new(our_ctx);
	tls_offer_late_auth_of(r->ssl, 1);
	SSL_set_fd(r->ssl, r->fd);
	p->ssl = SSL_new(peer_ctx);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(p->in, -1);
	SSL_set_bio(p->ssl, p->in, p->out);
	SSL_set_msg_callback(p->ssl, on_message);
	SSL_set_msg_callback_arg(p->ssl, p);
	if (r->c->server) {
		SSL_set_accept_state(r->ssl);
		SSL_set_connect_state(p->ssl);
	} else {
		SSL_set_connect_state(r->ssl);
		SSL_set_accept_state(p->ssl);
	}
}

static int release(void)
{
	struct fault_peer *p = &fault_run.peer;
	size_t n = p->held_len;

	p->held_len = 0;
	return n ? fault_wire_send(p->held, n) : 0;
}

/* What the peer has sealed goes out, but for the last bytes. */
static int collect(size_t hold)
{
	struct fault_peer *p = &fault_run.peer;
	char *data;
	size_t n = (size_t)BIO_get_mem_data(p->out, &data);
	int err = release();

	if (n > hold && !err)
		err = fault_wire_send(data, n - hold);
	if (n > hold && hold) {
		memcpy(p->held, data + n - hold, hold);
		p->held_len = hold;
	}
	(void)BIO_reset(p->out);
	return err;
}

int fault_connect(void)
{
	struct fault_run *r = &fault_run;
	int ours = 0;
	int theirs = 0;
	int i;

	r->peer.alert = -1;
	if (fault_wire_open())
		return -1;
	open_ssl();
	for (i = 0; i < 1000 && (ours != 1 || theirs != 1); i++) {
		ours = SSL_do_handshake(r->ssl);
		while (fault_wire_take())
			;
		theirs = SSL_do_handshake(r->peer.ssl);
		if (collect(0))
			return -1;
	}
	ERR_clear_error();
	return ours == 1 && theirs == 1 ? 0 : fault_fail("no handshake");
}

void fault_disconnect(void)
{
	ktls_free(fault_run.k);
	if (!fault_run.given)
		SSL_free(fault_run.ssl);
	SSL_free(fault_run.peer.ssl);
	fault_wire_close();
}

static void check(const uint8_t *buf, size_t len)
{
	struct fault_peer *p = &fault_run.peer;
	size_t good = stream_check(FAULT_OUR_STREAM, p->got, buf, len);

	if (good != len)
		fault_fail("the peer got a wrong byte at %llu",
			   (unsigned long long)(p->got + good));
	p->got += len;
}

static void read_all(void)
{
	struct fault_peer *p = &fault_run.peer;
	static uint8_t buf[16384];
	char text[100];
	int n;
	int err;

	if (p->broken)
		return;
	ERR_clear_error();
	while ((n = SSL_read(p->ssl, buf, sizeof(buf))) > 0)
		check(buf, (size_t)n);
	err = SSL_get_error(p->ssl, n);
	p->closed = err == SSL_ERROR_ZERO_RETURN;
	if (err == SSL_ERROR_WANT_READ || p->closed)
		return;
	p->broken = 1;
	if (p->alert > 0)
		return;
	ERR_error_string_n(ERR_peek_error(), text, sizeof(text));
	fault_fail("the peer fails at byte %llu: %s",
		   (unsigned long long)p->got, text);
	ERR_clear_error();
}

int fault_peer_work(void)
{
	struct fault_peer *p = &fault_run.peer;
	int moved = p->held_len > 0;

	if (release())
		return 0;
	while (fault_wire_take()) {
		moved = 1;
		read_all();
	}
	if (collect(0))
		return 0;
	if (p->answers && p->closed &&
	    !(SSL_get_shutdown(p->ssl) & SSL_SENT_SHUTDOWN)) {
		moved = 1;
		(void)fault_peer_close();
	}
	if (p->answers && p->eof && !p->fin) {
		moved = 1;
		fault_wire_fin();
	}
	return moved;
}

int fault_peer_write(size_t n)
{
	struct fault_peer *p = &fault_run.peer;
	static uint8_t buf[65536];

	stream_fill(FAULT_PEER_STREAM, p->sent, buf, n);
	ERR_clear_error();
	if (fault_run.dead || p->broken)
		return 0;
	if (SSL_write(p->ssl, buf, (int)n) != (int)n)
		return fault_fail("the peer's SSL_write");
	p->sent += n;
	return collect(sizeof(p->held));
}

int fault_peer_update(int ask)
{
	SSL *ssl = fault_run.peer.ssl;

	if (fault_run.dead || fault_run.peer.broken)
		return 0;
	if (SSL_key_update(ssl, ask ? SSL_KEY_UPDATE_REQUESTED :
				      SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
	    tls_flush(ssl) != 1)
		return fault_fail("the peer's SSL_key_update");
	return collect(0);
}

static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok, (void)store;
	return 1;
}

/* To have none is an answer too. */
int fault_peer_ask(void)
{
	SSL *ssl = fault_run.peer.ssl;

	if (fault_run.dead || fault_run.peer.broken)
		return 0;
	fault_run.peer.auths_sent++;
	SSL_set_verify(ssl, SSL_VERIFY_PEER, accept_any);
	if (tls_ask_for_cert(ssl) != 1 ||
	    tls_flush(ssl) != 1)
		return fault_fail("the peer's request");
	return collect(0);
}

int fault_peer_tickets(size_t n)
{
	struct fault_peer *p = &fault_run.peer;

	if (fault_run.dead || p->broken)
		return 0;
	for (; n; n--) {
		if (tls_new_ticket(p->ssl) != 1 ||
		    tls_flush(p->ssl) != 1)
			return fault_fail("the peer's ticket");
		p->tickets_sent++;
	}
	return collect(0);
}

int fault_peer_forge(void)
{
	static const uint8_t forged[5 + 35] = { 23, 3, 3, 0, 35 };

	return release() ? -1 : fault_wire_send(forged, sizeof(forged));
}

int fault_peer_close(void)
{
	if (fault_run.dead || fault_run.peer.broken)
		return 0;
	if (SSL_shutdown(fault_run.peer.ssl) < 0)
		return fault_fail("the peer's SSL_shutdown");
	return collect(0);
}
