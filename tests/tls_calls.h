/* SPDX-License-Identifier: MIT */
/*
 * What the tests ask of a TLS library, where OpenSSL and BoringSSL do not
 * have it by the same name, or one of them has nothing of the kind.
 */
#ifndef KTLS_TEST_TLS_CALLS_H
#define KTLS_TEST_TLS_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

/* What a library may lack. */
enum tls_feature {
	TLS_REFERENCES,     /* on an SSL: SSL_up_ref() */
	TLS_CHOICE_1_3,     /* of TLS 1.3's suites */
	TLS_PSK_1_3,        /* an external PSK, in TLS 1.3 */
	TLS_PSK_GCM,        /* ... with AES-GCM, in TLS 1.2 */
	TLS_LATE_AUTH,      /* after the handshake, of a client */
	TLS_TICKETS_LATER,  /* a ticket when the application wants one */
	TLS_STATEFUL_1_3,   /* sessions of TLS 1.3 kept by the server */
	TLS_RENEGOTIATION,  /* by our own will */
	TLS_READ_AHEAD,
	TLS_PADDING,        /* of records, by a callback */
	TLS_KTLS,           /* its own use of kernel TLS */
	TLS_WATCHED_BIOS,   /* a callback for what a BIO does */
	TLS_AS_OPENSSL      /* OpenSSL's answers to a broken protocol */
};

/* 1: this library has it. */
int tls_has(enum tls_feature feature);

/* 1, and a line that `what` is left out: this library has no such thing. */
int tls_lacks(enum tls_feature feature, const char *what);

/* Which library this is, and its version at run time: "OpenSSL 3.0.22". */
const char *tls_stack(void);

/*
 * Of a hand-off: KTLS_TAKE_SSL where the library has no references, or where
 * KTLS_TEST_TAKE=1 is in the environment; else 0.
 */
unsigned tls_take(void);
/* The caller's part after a hand-off with these flags that succeeded. */
void tls_let_go(SSL *ssl, unsigned flags);
/* Or one that keeps its reference, if it still has one: ssl or NULL. */
SSL *tls_kept(SSL *ssl, unsigned flags);

/* One more reference, 1; 0: there are none. */
int tls_hold(SSL *ssl);

/* A new key on "P-256" or "P-384"; NULL. */
EVP_PKEY *tls_ec_key(const char *curve);

/* The only suites of TLS 1.3, where there is a choice.  1 or 0. */
int tls_set_suites(SSL_CTX *ctx, const char *names);
int tls_set_suites_of(SSL *ssl, const char *names);
/* What two ends of this library agree on in TLS 1.3, where there is none. */
const char *tls_suite_of_two(void);
/* The group by which they come to this suite of TLS 1.3 instead; NULL: there
 * is no need for one, or it is of no use. */
const char *tls_group_of_suite(const char *name);

/* BoringSSL: for all of its SSL_CTX from now on. */
void tls_set_tickets_of(SSL *ssl, size_t n);

/* 1: queued for the next tls_flush(). */
int tls_new_ticket(SSL *ssl);
int tls_ask_for_cert(SSL *ssl);
void tls_offer_late_auth(SSL_CTX *ctx, int on);
void tls_offer_late_auth_of(SSL *ssl, int on);

/* Send what is queued behind the handshake: tickets, KeyUpdates.  1, or what
 * SSL_get_error() explains. */
int tls_flush(SSL *ssl);

/* 1: a KeyUpdate waits to be sent, as far as the library tells. */
int tls_key_update_waits(SSL *ssl);

int tls_has_peer_cert(const SSL *ssl);
int tls_group_is_p384(SSL *ssl);

/* Early data of a session of this context. */
void tls_set_early_data(SSL_CTX *ctx);
/* All of it, once.  1, or what SSL_get_error() explains. */
int tls_write_early(SSL *ssl, const void *buf, size_t len);
/* 1 and the bytes, 0: all have come; or what SSL_get_error() explains. */
int tls_read_early(SSL *ssl, void *buf, size_t len, size_t *n);
int tls_early_accepted(const SSL *ssl);

/* Sees all that the SSL's write BIO has taken; lives as long as the BIO. */
struct tls_watch {
	void (*written)(void *arg, const uint8_t *buf, size_t len);
	void *arg;
};
void tls_watch(SSL *ssl, struct tls_watch *watch);

/* `padding` says how many bytes of it a record of `len` bytes gets. */
void tls_pad(SSL *ssl, size_t (*padding)(SSL *ssl, int type, size_t len,
					 void *arg));

/* SSL_OP_ENABLE_KTLS, and the directions (KTLS_TX, KTLS_RX) that it moved. */
int tls_ktls_option(const SSL_CTX *ctx);
void tls_set_ktls_option(SSL_CTX *ctx);
void tls_set_ktls_option_of(SSL *ssl);
int tls_ktls_directions(SSL *ssl);

/* An AEAD of its own, without ktls: RFC 5116. */
struct tls_aead {
	const uint8_t *key;
	size_t key_len;      /* 16, 32 */
	int chacha20;        /* ChaCha20-Poly1305, else AES-GCM */
	const uint8_t *nonce; /* 12 bytes */
	const uint8_t *aad;
	size_t aad_len;
};
#define TLS_TAG 16
/* In place, and the tag behind it.  1 or 0. */
int tls_seal(const struct tls_aead *aead, uint8_t *text, size_t len);
/* `text` has its tag behind it.  1, or 0: not authentic. */
int tls_open(const struct tls_aead *aead, uint8_t *out, const uint8_t *text,
	     size_t len);

#endif
