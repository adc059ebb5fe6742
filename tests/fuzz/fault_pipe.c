/* SPDX-License-Identifier: MIT */
/* The table's calls beside those of every script: pipes, files, half a close,
 * and a clock that only moves when somebody waits in vain. */
#include <errno.h>
#include <signal.h>

#include "fault.h"
#include "lib/sys.h"

/* More than any batch has. */
#define PIECES 32

static const struct ktls__sys *below;
static int64_t clock_ms;

static int is_pipe(int fd)
{
	return fault_run.handed &&
	       (fd == fault_run.pipe[0] || fd == fault_run.pipe[1]);
}

/* A dead connection takes what the kernel's would, and gives its end. */
static ssize_t splice_dead(int out, int in_fd, size_t len)
{
	char drop[4096];
	ssize_t n;

	if (!out)
		return 0;
	if (!fault_keys_on(KTLS_TX))
		return -EPIPE;
	n = below->read(in_fd, drop, len < sizeof(drop) ? len : sizeof(drop));
	if (n > 0)
		raise(SIGPIPE);
	return n;
}

static int splice_waits(unsigned flags)
{
	return fault_run.c->blocking && !(flags & 2); /* SPLICE_F_NONBLOCK */
}

static ssize_t fault_splice(int in_fd, int out_fd, size_t len, unsigned flags)
{
	int out = out_fd == fault_run.fd;
	enum fault_call call = out ? CALL_SPLICE_OUT : CALL_SPLICE_IN;
	int waits = splice_waits(flags);
	enum fault_kind kind;
	ssize_t n;
	int err;

	if (!fault_run.handed || (!out && in_fd != fault_run.fd))
		return below->splice(in_fd, out_fd, len, flags);
	kind = fault_next(call, waits, len < 2);
	if (fault_run.dead)
		return splice_dead(out, in_fd, len);
	if (kind == FAULT_NONE && !waits &&
	    (out ? fault_run.no_room : fault_run.no_input))
		kind = FAULT_AGAIN;
	err = fault_refusal(call, kind);
	if (err)
		return err;
	len = fault_shorter(kind, len);
	do
		n = below->splice(in_fd, out_fd, len, flags);
	while (n == -EAGAIN && waits && fault_wait() == 0);
	return n;
}

static ssize_t fault_read(int fd, void *buf, size_t len)
{
	enum fault_kind kind;
	int err;

	if (!is_pipe(fd))
		return below->read(fd, buf, len);
	kind = fault_next(CALL_PIPE, fault_run.c->blocking, len < 2);
	err = fault_refusal(CALL_PIPE, kind);
	return err ? err : below->read(fd, buf, fault_shorter(kind, len));
}

static ssize_t fault_write(int fd, const void *buf, size_t len)
{
	enum fault_kind kind;
	int err;

	if (!is_pipe(fd))
		return below->write(fd, buf, len);
	kind = fault_next(CALL_PIPE, fault_run.c->blocking, len < 2);
	err = fault_refusal(CALL_PIPE, kind);
	return err ? err : below->write(fd, buf, fault_shorter(kind, len));
}

static int fault_shutdown(int fd, int how)
{
	if (fault_run.handed && fd == fault_run.fd && fault_run.dead)
		return -ENOTCONN;
	return below->shutdown(fd, how);
}

static int64_t fault_now_ms(void)
{
	return clock_ms;
}

void fault_clock_add(int ms)
{
	clock_ms += ms;
}

static ssize_t fault_pread(int fd, void *buf, size_t len, off_t off)
{
	enum fault_kind kind;
	int err;

	if (!fault_run.handed || fd != fault_run.file)
		return below->pread(fd, buf, len, off);
	kind = fault_next(CALL_PREAD, 1, len < 2);
	err = fault_refusal(CALL_PREAD, kind);
	if (err)
		return err;
	return below->pread(fd, buf, fault_shorter(kind, len), off);
}

/* As many elements as `len` bytes reach into. */
static int cut(struct iovec *to, const struct iovec *iov, int iovcnt,
	       size_t len)
{
	int n;

	for (n = 0; n < iovcnt && len > 0; n++) {
		to[n] = iov[n];
		if (to[n].iov_len > len)
			to[n].iov_len = len;
		len -= to[n].iov_len;
	}
	return n;
}

static ssize_t fault_preadv(int fd, const struct iovec *iov, int iovcnt,
			    off_t off)
{
	struct iovec pieces[PIECES];
	enum fault_kind kind;
	size_t len = 0;
	int err;

	if (!fault_run.handed || fd != fault_run.file)
		return below->preadv(fd, iov, iovcnt, off);
	for (int i = 0; i < iovcnt; i++)
		len += iov[i].iov_len;
	kind = fault_next(CALL_PREAD, 1, len < 2);
	err = fault_refusal(CALL_PREAD, kind);
	if (err)
		return err;
	iovcnt = cut(pieces, iov, iovcnt < PIECES ? iovcnt : PIECES,
		     fault_shorter(kind, len));
	return below->preadv(fd, pieces, iovcnt, off);
}

void fault_pipe_start(struct ktls__sys *table, const struct ktls__sys *b)
{
	below = b;
	table->pread = fault_pread;
	table->preadv = fault_preadv;
	table->splice = fault_splice;
	table->read = fault_read;
	table->write = fault_write;
	table->shutdown = fault_shutdown;
	table->now_ms = fault_now_ms;
}
