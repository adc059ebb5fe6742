/* SPDX-License-Identifier: MIT */
/*
 * Between the connection and a pipe.  Where the kernel has the records, pages
 * move; else, and wherever that could lose a byte, they are copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "control.h"
#include "conn.h"
#include "kernel_path.h"
#include "key_limit.h"
#include "record.h"
#include "record_path.h"
#include "sealed_path.h"
#include "sys.h"
#include "turn.h"
#include "wipe.h"

/* splice(2) takes no more in one call. */
#define COUNT_LIMIT 0x7ffff000

/* Into a pipe with less room some kernels splice part of a record, and lose
 * the rest. */
#define ROOMY 65536

/* A record has this many pieces of memory at least before it is full. */
#define PIECES 16
#define PAGE 4096

/* Out of a pipe at once, to be sealed: some records go in one send. */
#define BATCH (4 * (size_t)KTLS__RECORD_PLAIN_MAX)

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Bytes that the pipe holds; -KTLS_ENOTPIPE; -EBADF. */
static int pipe_size(int pipe_fd)
{
	struct stat st;
	int size = ktls__sys->pipe_size(pipe_fd);
	int err;

	if (size != -EBADF)
		return size;
	err = ktls__sys->fstat(pipe_fd, &st);
	return err < 0 ? err : -KTLS_ENOTPIPE;
}

/* Neither an error nor a message is on its way that data could overtake, and
 * all of a record finds room. */
static bool may_splice(const struct ktls *k, int pipe_fd, int size)
{
	return k->rx.path == KTLS_PATH_KERNEL && !k->left && !k->eof &&
	       k->rx.err == 0 && k->rx_taken == 0 && !k->control.install &&
	       k->control.head_len == 0 && size >= ROOMY &&
	       !ktls__turn_owes(k) && ktls__sys->inq(pipe_fd) == 0;
}

/* What a receive tells as well: a record that is not data, a key that is due,
 * a record that is not authentic; or the pipe's own error.  Others are told
 * once. */
static bool is_told_again(ssize_t err)
{
	return err == -EINVAL || err == -EKEYEXPIRED || err == -EIO ||
	       err == -EBADMSG || err == -ENOMEM || err == -EPIPE ||
	       err == -EBADF;
}

/*
 * Bytes of one record; -EAGAIN, -EINTR; final errors, latched; 0: only a
 * receive can tell, of the end and of an empty record too.  The kernel looks
 * at the pipe's mode, not at the socket's.
 */
static ssize_t splice_record(struct ktls *k, int pipe_fd, size_t len)
{
	int nonblocking = ktls__sys->nonblocking(k->fd);
	struct ktls__sigpipe hold;
	ssize_t n;

	ktls__sys->sigpipe_hold(&hold);
	n = ktls__sys->splice(k->fd, pipe_fd, len,
			      nonblocking != 0 ? SPLICE_F_NONBLOCK : 0);
	(void)ktls__sys->sigpipe_release(&hold);
	if (n == -EINTR)
		return n;
	if (n == -EAGAIN &&
	    (nonblocking != 0 || ktls__sys->nonblocking(pipe_fd) == 0))
		return n;
	if (n < 0 && n != -EAGAIN && !is_told_again(n))
		return ktls__fail_read(k, (int)n);
	if (n <= 0)
		return 0;
	(void)ktls__control_data(k, (size_t)n);
	k->rx.bytes += (uint64_t)n;
	return n;
}

static bool has_room(int pipe_fd)
{
	struct pollfd p = { .fd = pipe_fd, .events = POLLOUT };

	return ktls__sys->poll(&p, 1, 0) > 0 && (p.revents & POLLOUT) != 0;
}

/* How much write(2) takes at once without waiting for a reader, where it
 * would wait: POLLOUT stands for PIPE_BUF. */
static size_t write_step(int pipe_fd, int size)
{
	if (ktls__sys->nonblocking(pipe_fd) != 0)
		return SIZE_MAX;
	return ktls__sys->inq(pipe_fd) == 0 ? (size_t)size : PIPE_BUF;
}

/* Bytes that the pipe took; it waits, as splice(2) does, only for the first
 * of them. */
