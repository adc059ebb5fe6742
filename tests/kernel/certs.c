/* SPDX-License-Identifier: MIT */
/* Self-signed certificates: what both ends of every test handshake use. */
#include "certs.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tests/tls_calls.h"

static int name_it(X509 *cert)
{
	X509_NAME *name = X509_get_subject_name(cert);
	const unsigned char *cn = (const unsigned char *)"localhost";

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, cn, -1, -1,
					  0) == 1 &&
	       X509_set_issuer_name(cert, name) == 1;
}

static int sign_it(X509 *cert, EVP_PKEY *key)
{
	return X509_set_version(cert, 2) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -86400) != NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), 864000) != NULL &&
	       X509_set_pubkey(cert, key) == 1 && name_it(cert) &&
	       X509_sign(cert, key, EVP_sha256()) > 0;
}

int certs_make(struct certs *out, const char *curve)
{
	out->key = tls_ec_key(curve);
	out->cert = X509_new();
	if (out->key && out->cert && sign_it(out->cert, out->key))
		return 0;
	certs_free(out);
	return -1;
}

int certs_write(const struct certs *certs, const char *path)
{
	FILE *file = fopen(path, "w");
	int ok;

	if (!file)
		return -1;
	ok = PEM_write_PrivateKey(file, certs->key, NULL, NULL, 0, NULL,
				  NULL) == 1 &&
	     PEM_write_X509(file, certs->cert) == 1;
	return fclose(file) == 0 && ok ? 0 : -1;
}

int certs_use(const struct certs *certs, SSL_CTX *ctx)
{
	return SSL_CTX_use_certificate(ctx, certs->cert) == 1 &&
	       SSL_CTX_use_PrivateKey(ctx, certs->key) == 1 ? 0 : -1;
}

void certs_free(struct certs *certs)
{
	EVP_PKEY_free(certs->key);
	X509_free(certs->cert);
	certs->key = NULL;
	certs->cert = NULL;
}
