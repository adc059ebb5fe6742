/* SPDX-License-Identifier: MIT */
/*
 * wolfssl_keys - kernel TLS behind a handshake by wolfSSL (5.0 and later), TLS
 * 1.2 and 1.3: what an application has to copy is stack_take_over()
 * and watch().
 *
 *   cc -std=c11 -D_GNU_SOURCE wolfssl.c peer.c -o wolfssl_keys \
 *      $(pkg-config --cflags --libs ktls wolfssl)
 *   ./wolfssl_keys client --host localhost --port 4433 --ca ca.pem --send F
 *
 * wolfSSL has to be built with ATOMIC_USER (--enable-atomicuser), as Debian's
 * is: without it the functions that tell keys are missing when this is linked.
 * It gives keys, not traffic secrets: a KeyUpdate of the peer ends the
 * connection with -KTLS_EKEYUPDATE, and we cannot send one.  Following them
 * takes HAVE_SECRET_CALLBACK too (wolfSSL_set_tls13_secret_cb()), which
 * Debian's has not.
 */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "stack.h"

#define HEADER_LEN 5
#define NONCE_LEN 8
#define SALT_LEN 4

/* The record that was sent last: where we are in it, and its beginning, that
 * is header and, with AES-GCM in TLS 1.2, explicit nonce. */
struct sent {
	size_t at;
	uint8_t head[HEADER_LEN + NONCE_LEN];
};

struct stack {
	WOLFSSL_CTX *ctx;
	WOLFSSL *ssl;
	struct input *in;
	struct sent sent;
	uint8_t iv[SALT_LEN + NONCE_LEN]; /* of ours, for ktls_open() */
	int server;
};

static int failed(const char *what, int err)
{
	char text[WOLFSSL_MAX_ERROR_SZ];

	fprintf(stderr, "%s: %s\n", what,
		wolfSSL_ERR_error_string((unsigned long)err, text));
	return -EPROTO;
}

static int ssl_failed(struct stack *s, const char *what, int ret)
{
	return failed(what, wolfSSL_get_error(s->ssl, ret));
}

/* ------------------------------------------------------------------ keys */

/* The keys of one direction stay wolfSSL's. */
static void protect(struct ktls_protection *p, WOLFSSL *ssl, int by_client,
		    uint64_t seq)
{
	p->seq = seq;
	p->key = by_client ? wolfSSL_GetClientWriteKey(ssl) :
			     wolfSSL_GetServerWriteKey(ssl);
	p->key_len = (size_t)wolfSSL_GetKeySize(ssl);
	p->iv = by_client ? wolfSSL_GetClientWriteIV(ssl) :
			    wolfSSL_GetServerWriteIV(ssl);
	p->iv_len = (size_t)wolfSSL_GetIVSize(ssl);
}

/*
 * wolfSSL's explicit nonce of AES-GCM begins anywhere and is counted up; no
 * function tells it.  So it is seen on the way out: all that is sent passes
 * here.
 */
static void watch(struct sent *sent, const uint8_t *buf, size_t len)
{
	for (; len > 0; buf++, len--) {
		if (sent->at < sizeof(sent->head))
			sent->head[sent->at] = *buf;
		sent->at++;
		if (sent->at >= HEADER_LEN &&
		    sent->at == HEADER_LEN + ((size_t)sent->head[3] << 8 |
					      sent->head[4]))
			sent->at = 0;
	}
}

/* Salt and the explicit nonce that follows the last one. */
static void continue_nonce(struct stack *s, struct ktls_protection *tx)
{
	int i;

	memcpy(s->iv, tx->iv, SALT_LEN);
	memcpy(s->iv + SALT_LEN, s->sent.head + HEADER_LEN, NONCE_LEN);
	for (i = sizeof(s->iv) - 1; i >= SALT_LEN; i--)
		if (++s->iv[i] != 0)
			break;
	tx->iv = s->iv;
	tx->iv_len = sizeof(s->iv);
}

