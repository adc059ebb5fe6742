/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing through the SSL.  It never blocks: waiting is done
 * here, outside the lock, so that one thread may wait to read while another
 * writes.
 *
 * A record is sealed before it is known whether the socket takes it, and
 * cannot be sealed again.  The rest of one waits in the link's queue; until
 * it is out, the last byte of the record is not reported as accepted, so
 * that the caller comes back, as after any short write.
 */
#include <errno.h>

#include "control.h"
#include "kernel_path.h"
#include "library_path.h"
#include "record.h"
#include "sys.h"

/* On BIOs of the application's own, SIGPIPE is not theirs to raise either. */
static void enter(struct ktls *k, struct ktls__sigpipe *hold)
{
	pthread_mutex_lock(&k->lock);
	if (k->foreign)
		ktls__sys->sigpipe_hold(hold);
}

static void leave(struct ktls *k, struct ktls__sigpipe *hold)
{
	if (k->foreign)
		(void)ktls__sys->sigpipe_release(hold);
	pthread_mutex_unlock(&k->lock);
}

static struct ktls__link *link_of(struct ktls *k)
{
	return k->foreign ? NULL : &k->link;
}

/* Under the lock. */
static int flush_link(struct ktls *k)
{
	int err = k->foreign ? 0 : ktls__link_flush(&k->link);

	k->queued = err == -EAGAIN;
	return err;
}

int ktls__library_flush(struct ktls *k)
{
	int err;

	pthread_mutex_lock(&k->lock);
	err = flush_link(k);
	pthread_mutex_unlock(&k->lock);
	return err;
}

/* A KeyUpdate of ours would have to change keys that the kernel has. */
static bool owes_key_update(const struct ktls *k)
{
	return k->tx.path == KTLS_PATH_KERNEL &&
	       ktls__backend_owes_key_update(k->ssl);
}

/* With TX in the kernel, what reading made the SSL write led nowhere.  An
 * alert is passed on; anything else cannot be.  0; -KTLS_EKEYUPDATE;
 * -KTLS_EHANDSHAKE. */
static int pass_output_on(struct ktls *k)
{
	struct ktls__trace *t = ktls__trace_of(k->ssl);

	if (owes_key_update(k))
		return -KTLS_EKEYUPDATE;
	if (!k->link.dropped)
		return 0;
	k->link.dropped = false;
	if (t != NULL && t->key_update_sent)
		return -KTLS_EKEYUPDATE;
	if (t == NULL || t->alert_sent < 0)
		return -KTLS_EHANDSHAKE;
	(void)ktls__kernel_alert(k, (uint8_t)t->alert_sent, MSG_DONTWAIT);
	t->alert_sent = -1;
	return 0;
}

/* Under the lock: the SSL's answer, and what it did besides. */
static ssize_t read_locked(struct ktls *k, void *buf, size_t len)
{
	ssize_t n;
	int err;

	(void)flush_link(k);
	n = ktls__backend_read(k->ssl, link_of(k), buf, len);
	(void)flush_link(k);
	err = pass_output_on(k);
	if (err < 0)
		k->rx.taken = err;
	return n;
}

/* What was found aside from the data is told when the data have ended. */
static int end_of_data(struct ktls *k, int err)
{
	int alert;

	if ((err == -EAGAIN || err == -KTLS_ETRUNCATED) && k->rx.taken < 0) {
		err = k->rx.taken;
		alert = ktls__control_alert_for(err);
		if (alert >= 0 && k->tx.path == KTLS_PATH_KERNEL)
			(void)ktls__kernel_alert(k, (uint8_t)alert,
						 MSG_DONTWAIT);
	}
	return ktls__latch(k, &k->rx, err);
}

static ssize_t read_once(struct ktls *k, void *buf, size_t len)
{
	struct ktls__sigpipe hold;
	ssize_t n;

	enter(k, &hold);
	n = read_locked(k, buf, len);
	leave(k, &hold);
	if (n < 0)
		return end_of_data(k, (int)n);
	k->eof = n == 0;
	k->rx.bytes += (uint64_t)n;
	return n;
}

ssize_t ktls__library_readv(struct ktls *k, const struct iovec *iov, int iovcnt)
{
	ssize_t n;
	int err;

	while (iovcnt > 1 && iov->iov_len == 0)
		iov++, iovcnt--;
	for (;;) {
		n = read_once(k, iov->iov_base, iov->iov_len);
		if (n != -EAGAIN || k->foreign)
			return n;
		err = ktls__link_wait(k->fd, POLLIN);
		if (err < 0)
			return ktls__latch(k, &k->rx, err);
	}
}

/* 0: the queue is empty; else as a blocking or non-blocking write. */
static int wait_flushed(struct ktls *k)
{
	int err;

	for (;;) {
		err = ktls__library_flush(k);
		if (err != -EAGAIN)
			return err;
		err = ktls__link_wait(k->fd, POLLOUT);
		if (err < 0)
			return err;
	}
}

static ssize_t write_once(struct ktls *k, const uint8_t *buf, size_t len)
{
	struct ktls__sigpipe hold;
	ssize_t n;

	if (len < k->refused)
		return -KTLS_ERETRY;
	enter(k, &hold);
	n = ktls__backend_write(k->ssl, link_of(k), buf, len);
	leave(k, &hold);
	return n;
}

