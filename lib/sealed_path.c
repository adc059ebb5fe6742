/* SPDX-License-Identifier: MIT */
/*
 * Writing where records are sealed in this process.  Sealing never blocks:
 * waiting is done here, outside the lock, so that one thread may wait to read
 * while another writes.
 *
 * A record is sealed before it is known whether the socket takes it, and
 * cannot be sealed again.  The rest of one waits in the link's queue; until
 * it is out, the last byte of the record is not reported as accepted, so
 * that the caller comes back, as after any short write.
 */
#include <errno.h>

#include "key_limit.h"
#include "output.h"
#include "record.h"
#include "sealed_path.h"
#include "source.h"
#include "sys.h"
#include "turn.h"
#include "wipe.h"

int ktls__sealed_flush(struct ktls *k)
{
	int err;

	pthread_mutex_lock(&k->lock);
	err = ktls__output_flush(k);
	pthread_mutex_unlock(&k->lock);
	return err;
}

/* 0: the queue is empty; else as a blocking or non-blocking write. */
static int wait_flushed(struct ktls *k)
{
	int err;

	for (;;) {
		err = ktls__sealed_flush(k);
		if (err != -EAGAIN)
			return err;
		err = ktls__link_wait(k->fd, POLLOUT);
		if (err < 0)
			return err;
	}
}

static size_t record_len(size_t left)
{
	return left < KTLS__RECORD_PLAIN_MAX ? left : KTLS__RECORD_PLAIN_MAX;
}

/* Bytes that the next batch holds, as the key allows. */
static size_t batch_len(const struct ktls *k, size_t left)
{
	size_t len = KTLS__BATCH * (size_t)KTLS__RECORD_PLAIN_MAX;

	if (len > left)
		len = left;
	return len < ktls__limit_room(k) ? len : ktls__limit_room(k);
}

static uint8_t *reserve_record(struct ktls *k, size_t len)
{
	return ktls__link_reserve(&k->link, len + k->hs.row->overhead);
}

/* Under the lock: one record of data behind the queue. */
static int seal(struct ktls *k, uint8_t *out, const uint8_t *in, size_t len)
{
	int n = ktls__sealer_seal(&k->sealer, out, KTLS_RECORD_DATA, in, len);

	if (n < 0)
		return n;
	ktls__link_add(&k->link, (size_t)n);
	return 0;
}

/* Under the lock: a batch of records.  Bytes sealed. */
static ssize_t seal_batch(struct ktls *k, struct ktls__source *src)
{
	size_t len = batch_len(k, src->left);
	size_t head = ktls__sealer_head(&k->sealer);
	size_t done = 0;
	size_t n;
	uint8_t *out;
	int err = 0;

	while (done < len && err == 0) {
		n = record_len(len - done);
		out = reserve_record(k, n);
		err = out == NULL ? -ENOMEM :
				    seal(k, out,
					 ktls__source_gather(src, out + head,
							     n),
					 n);
		if (err == 0) {
			ktls__source_advance(src, n);
			done += n;
		}
	}
	return done > 0 ? (ssize_t)done : err;
}

/* Under the lock: as far as the SSL goes in one call. */
static ssize_t seal_library(struct ktls *k, struct ktls__source *src)
{
	size_t len;
	const uint8_t *p = ktls__source_next(src, &len);
	ssize_t n;

	if (len < k->refused)
		return -KTLS_ERETRY;
	if (k->refused > 0)
		len = k->refused;
	else if (len > ktls__limit_room(k))
		len = ktls__limit_room(k);
	n = ktls__backend_write(k->ssl, k->foreign ? NULL : &k->link, p, len);
	k->refused = n == -EAGAIN && k->foreign ? len : 0;
	if (n > 0)
		ktls__source_advance(src, (size_t)n);
	return n;
}

/* On BIOs of the application's own, SIGPIPE is not theirs to raise either. */
static ssize_t seal_once(struct ktls *k, struct ktls__source *src)
{
	struct ktls__sigpipe hold;
	ssize_t n;

	pthread_mutex_lock(&k->lock);
	if (k->foreign)
		ktls__sys->sigpipe_hold(&hold);
	/* The reading thread may have said the last word meanwhile. */
	if (k->tx.err < 0)
		n = k->tx.err;
	else if (k->tx.path == KTLS_PATH_USERSPACE)
		n = seal_batch(k, src);
	else
		n = seal_library(k, src);
	if (k->foreign)
		(void)ktls__sys->sigpipe_release(&hold);
	pthread_mutex_unlock(&k->lock);
	return n;
}

/* The SSL reads before it writes; a foreign one has begun this very write and
 * wants it again. */
static int wait_to_write(struct ktls *k)
{
	return k->foreign ? -EAGAIN : ktls__turn_await_input(k);
}

/* 0: the way is free for the next record. */
static int prepare(struct ktls *k)
{
	int err = wait_flushed(k);

	/* A write that has begun comes before all else. */
	if (k->refused > 0)
		return err;
	if (err == 0)
		err = ktls__turn_ready(k);
	/* A new key is announced in the queue. */
	return err == 0 && k->queued ? wait_flushed(k) : err;
}

