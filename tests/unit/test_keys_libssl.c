/* SPDX-License-Identifier: MIT */
/*
 * The keys layer against libssl: after a handshake in memory our keys open
 * what it sends, and what they seal it reads.
 */
#include <string.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "aead.h"
#include "ktls/ktls.h"
#include "suite.h"
#include "suite_main.h"

static const struct {
	int version;
	const char *name;
} cases[] = {
	{ TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256" },
	{ TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384" },
	{ TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256" },
	{ TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256" },
	{ TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384" },
	{ TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305" },
#ifndef OPENSSL_NO_PSK
	{ TLS1_2_VERSION, "PSK-AES128-GCM-SHA256" },
	{ TLS1_2_VERSION, "PSK-AES256-GCM-SHA384" },
	{ TLS1_2_VERSION, "ECDHE-PSK-CHACHA20-POLY1305" },
#endif
};

/* Both ends, and what is on its way between them. */
static SSL *client, *server;
static BIO *to_server, *to_client;
static uint8_t client_secret[48], server_secret[48];
static size_t secret_len;

static void keep(const char *line, const char *label, uint8_t *secret)
{
	const char *hex = strrchr(line, ' ') + 1;

	if (strncmp(line, label, strlen(label)) != 0)
		return;
	ck_assert_int_eq(OPENSSL_hexstr2buf_ex(secret, 48, &secret_len, hex,
					       '\0'), 1);
}

static void keylog(const SSL *ssl, const char *line)
{
	(void)ssl;
	keep(line, "CLIENT_TRAFFIC_SECRET_0 ", client_secret);
	keep(line, "SERVER_TRAFFIC_SECRET_0 ", server_secret);
}

#ifndef OPENSSL_NO_PSK
static unsigned psk_client(SSL *ssl, const char *hint, char *identity,
			   unsigned identity_len, unsigned char *psk,
			   unsigned psk_len)
{
	(void)ssl;
	(void)hint;
	(void)psk_len;
	ck_assert_uint_ge(identity_len, 2);
	memcpy(identity, "a", 2);
	memset(psk, 0x5a, 32);
	return 32;
}

static unsigned psk_server(SSL *ssl, const char *identity, unsigned char *psk,
			   unsigned psk_len)
{
	(void)ssl;
	(void)identity;
	(void)psk_len;
	memset(psk, 0x5a, 32);
	return 32;
}
#endif

static void use_certificate(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
	ck_assert_int_eq(SSL_CTX_use_certificate(ctx, cert), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static SSL_CTX *new_ctx(int i)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	SSL_CTX_set_min_proto_version(ctx, cases[i].version);
	SSL_CTX_set_max_proto_version(ctx, cases[i].version);
	if (cases[i].version == TLS1_3_VERSION)
		ck_assert_int_eq(SSL_CTX_set_ciphersuites(ctx, cases[i].name),
				 1);
	else
		ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx, cases[i].name),
				 1);
	SSL_CTX_set_num_tickets(ctx, 0);
	return ctx;
}

static void handshake(int i)
{
	SSL_CTX *client_ctx = new_ctx(i), *server_ctx = new_ctx(i);
	int done = 0;

	SSL_CTX_set_keylog_callback(client_ctx, keylog);
	use_certificate(server_ctx);
#ifndef OPENSSL_NO_PSK
	if (cases[i].version == TLS1_2_VERSION) {
		SSL_CTX_set_psk_client_callback(client_ctx, psk_client);
		SSL_CTX_set_psk_server_callback(server_ctx, psk_server);
	}
#endif
	client = SSL_new(client_ctx);
	server = SSL_new(server_ctx);
	SSL_CTX_free(client_ctx);
	SSL_CTX_free(server_ctx);
	to_server = BIO_new(BIO_s_mem());
	to_client = BIO_new(BIO_s_mem());
	BIO_up_ref(to_server);
	BIO_up_ref(to_client);
	SSL_set_bio(client, to_client, to_server);
	SSL_set_bio(server, to_server, to_client);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int round = 0; round < 10 && !done; round++) {
		done = SSL_do_handshake(client) == 1;
		done &= SSL_do_handshake(server) == 1;
	}
	ck_assert_msg(done, "no handshake for %s", cases[i].name);
}

static void derive(struct ktls_keys *of_client, struct ktls_keys *of_server)
{
	uint16_t suite = SSL_CIPHER_get_protocol_id(
		SSL_get_current_cipher(client));
	uint8_t master[48], client_random[32], server_random[32];

	if (SSL_version(client) == TLS1_3_VERSION) {
		ck_assert_int_eq(ktls_keys_tls13(of_client, suite,
						 client_secret, secret_len),
				 0);
		ck_assert_int_eq(ktls_keys_tls13(of_server, suite,
						 server_secret, secret_len),
				 0);
		return;
	}
	ck_assert_uint_eq(SSL_SESSION_get_master_key(SSL_get_session(client),
						     master, 48), 48);
	SSL_get_client_random(client, client_random, 32);
	SSL_get_server_random(client, server_random, 32);
	ck_assert_int_eq(ktls_keys_tls12(of_client, of_server, suite, master,
					 client_random, server_random), 0);
}

/* Take one record off the wire and open it. */
static void opens(BIO *wire, struct ktls_keys *keys, uint8_t type,
		  const void *expected, int expected_len)
{
	uint8_t rec[512], plain[512], seen = 0;
	int body;

	ck_assert_int_eq(BIO_read(wire, rec, 5), 5);
	body = rec[3] << 8 | rec[4];
	ck_assert_int_le(body, 500);
	ck_assert_int_eq(BIO_read(wire, rec + 5, body), body);
	ck_assert_int_eq(ktls__record_open(plain, &seen, keys, rec,
					   (size_t)body + 5), expected_len);
	ck_assert_uint_eq(seen, type);
	ck_assert_mem_eq(plain, expected, (size_t)expected_len);
	keys->seq++;
}

/* What we seal next is what `reader` reads. */
static void is_read(SSL *reader, BIO *wire, struct ktls_keys *keys)
{
	uint8_t rec[64];
	char got[64];
	int len = ktls__record_seal(rec, keys, KTLS_RECORD_DATA,
				    (const uint8_t *)"from us", 7);

	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(BIO_write(wire, rec, len), len);
	ck_assert_int_eq(SSL_read(reader, got, sizeof(got)), 7);
	ck_assert_mem_eq(got, "from us", 7);
}

START_TEST(records_of_libssl)
{
	struct ktls_keys of_client, of_server;

	handshake(_i);
	derive(&of_client, &of_server);
	is_read(server, to_server, &of_client);
	is_read(client, to_client, &of_server);
	ck_assert_int_eq(SSL_write(client, "ping", 4), 4);
	opens(to_server, &of_client, KTLS_RECORD_DATA, "ping", 4);
	ck_assert_int_eq(SSL_write(server, "pong", 4), 4);
	opens(to_client, &of_server, KTLS_RECORD_DATA, "pong", 4);
	/* close_notify is record number two. */
	SSL_shutdown(client);
	opens(to_server, &of_client, KTLS_RECORD_ALERT, "\1\0", 2);
	SSL_free(client);
	SSL_free(server);
}
END_TEST

/* Cases 0 to 2: libssl changes its keys twice, and we follow. */
START_TEST(key_updates_of_libssl)
{
	struct ktls_keys of_client, of_server;
	uint16_t suite;

	handshake(_i);
	derive(&of_client, &of_server);
	suite = of_client.suite;
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(SSL_key_update(
					 client, SSL_KEY_UPDATE_NOT_REQUESTED),
				 1);
		ck_assert_int_eq(SSL_write(client, "ping", 4), 4);
		opens(to_server, &of_client, KTLS_RECORD_HANDSHAKE,
		      "\30\0\0\1\0", 5);
		ck_assert_int_eq(ktls_secret_next(suite, client_secret,
						  secret_len), 0);
		ck_assert_int_eq(ktls_keys_tls13(&of_client, suite,
						 client_secret, secret_len),
				 0);
		opens(to_server, &of_client, KTLS_RECORD_DATA, "ping", 4);
	}
	SSL_free(client);
	SSL_free(server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keys_libssl");
	TCase *tc = tcase_create("records");

	tcase_add_loop_test(tc, records_of_libssl, 0,
			    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_loop_test(tc, key_updates_of_libssl, 0, 3);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
