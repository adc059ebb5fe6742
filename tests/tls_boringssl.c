/* SPDX-License-Identifier: MIT */
/* BoringSSL: see tls_calls.h. */
#include "tls_calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <openssl/aead.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>

#define GROUP_P384 24 /* RFC 8446 section 4.2.7 */

int tls_has(enum tls_feature feature)
{
	(void)feature;
	return 0;
}

/* The headers' number: the library itself knows of none. */
const char *tls_stack(void)
{
	static char name[40];

	snprintf(name, sizeof(name), "BoringSSL (API %d)",
		 BORINGSSL_API_VERSION);
	return name;
}

int tls_hold(SSL *ssl)
{
	(void)ssl;
	return 0;
}

EVP_PKEY *tls_ec_key(const char *curve)
{
	int nid = strcmp(curve, "P-384") == 0 ? NID_secp384r1 :
						NID_X9_62_prime256v1;
	EC_KEY *ec = EC_KEY_new_by_curve_name(nid);
	EVP_PKEY *key = EVP_PKEY_new();

	if (ec && key && EC_KEY_generate_key(ec) == 1 &&
	    EVP_PKEY_assign_EC_KEY(key, ec) == 1)
		return key;
	EC_KEY_free(ec);
	EVP_PKEY_free(key);
	return NULL;
}

/* A client offers all three, and the server takes its first: the other end
 * has to choose. */
int tls_set_suites(SSL_CTX *ctx, const char *names)
{
	(void)ctx, (void)names;
	return 1;
}

int tls_set_suites_of(SSL *ssl, const char *names)
{
	(void)ssl, (void)names;
	return 1;
}

/* OPENSSL_ia32cap=~0x200000000000000 hides the processor's AES. */
const char *tls_suite_of_two(void)
{
	return EVP_has_aes_hardware() ? "TLS_AES_128_GCM_SHA256" :
					"TLS_CHACHA20_POLY1305_SHA256";
}

/* That it takes to be worth 256 bits. */
const char *tls_group_of_suite(const char *name)
{
	return EVP_has_aes_hardware() && strstr(name, "AES_256") ? "CECPQ2" :
								   NULL;
}

void tls_set_tickets_of(SSL *ssl, size_t n)
{
	SSL_CTX_set_num_tickets(SSL_get_SSL_CTX(ssl), n);
}

int tls_new_ticket(SSL *ssl)
{
	(void)ssl;
	return 0;
}

int tls_ask_for_cert(SSL *ssl)
{
	(void)ssl;
	return 0;
}

void tls_offer_late_auth(SSL_CTX *ctx, int on)
{
	(void)ctx, (void)on;
}

void tls_offer_late_auth_of(SSL *ssl, int on)
{
	(void)ssl, (void)on;
}

int tls_flush(SSL *ssl)
{
	/* An address that is nobody else's: it matters where this is cut. */
	static const char nothing[1];
	int ret = SSL_do_handshake(ssl);

	if (ret == 1)
		ret = SSL_write(ssl, nothing, 0);
	return ret < 0 ? ret : 1;
}

int tls_key_update_waits(SSL *ssl)
{
	(void)ssl;
	return 0;
}

int tls_has_peer_cert(const SSL *ssl)
{
	return sk_CRYPTO_BUFFER_num(SSL_get0_peer_certificates(ssl)) > 0;
}

int tls_group_is_p384(SSL *ssl)
{
	return SSL_get_curve_id(ssl) == GROUP_P384;
}

void tls_set_early_data(SSL_CTX *ctx)
{
	SSL_CTX_set_early_data_enabled(ctx, 1);
}

int tls_write_early(SSL *ssl, const void *buf, size_t len)
{
	int ret = SSL_in_early_data(ssl) ? 1 : SSL_do_handshake(ssl);

	if (ret != 1)
		return ret;
	/* with no early data to send the handshake is finished now */
	if (!SSL_in_early_data(ssl))
		return -1;
	ret = SSL_write(ssl, buf, (int)len);
	return ret > 0 ? 1 : ret;
}

/* SSL_read() ends the handshake, and waits for data behind it. */
static int read_now(SSL *ssl, void *buf, size_t len)
{
	const int fd = SSL_get_fd(ssl);
	const int flags = fcntl(fd, F_GETFL);
	int ret;

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	ret = SSL_read(ssl, buf, (int)len);
	fcntl(fd, F_SETFL, flags);
	return ret;
}

int tls_read_early(SSL *ssl, void *buf, size_t len, size_t *n)
{
	int ret = SSL_in_early_data(ssl) ? 1 : SSL_do_handshake(ssl);

	*n = 0;
	if (ret != 1 || !SSL_in_early_data(ssl))
		return ret;
	ret = read_now(ssl, buf, len);
	/* EndOfEarlyData ends it, and nothing has to follow */
	if (ret > 0)
		*n = (size_t)ret;
	return ret > 0 || !SSL_in_init(ssl) ? 1 : ret;
}

int tls_early_accepted(const SSL *ssl)
{
	return SSL_early_data_accepted(ssl);
}

void tls_watch(SSL *ssl, struct tls_watch *watch)
{
	(void)ssl, (void)watch;
}

void tls_pad(SSL *ssl, size_t (*padding)(SSL *ssl, int type, size_t len,
					 void *arg))
{
	(void)ssl, (void)padding;
}

int tls_ktls_option(const SSL_CTX *ctx)
{
	(void)ctx;
	return 0;
}

void tls_set_ktls_option(SSL_CTX *ctx)
{
	(void)ctx;
}

void tls_set_ktls_option_of(SSL *ssl)
{
	(void)ssl;
}

int tls_ktls_directions(SSL *ssl)
{
	(void)ssl;
	return 0;
}

static const EVP_AEAD *aead_of(const struct tls_aead *aead)
{
	if (aead->chacha20)
		return EVP_aead_chacha20_poly1305();
	return aead->key_len == 16 ? EVP_aead_aes_128_gcm() :
				     EVP_aead_aes_256_gcm();
}

int tls_seal(const struct tls_aead *aead, uint8_t *text, size_t len)
{
	EVP_AEAD_CTX *ctx = EVP_AEAD_CTX_new(aead_of(aead), aead->key,
					     aead->key_len, TLS_TAG);
	size_t n;
	int ok;

	ok = ctx != NULL &&
	     EVP_AEAD_CTX_seal(ctx, text, &n, len + TLS_TAG, aead->nonce, 12,
			       text, len, aead->aad, aead->aad_len) == 1;
	EVP_AEAD_CTX_free(ctx);
	return ok;
}

int tls_open(const struct tls_aead *aead, uint8_t *out, const uint8_t *text,
	     size_t len)
{
	EVP_AEAD_CTX *ctx = EVP_AEAD_CTX_new(aead_of(aead), aead->key,
					     aead->key_len, TLS_TAG);
	size_t n;
	int ok;

	ok = ctx != NULL &&
	     EVP_AEAD_CTX_open(ctx, out, &n, len, aead->nonce, 12, text,
			       len + TLS_TAG, aead->aad, aead->aad_len) == 1;
	EVP_AEAD_CTX_free(ctx);
	return ok;
}
