/* SPDX-License-Identifier: MIT */
/*
 * What OpenSSL and BoringSSL call by different names, or only one of them
 * has.  Where they behave differently there are two functions, in
 * backend_openssl.c and backend_boringssl.c.
 */
#ifndef KTLS_TLS_LIBRARY_H
#define KTLS_TLS_LIBRARY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#ifdef OPENSSL_IS_BORINGSSL

/* The message callback gets the header of a record that is read when all of
 * the record is there, and a KeyUpdate when it is sealed, which is before it
 * is written. */
#define KTLS__HEADER_AFTER_BODY 1
#define KTLS__QUEUES_KEY_UPDATE 1

/* SSL_read() ends behind nothing but data, as with SSL_MODE_AUTO_RETRY. */
#define KTLS__ALWAYS_READS_ON 1

#define SSL3_MT_NEWSESSION_TICKET SSL3_MT_NEW_SESSION_TICKET
#define SSL_OP_ENABLE_KTLS 0
#define SSL_OP_IGNORE_UNEXPECTED_EOF 0

/* 1; else what SSL_get_error() wants to know. */
static inline int ktls__ssl_read(SSL *ssl, void *buf, size_t len, size_t *done)
{
	int n = SSL_read(ssl, buf, len < INT_MAX ? (int)len : INT_MAX);

	*done = n > 0 ? (size_t)n : 0;
	return n > 0 ? 1 : n;
}

/* 0 is the success of a write of nothing: also of one that was cut, which
 * the first write behind it ends. */
static inline int ktls__ssl_write(SSL *ssl, const void *buf, size_t len,
				  size_t *done)
{
	int max = len < INT_MAX ? (int)len : INT_MAX;
	int n = SSL_write(ssl, buf, max);

	if (n == 0 && max > 0)
		n = SSL_write(ssl, buf, max);
	*done = n > 0 ? (size_t)n : 0;
	return n > 0 || (n == 0 && max == 0) ? 1 : n;
}

static inline long ktls__bio_content(BIO *mem, uint8_t **data)
{
	char *p = NULL;
	long len = BIO_get_mem_data(mem, &p);

	*data = (uint8_t *)p;
	return len;
}

static inline bool ktls__bio_closes(BIO *bio)
{
	return BIO_ctrl(bio, BIO_CTRL_GET_CLOSE, 0, NULL) == BIO_CLOSE;
}

/* It knows neither the extension nor kernel TLS. */
static inline bool ktls__session_cuts_records(const SSL_SESSION *session)
{
	(void)session;
	return false;
}

/* A request is refused by the end of the connection unless it is ignored. */
static inline void ktls__ssl_no_renegotiation(SSL *ssl)
{
	SSL_set_renegotiate_mode(ssl, ssl_renegotiate_ignore);
}

#else

#define KTLS__HEADER_AFTER_BODY 0
#define KTLS__QUEUES_KEY_UPDATE 0
#define KTLS__ALWAYS_READS_ON 0

static inline int ktls__ssl_read(SSL *ssl, void *buf, size_t len, size_t *done)
{
	return SSL_read_ex(ssl, buf, len, done);
}

/* A KeyUpdate or a ticket that was cut goes on first.  SSL_write_ex() does that
 * too, but makes less than their length the end of the SSL. */
static inline int ktls__ssl_write(SSL *ssl, const void *buf, size_t len,
				  size_t *done)
{
	int ret = SSL_in_init(ssl) ? SSL_do_handshake(ssl) : 1;

	*done = 0;
	return ret == 1 ? SSL_write_ex(ssl, buf, len, done) : ret;
}

static inline long ktls__bio_content(BIO *mem, uint8_t **data)
{
	return BIO_get_mem_data(mem, (char **)data);
}

static inline bool ktls__bio_closes(BIO *bio)
{
	return BIO_get_close(bio) == BIO_CLOSE;
}

static inline bool ktls__session_cuts_records(const SSL_SESSION *session)
{
	return SSL_SESSION_get_max_fragment_length(session) !=
	       TLSEXT_max_fragment_length_DISABLED;
}

static inline void ktls__ssl_no_renegotiation(SSL *ssl)
{
	SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
}

#endif

#endif