/* The SSL has half a handshake message and reads the rest before it writes;
 * a foreign one has begun this very write and wants it again. */
static int wait_to_write(struct ktls *k, size_t len)
{
	k->waits_for_input = !k->foreign;
	if (!k->foreign)
		return ktls__link_wait(k->fd, POLLIN);
	k->refused = len;
	return -EAGAIN;
}

/* Record by record; *put counts.  The last one may be in the queue. */
static int put(struct ktls *k, const uint8_t *buf, size_t len, size_t *put)
{
	ssize_t n;
	int err;

	k->waits_for_input = false;
	while (len > 0) {
		err = wait_flushed(k);
		if (err < 0)
			return err;
		n = write_once(k, buf, len);
		if (n == -EAGAIN) {
			err = wait_to_write(k, len);
			if (err < 0)
				return err;
			continue;
		}
		if (n < 0)
			return (int)n;
		k->refused = 0;
		buf += n;
		len -= (size_t)n;
		*put += (size_t)n;
	}
	return 0;
}

/* The byte that was kept back is the caller's next, and already sealed. */
static int settle(struct ktls *k, const uint8_t *next)
{
	int err = wait_flushed(k);

	if (err < 0)
		return ktls__latch(k, &k->tx, err);
	if (next != NULL && *next != k->owed_byte)
		return -KTLS_ERETRY;
	k->owed = false;
	return 0;
}

/* The result of a call that put `n` bytes, the last of them `last`. */
static ssize_t finish(struct ktls *k, size_t n, uint8_t last, int err)
{
	int flushed = wait_flushed(k);

	if (flushed == -EAGAIN || flushed == -EINTR) {
		k->owed = n > 0;
		k->owed_byte = last;
		n -= n > 0;
		err = flushed;
	} else if (flushed < 0) {
		err = flushed;
	}
	if (err != -KTLS_ERETRY)
		ktls__latch(k, &k->tx, err);
	k->want_out = err == -EAGAIN && !k->waits_for_input;
	k->tx.bytes += n;
	return n > 0 ? (ssize_t)n : err;
}

static const uint8_t *first_byte(const struct iovec *iov, int iovcnt)
{
	while (iovcnt > 0 && iov->iov_len == 0)
		iov++, iovcnt--;
	return iovcnt > 0 ? iov->iov_base : NULL;
}

ssize_t ktls__library_writev(struct ktls *k, const struct iovec *iov,
			     int iovcnt)
{
	const uint8_t *base;
	uint8_t last = 0;
	size_t skip = 0;
	size_t n = 0;
	size_t before;
	int err = 0;

	if (k->owed) {
		err = settle(k, first_byte(iov, iovcnt));
		if (err < 0)
			return err;
		last = *first_byte(iov, iovcnt);
		skip = 1;
		n = 1;
	}
	for (; iovcnt > 0 && err == 0; iov++, iovcnt--) {
		if (iov->iov_len == 0)
			continue;
		base = (const uint8_t *)iov->iov_base + skip;
		before = n;
		err = put(k, base, iov->iov_len - skip, &n);
		if (n > before)
			last = base[n - before - 1];
		skip = 0;
	}
	return finish(k, n, last, err);
}

/* A piece of the file; *n counts what was sealed. */
static int put_file(struct ktls *k, int in_fd, off_t pos, size_t count,
		    size_t *n, uint8_t *last)
{
	uint8_t buf[KTLS__RECORD_PLAIN_MAX];
	size_t before = *n;
	ssize_t got;
	int err;

	got = ktls__sys->pread(in_fd, buf,
			       count < sizeof(buf) ? count : sizeof(buf), pos);
	if (got <= 0)
		return got < 0 ? (int)got : -ENODATA;
	err = put(k, buf, (size_t)got, n);
	if (*n > before)
		*last = buf[*n - before - 1];
	return err;
}

ssize_t ktls__library_sendfile(struct ktls *k, int in_fd, off_t *pos,
			       size_t count)
{
	uint8_t last = k->owed_byte;
	size_t n = 0;
	ssize_t ret;
	int err = 0;

	if (k->owed) {
		/* Sealed from the file as it was; it may have changed. */
		err = settle(k, NULL);
		if (err < 0)
			return err;
		n = 1;
	}
	while (n < count && err == 0)
		err = put_file(k, in_fd, *pos + (off_t)n, count - n, &n, &last);
	if (ktls__is_file_error(err)) {
		/* Not the connection's; and a file may have been cut. */
		ret = finish(k, n, last, 0);
		if (ret == 0 && err != -ENODATA)
			ret = err;
	} else {
		ret = finish(k, n, last, err);
	}
	*pos += ret > 0 ? ret : 0;
	return ret;
}

int ktls__library_settle(struct ktls *k)
{
	int err = wait_flushed(k);

	k->want_out = err == -EAGAIN;
	return err;
}

int ktls__library_shutdown(struct ktls *k)
{
	struct ktls__sigpipe hold;
	int err = 0;

	enter(k, &hold);
	err = ktls__backend_close_notify(k->ssl, link_of(k));
	leave(k, &hold);
	if (err == 0) {
		k->alert_sent = 0;
		k->owed = false;
		err = ktls__library_settle(k);
	}
	return ktls__latch(k, &k->tx, err);
}
