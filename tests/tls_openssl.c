/* SPDX-License-Identifier: MIT */
/* OpenSSL 3.x: see tls_calls.h. */
#include "tls_calls.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "ktls/ktls.h"

int tls_has(enum tls_feature feature)
{
	(void)feature;
	return 1;
}

const char *tls_stack(void)
{
	static char name[80];

	snprintf(name, sizeof(name), "OpenSSL %s",
		 OpenSSL_version(OPENSSL_VERSION_STRING));
	return name;
}

int tls_hold(SSL *ssl)
{
	return SSL_up_ref(ssl);
}

EVP_PKEY *tls_ec_key(const char *curve)
{
	return EVP_EC_gen(curve);
}

int tls_set_suites(SSL_CTX *ctx, const char *names)
{
	return SSL_CTX_set_ciphersuites(ctx, names);
}

int tls_set_suites_of(SSL *ssl, const char *names)
{
	return SSL_set_ciphersuites(ssl, names);
}

const char *tls_suite_of_two(void)
{
	return "TLS_AES_256_GCM_SHA384";
}

const char *tls_group_of_suite(const char *name)
{
	(void)name;
	return NULL;
}

void tls_set_tickets_of(SSL *ssl, size_t n)
{
	SSL_set_num_tickets(ssl, n);
}

int tls_new_ticket(SSL *ssl)
{
	return SSL_new_session_ticket(ssl);
}

int tls_ask_for_cert(SSL *ssl)
{
	return SSL_verify_client_post_handshake(ssl);
}

void tls_offer_late_auth(SSL_CTX *ctx, int on)
{
	SSL_CTX_set_post_handshake_auth(ctx, on);
}

void tls_offer_late_auth_of(SSL *ssl, int on)
{
	SSL_set_post_handshake_auth(ssl, on);
}

int tls_flush(SSL *ssl)
{
	return SSL_do_handshake(ssl);
}

int tls_key_update_waits(SSL *ssl)
{
	return SSL_get_key_update_type(ssl) != SSL_KEY_UPDATE_NONE;
}

int tls_has_peer_cert(const SSL *ssl)
{
	return SSL_get0_peer_certificate(ssl) != NULL;
}

int tls_group_is_p384(SSL *ssl)
{
	return SSL_get_negotiated_group(ssl) == NID_secp384r1;
}

void tls_set_early_data(SSL_CTX *ctx)
{
	SSL_CTX_set_max_early_data(ctx, 16384);
}

int tls_write_early(SSL *ssl, const void *buf, size_t len)
{
	size_t n;

	return SSL_write_early_data(ssl, buf, len, &n);
}

int tls_read_early(SSL *ssl, void *buf, size_t len, size_t *n)
{
	*n = 0;
	switch (SSL_read_early_data(ssl, buf, len, n)) {
	case SSL_READ_EARLY_DATA_SUCCESS:
		return 1;
	case SSL_READ_EARLY_DATA_FINISH:
		*n = 0;
		return 1;
	default:
		return 0;
	}
}

int tls_early_accepted(const SSL *ssl)
{
	return SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED;
}

static long on_bio(BIO *bio, int what, const char *buf, size_t len, int argi,
		   long argl, int ret, size_t *processed)
{
	struct tls_watch *watch = (void *)BIO_get_callback_arg(bio);

	(void)len, (void)argi, (void)argl;
	if (what == (BIO_CB_WRITE | BIO_CB_RETURN) && ret > 0)
		watch->written(watch->arg, (const uint8_t *)buf, *processed);
	return ret;
}

void tls_watch(SSL *ssl, struct tls_watch *watch)
{
	BIO *bio = SSL_get_wbio(ssl);

	BIO_set_callback_arg(bio, (char *)watch);
	BIO_set_callback_ex(bio, on_bio);
}

void tls_pad(SSL *ssl, size_t (*padding)(SSL *ssl, int type, size_t len,
					 void *arg))
{
	SSL_set_record_padding_callback(ssl, padding);
}

int tls_ktls_option(const SSL_CTX *ctx)
{
	return (SSL_CTX_get_options(ctx) & SSL_OP_ENABLE_KTLS) != 0;
}

void tls_set_ktls_option(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS);
}

void tls_set_ktls_option_of(SSL *ssl)
{
	SSL_set_options(ssl, SSL_OP_ENABLE_KTLS);
}

int tls_ktls_directions(SSL *ssl)
{
	return (BIO_get_ktls_send(SSL_get_wbio(ssl)) ? KTLS_TX : 0) |
	       (BIO_get_ktls_recv(SSL_get_rbio(ssl)) ? KTLS_RX : 0);
}

static const EVP_CIPHER *cipher_of(const struct tls_aead *aead)
{
	if (aead->chacha20)
		return EVP_chacha20_poly1305();
	return aead->key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

static EVP_CIPHER_CTX *begin(const struct tls_aead *aead, int seal)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (ctx && EVP_CipherInit_ex(ctx, cipher_of(aead), NULL, aead->key,
				     aead->nonce, seal) == 1 &&
	    EVP_CipherUpdate(ctx, NULL, &n, aead->aad,
			     (int)aead->aad_len) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

int tls_seal(const struct tls_aead *aead, uint8_t *text, size_t len)
{
	EVP_CIPHER_CTX *ctx = begin(aead, 1);
	uint8_t *tag = text + len;
	int n;
	int ok;

	ok = ctx != NULL &&
	     (len == 0 ||
	      EVP_CipherUpdate(ctx, text, &n, text, (int)len) == 1) &&
	     EVP_CipherFinal_ex(ctx, tag, &n) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TLS_TAG, tag) ==
		     1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

int tls_open(const struct tls_aead *aead, uint8_t *out, const uint8_t *text,
	     size_t len)
{
	EVP_CIPHER_CTX *ctx = begin(aead, 0);
	uint8_t tag[TLS_TAG];
	int n;
	int ok;

	memcpy(tag, text + len, TLS_TAG);
	ok = ctx != NULL &&
	     (len == 0 ||
	      EVP_CipherUpdate(ctx, out, &n, text, (int)len) == 1) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TLS_TAG, tag) ==
		     1 &&
	     EVP_CipherFinal_ex(ctx, tag, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}
