/* SPDX-License-Identifier: MIT */
/*
 * One recvmsg() for as much as fits, then every whole record in it.  Plaintext
 * is in the buffer only while `plain` points at it: what is delivered from
 * there is wiped at once, so the rest of the buffer is never secret.
 */
#include "inbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "aead.h"
#include "pool.h"
#include "sys.h"
#include "wipe.h"

/* A receive of less speaks of small messages. */
#define LITTLE ((size_t)4096)

/* What is left of the caller's buffers. */
struct room {
	const struct iovec *iov;
	int iovcnt;
	size_t used; /* of iov[0] */
	size_t done; /* bytes stored, in all */
};

/* How many bytes follow in a row, and where. */
static size_t room_at(struct room *r, uint8_t **at)
{
	while (r->iovcnt > 0 && r->used == r->iov->iov_len) {
		r->iov++;
		r->iovcnt--;
		r->used = 0;
	}
	if (r->iovcnt <= 0)
		return 0;
	*at = (uint8_t *)r->iov->iov_base + r->used;
	return r->iov->iov_len - r->used;
}

static void fill_room(struct room *r, size_t len)
{
	r->used += len;
	r->done += len;
}

int ktls__inbox_key(struct ktls__inbox *in, const struct ktls_keys *keys)
{
	return ktls__opener_key(&in->opener, keys);
}

void ktls__inbox_discard(struct ktls__inbox *in)
{
	ktls__wipe(in->plain, in->plain_len);
	in->plain = NULL;
	in->plain_len = 0;
	ktls__pool_give(in->buf, in->cap);
	in->buf = NULL;
	in->cap = 0;
	in->off = 0;
	in->len = 0;
}

void ktls__inbox_wipe(struct ktls__inbox *in)
{
	ktls__inbox_discard(in);
	ktls__opener_wipe(&in->opener);
	ktls__wipe(in, sizeof(*in));
}

/* The length of the record at `off`; 0: it is not all here; or its error. */
static int record_at(const struct ktls__inbox *in, size_t off)
{
	const size_t len = in->len - off;
	int body;

	if (len < KTLS__HEADER_LEN)
		return 0;
	body = ktls__aead_body(in->opener.suite, in->buf + off);
	if (body < 0)
		return body;
	return len - KTLS__HEADER_LEN < (size_t)body ? 0
						     : KTLS__HEADER_LEN + body;
}

bool ktls__inbox_ready(const struct ktls__inbox *in)
{
	return in->plain || record_at(in, in->off) != 0;
}

size_t ktls__inbox_pending(const struct ktls__inbox *in)
{
	size_t off = in->off;
	size_t plain = in->plain_len;
	int n;

	if (in->plain && plain == 0)
		plain = 1;
	while ((n = record_at(in, off)) > 0)
		off += (size_t)n;
	if (n < 0)
		off += KTLS__HEADER_LEN;
	return plain + off - in->off;
}

/* To the beginning of `buf`, which may be the same. */
static void move_to(struct ktls__inbox *in, uint8_t *buf, size_t cap)
{
	const size_t len = in->len - in->off;

	if (len > 0)
		memmove(buf, in->buf + in->off, len);
	if (buf != in->buf)
		ktls__pool_give(in->buf, in->cap);
	in->buf = buf;
	in->cap = cap;
	in->off = 0;
	in->len = len;
}

/* The buffer, with half a record at most, at its beginning. */
static int make_room(struct ktls__inbox *in)
{
	const size_t want = in->want ? in->want : KTLS__BUFFER_MIDDLE;
	uint8_t *buf = in->buf;
	size_t cap = in->cap;

	if (cap < want)
		buf = ktls__pool_take(want, &cap);
	/* Without more memory the buffer that is there will do: any holds a
	 * record. */
	if (!buf && in->buf) {
		buf = in->buf;
		cap = in->cap;
	}
	if (!buf)
		return -ENOMEM;
	move_to(in, buf, cap);
	return 0;
}

int ktls__inbox_feed(struct ktls__inbox *in, const void *buf, size_t len)
{
	if (len == 0)
		return 0;
	in->buf = ktls__pool_take(len, &in->cap);
	if (!in->buf) {
		in->cap = 0;
		return -ENOMEM;
	}
	memcpy(in->buf, buf, len);
	in->off = 0;
	in->len = len;
	return 0;
}

/* Bytes that the record which is half here wants next; 0: none is. */
static size_t missing(const struct ktls__inbox *in)
{
	const size_t len = in->len - in->off;
	int body;

	if (len == 0)
		return 0;
	if (len < KTLS__HEADER_LEN)
		return KTLS__HEADER_LEN - len;
	body = ktls__aead_body(in->opener.suite, in->buf + in->off);
	if (body < 0 || len >= KTLS__HEADER_LEN + (size_t)body)
		return 0;
	return KTLS__HEADER_LEN + (size_t)body - len;
}

/* Half a record may be here for long. */
static void park(struct ktls__inbox *in)
{
	uint8_t *buf;
	size_t cap;

	if (in->plain || in->err || in->cap <= KTLS__BUFFER_SMALL ||
	    record_at(in, in->off) != 0)
		return;
	buf = ktls__pool_take(KTLS__BUFFER_SMALL, &cap);
	if (buf)
		move_to(in, buf, cap);
}

/* It begins a buffer, and any holds a record. */
int ktls__inbox_complete(struct ktls__inbox *in, int fd)
{
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	while ((iov.iov_len = missing(in)) > 0) {
		move_to(in, in->buf, in->cap);
		iov.iov_base = in->buf + in->len;
		n = ktls__sys->recvmsg(fd, &msg, MSG_DONTWAIT);
		in->eof = n == 0;
		if (n <= 0)
			return n < 0 ? (int)n : -EAGAIN;
		in->len += (size_t)n;
	}
	return 0;
}

