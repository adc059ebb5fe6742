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

#include "batch.h"
#include "kernel_path.h"
#include "key_limit.h"
#include "output.h"
#include "record.h"
#include "sealed_path.h"
#include "source.h"
#include "sys.h"
#include "turn.h"
#include "wipe.h"

/* 0; or what sending has met in place of a read, as where the kernel has TX
 * too.  What was sealed by then goes out, or waits, with an alert behind it. */
static int met_fault(struct ktls *k)
{
	int err = k->rx_taken;

	if (k->rx.path != KTLS_PATH_KERNEL || !ktls__is_record_error(err))
		return 0;
	return ktls__kernel_fail_write(k, err);
}

int ktls__sealed_flush(struct ktls *k, bool more)
{
	int fault;
	int err;

	pthread_mutex_lock(&k->lock);
	/* Only here: what others send is nothing to wait with. */
	k->link->more = more;
	err = ktls__output_flush(k);
	k->link->more = false;
	if (err == 0 && !more)
		ktls__link_push(k->link);
	pthread_mutex_unlock(&k->lock);
	fault = met_fault(k);
	return fault < 0 ? fault : err;
}

/* 0: the queue is empty; else as a blocking or non-blocking write. */
static int wait_flushed(struct ktls *k, bool more)
{
	int err;

	for (;;) {
		err = ktls__sealed_flush(k, more);
		if (err != -EAGAIN)
			return err;
		err = ktls__link_wait(k->fd, POLLOUT);
		if (err < 0)
			return err;
	}
}

