/* SPDX-License-Identifier: MIT */
/* Two SSLs, one of them left by its connection: see feed_pair.h. */
#include "feed_pair.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "aead.h"
#include "record.h"

static const char *const suites[FEED_SUITES] = {
	"TLS_AES_128_GCM_SHA256",
	"TLS_AES_256_GCM_SHA384",
	"TLS_CHACHA20_POLY1305_SHA256",
};

int feed_sessions;
SSL_SESSION *feed_session;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	feed_sessions++;
	SSL_SESSION_free(feed_session);
	feed_session = session;
	return 1;
}

/* With random bytes: since 3.2 OpenSSL may compress a certificate. */
static void pad(X509 *cert, size_t len)
{
	unsigned char *text = malloc(len);
	ASN1_IA5STRING *value = ASN1_IA5STRING_new();

	ck_assert_int_eq(RAND_bytes(text, (int)len), 1);
	ck_assert_int_eq(ASN1_STRING_set(value, text, (int)len), 1);
	ck_assert_int_eq(X509_add1_ext_i2d(cert, NID_netscape_comment, value,
					   0, 0), 1);
	ASN1_IA5STRING_free(value);
	free(text);
}

/* Both ends have the same one, and the server trusts it. */
static void use_certificate(struct feed_pair *p, size_t pad_len)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"pair", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	if (pad_len > 0)
		pad(cert, pad_len);
	ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
	ck_assert_int_eq(SSL_CTX_use_certificate(p->client_ctx, cert), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(p->client_ctx, key), 1);
	ck_assert_int_eq(SSL_CTX_use_certificate(p->server_ctx, cert), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(p->server_ctx, key), 1);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(p->server_ctx), cert);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static SSL_CTX *new_ctx(const struct feed_opts *opts)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	ck_assert_int_eq(SSL_CTX_set_ciphersuites(ctx, suites[opts->suite]),
			 1);
#ifdef SSL_OP_NO_TX_CERTIFICATE_COMPRESSION
	if (opts->cert_pad > 0)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TX_CERTIFICATE_COMPRESSION);
#endif
	ck_assert_int_eq(ktls_prepare(ctx, 0), 0);
	return ctx;
}

static void make_contexts(struct feed_pair *p, const struct feed_opts *opts)
{
	p->client_ctx = new_ctx(opts);
	p->server_ctx = new_ctx(opts);
	use_certificate(p, opts->cert_pad);
	SSL_CTX_set_session_cache_mode(p->client_ctx,
				       SSL_SESS_CACHE_CLIENT |
				       SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(p->client_ctx, on_session);
	SSL_CTX_set_post_handshake_auth(p->client_ctx, !opts->no_auth);
	SSL_CTX_set_num_tickets(p->server_ctx, opts->tickets);
	SSL_CTX_set_session_id_context(p->server_ctx,
				       (const unsigned char *)"pair", 4);
	SSL_CTX_set_verify(p->server_ctx,
			   SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE |
			   SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static void handshake(SSL *client, SSL *server)
{
	BIO *up = BIO_new(BIO_s_mem());
	BIO *down = BIO_new(BIO_s_mem());
	int done = 0;

	BIO_up_ref(up);
	BIO_up_ref(down);
	SSL_set_bio(client, down, up);
	SSL_set_bio(server, up, down);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int round = 0; round < 10 && !done; round++) {
		done = SSL_do_handshake(client) == 1;
		done &= SSL_do_handshake(server) == 1;
	}
	ck_assert_msg(done, "no handshake");
	feed_reads_nothing(client);
	feed_reads_nothing(server);
}

/* What the hand-off does. */
static void leave(struct feed_pair *p, const struct feed_opts *opts)
{
	const struct ktls__trace *t = ktls__trace_of(p->stale);
	struct ktls__handshake hs;
	int fds[2];

	ck_assert_int_eq(ktls__backend_handshake(p->stale, &hs), 0);
	ck_assert_int_eq(ktls__backend_keys(p->stale, &hs, &p->tx, &p->rx), 0);
	memcpy(p->at.tx_secret, t->tx.secret, t->tx.secret_len);
	p->at.secret_len = t->tx.secret_len;
	if (!opts->rx_stays)
		p->at.rx = p->rx;
	if (!opts->tx_stays)
		p->at.tx = p->tx;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    fds), 0);
	ktls__link_init(&p->link, fds[0]);
	p->fd = fds[1];
	p->link.no_input = !opts->rx_stays;
	p->link.no_output = !opts->tx_stays;
	p->bio = ktls__backend_make_bio(&p->link);
	ktls__backend_enter_library(p->stale, false);
	ktls__backend_adopt(p->stale, p->bio);
}

struct feed_pair *feed_open(const struct feed_opts *opts)
{
	struct feed_pair *p = calloc(1, sizeof(*p));
	SSL *client, *server;

	feed_sessions = 0;
	ktls__said_init(&p->said);
	make_contexts(p, opts);
	client = SSL_new(p->client_ctx);
	server = SSL_new(p->server_ctx);
	handshake(client, server);
	p->stale = opts->server ? server : client;
	p->peer = opts->server ? client : server;
	p->to_peer = SSL_get_rbio(p->peer);
	p->of_peer = SSL_get_wbio(p->peer);
	leave(p, opts);
	return p;
}

