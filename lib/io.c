/* SPDX-License-Identifier: MIT */
/* The public reads and writes: what is latched, what is left over, and then
 * the path of the direction. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"
#include "kernel_path.h"
#include "library_path.h"
#include "record_path.h"
#include "sealed_path.h"
#include "source.h"
#include "sys.h"
#include "turn.h"

#define IOV_LIMIT 1024

/* sendfile(2) and write(2) take no more in one call. */
#define COUNT_LIMIT 0x7ffff000

static size_t take_leftover(struct ktls *k, uint8_t *buf, size_t len)
{
	const struct ktls__chunk *c;
	size_t done = 0;
	size_t n;

	while (done < len && (c = k->leftover.head) != NULL) {
		n = c->len - c->off;
		if (n > len - done)
			n = len - done;
		memcpy(buf + done, c->data + c->off, n);
		ktls__leftover_take(&k->leftover, n);
		done += n;
	}
	return done;
}

static ssize_t read_leftover(struct ktls *k, const struct iovec *iov,
			     int iovcnt)
{
	size_t n = 0;

	for (; iovcnt > 0 && k->leftover.head != NULL; iov++, iovcnt--)
		n += take_leftover(k, iov->iov_base, iov->iov_len);
	k->rx.bytes += n;
	k->left = k->leftover.head != NULL;
	return (ssize_t)n;
}

ssize_t ktls_readv(struct ktls *k, const struct iovec *iov, int iovcnt)
{
	if (iovcnt < 1 || iovcnt > IOV_LIMIT ||
	    ktls__iov_total(iov, iovcnt) == 0)
		return -EINVAL;
	/* What did not go out when it was said. */
	ktls__turn_push(k);
	if (k->leftover.head != NULL)
		return read_leftover(k, iov, iovcnt);
	k->untold = false;
	if (k->eof)
		return 0;
	if (k->rx.err < 0)
		return k->rx.err;
	if (k->rx.path == KTLS_PATH_LIBRARY)
		return ktls__library_readv(k, iov, iovcnt);
	return ktls__record_path_readv(k, iov, iovcnt);
}

ssize_t ktls_read(struct ktls *k, void *buf, size_t len)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };

	if (len > COUNT_LIMIT)
		iov.iov_len = COUNT_LIMIT;
	return ktls_readv(k, &iov, 1);
}

/* A last alert may still be on its way. */
static int refuse(struct ktls *k, int err)
{
	ktls__turn_push(k);
	return err;
}

static ssize_t note_room(struct ktls *k, ssize_t n, size_t wanted)
{
	if (k->tx.path == KTLS_PATH_KERNEL)
		ktls__wants(k, KTLS__WRITE_WAITS,
			    n == -EAGAIN || (n >= 0 && (size_t)n < wanted));
	return n;
}

/* Nothing to write, but maybe no more to wait for. */
static int flush(struct ktls *k)
{
	if (k->tx.path != KTLS_PATH_KERNEL)
		ktls__latch(k, &k->tx, ktls__sealed_flush(k, k->more));
	else if (!k->more)
		ktls__kernel_release(k);
	return k->tx.err;
}

/* The file's fault: nothing follows what waits for it. */
static ssize_t refuse_file(struct ktls *k, ssize_t err)
{
	k->more = false;
	(void)flush(k);
	return err;
}

/* Bytes of a pipe that are held back come first. */
static int may_write(const struct ktls *k)
{
	int err = ktls__may_write(k);

	return err == 0 && k->piped != NULL ? -KTLS_ERETRY : err;
}

static bool are_flags(int flags)
{
	return (flags & ~KTLS_MORE) == 0;
}

ssize_t ktls_writev(struct ktls *k, const struct iovec *iov, int iovcnt,
		    int flags)
{
	size_t len;
	int err = may_write(k);

	if (iovcnt < 0 || iovcnt > IOV_LIMIT || !are_flags(flags))
		return -EINVAL;
	if (err < 0)
		return refuse(k, err);
	len = ktls__iov_total(iov, iovcnt);
	k->more = (flags & KTLS_MORE) != 0;
	if (len == 0)
		return flush(k);
	if (k->tx.path == KTLS_PATH_KERNEL)
		return note_room(k, ktls__kernel_writev(k, iov, iovcnt), len);
	return ktls__sealed_writev(k, iov, iovcnt);
}

ssize_t ktls_write(struct ktls *k, const void *buf, size_t len, int flags)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf,
			     .iov_len = len };

	if (len > COUNT_LIMIT)
		iov.iov_len = COUNT_LIMIT;
	return ktls_writev(k, &iov, 1, flags);
}

/* Where to begin, and how much there is.  0; -errno. */
static int clamp(int in_fd, off_t pos, size_t *count)
{
	struct stat st;
	int err = ktls__sys->fstat(in_fd, &st);

	if (err < 0)
		return err;
	if (!S_ISREG(st.st_mode))
		return -KTLS_ENOTFILE;
	if (pos < 0)
		return -EINVAL;
	if (pos >= st.st_size)
		*count = 0;
	else if (*count > (uint64_t)(st.st_size - pos))
		*count = (size_t)(st.st_size - pos);
	if (*count > COUNT_LIMIT)
		*count = COUNT_LIMIT;
	return 0;
}

static ssize_t send_at(struct ktls *k, int in_fd, off_t *pos, size_t count)
{
	size_t asked = count;
	int err = clamp(in_fd, *pos, &count);

	/* A byte that was sealed before the file became shorter. */
	if (err == 0 && count == 0 && asked > 0 && k->owed)
		count = 1;
	/* What the file does not have will not follow. */
	k->more = k->more && count == asked;
	if (err < 0)
		return refuse_file(k, err);
	if (count == 0)
		return flush(k);
	if (k->tx.path == KTLS_PATH_KERNEL)
		return ktls__kernel_sendfile(k, in_fd, pos, count);
	return ktls__sealed_sendfile(k, in_fd, pos, count);
}

ssize_t ktls_sendfile(struct ktls *k, int in_fd, off_t *offset, size_t count,
		      int flags)
{
	off_t pos;
	ssize_t n;
	int err = may_write(k);

	if (!are_flags(flags))
		return -EINVAL;
	/* The SSL would take the file for the write that it waits for. */
	if (err == 0)
		err = ktls__refuse_cut(k);
	if (err < 0)
		return refuse(k, err);
	k->more = (flags & KTLS_MORE) != 0;
	if (offset != NULL)
		return send_at(k, in_fd, offset, count);
	pos = ktls__sys->lseek(in_fd, 0, SEEK_CUR);
	if (pos < 0)
		return refuse_file(k, pos == -ESPIPE ? -KTLS_ENOTFILE : pos);
	n = send_at(k, in_fd, &pos, count);
	if (n > 0)
		(void)ktls__sys->lseek(in_fd, pos, SEEK_SET);
	return n;
}
