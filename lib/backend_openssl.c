/* SPDX-License-Identifier: MIT */
/* OpenSSL 3.x: what an SSL is, and what stands in the way of a hand-off. */
#include <errno.h>
#include <string.h>

#include <openssl/ssl.h>

#include "backend.h"

/* A KeyUpdate or ticket that is queued or half done puts an SSL of TLS 1.3
 * back "in init"; flushing and draining end that.  By name, because the
 * numbers of the states in between differ among the versions of 3.x. */
static bool is_established(SSL *ssl)
{
	const char *state = SSL_state_string_long(ssl);

	if (SSL_is_init_finished(ssl))
		return true;
	return SSL_version(ssl) == TLS1_3_VERSION &&
	       (strstr(state, "key update") != NULL ||
		strstr(state, "session ticket") != NULL ||
		strstr(state, "finished successfully") != NULL);
}

int ktls__backend_handshake(SSL *ssl, struct ktls__handshake *hs)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);

	if (!is_established(ssl) || cipher == NULL)
		return -KTLS_ENOTREADY;
	if (SSL_get_shutdown(ssl) != 0)
		return -KTLS_ECLOSED;
	hs->server = SSL_is_server(ssl);
	hs->version = (uint16_t)SSL_version(ssl);
	hs->suite = SSL_CIPHER_get_protocol_id(cipher);
	hs->row = ktls__suite_find(hs->suite);
	return 0;
}

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
	if (session != NULL &&
	    SSL_SESSION_get_max_fragment_length(session) !=
		    TLSEXT_max_fragment_length_DISABLED)
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

bool ktls__backend_ktls_on(SSL *ssl)
{
	BIO *rbio = SSL_get_rbio(ssl);
	BIO *wbio = SSL_get_wbio(ssl);

	return (wbio != NULL && BIO_get_ktls_send(wbio) == 1) ||
	       (rbio != NULL && BIO_get_ktls_recv(rbio) == 1);
}

int ktls__backend_hold(SSL *ssl)
{
	return SSL_up_ref(ssl) == 1 ? 0 : -ENOMEM;
}

void ktls__backend_drop(SSL *ssl)
{
	SSL_free(ssl);
}

int ktls__backend_owes_key_update(SSL *ssl)
{
	return SSL_version(ssl) == TLS1_3_VERSION &&
	       SSL_get_key_update_type(ssl) != SSL_KEY_UPDATE_NONE;
}
