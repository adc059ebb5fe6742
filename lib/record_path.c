/* SPDX-License-Identifier: MIT */
/* Reading records with their type: see record_path.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "alert.h"
#include "control.h"
#include "message.h"
#include "record.h"
#include "record_path.h"
#include "sock.h"
#include "sys.h"
#include "turn.h"
#include "wipe.h"

void ktls__clear_so_error(const struct ktls *k)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (k->rx.path == KTLS_PATH_KERNEL)
		(void)ktls__sys->getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &err,
					    &len);
}

int ktls__fail_read(struct ktls *k, int err)
{
	bool dead = k->tx.err < 0 && !ktls__is_record_error(k->tx.err);

	err = ktls__name_error(err);
	/* What ktls_error() found comes after the data before it. */
	if ((err == -EAGAIN || err == -KTLS_ETRUNCATED) && k->rx_taken < 0)
		err = k->rx_taken;
	if (!ktls__is_final(err))
		return err;
	ktls__latch(k, &k->rx, err);
	if (ktls__alert_for(err) >= 0) {
		ktls__clear_so_error(k);
		if (!dead)
			ktls__alert_fault(k, err);
	}
	return err;
}

/*
 * Linux pauses behind every handshake record that begins like a KeyUpdate.
 * A real one has been followed by now, so this was a fragment of something
 * else, or of one.
 */
static int resume(struct ktls *k)
{
	if (k->hs.version != KTLS_TLS_1_3)
		return -KTLS_EPROTOCOL;
	return ktls__sock_resume(k->fd, k->hs.row);
}

static ssize_t receive_kernel(struct ktls *k, uint8_t *type,
			      const struct iovec *iov, int iovcnt, int *flags)
{
	const int in = *flags;
	ssize_t n = ktls__record_recv(k->fd, type, iov, iovcnt, flags);
	int err;

	if (n != -EKEYEXPIRED)
		return n;
	err = resume(k);
	*flags = in;
	return err < 0 ? err : ktls__record_recv(k->fd, type, iov, iovcnt,
						 flags);
}

static ssize_t receive_userspace(struct ktls *k, uint8_t *type,
				 const struct iovec *iov, int iovcnt,
				 int *flags)
{
	struct ktls__inbox *in = &k->engine->inbox;
	ssize_t n = ktls__inbox_recv(in, k->fd, type, iov, iovcnt, flags);

	k->engine->rx_seq = in->opener.seq;
	return n;
}

/* One receive and what it means.  Bytes of data; 0 without k->eof: read on;
 * an error that is not latched. */
static ssize_t receive(struct ktls *k, const struct iovec *iov, int iovcnt,
		       int flags)
{
	uint8_t type;
	ssize_t n;
	int err;

	if (k->rx.path == KTLS_PATH_KERNEL)
		n = receive_kernel(k, &type, iov, iovcnt, &flags);
	else
		n = receive_userspace(k, &type, iov, iovcnt, &flags);
	if (n < 0)
		return n;
	if (type == 0)
		return -KTLS_ETRUNCATED;
	if (type == KTLS_RECORD_DATA)
		err = ktls__control_data(k, (size_t)n);
	else
		err = ktls__control_take(k, type, iov, (size_t)n,
					 (flags & MSG_EOR) != 0);
	k->eof = err == 1;
	if (err < 0)
		return err;
	return type == KTLS_RECORD_DATA ? n : 0;
}

/* Where `n` bytes end inside an iovec: the rest of that element. */
static struct iovec rest_of(const struct iovec *iov, int iovcnt, size_t n)
{
	struct iovec rest = { 0 };

	for (; iovcnt > 0 && n >= iov->iov_len; iov++, iovcnt--)
		n -= iov->iov_len;
	if (iovcnt > 0) {
		rest.iov_base = (uint8_t *)iov->iov_base + n;
		rest.iov_len = iov->iov_len - n;
	}
	return rest;
}

/*
 * Is there something that poll(2) does not know of?  A kernel that can change
 * keys may have decrypted a KeyUpdate behind the data, and hides what follows
 * until it is taken; in userspace it is what came with one receive.
 */
static bool may_hide(const struct ktls *k)
{
	if (k->rx.path == KTLS_PATH_USERSPACE)
		return ktls__inbox_ready(&k->engine->inbox);
	return k->turn.rekeys && k->hs.version == KTLS_TLS_1_3;
}