static ssize_t put(int pipe_fd, int size, const uint8_t *p, size_t len)
{
	size_t step = write_step(pipe_fd, size);
	struct ktls__sigpipe hold;
	size_t done = 0;
	ssize_t n;

	ktls__sys->sigpipe_hold(&hold);
	do {
		n = ktls__sys->write(pipe_fd, p + done,
				     least(len - done, step));
		done += n > 0 ? (size_t)n : 0;
		step = least(step, PIPE_BUF);
	} while (n > 0 && done < len && has_room(pipe_fd));
	(void)ktls__sys->sigpipe_release(&hold);
	return done > 0 ? (ssize_t)done : n;
}

/* What is read stays left over until the pipe has it.  1: there is some; else
 * as ktls_read(). */
static ssize_t read_chunk(struct ktls *k, size_t len)
{
	struct ktls__chunk *c = ktls__chunk_new(len);
	ssize_t n;

	if (c == NULL)
		return -ENOMEM;
	n = ktls_read(k, c->data, len);
	if (n <= 0) {
		ktls__wipe(c->data, len);
		free(c);
		return n;
	}
	/* A message that came first was here, too. */
	ktls__wipe(c->data + n, len - (size_t)n);
	c->len = (size_t)n;
	ktls__leftover_add(&k->leftover, c);
	k->rx.bytes -= (uint64_t)n;
	k->left = true;
	return 1;
}

static ssize_t copy_in(struct ktls *k, int pipe_fd, int size, size_t len)
{
	const struct ktls__chunk *c;
	ssize_t n = 1;

	len = least(len, KTLS__RECORD_PLAIN_MAX);
	if (!k->left)
		n = read_chunk(k, len);
	if (n <= 0)
		return n;
	c = k->leftover.head;
	n = put(pipe_fd, size, c->data + c->off, least(len, c->len - c->off));
	if (n > 0) {
		ktls__leftover_take(&k->leftover, (size_t)n);
		k->rx.bytes += (uint64_t)n;
		k->left = k->leftover.head != NULL;
	}
	return n;
}

ssize_t ktls_splice_read(struct ktls *k, int pipe_fd, size_t len)
{
	int size = pipe_size(pipe_fd);
	ssize_t n = 0;

	if (len == 0)
		return -EINVAL;
	if (size < 0)
		return size;
	/* What did not go out when it was said. */
	ktls__turn_push(k);
	if (may_splice(k, pipe_fd, size))
		n = splice_record(k, pipe_fd, least(len, COUNT_LIMIT));
	return n != 0 ? n : copy_in(k, pipe_fd, size, len);
}

/*
 * Records that n bytes of a pipe become at most.  Each of its buffers, and
 * each page within one, is a piece.
 */
static size_t records(int size, size_t n)
{
	size_t pieces = least((size_t)size / PAGE, n) + n / PAGE;

	return (pieces + PIECES - 1) / PIECES;
}

/* One record at most, so that none waits in TCP for the next one, and no more
 * than the key may seal. */
static size_t splice_step(const struct ktls *k, int size, size_t len)
{
	size_t room = ktls__limit_room(k) / KTLS__RECORD_PLAIN_MAX;
	size_t n = KTLS__RECORD_PLAIN_MAX;

	while (n > PIECES && records(size, n) > room)
		n /= 4;
	return least(n, len);
}

/* *taken counts.  0: all, or the end of the pipe.  The pipe is waited for
 * only while nothing was taken. */
static int splice_steps(struct ktls *k, int pipe_fd, int size, size_t len,
			size_t *taken)
{
	ssize_t n;
	int err;

	while (*taken < len) {
		err = ktls__turn_ready(k);
		ktls__wants(k, KTLS__WRITE_WAITS, err == -EAGAIN);
		if (err < 0)
			return err;
		n = ktls__sys->splice(pipe_fd, k->fd,
				      splice_step(k, size, len - *taken),
				      *taken > 0 ? SPLICE_F_NONBLOCK : 0);
		if (n > 0)
			ktls__limit_sealed(k, records(size, (size_t)n) *
						     KTLS__RECORD_PLAIN_MAX);
		ktls__turn_sent(k);
		if (n <= 0)
			return (int)n;
		k->tx.bytes += (uint64_t)n;
		*taken += (size_t)n;
	}
	return 0;
}

