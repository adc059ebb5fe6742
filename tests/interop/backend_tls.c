/* SPDX-License-Identifier: MIT */
/* An SSL_CTX of either library for one version and suite. */
#include "backend_tls.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <ktls/ktls.h>

#ifdef OPENSSL_IS_BORINGSSL
#define SK_INDEX(i) ((size_t)(i))
#else
#define SK_INDEX(i) (i)
#endif

const char *tls_library(void)
{
	static char text[64];

#ifdef OPENSSL_IS_BORINGSSL
	snprintf(text, sizeof(text), "BoringSSL (API %d)",
		 BORINGSSL_API_VERSION);
#else
	snprintf(text, sizeof(text), "OpenSSL %s",
		 OpenSSL_version(OPENSSL_VERSION_STRING));
#endif
	return text;
}

void tls_print_suites(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	const STACK_OF(SSL_CIPHER) *all = NULL;
	const char *name;
	int i;

	if (ctx && SSL_CTX_set_cipher_list(ctx, "ALL") == 1)
		all = SSL_CTX_get_ciphers(ctx);
	for (i = 0; all && i < (int)sk_SSL_CIPHER_num(all); i++) {
		name = ktls_suite_name(SSL_CIPHER_get_protocol_id(
			sk_SSL_CIPHER_value(all, SK_INDEX(i))));
		if (name)
			printf("%s\n", name);
	}
	SSL_CTX_free(ctx);
}

/* BoringSSL has no say in it: the server picks what its processor is good at,
 * of what the client has; the client has all three. */
static bool use_suite_1_3(SSL_CTX *ctx, const char *suite)
{
#ifdef OPENSSL_IS_BORINGSSL
	return ctx && suite;
#else
	return SSL_CTX_set_ciphersuites(ctx, suite) == 1;
#endif
}

static bool use_choice(SSL_CTX *ctx, const struct tls_choice *c)
{
	uint16_t version = c->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;

	return SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, version) == 1 &&
	       (c->tls13 ? use_suite_1_3(ctx, c->suite) :
			   SSL_CTX_set_cipher_list(ctx, c->suite) == 1) &&
	       (!c->group || SSL_CTX_set1_curves_list(ctx, c->group) == 1);
}

/* ------------------------------------------------------------- certificate */

static EVP_PKEY *make_key(bool rsa)
{
	EVP_PKEY_CTX *how = EVP_PKEY_CTX_new_id(rsa ? EVP_PKEY_RSA :
						      EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	if (how && EVP_PKEY_keygen_init(how) == 1 &&
	    (rsa ? EVP_PKEY_CTX_set_rsa_keygen_bits(how, 2048) :
		   EVP_PKEY_CTX_set_ec_paramgen_curve_nid(
			   how, NID_X9_62_prime256v1)) == 1)
		EVP_PKEY_keygen(how, &key);
	EVP_PKEY_CTX_free(how);
	return key;
}

static bool sign_it(X509 *cert, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(cert);
	const unsigned char *cn = (const unsigned char *)"localhost";

	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -86400) != NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), 864000) != NULL &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, cn, -1, -1,
					  0) == 1 &&
	       X509_set_issuer_name(cert, name) == 1 &&
	       X509_set_pubkey(cert, key) == 1 &&
	       X509_sign(cert, key, EVP_sha256()) > 0;
}

static bool use_certificate(SSL_CTX *ctx, bool rsa)
{
	EVP_PKEY *key = make_key(rsa);
	X509 *cert = X509_new();
	bool ok = key && cert && sign_it(cert, key) &&
		  SSL_CTX_use_certificate(ctx, cert) == 1 &&
		  SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	X509_free(cert);
	return ok;
}

/* --------------------------------------------------------- pre-shared key */

static const uint8_t psk[] = "of both the peers";

static unsigned psk_client(SSL *ssl, const char *hint, char *identity,
			   unsigned identity_len, uint8_t *out, unsigned len)
{
	(void)ssl, (void)hint;
	if (len < sizeof(psk))
		return 0;
	snprintf(identity, identity_len, "peer");
	memcpy(out, psk, sizeof(psk));
	return sizeof(psk);
}

static unsigned psk_server(SSL *ssl, const char *identity, uint8_t *out,
			   unsigned len)
{
	(void)ssl;
	if (!identity || strcmp(identity, "peer") != 0 || len < sizeof(psk))
		return 0;
	memcpy(out, psk, sizeof(psk));
	return sizeof(psk);
}

/* What the suite has the two know each other by.  TLS 1.2's names that tell
 * of no key are of an RSA one. */
static bool use_keys(SSL_CTX *ctx, const struct tls_choice *c)
{
	bool ec = c->tls13 || strstr(c->suite, "ECDSA");

	if (strstr(c->suite, "PSK")) {
		SSL_CTX_set_psk_client_callback(ctx, psk_client);
		SSL_CTX_set_psk_server_callback(ctx, psk_server);
		return true;
	}
	return c->client || use_certificate(ctx, !ec);
}

SSL_CTX *tls_context(const struct tls_choice *c)
{
	SSL_CTX *ctx = SSL_CTX_new(c->client ? TLS_client_method() :
					       TLS_server_method());

	if (ctx && use_choice(ctx, c) && ktls_prepare(ctx, 0) == 0 &&
	    use_keys(ctx, c))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}