/* Batch by batch.  The last one may be in the queue. */
static int put(struct ktls *k, struct ktls__source *src)
{
	ssize_t n;
	int err;

	k->waits_for_input = false;
	while (src->left > 0) {
		err = prepare(k);
		if (err < 0)
			return err;
		n = seal_once(k, src);
		if (n == -EAGAIN) {
			err = wait_to_write(k);
			if (err < 0)
				return err;
			continue;
		}
		if (n < 0)
			return (int)n;
	}
	return 0;
}

/* The byte that was kept back is the caller's next, and already sealed. */
static int take_owed(struct ktls *k, const uint8_t *next)
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
		/* Sealed, and never to be sent. */
		n = 0;
		err = flushed;
	}
	if (err != -KTLS_ERETRY)
		ktls__latch(k, &k->tx, err);
	k->want_out = err == -EAGAIN && !k->waits_for_input;
	if (k->tx.path == KTLS_PATH_LIBRARY)
		ktls__turn_tell(k);
	k->tx.bytes += n;
	return n > 0 ? (ssize_t)n : err;
}

ssize_t ktls__sealed_writev(struct ktls *k, const struct iovec *iov, int iovcnt)
{
	struct ktls__source src;
	size_t len;
	int err;

	ktls__source_init(&src, iov, iovcnt);
	len = src.left;
	if (k->owed) {
		err = take_owed(k, ktls__source_next(&src, &len));
		if (err < 0)
			return err;
		len = src.left;
		ktls__source_advance(&src, 1);
	}
	err = put(k, &src);
	return finish(k, len - src.left, src.last, err);
}

/* A record's worth of the file, or nothing any more. */
static ssize_t fill(int in_fd, uint8_t *buf, off_t pos, size_t len)
{
	ssize_t n = ktls__sys->pread(in_fd, buf, len, pos);

	return n == 0 ? -ENODATA : n;
}

/* Under the lock: file data straight into the records, sealed in place. */
static int seal_file(struct ktls *k, int in_fd, off_t pos, size_t count,
		     size_t *n, uint8_t *last)
{
	size_t len = batch_len(k, count);
	size_t head = ktls__sealer_head(&k->sealer);
	size_t done = 0;
	uint8_t *out;
	ssize_t got;
	int err = 0;

	/* A short read ends the batch: the key allows so many records. */
	while (done < len && err == 0 && done % KTLS__RECORD_PLAIN_MAX == 0) {
		out = reserve_record(k, record_len(len - done));
		if (out == NULL)
			return done > 0 ? 0 : -ENOMEM;
		got = fill(in_fd, out + head, pos + (off_t)done,
			   record_len(len - done));
		if (got < 0)
			return (int)got;
		*last = out[head + (size_t)got - 1];
		err = seal(k, out, out + head, (size_t)got);
		if (err == 0)
			done += (size_t)got;
		*n += err == 0 ? (size_t)got : 0;
	}
	return err;
}

static int put_file_sealed(struct ktls *k, int in_fd, off_t pos, size_t count,
			   size_t *n, uint8_t *last)
{
	int err = prepare(k);

	if (err < 0)
		return err;
	pthread_mutex_lock(&k->lock);
	err = k->tx.err;
	if (err == 0)
		err = seal_file(k, in_fd, pos, count, n, last);
	pthread_mutex_unlock(&k->lock);
	return err;
}

static int put_file_library(struct ktls *k, int in_fd, off_t pos, size_t count,
			    size_t *n, uint8_t *last)
{
	uint8_t buf[KTLS__RECORD_PLAIN_MAX];
	struct iovec iov = { .iov_base = buf };
	struct ktls__source src;
	ssize_t got = fill(in_fd, buf, pos, record_len(count));
	int err;

	if (got < 0)
		return (int)got;
	iov.iov_len = (size_t)got;
	ktls__source_init(&src, &iov, 1);
	err = put(k, &src);
	if (src.left < iov.iov_len)
		*last = src.last;
	*n += iov.iov_len - src.left;
	ktls__wipe(buf, iov.iov_len);
	return err;
}

/* A piece of the file; *n counts what was sealed. */
static int put_file(struct ktls *k, int in_fd, off_t pos, size_t count,
		    size_t *n, uint8_t *last)
{
	return k->tx.path == KTLS_PATH_USERSPACE ?
		       put_file_sealed(k, in_fd, pos, count, n, last) :
		       put_file_library(k, in_fd, pos, count, n, last);
}

ssize_t ktls__sealed_sendfile(struct ktls *k, int in_fd, off_t *pos,
			      size_t count)
{
	uint8_t last = k->owed_byte;
	size_t n = 0;
	ssize_t ret;
	int err = 0;

	if (k->owed) {
		/* Sealed from the file as it was; it may have changed. */
		err = take_owed(k, NULL);
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

int ktls__sealed_settle(struct ktls *k)
{
	int err = wait_flushed(k);

	k->want_out = err == -EAGAIN;
	return err;
}
