/* SPDX-License-Identifier: MIT */
/* Contexts and handshakes by OpenSSL. */
#include <poll.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "conn.h"
#include "race.h"

#define TLS12_SUITE "ECDHE-ECDSA-AES128-GCM-SHA256"
/* Its best: of a larger buffer it moves the rest about with each record. */
#define READ_AHEAD ((size_t)64 << 10)

const struct suite suites[] = {
	{ "AES-128-GCM", "TLSv1.3", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256",
	  EVP_aes_128_gcm, 16 },
	{ "AES-256-GCM", "TLSv1.3", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384",
	  EVP_aes_256_gcm, 32 },
	{ "ChaCha20-Poly1305", "TLSv1.3", TLS1_3_VERSION,
	  "TLS_CHACHA20_POLY1305_SHA256", EVP_chacha20_poly1305, 32 },
	{ "AES-128-GCM", "TLSv1.2", TLS1_2_VERSION, TLS12_SUITE,
	  EVP_aes_128_gcm, 16 },
};
const int suite_total = sizeof(suites) / sizeof(suites[0]);

static EVP_PKEY *key;
static X509 *cert;

static int make_certificate(void)
{
	X509_NAME *name;

	if (cert)
		return 0;
	key = EVP_EC_gen("P-256");
	cert = X509_new();
	name = cert ? X509_get_subject_name(cert) : NULL;
	if (key && name && X509_set_version(cert, X509_VERSION_3) &&
	    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), 86400) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				       (const unsigned char *)"localhost", -1,
				       -1, 0) &&
	    X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, key) &&
	    X509_sign(cert, key, EVP_sha256()))
		return 0;
	X509_free(cert);
	cert = NULL;
	return -1;
}

static int set_suite(SSL_CTX *ctx, const struct suite *s)
{
	int ok = SSL_CTX_set_min_proto_version(ctx, s->protocol) &&
		 SSL_CTX_set_max_proto_version(ctx, s->protocol) &&
		 SSL_CTX_set1_groups_list(ctx, "P-256");

	if (s->protocol == TLS1_3_VERSION)
		return ok && SSL_CTX_set_ciphersuites(ctx, s->openssl);
	return ok && SSL_CTX_set_cipher_list(ctx, s->openssl);
}

static int set_drive(SSL_CTX *ctx, enum drive drive)
{
	if (drive == DRIVE_SSL_AHEAD) {
		SSL_CTX_set_read_ahead(ctx, 1);
		SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
	} else if (drive == DRIVE_SSL_RELEASE) {
		SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	} else if (drive == DRIVE_KTLS) {
		return ktls_prepare(ctx, 0) == 0;
	}
	return 1;
}

SSL_CTX *tls_context(int server, enum drive drive, const struct suite *s)
{
	SSL_CTX *ctx = make_certificate() < 0 ? NULL :
		SSL_CTX_new(server ? TLS_server_method() :
				     TLS_client_method());

	if (ctx) {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		if (set_suite(ctx, s) && set_drive(ctx, drive) &&
		    (!server || (SSL_CTX_use_certificate(ctx, cert) == 1 &&
				 SSL_CTX_use_PrivateKey(ctx, key) == 1)))
			return ctx;
	}
	SSL_CTX_free(ctx);
	complain("no SSL_CTX", -KTLS_ESSL);
	return NULL;
}

/* 1: done, 0: wants to read more, -1: failed. */
static int step(SSL *ssl)
{
	int n = SSL_do_handshake(ssl);

	if (n == 1)
		return 1;
	if (SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ)
		return 0;
	ERR_print_errors_fp(stderr);
	return complain("the handshake failed", -KTLS_ESSL);
}

/* What is waited for is in the socket before it is asked for. */
static void wait_readable(SSL *ssl)
{
	struct pollfd p = { .fd = SSL_get_fd(ssl), .events = POLLIN };

	poll(&p, 1, -1);
}

int tls_handshake(SSL *server, SSL *client, double *server_cpu)
{
	int s = 0, c = step(client);
	double began;

	while (c == 0 || (c == 1 && s == 0)) {
		wait_readable(server);
		began = server_cpu ? cpu_now() : 0;
		s = step(server);
		if (server_cpu)
			*server_cpu += cpu_now() - began - cpu_overhead();
		if (s < 0)
			return -1;
		if (c == 0) {
			wait_readable(client);
			c = step(client);
		}
	}
	return c < 0 ? -1 : 0;
}
