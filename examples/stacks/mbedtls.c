/* SPDX-License-Identifier: MIT */
/*
 * mbedtls_keys - kernel TLS behind a handshake by Mbed TLS 2.28, TLS 1.2: what
 * an application has to copy is on_keys() and stack_take_over().
 *
 *   cc -std=c11 -D_GNU_SOURCE mbedtls.c peer.c -o mbedtls_keys \
 *      $(pkg-config --cflags --libs ktls) -lmbedtls -lmbedx509 -lmbedcrypto
 *   ./mbedtls_keys client --host localhost --port 4433 --ca ca.pem --send F
 *
 * Mbed TLS has to be built with MBEDTLS_SSL_EXPORT_KEYS and
 * MBEDTLS_SSL_MAX_FRAGMENT_LENGTH, as it is by default.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>

#include "stack.h"

/* What the callback tells: its pointers are gone after it. */
struct secrets {
	uint8_t master[48], client_random[32], server_random[32];
};

struct stack {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt cert;
	mbedtls_pk_context key;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context rng;
	int suites[2];
	struct secrets secrets;
	struct input *in;
	int server;
};

static int failed(const char *what, int err)
{
	char text[128];

	mbedtls_strerror(err, text, sizeof(text));
	fprintf(stderr, "%s: %s\n", what, text);
	return -EPROTO;
}

/* ------------------------------------------------------------------ keys */

/*
 * Set for a configuration, and does not tell whose handshake it is: in 2.28
 * connections that shake hands at once need a configuration each.
 */
static int on_keys(void *arg, const unsigned char *master,
		   const unsigned char *key_block, size_t mac_len,
		   size_t key_len, size_t iv_len,
		   const unsigned char client_random[32],
		   const unsigned char server_random[32],
		   mbedtls_tls_prf_types prf)
{
	struct secrets *s = arg;

	(void)key_block, (void)mac_len, (void)key_len, (void)iv_len, (void)prf;
	memcpy(s->master, master, sizeof(s->master));
	memcpy(s->client_random, client_random, sizeof(s->client_random));
	memcpy(s->server_random, server_random, sizeof(s->server_random));
	return 0;
}

static uint64_t counter(const unsigned char *bytes)
{
	uint64_t seq = 0;
	int i;

	for (i = 0; i < 8; i++)
		seq = seq << 8 | bytes[i];
	return seq;
}

/*
 * Mbed TLS's explicit nonce of AES-GCM is the sequence number: the salt is
 * all of iv that has to be told.  ChaCha20-Poly1305 has twelve bytes.
 */
static void protect(struct ktls_protection *p, const struct ktls_keys *keys,
		    const mbedtls_ssl_ciphersuite_t *suite, uint64_t seq)
{
	p->key = keys->key;
	p->key_len = mbedtls_cipher_info_from_type(suite->cipher)->key_bitlen /
		     8;
	p->iv = keys->iv;
	p->iv_len = suite->cipher == MBEDTLS_CIPHER_CHACHA20_POLY1305 ? 12 : 4;
	p->seq = seq;
}

/* What is decrypted and not read, of one record: the socket is not touched. */
static ssize_t unread(struct stack *s, uint8_t *text, size_t room)
{
	size_t n, len = 0;

	while ((n = mbedtls_ssl_get_bytes_avail(&s->ssl)) > 0) {
		int got;

		if (n > room - len)
			return -EMSGSIZE;
		got = mbedtls_ssl_read(&s->ssl, text + len, n);
		if (got <= 0)
			return failed("mbedtls_ssl_read", got);
		len += (size_t)got;
	}
	return (ssize_t)len;
}

/* `known` is all but the keys, which live in here. */
static int open_keys(struct ktls **k, struct stack *s,
		     const struct ktls_session *known)
{
	struct ktls_session session = *known;
	const mbedtls_ssl_ciphersuite_t *suite;
	struct ktls_keys client, server;
	int err;

	suite = mbedtls_ssl_ciphersuite_from_id(session.suite);
	err = ktls_keys_tls12(&client, &server, session.suite,
			      s->secrets.master, s->secrets.client_random,
			      s->secrets.server_random);
	if (err == 0) {
		/* Neither counter has a function; from 3.0 on they are
		 * private, and 1 is right as long as no data has gone. */
		protect(&session.tx, s->server ? &server : &client, suite,
			counter(s->ssl.cur_out_ctr));
		protect(&session.rx, s->server ? &client : &server, suite,
			counter(s->ssl.in_ctr));
		err = ktls_open(k, s->in->fd, &session, NULL);
	}
	ktls_keys_wipe(&client);
	ktls_keys_wipe(&server);
	return err;
}

/* mbedtls_ssl_check_pending() after unread(): a record that is not decrypted,
 * or half of one.  On a blocking socket there is none between two calls. */
