/* SPDX-License-Identifier: MIT */
/* The SSL_CTXs, a certificate, and the two SSLs of an iteration. */
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "run.h"
#include "tests/tls_calls.h"

static SSL_CTX *near_ctx[RUN_PREPARES];
static SSL_CTX *peer_ctx;

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name;

	if (!cert)
		return NULL;
	name = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"localhost", -1, -1,
				   0);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	if (X509_sign(cert, key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

static SSL_CTX *make_context(X509 *cert, EVP_PKEY *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (SSL_CTX_use_certificate(ctx, cert) == 1 &&
	    SSL_CTX_use_PrivateKey(ctx, key) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

int run_contexts_open(void)
{
	EVP_PKEY *key = tls_ec_key("P-256");
	X509 *cert = key ? make_certificate(key) : NULL;
	int err = -1;
	int i;

	if (!cert)
		goto out;
	peer_ctx = make_context(cert, key);
	for (i = 0; i < RUN_PREPARES; i++) {
		near_ctx[i] = make_context(cert, key);
		if (!near_ctx[i] || !peer_ctx)
			goto out;
	}
	err = ktls_prepare(near_ctx[RUN_EARLY], 0);
	if (err == 0)
		err = ktls_prepare(near_ctx[RUN_LATE], KTLS_ATTACH_LATE);
out:
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

void run_contexts_close(void)
{
	int i;

	for (i = 0; i < RUN_PREPARES; i++)
		SSL_CTX_free(near_ctx[i]);
	SSL_CTX_free(peer_ctx);
}

const char *const run_suites_1_3[3] = {
	"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
	"TLS_CHACHA20_POLY1305_SHA256"
};
static const char *const ciphers12[] = {
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305"
};

/* The client's second group is for what a HelloRetryRequest asks for. */
static void set_groups(const struct run_plan *p, SSL *ssl, int server)
{
	const char *group = NULL;
	char both[32];

	if (p->version == KTLS_TLS_1_3)
		group = tls_group_of_suite(run_suites_1_3[p->suite]);
	if (!group && !p->hello_retry) {
		SSL_set1_curves_list(ssl, "X25519:P-256");
		return;
	}
	if (!group)
		group = "P-384";
	snprintf(both, sizeof(both), "X25519:%s", group);
	SSL_set1_curves_list(ssl, p->hello_retry && !server ? both : group);
}

static void configure(struct run *r, SSL *ssl, int server)
{
	const struct run_plan *p = &r->plan;

	SSL_set_min_proto_version(ssl, p->version);
	SSL_set_max_proto_version(ssl, p->version);
	tls_set_suites_of(ssl, run_suites_1_3[p->suite]);
	SSL_set_cipher_list(ssl, ciphers12[p->suite]);
	set_groups(p, ssl, server);
	if (server) {
		tls_set_tickets_of(ssl, p->tickets);
		SSL_set_accept_state(ssl);
	} else {
		SSL_set_connect_state(ssl);
	}
}

static int near_transport(struct run *r)
{
	BIO *bio;

	if (!r->plan.memory_bio) {
		bio = BIO_new_socket(r->fd, r->plan.closing_bio ? BIO_CLOSE :
								  BIO_NOCLOSE);
		if (!bio)
			return -1;
		SSL_set_bio(r->near, bio, bio);
		return 0;
	}
	r->near_in = BIO_new(BIO_s_mem());
	r->near_out = BIO_new(BIO_s_mem());
	if (!r->near_in || !r->near_out)
		return -1;
	BIO_set_mem_eof_return(r->near_in, -1);
	SSL_set_bio(r->near, r->near_in, r->near_out);
	return 0;
}

int run_ssl_open(struct run *r)
{
	r->near = SSL_new(near_ctx[r->plan.prepare]);
	r->peer = SSL_new(peer_ctx);
	r->peer_in = BIO_new(BIO_s_mem());
	r->peer_out = BIO_new(BIO_s_mem());
	if (!r->near || !r->peer || !r->peer_in || !r->peer_out)
		return run_fail(r, "no memory for an SSL");
	BIO_set_mem_eof_return(r->peer_in, -1);
	SSL_set_bio(r->peer, r->peer_in, r->peer_out);
	configure(r, r->near, r->plan.near_server);
	configure(r, r->peer, !r->plan.near_server);
	if (r->options->read_ahead)
		SSL_set_read_ahead(r->near, 1);
	return near_transport(r) ? run_fail(r, "no memory for a BIO") : 0;
}