/* A caller whose buffer is not full goes to poll(2).  What is found is in
 * `n`, an error for the next call. */
static size_t look_ahead(struct ktls *k, const struct iovec *iov, int iovcnt,
			 size_t n)
{
	struct iovec rest = rest_of(iov, iovcnt, n);
	ssize_t more = 0;

	while (rest.iov_len > 0 && more >= 0 && !k->eof && may_hide(k)) {
		more = receive(k, &rest, 1, MSG_DONTWAIT);
		if (more > 0) {
			n += (size_t)more;
			rest = rest_of(iov, iovcnt, n);
		}
	}
	if (more < 0 && more != -EAGAIN && more != -KTLS_ETRUNCATED)
		ktls__fail_read(k, (int)more);
	return n;
}

/* While an answer of ours has found no room, a blocking call waits for that as
 * well: the peer may wait for the answer. */
static ssize_t receive_and_send(struct ktls *k, const struct iovec *iov,
				int iovcnt)
{
	ssize_t n;
	int err;

	while (ktls__turn_owes(k)) {
		n = receive(k, iov, iovcnt, MSG_DONTWAIT);
		if (n != -EAGAIN || k->rx_taken < 0)
			return n;
		err = ktls__link_wait(k->fd, POLLIN | POLLOUT);
		if (err < 0)
			return err;
		ktls__turn_push(k);
	}
	/* What the writing thread has found is behind what is here. */
	return receive(k, iov, iovcnt, k->rx_taken < 0 ? MSG_DONTWAIT : 0);
}

ssize_t ktls__record_path_readv(struct ktls *k, const struct iovec *iov,
				int iovcnt)
{
	ssize_t n = 0;

	if (k->control.install)
		n = ktls__message_rekey(k);
	while (n == 0 && !k->eof)
		n = receive_and_send(k, iov, iovcnt);
	if (n < 0)
		return ktls__fail_read(k, (int)n);
	if (n > 0)
		n = (ssize_t)look_ahead(k, iov, iovcnt, (size_t)n);
	k->rx.bytes += (uint64_t)n;
	if (k->rx.path == KTLS_PATH_KERNEL)
		ktls__no_pad_received(k->fd, &k->no_pad, (size_t)n);
	return n;
}

/* Data that was here, on its way to what is left over: small records in a
 * row share a chunk. */
static void keep_chunk(struct ktls *k, struct ktls__chunk **chunk)
{
	struct ktls__chunk *c = *chunk;

	*chunk = NULL;
	if (c == NULL)
		return;
	if (c->len == 0) {
		free(c);
		return;
	}
	ktls__leftover_add(&k->leftover, ktls__chunk_fit(c));
	k->left = true;
}

/* The records of one receive.  0, or as ktls__fail_read(). */
static int drain_some(struct ktls *k, struct ktls__chunk **chunk)
{
	struct ktls__chunk *c = *chunk;
	struct iovec iov;
	ssize_t n;

	if (c == NULL)
		c = ktls__chunk_new(KTLS__RECORD_PLAIN_MAX);
	*chunk = c;
	if (c == NULL)
		return -ENOMEM;
	iov.iov_base = c->data + c->len;
	iov.iov_len = KTLS__RECORD_PLAIN_MAX - c->len;
	n = receive(k, &iov, 1, MSG_DONTWAIT);
	if (n > 0)
		c->len += (size_t)n;
	/* What is behind was a ticket, for instance. */
	ktls__wipe(c->data + c->len, KTLS__RECORD_PLAIN_MAX - c->len);
	if (n < 0)
		return ktls__fail_read(k, (int)n);
	if (c->len == KTLS__RECORD_PLAIN_MAX)
		keep_chunk(k, chunk);
	return 0;
}

bool ktls__record_path_drain(struct ktls *k)
{
	struct ktls__chunk *chunk = NULL;
	int err = 0;

	while (err == 0 && !k->eof &&
	       ktls__inbox_ready(&k->engine->inbox))
		err = drain_some(k, &chunk);
	keep_chunk(k, &chunk);
	return err == 0 && !k->eof && !k->control.install &&
	       k->control.head_len == 0;
}
