/* SPDX-License-Identifier: MIT */
/*
 * OpenSSL 3.x: when an SSL is at rest, and how all that it has received is
 * taken out of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend_drain.h"
#include "hooks.h"
#include "sys.h"

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

bool ktls__backend_ktls_on(SSL *ssl)
{
	BIO *rbio = SSL_get_rbio(ssl);
	BIO *wbio = SSL_get_wbio(ssl);

	return (wbio != NULL && BIO_get_ktls_send(wbio) == 1) ||
	       (rbio != NULL && BIO_get_ktls_recv(rbio) == 1);
}

int ktls__backend_hold(SSL *ssl, bool take)
{
	return take || SSL_up_ref(ssl) == 1 ? 0 : -ENOMEM;
}

int ktls__backend_owes_key_update(SSL *ssl)
{
	return SSL_version(ssl) == TLS1_3_VERSION &&
	       SSL_get_key_update_type(ssl) != SSL_KEY_UPDATE_NONE;
}

uint64_t ktls__backend_sequence(SSL *ssl, int dir)
{
	const struct ktls__trace *t = ktls__trace_of(ssl);

	if (t == NULL)
		return 0;
	return dir == KTLS_TX ? t->tx.records : t->rx.records;
}

/* Bytes up to where the SSL's next look makes sense; 0: it is clean. */
static size_t missing(SSL *ssl, uint64_t moved, uint64_t headers)
{
	if (moved < headers)
		return (size_t)(headers - moved);
	if (moved > headers && moved - headers < SSL3_RT_HEADER_LENGTH)
		return SSL3_RT_HEADER_LENGTH - (size_t)(moved - headers);
	/* Half a handshake message ends at a record boundary too. */
	if (moved == headers && SSL_in_init(ssl))
		return SSL3_RT_HEADER_LENGTH;
	return 0;
}

static bool is_clean(SSL *ssl, uint64_t moved, uint64_t headers)
{
	return moved == headers && !SSL_has_pending(ssl) && !SSL_in_init(ssl) &&
	       strcmp(SSL_rstate_string(ssl), "RH") == 0;
}

/* At most `len` bytes from the socket into the BIO that the SSL reads. */
static ssize_t feed(BIO *to, int fd, size_t len, int flags)
{
	uint8_t buf[4096];
	struct iovec iov = { .iov_base = buf,
			     .iov_len = len < sizeof(buf) ? len : sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = ktls__sys->recvmsg(fd, &msg, flags);

	if (n == 0)
		return -KTLS_ETRUNCATED;
	if (n > 0 && BIO_write(to, buf, (int)n) != (int)n)
		return -KTLS_ESSL;
	return n;
}

/* One drain: what the SSL reads from meanwhile, and the BIO whose counter
 * the trace began with; on memory BIOs they are the same. */
struct drain {
	SSL *ssl;
	BIO *from;
	BIO *counted;
	int fd;
	int recv_flags;
	struct ktls__chunk *spare;
};

/* The next bytes of a record that is half inside.  0; -ERANGE; -errno. */
static int complete(struct drain *d, struct ktls__flow *rx, uint64_t moved)
{
	size_t len = missing(d->ssl, moved, rx->bytes);
	ssize_t n;

	if (len == 0)
		return -ERANGE;
	n = feed(d->from, d->fd, len, d->recv_flags);
	if (n < 0)
		return (int)n;
	if (d->from != d->counted)
		rx->fed += (uint64_t)n;
	return 0;
}

static int drain(struct drain *d, struct ktls__leftover *list)
{
	struct ktls__flow *rx = &ktls__trace_of(d->ssl)->rx;
	uint64_t moved;
	int err;

	for (;;) {
		err = ktls__drain_inside(d->ssl, list, &d->spare);
		if (err != -EAGAIN || SSL_want_write(d->ssl))
			return err;
		moved = ktls__flow_moved(rx, BIO_number_read(d->counted));
		if (is_clean(d->ssl, moved, rx->bytes))
			return 0;
		err = complete(d, rx, moved);
		/* With data read already there is no way back. */
		if (err < 0 && (err != -EINTR || list->head == NULL))
			return err;
	}
}

/* A memory BIO that is empty says "retry", so that no read can go past what
 * the SSL holds, whatever the socket's mode. */
static int drain_socket(struct drain *d, struct ktls__leftover *list)
{
	struct ktls__trace *t = ktls__trace_of(d->ssl);
	int err;

	d->from = BIO_new(BIO_s_mem());
	if (d->from == NULL)
		return -ENOMEM;
	BIO_set_mem_eof_return(d->from, -1);
	BIO_up_ref(d->counted);
	t->rx.paused = true;
	SSL_set0_rbio(d->ssl, d->from);
	err = drain(d, list);
	SSL_set0_rbio(d->ssl, d->counted);
	t->rx.paused = false;
	return err;
}

/* The common case, told by the same signs that end a drain: SSL_read() would
 * only say so too.  What memory BIOs hold has not been inside yet. */
static bool is_empty(SSL *ssl, enum ktls__transport transport)
{
	const struct ktls__flow *rx = &ktls__trace_of(ssl)->rx;
	uint64_t read = BIO_number_read(SSL_get_rbio(ssl));

	return transport == KTLS__TRANSPORT_SOCKET &&
	       is_clean(ssl, ktls__flow_moved(rx, read), rx->bytes);
}

static int drain_either(struct drain *d, enum ktls__transport transport,
			struct ktls__leftover *list)
{
	if (transport != KTLS__TRANSPORT_MEMORY)
		return drain_socket(d, list);
	BIO_set_mem_eof_return(d->from, -1);
	return drain(d, list);
}

int ktls__backend_drain(SSL *ssl, enum ktls__transport transport, int fd,
			int recv_flags, struct ktls__leftover *list)
{
	struct drain d = { .ssl = ssl, .fd = fd, .recv_flags = recv_flags };
	uint64_t mode = (uint64_t)SSL_get_mode(ssl);
	int err;

	if (is_empty(ssl, transport))
		return 0;
	d.counted = SSL_get_rbio(ssl);
	d.from = d.counted;
	/* Without it SSL_read() stops behind a KeyUpdate, records inside. */
	SSL_set_mode(ssl, SSL_MODE_AUTO_RETRY);
	err = drain_either(&d, transport, list);
	if ((mode & SSL_MODE_AUTO_RETRY) == 0)
		SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
	free(d.spare);
	return err;
}

uint64_t ktls__backend_key_updates_sent(SSL *ssl)
{
	return ktls__trace_of(ssl)->key_updates_sent;
}

/* From its first byte on, to the last one, a message of the handshake keeps its
 * state; and OpenSSL begins none behind data that are cut. */
bool ktls__flush_is_cut(SSL *ssl)
{
	return SSL_in_init(ssl) &&
	       strstr(SSL_state_string_long(ssl), "write") != NULL;
}

/* Buffers are not given back while one of them is in use: what is read must
 * not be (CVE-2024-4741, too). */
enum ktls__cut ktls__looks_cut(SSL *ssl)
{
	if (SSL_pending(ssl) > 0 || SSL_has_pending(ssl) ||
	    strcmp(SSL_rstate_string(ssl), "RH") != 0)
		return KTLS__MAYBE_CUT;
	return SSL_free_buffers(ssl) == 1 ? KTLS__NOT_CUT : KTLS__CUT;
}
