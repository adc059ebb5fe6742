/* SPDX-License-Identifier: MIT */
/*
 * A program with an SSL of its own: it was compiled with the headers of the
 * TLS library that its libktls is linked with, and runs with its functions.
 *
 *   tls           makes one, and says which library it has
 *   tls foreign   ktls_prepare() says that this process bound another one
 */
#include <openssl/ssl.h>

#include <ktls/ktls.h>

#include <stdio.h>
#include <string.h>

#ifdef OPENSSL_IS_BORINGSSL
#ifndef KTLS_LINKS_BORINGSSL
#error "BoringSSL's headers, without ktls-boringssl"
#endif
static const char ours[] = "BoringSSL";

/* neither OpenSSL's headers nor its libraries have it */
static void only_ours(SSL_CTX *ctx)
{
	SSL_CTX_set_grease_enabled(ctx, 1);
}
#else
#ifndef KTLS_LINKS_OPENSSL
#error "OpenSSL's headers, without ktls"
#endif
static const char ours[] = "OpenSSL";

/* nor has BoringSSL this one */
static void only_ours(SSL_CTX *ctx)
{
	SSL_CTX_set_post_handshake_auth(ctx, 1);
}
#endif

static int make_one(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl = NULL;
	int err = -KTLS_ESSL;

	if (ctx != NULL) {
		only_ours(ctx);
		err = ktls_prepare(ctx, 0);
		ssl = SSL_new(ctx);
	}
	if (err < 0)
		fprintf(stderr, "ktls_prepare: %s\n", ktls_strerror(err));
	else if (ssl == NULL)
		fprintf(stderr, "SSL_new\n");
	else
		printf("%s\n", ours);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return err < 0 || ssl == NULL;
}

/* No SSL_CTX is made: with two libraries that may crash already. */
static int is_foreign(void)
{
	static char memory[4096];
	int err = ktls_prepare((struct ssl_ctx_st *)(void *)memory, 0);

	if (err == -KTLS_ESSL)
		return 0;
	fprintf(stderr, "ktls_prepare: %d\n", err);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "foreign") == 0)
		return is_foreign();
	if (strstr(OpenSSL_version(OPENSSL_VERSION), ours) == NULL) {
		fprintf(stderr, "headers of %s, functions of %s\n", ours,
			OpenSSL_version(OPENSSL_VERSION));
		return 1;
	}
	return make_one();
}
