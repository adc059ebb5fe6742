/* SPDX-License-Identifier: MIT */
/*
 * A self-signed ECDSA P-256 certificate, made anew at each start: good for
 * trying things out on one machine, and for clients told not to verify.
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "file_server.h"

static int add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_nconf_nid(NULL, NULL, nid, value);
	int ok = ext && X509_add_ext(cert, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	return ok;
}

static int set_names(X509 *cert)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					  (const unsigned char *)"localhost",
					  -1, -1, 0) == 1 &&
	       X509_set_issuer_name(cert, name) == 1 &&
	       add_extension(cert, NID_subject_alt_name,
			     "DNS:localhost,IP:127.0.0.1,IP:::1") &&
	       add_extension(cert, NID_basic_constraints,
			     "critical,CA:FALSE");
}

/* A number of its own, or browsers mix up this run's with an earlier one's. */
static int set_serial(X509 *cert)
{
	uint64_t serial;

	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert),
				       serial >> 1) == 1;
}

static int fill(X509 *cert, EVP_PKEY *key)
{
	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	       set_serial(cert) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), 30L * 86400) &&
	       X509_set_pubkey(cert, key) == 1 && set_names(cert) &&
	       X509_sign(cert, key, EVP_sha256()) > 0;
}

/* EVP_EC_gen() would say it in a line, but BoringSSL has none. */
static EVP_PKEY *make_key(void)
{
	EVP_PKEY_CTX *how = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	if (how && EVP_PKEY_keygen_init(how) == 1 &&
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(
		    how, NID_X9_62_prime256v1) == 1)
		EVP_PKEY_keygen(how, &key);
	EVP_PKEY_CTX_free(how);
	return key;
}

int cert_self_signed(SSL_CTX *ctx)
{
	EVP_PKEY *key = make_key();
	X509 *cert = X509_new();
	int ok;

	ok = key && cert && fill(cert, key) &&
	     SSL_CTX_use_certificate(ctx, cert) == 1 &&
	     SSL_CTX_use_PrivateKey(ctx, key) == 1;
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok ? 0 : -1;
}
