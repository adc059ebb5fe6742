/* SPDX-License-Identifier: MIT */
/*
 * What brings an SSL to a record boundary: sends what it owes, and reads what
 * is inside.  How it gets no more than that is each library's own matter.
 */
#include <errno.h>

#include "backend_drain.h"
#include "errors_ssl.h"
#include "hooks.h"
#include "sys.h"

/* The plaintext limit of a record: a whole one fits. */
#define CHUNK 16384

/* Where bytes go that have been sent. */
#define SCRAP 512

/* Memory BIOs: what the SSL has written and nobody has sent. */
static int send_memory(BIO *wbio, int fd)
{
	struct iovec iov = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint8_t *data;
	char scrap[SCRAP];
	ssize_t n;
	long len;
	int step;

	while ((len = ktls__bio_content(wbio, &data)) > 0) {
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
 * KeyUpdate or tickets, hence until nothing moves any more.  Cut by a full
 * socket it is ours to end: meanwhile BoringSSL refuses to write other bytes,
 * with SSL_R_BAD_WRITE_RETRY. */
static int write_nothing(SSL *ssl)
{
	struct ktls__trace *t = ktls__trace_of(ssl);
	uint64_t before;
	size_t n;
	int ret;
	int err;

	do {
		before = t->tx.bytes;
		t->owed = 0;
		ktls__ssl_forget_errors();
		errno = 0;
		ret = ktls__ssl_write(ssl, "", 0, &n);
		/* Sent, or begun. */
		t->tx.queued = 0;
		if (ret != 1) {
			err = ktls__ssl_error(ssl, ret);
			if (err == -EAGAIN)
				t->owed = t->tx.bytes;
			return err == 0 ? -KTLS_ESSL : err;
		}
		err = ktls__flow_account(ssl);
	} while (err == 0 && t->tx.bytes != before);
	return err;
}

/* The application's own of no length may have begun, at another address. */
static int end_nothing(SSL *ssl)
{
	const bool fixed = (SSL_get_mode(ssl) &
			    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER) == 0;
	int err;

	if (fixed)
		SSL_set_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	err = write_nothing(ssl);
	if (fixed)
		SSL_clear_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return err;
}

int ktls__backend_flush(SSL *ssl, enum ktls__transport transport, int fd)
{
	const struct ktls__trace *t = ktls__trace_of(ssl);
	int err = ktls__flow_account(ssl);

	/* What a write of our own began, the caller cannot know of; nor can
	 * it repeat a flush. */
	if (err == -KTLS_EPENDING &&
	    (t->owed == t->tx.bytes - t->tx.queued || ktls__flush_is_cut(ssl)))
		err = 0;
	if (err == 0)
		err = end_nothing(ssl);
	if (err == 0 && transport == KTLS__TRANSPORT_MEMORY)
		err = send_memory(SSL_get_wbio(ssl), fd);
	return err;
}

static void keep(struct ktls__leftover *list, struct ktls__chunk **spare)
{
	struct ktls__chunk *c = *spare;

	if (c->len == 0)
		return;
	/* Most of what is left over is far below a whole record. */
	ktls__leftover_add(list, c->len < CHUNK ? ktls__chunk_fit(c) : c);
	*spare = NULL;
}

/* Behind what is in the chunk: records may be of a byte each, and many.  0;
 * 1: close_notify; why there is no more. */
static int read_into(SSL *ssl, struct ktls__chunk *c)
{
	size_t n;
	int ret;
	int err;

	ktls__ssl_forget_errors();
	errno = 0;
	ret = ktls__ssl_read(ssl, c->data + c->len, CHUNK - c->len, &n);
	if (ret != 1) {
		err = ktls__ssl_error(ssl, ret);
		return err == 0 ? 1 : err;
	}
	ktls__trace_of(ssl)->rx.silent = false;
	c->len += n;
	return 0;
}

int ktls__drain_inside(SSL *ssl, struct ktls__leftover *list,
		       struct ktls__chunk **spare)
{
	int err;

	do {
		if (*spare == NULL)
			*spare = ktls__chunk_new(CHUNK);
		if (*spare == NULL)
			return -ENOMEM;
		err = read_into(ssl, *spare);
		if (err != 0 || (*spare)->len == CHUNK)
			keep(list, spare);
	} while (err == 0);
	return err;
}

/* Neither library says so once it has been asked to read. */
static enum ktls__cut ask_uncounted(SSL *ssl)
{
	if (!SSL_want_write(ssl))
		return ktls__looks_cut(ssl);
	return ktls__flush_is_cut(ssl) ? KTLS__NOT_CUT : KTLS__CUT;
}

enum ktls__cut ktls__backend_is_cut(SSL *ssl)
{
	const struct ktls__trace *t = ktls__trace_of(ssl);
	int err;

	if (t == NULL || !ktls__backend_is_counted(ssl))
		return ask_uncounted(ssl);
	err = ktls__flow_account(ssl);
	if (err == -KTLS_ESSL)
		return ask_uncounted(ssl);
	return err == 0 || t->owed == t->tx.bytes - t->tx.queued ||
			       ktls__flush_is_cut(ssl) ?
		       KTLS__NOT_CUT : KTLS__CUT;
}

int ktls__backend_end_doubt(SSL *ssl, struct ktls__link *link)
{
	enum ktls__cut cut = ktls__backend_is_cut(ssl);
	size_t n;
	int ret;
	int err;

	if (cut != KTLS__MAYBE_CUT)
		return cut == KTLS__CUT ? -KTLS_EPENDING : 0;
	ktls__ssl_forget_errors();
	errno = 0;
	ret = ktls__ssl_write(ssl, "", 0, &n);
	err = ret == 1 ? 0 : ktls__ssl_error(ssl, ret);
	if (link != NULL && link->write_err < 0)
		return link->write_err;
	/* OpenSSL's word for less than it wants; BoringSSL has its own. */
	if (err == -KTLS_EPROTOCOL)
		err = -KTLS_ESSL;
	/* What waits is not the write of nothing. */
	return err == -EAGAIN ? 0 : err;
}