/* 0: bytes came, or the peer's FIN; -errno. */
static int fill(struct ktls__inbox *in, int fd, int flags)
{
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = make_room(in);

	if (n < 0)
		return (int)n;
	iov.iov_base = in->buf + in->len;
	iov.iov_len = in->cap - in->len;
	n = ktls__sys->recvmsg(fd, &msg, flags);
	if (n < 0)
		return (int)n;
	in->len += (size_t)n;
	in->eof = n == 0;
	in->filled = in->len == in->cap;
	if (in->filled)
		in->want = in->cap < KTLS__BUFFER_MIDDLE ? KTLS__BUFFER_MIDDLE
							 : KTLS__BUFFER_LARGE;
	else if ((size_t)n < LITTLE)
		in->want = KTLS__BUFFER_SMALL;
	else if ((size_t)n < KTLS__BUFFER_MIDDLE)
		in->want = KTLS__BUFFER_MIDDLE;
	return 0;
}

/* Until there is something to deliver, be it an error or the end. */
static int wait_for_record(struct ktls__inbox *in, int fd, int flags)
{
	int err = 0;

	while (err == 0 && !in->plain && !in->err && !in->eof &&
	       record_at(in, in->off) == 0)
		err = fill(in, fd, flags);
	return err;
}

/* From `plain`, as much as there is room for. */
static void deliver(struct ktls__inbox *in, struct room *r)
{
	uint8_t *at = NULL;
	size_t n;

	while (in->plain_len > 0 && (n = room_at(r, &at)) > 0) {
		if (n > in->plain_len)
			n = in->plain_len;
		memcpy(at, in->plain, n);
		ktls__wipe(in->plain, n);
		in->plain += n;
		in->plain_len -= n;
		fill_room(r, n);
	}
	if (in->plain_len == 0)
		in->plain = NULL;
}

/*
 * Open the next record: where its text fits in one piece, straight into the
 * caller's buffer, else in place and into `plain`.  One that is not data must
 * not stay behind data: it goes back, for the next call.
 */
static int open_record(struct ktls__inbox *in, struct room *r, size_t rec_len)
{
	const size_t len = rec_len - in->opener.suite->overhead;
	uint8_t *rec = in->buf + in->off;
	uint8_t *text = rec + ktls__opener_head(&in->opener);
	uint8_t *out = text, *at = NULL;
	int n;

	if (room_at(r, &at) >= len)
		out = at;
	n = ktls__opener_open(&in->opener, out, &in->type, rec, rec_len);
	if (n < 0)
		return n;
	in->off += rec_len;
	if (out == at && (in->type == KTLS_RECORD_DATA || r->done == 0)) {
		fill_room(r, (size_t)n);
		return 0;
	}
	if (out == at) {
		memcpy(text, out, (size_t)n);
		ktls__wipe(out, len);
	}
	in->plain = text;
	in->plain_len = (size_t)n;
	return 0;
}

/* One record more.  1: data, and more may follow; 0: nothing may; or the
 * final error. */
static int join(struct ktls__inbox *in, struct room *r, uint8_t *type)
{
	const size_t before = r->done;
	int n = in->err ? in->err : record_at(in, in->off);

	if (n == 0)
		return 0;
	if (n > 0)
		n = open_record(in, r, (size_t)n);
	if (n < 0) {
		/* With memory it opens the next time. */
		in->err = n == -ENOMEM ? 0 : n;
		return n;
	}
	if (*type == KTLS_RECORD_DATA && in->type != KTLS_RECORD_DATA)
		return 0;
	*type = in->type;
	if (in->plain)
		deliver(in, r);
	return *type == KTLS_RECORD_DATA && r->done > before;
}

/* What one call may deliver of all that is here.  0, or the error that comes
 * first. */
static int join_all(struct ktls__inbox *in, struct room *r, uint8_t *type)
{
	uint8_t *at = NULL;
	int more = 1;

	if (in->plain) {
		*type = in->type;
		deliver(in, r);
		more = *type == KTLS_RECORD_DATA;
	}
	while (more > 0 && room_at(r, &at) > 0)
		more = join(in, r, type);
	return *type == 0 ? more : 0;
}

static bool has_room(const struct iovec *iov, int iovcnt)
{
	for (int i = 0; i < iovcnt; i++)
		if (iov[i].iov_len > 0)
			return true;
	return false;
}

ssize_t ktls__inbox_recv(struct ktls__inbox *in, int fd, uint8_t *type,
			 const struct iovec *iov, int iovcnt, int *flags)
{
	struct room r = { .iov = iov, .iovcnt = iovcnt };
	/* MSG_EOR: out of one call and, from a caller that loops, in again. */
	const int in_flags = flags ? *flags & ~MSG_EOR : 0;
	int err;

	*type = 0;
	if ((in_flags & ~MSG_DONTWAIT) || !has_room(iov, iovcnt))
		return -EINVAL;
	err = wait_for_record(in, fd, in_flags);
	if (err == 0 && !in->eof)
		err = ktls__opener_begin(&in->opener);
	if (err == 0 && !in->eof)
		err = join_all(in, &r, type);
	ktls__opener_end(&in->opener);
	/* Of an error that was told, or after the end, nothing is needed. */
	if (!in->plain && (in->off == in->len || in->eof || (in->err && err)))
		ktls__inbox_discard(in);
	else if (err < 0 || !in->filled)
		park(in);
	if (err < 0)
		return err;
	if (flags)
		*flags = *type != 0 && !in->plain ? MSG_EOR : 0;
	return (ssize_t)r.done;
}
