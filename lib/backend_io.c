/* SPDX-License-Identifier: MIT */
/*
 * An SSL on the library path: a BIO over our own socket link, and the
 * SSL's reads, writes and end in the library's terms.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "backend.h"
#include "errors_ssl.h"
#include "hooks.h"
#include "suite.h"
#include "tls_library.h"

/* The BIO's own data.  Outlives the link: the application may still hold
 * the SSL, and ask it for its descriptor. */
struct port {
	struct ktls__link *link; /* NULL: retired */
	struct ktls__trace *trace; /* of the SSL, which reads only while it
				    * lives; NULL: none */
	int fd;
};

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static int port_read(BIO *bio, char *buf, int len)
{
	struct port *port = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (port->link == NULL || len <= 0)
		return -1;
	/* A flood of control records would hold SSL_read() for ever. */
	if (port->trace != NULL && port->trace->stop) {
		port->trace->stop = false;
		BIO_set_retry_read(bio);
		return -1;
	}
	n = ktls__link_read(port->link, buf, (size_t)len);
	/* A FIN is ours to report: told of it, the SSL could not even write
	 * any more, to a peer that has only half-closed. */
	if (n == -EAGAIN || n == 0)
		BIO_set_retry_read(bio);
	return n <= 0 ? -1 : (int)n;
}

static int port_write(BIO *bio, const char *buf, int len)
{
	struct port *port = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (port->link == NULL || len <= 0 ||
	    ktls__link_speak(port->link, buf, (size_t)len) < 0)
		return -1;
	return len;
}

static long port_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	const struct port *port = BIO_get_data(bio);

	(void)num;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_C_GET_FD:
		if (ptr != NULL)
			*(int *)ptr = port->fd;
		return port->fd;
	default:
		return 0;
	}
}

static int port_destroy(BIO *bio)
{
	free(BIO_get_data(bio));
	BIO_set_data(bio, NULL);
	return 1;
}

static void make_method(void)
{
	int type = BIO_get_new_index();

	if (type < 0)
		return;
	method = BIO_meth_new(type | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR,
			      "libktls");
	if (method == NULL)
		return;
	BIO_meth_set_read(method, port_read);
	BIO_meth_set_write(method, port_write);
	BIO_meth_set_ctrl(method, port_ctrl);
	BIO_meth_set_destroy(method, port_destroy);
}

void *ktls__backend_make_bio(struct ktls__link *link)
{
	struct port *port;
	BIO *bio;

	pthread_once(&method_once, make_method);
	port = method == NULL ? NULL : malloc(sizeof(*port));
	bio = port == NULL ? NULL : BIO_new(method);
	if (bio == NULL) {
		free(port);
		return NULL;
	}
	port->link = link;
	port->trace = NULL;
	port->fd = link->fd;
	BIO_set_data(bio, port);
	BIO_set_init(bio, 1);
	return bio;
}

/* What is sealed and not written goes through the new BIO. */
static void move_account(SSL *ssl, struct ktls__flow *tx, BIO *bio)
{
	const uint64_t sent = ktls__flow_sent(ssl);

	tx->bytes = sent < tx->bytes ? tx->bytes - sent : 0;
	tx->bio = bio;
	tx->base = BIO_number_written(bio);
	tx->last = tx->base;
	tx->fed = 0;
}

void ktls__backend_adopt(SSL *ssl, void *bio)
{
	struct port *port = BIO_get_data(bio);

	port->trace = ktls__trace_of(ssl);
	if (port->trace != NULL && ktls__backend_is_counted(ssl))
		move_account(ssl, &port->trace->tx, bio);
	BIO_up_ref(bio);
	SSL_set0_rbio(ssl, bio);
	BIO_up_ref(bio);
	SSL_set0_wbio(ssl, bio);
}

static int take_input(BIO *rbio, struct ktls__link *link)
{
	size_t len = BIO_ctrl_pending(rbio);
	int n;

	if (len == 0)
		return 0;
	link->head = malloc(len);
	if (link->head == NULL)
		return -ENOMEM;
	n = len > INT_MAX ? -1 : BIO_read(rbio, link->head, (int)len);
	link->head_len = n > 0 ? (size_t)n : 0;
	return link->head_len == len ? 0 : -KTLS_ESSL;
}

int ktls__backend_take_memory(SSL *ssl, struct ktls__link *link)
{
	uint8_t *data;
	long len = ktls__bio_content(SSL_get_wbio(ssl), &data);
	int err = 0;

	/* Nothing is taken out of either before all of it has a place. */
	if (len > 0)
		err = ktls__link_enqueue(link, data, (size_t)len);
	if (err == 0)
		err = take_input(SSL_get_rbio(ssl), link);
	if (err == 0)
		(void)BIO_reset(SSL_get_wbio(ssl));
	return err;
}

void *ktls__backend_closing_bio(SSL *ssl)
{
	BIO *bio = SSL_get_rbio(ssl);

	if (bio == NULL || !ktls__bio_closes(bio))
		bio = SSL_get_wbio(ssl);
	if (bio == NULL || !ktls__bio_closes(bio))
		return NULL;
	return BIO_up_ref(bio) == 1 ? bio : NULL;
}

void ktls__backend_free_bio(void *bio)
{
	BIO_free(bio);
}

