/* SPDX-License-Identifier: MIT */
/*
 * Brings an SSL to a record boundary in both directions: sends what it owes,
 * and takes out of it everything it has received.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "backend.h"
#include "errors_ssl.h"
#include "hooks.h"
#include "sys.h"
#include "wipe.h"

/* The plaintext limit of a record: one SSL_read() never gives more. */
#define CHUNK 16384

/* Where bytes go that have been sent. */
#define SCRAP 512

void ktls__leftover_add(struct ktls__leftover *list, struct ktls__chunk *c)
{
	struct ktls__chunk **tail = &list->head;

	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = c;
}

void ktls__leftover_wipe(struct ktls__leftover *list)
{
	struct ktls__chunk *c;

	while ((c = list->head) != NULL) {
		list->head = c->next;
		ktls__wipe(c->data, c->len);
		free(c);
	}
}

void ktls__leftover_take(struct ktls__leftover *list, size_t n)
{
	struct ktls__chunk *c = list->head;

	c->off += n;
	if (c->off < c->len)
		return;
	list->head = c->next;
	ktls__wipe(c->data, c->len);
	free(c);
}

size_t ktls__leftover_len(const struct ktls__leftover *list)
{
	const struct ktls__chunk *c;
	size_t n = 0;

	for (c = list->head; c != NULL; c = c->next)
		n += c->len - c->off;
	return n;
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
	char scrap[SCRAP];
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
			step = BIO_read(wbio, scrap,
					n < SCRAP ? (int)n : SCRAP);
			if (step <= 0)
				return -KTLS_ESSL;
		}
	}
	return 0;
}

/* A zero-length write: queued tickets have no other sign, and would be
 * sealed in front of the probe's byte.  It sends one queue at a time, either
 * KeyUpdate or tickets, hence until nothing moves any more. */
static int write_nothing(SSL *ssl)
{
	struct ktls__trace *t = ktls__trace_of(ssl);
	uint64_t before;
	size_t n;
	int err;

	do {
		before = t->tx.bytes;
		t->owed = 0;
		ktls__ssl_forget_errors();
		errno = 0;
		if (SSL_write_ex(ssl, "", 0, &n) != 1) {
			err = ktls__ssl_error(ssl, 0);
			if (err == -EAGAIN)
				t->owed = t->tx.bytes;
			return err == 0 ? -KTLS_ESSL : err;
		}
		err = account_tx(ssl);
	} while (err == 0 && t->tx.bytes != before);
	return err;
}

int ktls__backend_flush(SSL *ssl, enum ktls__transport transport, int fd)
{
	const struct ktls__trace *t = ktls__trace_of(ssl);
	int err = account_tx(ssl);

	/* What a write of our own began, the caller cannot know of. */
	if (err == -KTLS_EPENDING && t->owed == t->tx.bytes)
		err = 0;
	if (err == 0)
		err = write_nothing(ssl);
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
	struct ktls__chunk *small = malloc(sizeof(*c) + c->len);

	/* realloc() could leave a copy behind. */
	if (small != NULL) {
		memcpy(small, c, sizeof(*c) + c->len);
		ktls__wipe(c->data, c->len);
		free(c);
		c = small;
	}
	ktls__leftover_add(list, c);
}

/* Until the SSL wants more: -EAGAIN, and *spare is there for what comes
 * next.  1: close_notify. */
static int read_inside(SSL *ssl, struct ktls__leftover *list,
		       struct ktls__chunk **spare)
{
	struct ktls__chunk *c;
	int err;

	for (;;) {
		if (*spare == NULL)
			*spare = new_chunk();
		c = *spare;
		if (c == NULL)
			return -ENOMEM;
		ktls__ssl_forget_errors();
		if (SSL_read_ex(ssl, c->data, CHUNK, &c->len) != 1)
			break;
		append(list, c);
		*spare = NULL;
	}
	err = ktls__ssl_error(ssl, 0);
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
		err = read_inside(d->ssl, list, &d->spare);
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
