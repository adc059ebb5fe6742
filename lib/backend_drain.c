/* SPDX-License-Identifier: MIT */
/*
 * Brings an SSL to a record boundary in both directions: sends what it owes,
 * and takes out of it everything it has received.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "backend.h"
#include "errors_ssl.h"
#include "hooks.h"
#include "sys.h"
#include "wipe.h"

/* The plaintext limit of a record: one SSL_read() never gives more. */
#define CHUNK 16384

void ktls__leftover_init(struct ktls__leftover *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

void ktls__leftover_wipe(struct ktls__leftover *list)
{
	struct ktls__chunk *c;

	while ((c = list->head) != NULL) {
		list->head = c->next;
		ktls__wipe(c->data, c->len);
		free(c);
	}
	list->tail = &list->head;
}

/* 0: every header that was counted has its bytes on the wire. */
static int account_tx(SSL *ssl)
{
	const struct ktls__flow *tx = &ktls__trace_of(ssl)->tx;
	uint64_t moved = ktls__flow_moved(
		tx, BIO_number_written(SSL_get_wbio(ssl)));

	if (moved == tx->bytes)
		return 0;
	return moved < tx->bytes ? -KTLS_EPENDING : -KTLS_ESSL;
}

/* Memory BIOs: what the SSL has written and nobody has sent. */
static int send_memory(BIO *wbio, int fd)
{
	struct iovec iov = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	char *data;
	char scrap[512];
	ssize_t n;
	long len;
	int step;

	while ((len = BIO_get_mem_data(wbio, &data)) > 0) {
		iov.iov_base = data;
		iov.iov_len = (size_t)len;
		n = ktls__sys->sendmsg(fd, &msg, MSG_NOSIGNAL);
		if (n < 0)
			return (int)n;
		for (; n > 0; n -= step) {
			step = BIO_read(wbio, scrap, n < (ssize_t)sizeof(scrap) ?
						     (int)n : (int)sizeof(scrap));
			if (step <= 0)
				return -KTLS_ESSL;
		}
	}
	return 0;
}

int ktls__backend_flush(SSL *ssl, enum ktls__transport transport, int fd)
{
	size_t n;
	int err = account_tx(ssl);

	if (err < 0)
		return err;
	/* Unconditional: queued tickets have no other sign, and would be
	 * sealed in front of the probe's byte. */
	ERR_clear_error();
	if (SSL_write_ex(ssl, "", 0, &n) != 1)
		return ktls__ssl_error(ssl, 0);
	err = account_tx(ssl);
	if (err == 0 && transport == KTLS__TRANSPORT_MEMORY)
		err = send_memory(SSL_get_wbio(ssl), fd);
	return err;
}

static struct ktls__chunk *new_chunk(void)
{
	struct ktls__chunk *c = malloc(sizeof(*c) + CHUNK);

	if (c != NULL) {
		c->next = NULL;
		c->len = 0;
		c->off = 0;
	}
	return c;
}

/* Most of what is left over is far below a whole record. */
static void append(struct ktls__leftover *list, struct ktls__chunk *c)
{
	struct ktls__chunk *small = realloc(c, sizeof(*c) + c->len);

	*list->tail = small != NULL ? small : c;
	list->tail = &(*list->tail)->next;
}

/* Until the SSL wants more: -EAGAIN.  1: close_notify. */
static int read_inside(SSL *ssl, struct ktls__leftover *list)
{
	struct ktls__chunk *c;
	int err;

	for (;;) {
		c = new_chunk();
		if (c == NULL)
			return -ENOMEM;
		ERR_clear_error();
		if (SSL_read_ex(ssl, c->data, CHUNK, &c->len) != 1)
			break;
		append(list, c);
	}
	err = ktls__ssl_error(ssl, 0);
	free(c);
	return err == 0 ? 1 : err;
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
static ssize_t feed(BIO *to, int fd, size_t len)
{
	uint8_t buf[4096];
	struct iovec iov = { .iov_base = buf,
			     .iov_len = len < sizeof(buf) ? len : sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = ktls__sys->recvmsg(fd, &msg, 0);

	if (n == 0)
		return -KTLS_ETRUNCATED;
	if (n > 0 && BIO_write(to, buf, (int)n) != (int)n)
		return -KTLS_ESSL;
	return n;
}

/* `from` is what the SSL reads meanwhile, `counted` the BIO whose counter
 * the trace began with; they are the same on memory BIOs. */
static int drain(SSL *ssl, BIO *from, BIO *counted, int fd,
		 struct ktls__leftover *list)
{
	struct ktls__flow *rx = &ktls__trace_of(ssl)->rx;
	uint64_t moved;
	ssize_t n;
	int err;

	for (;;) {
		err = read_inside(ssl, list);
		if (err != -EAGAIN || SSL_want_write(ssl))
			return err;
		moved = ktls__flow_moved(rx, BIO_number_read(counted));
		if (is_clean(ssl, moved, rx->bytes))
			return 0;
		n = (ssize_t)missing(ssl, moved, rx->bytes);
		if (n == 0)
			return -ERANGE;
		n = feed(from, fd, (size_t)n);
		if (n < 0)
			return (int)n;
		if (from != counted)
			rx->fed += (uint64_t)n;
	}
}

/* A memory BIO that is empty says "retry", so that no read can go past what
 * the SSL holds, whatever the socket's mode. */
static int drain_socket(SSL *ssl, int fd, struct ktls__leftover *list)
{
	BIO *socket = SSL_get_rbio(ssl);
	BIO *empty = BIO_new(BIO_s_mem());
	int err;

	if (empty == NULL)
		return -ENOMEM;
	BIO_set_mem_eof_return(empty, -1);
	BIO_up_ref(socket);
	SSL_set0_rbio(ssl, empty);
	err = drain(ssl, empty, socket, fd, list);
	SSL_set0_rbio(ssl, socket);
	return err;
}

int ktls__backend_drain(SSL *ssl, enum ktls__transport transport, int fd,
			struct ktls__leftover *list)
{
	uint64_t mode = (uint64_t)SSL_get_mode(ssl);
	int err;

	/* Without it SSL_read() stops behind a KeyUpdate, records inside. */
	SSL_set_mode(ssl, SSL_MODE_AUTO_RETRY);
	if (transport == KTLS__TRANSPORT_MEMORY) {
		BIO_set_mem_eof_return(SSL_get_rbio(ssl), -1);
		err = drain(ssl, SSL_get_rbio(ssl), SSL_get_rbio(ssl), fd,
			    list);
	} else {
		err = drain_socket(ssl, fd, list);
	}
	if ((mode & SSL_MODE_AUTO_RETRY) == 0)
		SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
	return err;
}
