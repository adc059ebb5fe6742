/* SPDX-License-Identifier: MIT */
/* Self-signed certificates for tests, made in the process. */
#ifndef KTLS_TEST_CERTS_H
#define KTLS_TEST_CERTS_H

#include <openssl/ssl.h>

struct certs {
	EVP_PKEY *key;
	X509 *cert;
};

/* `curve` is "P-256" or "P-384".  0, or -1 with *out empty. */
int certs_make(struct certs *out, const char *curve);

/* Key and certificate in one PEM file.  0 or -1. */
int certs_write(const struct certs *certs, const char *path);

/* 0 or -1. */
int certs_use(const struct certs *certs, SSL_CTX *ctx);

void certs_free(struct certs *certs);

#endif
