/* SPDX-License-Identifier: MIT */
/* What is not said alike in OpenSSL and BoringSSL: backend_tls.c. */
#ifndef KTLS_TEST_BACKEND_TLS_H
#define KTLS_TEST_BACKEND_TLS_H

#include <stdbool.h>

#include <openssl/ssl.h>

struct tls_choice {
	bool client, tls13;
	const char *suite; /* OpenSSL's name; of 1.2 both libraries' */
	const char *group; /* of the key exchange; NULL: whatever */
};

/* "OpenSSL 3.0.22", "BoringSSL (API 17)" */
const char *tls_library(void);

/* Those of the library that libktls hands off, a line for each. */
void tls_print_suites(void);

/* Prepared for hand-offs; a server's has a certificate of its own, or both
 * have the key of a PSK suite.  NULL: the library's error queue tells. */
SSL_CTX *tls_context(const struct tls_choice *c);

#endif
