/* SPDX-License-Identifier: MIT */
/* What an SSL stands on, and what stands in the way of a hand-off. */
#include <string.h>

#include "backend.h"
#include "hooks.h"
#include "tls_library.h"

/* A single BIO that stands on a descriptor; not a chain. */
static int bio_fd(BIO *bio)
{
	int fd = -1;

	if (bio == NULL || BIO_next(bio) != NULL ||
	    (BIO_method_type(bio) & BIO_TYPE_DESCRIPTOR) == 0 ||
	    BIO_method_type(bio) == BIO_TYPE_DGRAM ||
	    BIO_get_fd(bio, &fd) < 0)
		return -1;
	return fd;
}

static bool is_memory(BIO *bio)
{
	return bio != NULL && BIO_next(bio) == NULL &&
	       BIO_method_type(bio) == BIO_TYPE_MEM;
}

enum ktls__transport ktls__backend_transport(SSL *ssl, int *fd)
{
	BIO *rbio = SSL_get_rbio(ssl);
	BIO *wbio = SSL_get_wbio(ssl);
	int rfd = bio_fd(rbio);

	if (rfd >= 0 && rfd == bio_fd(wbio) && (*fd < 0 || *fd == rfd)) {
		*fd = rfd;
		return KTLS__TRANSPORT_SOCKET;
	}
	if (*fd >= 0 && is_memory(rbio) && is_memory(wbio))
		return KTLS__TRANSPORT_MEMORY;
	*fd = -1;
	return KTLS__TRANSPORT_FOREIGN;
}

static bool has_secrets(SSL *ssl, const struct ktls__trace *t)
{
	if (SSL_version(ssl) == TLS1_3_VERSION)
		return t->rx.secret_len > 0 && t->tx.secret_len > 0;
	return SSL_SESSION_get_master_key(SSL_get_session(ssl), NULL, 0) == 48;
}

enum ktls_reason ktls__backend_obstacle(SSL *ssl,
					const struct ktls__handshake *hs)
{
	const struct ktls__trace *t = ktls__trace_of(ssl);
	const SSL_SESSION *session = SSL_get_session(ssl);

	if (hs->version != KTLS_TLS_1_2 && hs->version != KTLS_TLS_1_3)
		return KTLS_REASON_VERSION;
	if (hs->row == NULL || hs->row->version != hs->version)
		return KTLS_REASON_SUITE;
	if (SSL_get_current_compression(ssl) != NULL)
		return KTLS_REASON_COMPRESSION;
	if (session != NULL && ktls__session_cuts_records(session))
		return KTLS_REASON_MAX_FRAGMENT;
	if (t == NULL)
		return KTLS_REASON_NOT_PREPARED;
	if (session == NULL || !has_secrets(ssl, t))
		return KTLS_REASON_NO_SECRETS;
	return KTLS_REASON_NONE;
}

bool ktls__backend_is_counted(SSL *ssl)
{
	const struct ktls__trace *t = ktls__trace_of(ssl);

	return t != NULL && t->rx.bio == SSL_get_rbio(ssl) &&
	       t->tx.bio == SSL_get_wbio(ssl);
}

void ktls__backend_drop(SSL *ssl)
{
	SSL_free(ssl);
}

/* One name may be bound to the one library and another name to the other: ask
 * libcrypto and libssl each.  Neither call needs anything to be set up, and
 * both libraries document what they answer: BoringSSL has no short names. */
bool ktls__library_is_ours(void)
{
	const bool boring_crypto =
		strstr(OpenSSL_version(OPENSSL_VERSION), "BoringSSL") != NULL;
	const bool boring_ssl =
		strcmp(SSL_alert_desc_string(SSL_AD_CLOSE_NOTIFY), "CN") != 0;

#ifdef OPENSSL_IS_BORINGSSL
	return boring_crypto && boring_ssl;
#else
	return !boring_crypto && !boring_ssl;
#endif
}