/* The connection's error, or the pipe's own. */
static int name_splice(struct ktls *k, int err)
{
	if (err == -EBADF)
		return err;
	/* The arguments are in order: this waited in the socket. */
	return ktls__kernel_fail_write(k, err == -EINVAL ? -EPROTO : err);
}

static ssize_t splice_kernel(struct ktls *k, int pipe_fd, int size, size_t len)
{
	struct ktls__sigpipe hold;
	size_t taken = 0;
	int err;

	ktls__sys->sigpipe_hold(&hold);
	err = splice_steps(k, pipe_fd, size, len, &taken);
	if (err < 0 && ktls__sys->inq(pipe_fd) > 0) {
		/* It was not the pipe: a record may be open. */
		ktls__kernel_push(k);
		ktls__wants(k, KTLS__WRITE_WAITS, err == -EAGAIN);
	}
	if (ktls__kernel_was_in_vain(k, &hold)) {
		ktls__latch(k, &k->tx, -EPIPE);
		return -EPIPE;
	}
	if (err < 0)
		err = name_splice(k, err);
	return taken > 0 ? (ssize_t)taken : err;
}

static void drop_piped(struct ktls *k)
{
	ktls__wipe(k->piped->data, k->piped->len);
	free(k->piped);
	k->piped = NULL;
}

/* Out of the pipe; waits for it, as it does, only if `wait`. */
static ssize_t fetch(struct ktls *k, int pipe_fd, size_t len, bool wait)
{
	ssize_t n;

	if (!wait && ktls__sys->inq(pipe_fd) <= 0)
		return 0;
	len = least(len, BATCH);
	k->piped = malloc(sizeof(*k->piped) + len);
	if (k->piped == NULL)
		return -ENOMEM;
	n = ktls__sys->read(pipe_fd, k->piped->data, len);
	k->piped->len = n > 0 ? (size_t)n : 0;
	k->piped->off = 0;
	if (n <= 0)
		drop_piped(k);
	return n;
}

static ssize_t send_piped(struct ktls *k, size_t len)
{
	struct iovec iov = {
		.iov_base = k->piped->data + k->piped->off,
		.iov_len = least(len, k->piped->len - k->piped->off),
	};
	ssize_t n = ktls__sealed_writev(k, &iov, 1);

	if (n > 0)
		k->piped->off += (size_t)n;
	if (k->piped->off == k->piped->len)
		drop_piped(k);
	return n;
}

/* Bytes out of the pipe cannot go back: what is not accepted waits here. */
static ssize_t copy_out(struct ktls *k, int pipe_fd, size_t len)
{
	size_t done = 0;
	ssize_t n = 1;

	/* The byte that is due was some other call's. */
	if (k->owed && k->piped == NULL)
		return -KTLS_ERETRY;
	while (done < len && n > 0) {
		if (k->piped == NULL) {
			ktls__wants(k, KTLS__WRITE_WAITS, false);
			n = fetch(k, pipe_fd, len - done, done == 0);
		}
		if (n > 0)
			n = send_piped(k, len - done);
		done += n > 0 ? (size_t)n : 0;
	}
	return done > 0 ? (ssize_t)done : n;
}

ssize_t ktls_splice_write(struct ktls *k, int pipe_fd, size_t len)
{
	int size;
	int err = ktls__may_write(k);

	if (err == 0)
		err = ktls__refuse_cut(k);
	if (err < 0) {
		/* A last alert may still be on its way. */
		ktls__turn_push(k);
		return err;
	}
	size = pipe_size(pipe_fd);
	if (size < 0)
		return size;
	k->more = false;
	if (k->tx.path == KTLS_PATH_KERNEL)
		ktls__kernel_release(k);
	else
		ktls__latch(k, &k->tx, ktls__sealed_flush(k, false));
	if (len == 0 || k->tx.err < 0)
		return k->tx.err;
	len = least(len, COUNT_LIMIT);
	if (k->tx.path == KTLS_PATH_KERNEL)
		return splice_kernel(k, pipe_fd, size, len);
	return copy_out(k, pipe_fd, len);
}