void ktls__backend_retire(SSL *ssl, void *bio)
{
	struct port *port = bio == NULL ? NULL : BIO_get_data(bio);

	if (port != NULL)
		port->link = NULL;
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void ktls__backend_enter_library(SSL *ssl, bool foreign)
{
	struct ktls__trace *t = ktls__trace_of(ssl);

	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
			  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* A flood of control records would hold SSL_read() for ever.  Where
	 * we do not see what its BIO said, only itself knows how to go on. */
	if (foreign)
		SSL_set_mode(ssl, SSL_MODE_AUTO_RETRY);
	else
		SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
	/* New keys under the connection's feet are not a matter of data. */
	ktls__ssl_no_renegotiation(ssl);
	/* Both would make an end that is none. */
	SSL_set_quiet_shutdown(ssl, 0);
	SSL_clear_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (t == NULL)
		return;
	/* The key limit goes on from here, by the hooks' count. */
	t->tx.records = ktls__backend_sequence(ssl, KTLS_TX);
	t->stop = false;
	/* One that is sealed already counts when it is written. */
	if (KTLS__QUEUES_KEY_UPDATE && ktls__backend_owes_key_update(ssl))
		t->key_updates_sent++;
}

/* The link knows better than the SSL what the socket said. */
static int read_error(const struct ktls__link *link, int err)
{
	if (link == NULL || err == 0 || err == -KTLS_EALERT)
		return err;
	if (link->read_err < 0)
		return link->read_err;
	/* What it wanted to say first failed, and that is all it tells. */
	if (link->write_err < 0 && (err == -KTLS_EPROTOCOL ||
				    err == -KTLS_ESSL))
		return link->write_err;
	return err == -EAGAIN && link->eof ? -KTLS_ETRUNCATED : err;
}

/* Without the fix of CVE-2026-75806 OpenSSL blames itself for a record of TLS
 * 1.2 that is too short for its AEAD. */
static bool was_short(SSL *ssl, const struct ktls__trace *t)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	const struct ktls__suite *row = NULL;

	if (cipher != NULL)
		row = ktls__suite_find(SSL_CIPHER_get_protocol_id(cipher));
	return t != NULL && row != NULL && t->read_len > 0 &&
	       t->read_len < row->overhead;
}

ssize_t ktls__backend_read(SSL *ssl, struct ktls__link *link, void *buf,
			   size_t len)
{
	struct ktls__trace *t = ktls__trace_of(ssl);
	size_t n;
	int ret;
	int err;

	if (t != NULL)
		t->stop = false;
	ktls__ssl_forget_errors();
	errno = 0;
	ret = ktls__ssl_read(ssl, buf, len, &n);
	if (ret == 1)
		return (ssize_t)n;
	err = ktls__ssl_error(ssl, ret);
	if (err == -KTLS_ESSL && was_short(ssl, t))
		err = -KTLS_EBADRECORD;
	return read_error(link, err);
}

ssize_t ktls__backend_write(SSL *ssl, struct ktls__link *link, const void *buf,
			    size_t len)
{
	size_t n;
	int ret;
	int err;

	ktls__ssl_forget_errors();
	errno = 0;
	ret = ktls__ssl_write(ssl, buf, len, &n);
	if (ret == 1)
		return (ssize_t)n;
	err = ktls__ssl_error(ssl, ret);
	if (link != NULL && link->write_err < 0)
		return link->write_err;
	/* Writing never ends because of the peer's close_notify. */
	return err == 0 || err == -KTLS_EPENDING ? -KTLS_ESSL : err;
}

int ktls__backend_close_notify(SSL *ssl, struct ktls__link *link)
{
	int ret;
	int err;

	if ((SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN) != 0 && link != NULL)
		return 0;
	/* Half a handshake message: the SSL says nothing before the rest, and
	 * reads it only to write. */
	/* BoringSSL says nothing either while its buffer holds what a flush
	 * of ours has begun. */
	if ((SSL_in_init(ssl) || KTLS__QUEUES_KEY_UPDATE) && link != NULL) {
		err = ktls__backend_send_owed(ssl, link);
		if (err < 0)
			return err;
	}
	if (SSL_in_init(ssl))
		return -EAGAIN;
	ktls__ssl_forget_errors();
	errno = 0;
	ret = SSL_shutdown(ssl);
	if (ret >= 0)
		return 0;
	err = ktls__ssl_error(ssl, ret);
	if (link != NULL && link->write_err < 0)
		return link->write_err;
	return err == 0 ? -KTLS_ESSL : err;
}

int ktls__backend_send_owed(SSL *ssl, struct ktls__link *link)
{
	uint64_t before;
	ssize_t n;

	/* One queue at a time, and first what was begun before. */
	do {
		before = BIO_number_written(SSL_get_wbio(ssl));
		n = ktls__backend_write(ssl, link, "", 0);
	} while (n >= 0 && link != NULL &&
		 BIO_number_written(SSL_get_wbio(ssl)) != before);
	return n < 0 ? (int)n : 0;
}

int ktls__backend_order_update(SSL *ssl, struct ktls__link *link, int ask)
{
	int queued = ktls__backend_owes_key_update(ssl);
	int err = 0;

	if (queued && !ask)
		return 0;
	/* What is queued goes out, and half a message is read to its end. */
	if (queued || SSL_in_init(ssl))
		err = ktls__backend_send_owed(ssl, link);
	if (err < 0)
		return err;
	ktls__ssl_forget_errors();
	return SSL_key_update(ssl, ask ? SSL_KEY_UPDATE_REQUESTED :
					 SSL_KEY_UPDATE_NOT_REQUESTED) == 1 ?
		       0 : -EAGAIN;
}

size_t ktls__backend_pending(SSL *ssl)
{
	int n = SSL_pending(ssl);

	return n > 0 ? (size_t)n : 0;
}