/* What is decrypted and not read, of one record: the socket is not touched. */
static ssize_t unread(struct stack *s, uint8_t *text, size_t room)
{
	size_t len = 0;
	int n;

	while ((n = wolfSSL_pending(s->ssl)) > 0) {
		if ((size_t)n > room - len)
			return -EMSGSIZE;
		n = wolfSSL_read(s->ssl, text + len, n);
		if (n <= 0)
			return ssl_failed(s, "wolfSSL_read", n);
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int stack_take_over(struct ktls **k, struct stack *s)
{
	struct ktls_session session = { .size = sizeof(session) };
	uint8_t text[RECORD_MAX];
	word64 ours, theirs;
	ssize_t len;
	int err;

	err = wolfSSL_GetMaxOutputSize(s->ssl);
	if (err < 0)
		return failed("wolfSSL_GetMaxOutputSize", err);
	err = check_record_limit((size_t)err);
	if (err < 0)
		return err;
	session.version = (uint16_t)wolfSSL_version(s->ssl);
	session.suite = (uint16_t)wolfSSL_get_current_cipher_suite(s->ssl);
	session.server = s->server;
	len = unread(s, text, sizeof(text));
	if (len < 0)
		return (int)len;
	session.plaintext = text;
	session.plaintext_len = (size_t)len;
	session.ciphertext = s->in->buf + s->in->begin;
	session.ciphertext_len = s->in->end - s->in->begin;
	/* They return whether the number is 0, which is no error. */
	wolfSSL_GetSequenceNumber(s->ssl, &ours);
	wolfSSL_GetPeerSequenceNumber(s->ssl, &theirs);
	protect(&session.tx, s->ssl, !s->server, ours);
	protect(&session.rx, s->ssl, s->server, theirs);
	if (session.tx.iv_len == SALT_LEN)
		continue_nonce(s, &session.tx);
	err = ktls_open(k, s->in->fd, &session, NULL);
	explicit_bzero(text, sizeof(text));
	return err;
}

/* ------------------------------------- the handshake, as in any program */

static int recv_some(WOLFSSL *ssl, char *buf, int len, void *in)
{
	ssize_t n = input_read(in, buf, (size_t)len);

	(void)ssl;
	if (n < 0)
		return errno == EINTR ? WOLFSSL_CBIO_ERR_ISR :
					WOLFSSL_CBIO_ERR_GENERAL;
	return n == 0 ? WOLFSSL_CBIO_ERR_CONN_CLOSE : (int)n;
}

static int send_some(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	struct stack *s = arg;
	ssize_t n = send(s->in->fd, buf, (size_t)len, MSG_NOSIGNAL);

	(void)ssl;
	if (n < 0)
		return errno == EINTR ? WOLFSSL_CBIO_ERR_ISR :
					WOLFSSL_CBIO_ERR_GENERAL;
	watch(&s->sent, (uint8_t *)buf, (size_t)n);
	return (int)n;
}

static int load(struct stack *s, const struct settings *set)
{
	int ret;

	if (!set->server)
		return wolfSSL_CTX_load_verify_locations(s->ctx, set->ca, NULL);
	ret = wolfSSL_CTX_use_certificate_chain_file(s->ctx, set->cert);
	if (ret == WOLFSSL_SUCCESS)
		ret = wolfSSL_CTX_use_PrivateKey_file(s->ctx, set->key,
						      WOLFSSL_FILETYPE_PEM);
	return ret;
}

static int configure(struct stack *s, const struct settings *set)
{
	int ret;

	wolfSSL_Init();
	s->ctx = wolfSSL_CTX_new(set->server ? wolfSSLv23_server_method() :
				 wolfSSLv23_client_method());
	if (!s->ctx)
		return MEMORY_E;
	ret = wolfSSL_CTX_SetMinVersion(s->ctx, WOLFSSL_TLSV1_2);
	if (ret == WOLFSSL_SUCCESS)
		ret = load(s, set);
	if (ret == WOLFSSL_SUCCESS && set->suites)
		ret = wolfSSL_CTX_set_cipher_list(s->ctx, set->suites);
	wolfSSL_CTX_set_verify(s->ctx, set->server ? WOLFSSL_VERIFY_NONE :
			       WOLFSSL_VERIFY_PEER, NULL);
	wolfSSL_CTX_SetIORecv(s->ctx, recv_some);
	wolfSSL_CTX_SetIOSend(s->ctx, send_some);
	if (ret != WOLFSSL_SUCCESS)
		return ret;
	s->ssl = wolfSSL_new(s->ctx);
	if (!s->ssl)
		return MEMORY_E;
	wolfSSL_SetIOReadCtx(s->ssl, s->in);
	wolfSSL_SetIOWriteCtx(s->ssl, s);
	return set->server ? WOLFSSL_SUCCESS :
			     wolfSSL_check_domain_name(s->ssl, set->host);
}

int stack_handshake(struct stack **out, const struct settings *set,
		    struct input *in)
{
	struct stack *s = calloc(1, sizeof(*s));
	int ret;

	*out = s;
	if (!s)
		return -ENOMEM;
	s->in = in;
	s->server = set->server;
	ret = configure(s, set);
	if (ret != WOLFSSL_SUCCESS)
		return failed("configuration", ret);
	ret = set->server ? wolfSSL_accept(s->ssl) : wolfSSL_connect(s->ssl);
	return ret == WOLFSSL_SUCCESS ? 0 : ssl_failed(s, "handshake", ret);
}

ssize_t stack_read(struct stack *s, void *buf, size_t len)
{
	int n = wolfSSL_read(s->ssl, buf, (int)len);

	return n < 0 ? ssl_failed(s, "wolfSSL_read", n) : n;
}

int stack_write(struct stack *s, const void *buf, size_t len)
{
	const char *at = buf;
	int n;

	while (len > 0) {
		n = wolfSSL_write(s->ssl, at, (int)len);
		if (n <= 0)
			return ssl_failed(s, "wolfSSL_write", n);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

void stack_free(struct stack *s)
{
	if (!s)
		return;
	wolfSSL_free(s->ssl);
	wolfSSL_CTX_free(s->ctx);
	wolfSSL_Cleanup();
	explicit_bzero(s, sizeof(*s));
	free(s);
}