int stack_take_over(struct ktls **k, struct stack *s)
{
	struct ktls_session session = { .size = sizeof(session) };
	uint8_t text[RECORD_MAX];
	ssize_t len;
	int err;

	err = check_record_limit(mbedtls_ssl_get_output_max_frag_len(&s->ssl));
	if (err < 0)
		return err;
	session.version = KTLS_TLS_1_2;
	session.suite = (uint16_t)mbedtls_ssl_get_ciphersuite_id(
		mbedtls_ssl_get_ciphersuite(&s->ssl));
	session.server = s->server;
	len = unread(s, text, sizeof(text));
	if (len < 0)
		return (int)len;
	session.plaintext = text;
	session.plaintext_len = (size_t)len;
	session.ciphertext = s->in->buf + s->in->begin;
	session.ciphertext_len = s->in->end - s->in->begin;
	err = -KTLS_EPENDING;
	if (!mbedtls_ssl_check_pending(&s->ssl) && s->ssl.out_left == 0)
		err = open_keys(k, s, &session);
	explicit_bzero(text, sizeof(text));
	return err;
}

/* ------------------------------------- the handshake, as in any program */

static int send_some(void *in, const unsigned char *buf, size_t len)
{
	ssize_t n = send(((struct input *)in)->fd, buf, len, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE :
					MBEDTLS_ERR_SSL_INTERNAL_ERROR;
	return (int)n;
}

static int recv_some(void *in, unsigned char *buf, size_t len)
{
	ssize_t n = input_read(in, buf, len);

	if (n < 0)
		return errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ :
					MBEDTLS_ERR_SSL_INTERNAL_ERROR;
	return (int)n;
}

static int load(struct stack *s, const struct settings *set)
{
	int err;

	if (!set->server) {
		err = mbedtls_x509_crt_parse_file(&s->cert, set->ca);
		mbedtls_ssl_conf_ca_chain(&s->conf, &s->cert, NULL);
		return err;
	}
	err = mbedtls_x509_crt_parse_file(&s->cert, set->cert);
	if (err == 0)
		err = mbedtls_pk_parse_keyfile(&s->key, set->key, NULL);
	if (err == 0)
		err = mbedtls_ssl_conf_own_cert(&s->conf, &s->cert, &s->key);
	return err;
}

static int configure(struct stack *s, const struct settings *set)
{
	int err;

	err = mbedtls_ctr_drbg_seed(&s->rng, mbedtls_entropy_func, &s->entropy,
				    NULL, 0);
	if (err == 0)
		err = mbedtls_ssl_config_defaults(&s->conf, set->server ?
			MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
			MBEDTLS_SSL_TRANSPORT_STREAM,
			MBEDTLS_SSL_PRESET_DEFAULT);
	if (err == 0)
		err = load(s, set);
	if (err != 0)
		return err;
	mbedtls_ssl_conf_min_version(&s->conf, MBEDTLS_SSL_MAJOR_VERSION_3,
				     MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_rng(&s->conf, mbedtls_ctr_drbg_random, &s->rng);
	mbedtls_ssl_conf_export_keys_ext_cb(&s->conf, on_keys, &s->secrets);
	if (set->suites) {
		s->suites[0] = mbedtls_ssl_get_ciphersuite_id(set->suites);
		mbedtls_ssl_conf_ciphersuites(&s->conf, s->suites);
	}
	err = mbedtls_ssl_setup(&s->ssl, &s->conf);
	if (err == 0 && !set->server)
		err = mbedtls_ssl_set_hostname(&s->ssl, set->host);
	return err;
}

int stack_handshake(struct stack **out, const struct settings *set,
		    struct input *in)
{
	struct stack *s = calloc(1, sizeof(*s));
	int err;

	*out = s;
	if (!s)
		return -ENOMEM;
	s->in = in;
	s->server = set->server;
	mbedtls_ssl_init(&s->ssl);
	mbedtls_ssl_config_init(&s->conf);
	mbedtls_x509_crt_init(&s->cert);
	mbedtls_pk_init(&s->key);
	mbedtls_entropy_init(&s->entropy);
	mbedtls_ctr_drbg_init(&s->rng);
	err = configure(s, set);
	if (err != 0)
		return failed("configuration", err);
	mbedtls_ssl_set_bio(&s->ssl, in, send_some, recv_some, NULL);
	do
		err = mbedtls_ssl_handshake(&s->ssl);
	while (err == MBEDTLS_ERR_SSL_WANT_READ ||
	       err == MBEDTLS_ERR_SSL_WANT_WRITE);
	return err != 0 ? failed("handshake", err) : 0;
}

ssize_t stack_read(struct stack *s, void *buf, size_t len)
{
	int n;

	do
		n = mbedtls_ssl_read(&s->ssl, buf, len);
	while (n == MBEDTLS_ERR_SSL_WANT_READ);
	return n < 0 ? failed("mbedtls_ssl_read", n) : n;
}

int stack_write(struct stack *s, const void *buf, size_t len)
{
	const unsigned char *at = buf;
	int n;

	while (len > 0) {
		n = mbedtls_ssl_write(&s->ssl, at, len);
		if (n < 0 && n != MBEDTLS_ERR_SSL_WANT_WRITE)
			return failed("mbedtls_ssl_write", n);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* It wipes what it frees. */
void stack_free(struct stack *s)
{
	if (!s)
		return;
	mbedtls_ssl_free(&s->ssl);
	mbedtls_ssl_config_free(&s->conf);
	mbedtls_x509_crt_free(&s->cert);
	mbedtls_pk_free(&s->key);
	mbedtls_ctr_drbg_free(&s->rng);
	mbedtls_entropy_free(&s->entropy);
	explicit_bzero(s, sizeof(*s));
	free(s);
}