/* Under the lock: as far as the SSL goes in one call. */
static ssize_t seal_library(struct ktls *k, struct ktls__source *src)
{
	size_t len;
	const uint8_t *p = ktls__source_next(src, &len);
	ssize_t n;

	k->link->more = k->more || src->left > KTLS__RECORD_PLAIN_MAX;
	/* All of it in one piece. */
	if (len < k->kept->refused || (ktls__is_cut(k) && len < src->left))
		return -KTLS_ERETRY;
	if (k->kept->refused > 0)
		len = k->kept->refused;
	else if (len > ktls__limit_room(k) && !ktls__may_be_cut(k))
		len = ktls__limit_room(k);
	n = ktls__backend_write(k->ssl, k->foreign ? NULL : k->link, p, len);
	k->link->more = false;
	/* Not what was begun, and no fault of the peer's: nobody knows where
	 * the SSL stands now. */
	if (n == -KTLS_EPROTOCOL && ktls__may_be_cut(k))
		n = -KTLS_ESSL;
	if (n > 0)
		k->kept->cut = KTLS__NOT_CUT;
	k->kept->refused = n == -EAGAIN && k->foreign ? len : 0;
	k->queued = k->queued || k->link->queue_len > 0;
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
		n = ktls__batch_seal(k, src);
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

/* What was sealed before goes first; behind it comes more. */
static int empty_queue(struct ktls *k)
{
	int err;

	if (!k->queued)
		return 0;
	err = wait_flushed(k, true);
	if (err == 0)
		ktls__batch_taken(k);
	return err;
}

/* 0: the way is free for the next record. */
static int prepare(struct ktls *k)
{
	int err = met_fault(k);

	if (err == 0)
		err = empty_queue(k);
	/* A write that has begun comes before all else. */
	if ((k->foreign && k->kept->refused > 0) || ktls__may_be_cut(k))
		return err;
	if (err == 0)
		err = ktls__turn_ready(k);
	/* A new key is announced in the queue. */
	return err == 0 ? empty_queue(k) : err;
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
static int take_owed(struct ktls *k, uint8_t next)
{
	int err = wait_flushed(k, false);

	if (err < 0)
		return ktls__latch(k, &k->tx, err);
	if (next != k->owed_byte)
		return -KTLS_ERETRY;
	k->owed = false;
	return 0;
}

/* Some of it waits for room, until another call. */
static void park(struct ktls *k)
{
	pthread_mutex_lock(&k->lock);
	ktls__link_park(k->link);
	pthread_mutex_unlock(&k->lock);
	ktls__batch_parked(k);
}

/* The result of a call that put `n` bytes, the last of them `last`. */
static ssize_t finish(struct ktls *k, size_t n, uint8_t last, int err)
{
	/* Who was called back waits no second time. */
	int flushed = err == -EAGAIN || err == -EINTR ?
			      ktls__sealed_flush(k, false) :
			      wait_flushed(k, k->more && err == 0);

	if (flushed == -EAGAIN || flushed == -EINTR) {
		park(k);
		k->owed = n > 0;
		k->owed_byte = last;
		n -= n > 0;
		err = err < 0 ? err : flushed;
	} else if (flushed == 0) {
		ktls__batch_taken(k);
	} else if (ktls__is_record_error(flushed)) {
		/* The peer's record: ours go out all the same. */
		err = flushed;
	} else {
		/* Sealed, and never to be sent. */
		n = 0;
		err = flushed;
	}
	if (err != -KTLS_ERETRY)
		ktls__latch(k, &k->tx, err);
	ktls__wants(k, KTLS__WRITE_WAITS,
		    err == -EAGAIN && !k->waits_for_input);
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
		err = take_owed(k, *ktls__source_next(&src, &len));
		if (err < 0)
			return err;
		len = src.left;
		ktls__source_advance(&src, 1);
	}
	err = put(k, &src);
	k->owed_of_file = false;
	return finish(k, len - src.left, src.last, err);
}

/* Whatever it is, it is not the connection's. */
static int name_read(ssize_t err)
{
	return err == -ENOMEM || err == -EINTR ||
			       ktls__is_file_error((int)err) ? (int)err : -EIO;
}

/* 0: some of the file is sealed; -ENODATA: it ends here. */
static int put_file_sealed(struct ktls *k, int in_fd, off_t pos, size_t count,
			   size_t *n, uint8_t *last)
{
	struct ktls__draft draft;
	int err = prepare(k);
	uint8_t end;
	ssize_t got;

	if (err < 0)
		return err;
	got = ktls__draft_read(k, &draft, in_fd, pos,
			       ktls__batch_len(k, count));
	if (got <= 0)
		return got < 0 ? name_read(got) : -ENODATA;
	end = ktls__draft_byte(k, &draft, (size_t)got - 1);
	pthread_mutex_lock(&k->lock);
	err = k->tx.err;
	if (err == 0)
		err = ktls__draft_seal(k, &draft);
	else
		ktls__draft_drop(k, &draft);
	pthread_mutex_unlock(&k->lock);
	if (err < 0)
		return err;
	*n += (size_t)got;
	*last = end;
	return 0;
}

static int put_file_library(struct ktls *k, int in_fd, off_t pos, size_t count,
			    size_t *n, uint8_t *last)
{
	uint8_t buf[KTLS__RECORD_PLAIN_MAX];
	struct iovec iov = { .iov_base = buf };
	struct ktls__source src;
	ssize_t got = ktls__sys->pread(in_fd, buf,
				       count < sizeof(buf) ? count :
							     sizeof(buf),
				       pos);
	int err;

	if (got <= 0)
		return got < 0 ? name_read(got) : -ENODATA;
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

/* The byte that is due was another call's: it has to be the file's next as
 * well.  A file's own was sealed from it as it was; it may have changed. */
static int take_owed_of(struct ktls *k, int in_fd, off_t pos)
{
	uint8_t next = k->owed_byte;

	if (!k->owed_of_file && ktls__sys->pread(in_fd, &next, 1, pos) != 1)
		next = (uint8_t)~k->owed_byte;
	return take_owed(k, next);
}

ssize_t ktls__sealed_sendfile(struct ktls *k, int in_fd, off_t *pos,
			      size_t count)
{
	uint8_t last = k->owed_byte;
	size_t n = 0;
	ssize_t ret;
	int err = 0;

	if (k->owed) {
		err = take_owed_of(k, in_fd, *pos);
		if (err < 0)
			return err;
		n = 1;
	}
	while (n < count && err == 0)
		err = put_file(k, in_fd, *pos + (off_t)n, count - n, &n, &last);
	/* More than the file had cannot follow from it. */
	k->more = k->more && n == count;
	if (ktls__is_file_error(err)) {
		/* Not the connection's; and a file may have been cut. */
		ret = finish(k, n, last, 0);
		if (ret == 0 && err != -ENODATA)
			ret = err;
	} else {
		ret = finish(k, n, last, err);
	}
	k->owed_of_file = k->owed;
	*pos += ret > 0 ? ret : 0;
	return ret;
}

int ktls__sealed_settle(struct ktls *k)
{
	int err = wait_flushed(k, false);

	ktls__wants(k, KTLS__CALL_WAITS, err == -EAGAIN);
	return err;
}