void feed_close(struct feed_pair *p)
{
	ktls__backend_retire(p->stale, p->bio);
	ktls__backend_free_bio(p->bio);
	SSL_free(p->stale);
	SSL_free(p->peer);
	SSL_CTX_free(p->client_ctx);
	SSL_CTX_free(p->server_ctx);
	SSL_SESSION_free(feed_session);
	feed_session = NULL;
	ck_assert_ptr_null(p->link.head);
	ck_assert_ptr_null(p->link.spoken);
	close(p->link.fd);
	close(p->fd);
	ktls__link_wipe(&p->link);
	ktls__said_wipe(&p->said);
	free(p);
}

/* The next record that the peer wrote; its length, *type 0: none. */
static size_t open_next(struct feed_pair *p, uint8_t *out, uint8_t *type)
{
	uint8_t rec[KTLS__RECORD_PLAIN_MAX + KTLS__RECORD_OVERHEAD];
	int body;
	int n;

	*type = 0;
	if (BIO_pending(p->of_peer) == 0)
		return 0;
	ck_assert_int_eq(BIO_read(p->of_peer, rec, 5), 5);
	body = rec[3] << 8 | rec[4];
	ck_assert_int_eq(BIO_read(p->of_peer, rec + 5, body), body);
	n = ktls__record_open(out, type, &p->rx, rec, (size_t)body + 5);
	ck_assert_int_ge(n, 0);
	p->rx.seq++;
	return (size_t)n;
}

size_t feed_hear_peer(struct feed_pair *p)
{
	uint8_t plain[KTLS__RECORD_PLAIN_MAX + KTLS__RECORD_OVERHEAD];
	size_t len = 0;
	uint8_t type;
	size_t n;

	for (;;) {
		n = open_next(p, plain, &type);
		if (type == 0)
			return len;
		if (type == KTLS_RECORD_DATA)
			continue;
		ck_assert_uint_eq(type, KTLS_RECORD_HANDSHAKE);
		ck_assert_uint_le(len + n, FEED_MAX);
		memcpy(p->msgs + len, plain, n);
		len += n;
	}
}

int feed_each(struct feed_pair *p, size_t len)
{
	const uint8_t *m = p->msgs;
	const uint8_t *end = m + len;
	size_t n;
	int err = 0;

	for (; m < end && err == 0; m += n) {
		n = 4 + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);
		ck_assert_uint_le(n, (size_t)(end - m));
		err = ktls__backend_feed(p->stale, &p->link, &p->at, m, n,
					 &p->said);
	}
	return err;
}

static void send_record(struct feed_pair *p, uint8_t type, const void *bytes,
			size_t len)
{
	uint8_t rec[KTLS__RECORD_PLAIN_MAX + KTLS__RECORD_OVERHEAD];
	int n = ktls__record_seal(rec, &p->tx, type, bytes, len);

	ck_assert_int_gt(n, 0);
	p->tx.seq++;
	ck_assert_int_eq(BIO_write(p->to_peer, rec, n), n);
}

void feed_send_data(struct feed_pair *p)
{
	char got[5] = "";

	send_record(p, KTLS_RECORD_DATA, "data", 4);
	ck_assert_int_eq(SSL_read(p->peer, got, sizeof(got)), 4);
	ck_assert_str_eq(got, "data");
}

void feed_answer_peer(struct feed_pair *p)
{
	size_t off, part;

	for (off = 0; off < p->said.len; off += part) {
		part = p->said.len - off;
		if (part > KTLS__RECORD_PLAIN_MAX)
			part = KTLS__RECORD_PLAIN_MAX;
		send_record(p, KTLS_RECORD_HANDSHAKE, p->said.bytes + off,
			    part);
	}
	ktls__said_wipe(&p->said);
	feed_reads_nothing(p->peer);
}

void feed_reads_nothing(SSL *ssl)
{
	char byte;
	int ret = SSL_read(ssl, &byte, 1);

	ck_assert_int_le(ret, 0);
	ck_assert_int_eq(SSL_get_error(ssl, ret), SSL_ERROR_WANT_READ);
}

void feed_queue_ticket(SSL *server)
{
	ck_assert_int_eq(SSL_new_session_ticket(server), 1);
}

void feed_write_nothing(SSL *ssl)
{
	size_t n;

	ck_assert_int_eq(SSL_write_ex(ssl, "", 0, &n), 1);
}

void feed_carry_to_peer(struct feed_pair *p)
{
	char buf[4096];
	ssize_t n;

	while ((n = recv(p->fd, buf, sizeof(buf), 0)) > 0)
		ck_assert_int_eq(BIO_write(p->to_peer, buf, (int)n), n);
	ck_assert_int_eq(n, -1);
	ck_assert_int_eq(errno, EAGAIN);
}

void feed_carry_from_peer(struct feed_pair *p, size_t max)
{
	char buf[4096];
	int n;

	while (max > 0 && BIO_pending(p->of_peer) > 0) {
		n = BIO_read(p->of_peer, buf,
			     (int)(max < sizeof(buf) ? max : sizeof(buf)));
		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(send(p->fd, buf, (size_t)n, 0), n);
		max -= (size_t)n;
	}
}

void feed_resumes(const struct feed_pair *p)
{
	SSL *client = SSL_new(p->client_ctx);
	SSL *server = SSL_new(p->server_ctx);

	ck_assert_ptr_nonnull(feed_session);
	ck_assert_int_eq(SSL_set_session(client, feed_session), 1);
	handshake(client, server);
	ck_assert_int_eq(SSL_session_reused(client), 1);
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(client);
	SSL_free(server);
}
