/* SPDX-License-Identifier: MIT */
/* sendfile's contract, and bytes out of a pipe. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "parity.h"

/* One call; offset and position have moved by what it returns. */
static ssize_t send_some(struct parity_conn *c, const struct parity_step *s,
			 size_t done, size_t left)
{
	int fd = parity_source(s->source);
	off_t at = s->off + (off_t)done;
	off_t elsewhere = (off_t)(s->draw % 1000);
	off_t off = at;
	off_t pos;
	ssize_t n;

	if (s->null_offset)
		lseek(fd, at, SEEK_SET);
	else
		lseek(fd, elsewhere, SEEK_SET);
	/* More than there is may be asked for. */
	n = ktls_sendfile(c->k, fd, s->null_offset ? NULL : &off,
			  left > 0 ? s->len - done : s->len,
			  s->more ? KTLS_MORE : 0);
	pos = lseek(fd, 0, SEEK_CUR);
	if (s->source != SOURCE_FILE && s->source != SOURCE_EMPTY)
		pos = s->null_offset ? at : elsewhere;
	if (s->null_offset)
		off = pos;
	else if (pos != elsewhere)
		parity_fail(c, "sendfile moves the position by %lld",
			    (long long)(pos - elsewhere));
	if (off != at + (n > 0 ? n : 0))
		parity_fail(c, "sendfile gives %zd and moves by %lld", n,
			    (long long)(off - at));
	return n;
}

/* What is no file, or cannot be read: the model's answer, 0: it can be. */
static int source_error(const struct parity_step *s)
{
	switch (s->source) {
	case SOURCE_PIPE:
	case SOURCE_SOCKET:
	case SOURCE_DIRECTORY:
		return -KTLS_ENOTFILE;
	case SOURCE_CLOSED:
	case SOURCE_WRITE_ONLY:
		return -EBADF;
	default:
		return s->off < 0 && !s->null_offset ? -EINVAL : 0;
	}
}

/* Bytes that the file has for this call at most; `size` of them in all. */
static size_t there(const struct parity_step *s, off_t size)
{
	size_t n = s->off >= size ? 0 : (size_t)(size - s->off);

	return n < s->len ? n : s->len;
}

/* In the middle of a call the file gets another size: what was there before
 * or after may be sent, and nothing else. */
static int changing(struct parity_conn *c, const struct parity_step *s,
		    struct parity_put *put)
{
	size_t before = put->len;
	size_t after = there(s, s->change_to);
	size_t least = after < before ? after : before;
	int changed;
	ssize_t n;

	put->may_end = 1;
	put->len = after > before ? after : before;
	parity_file_change(s->change_at, parity_source(s->source),
			   c->file_size, s->change_to);
	n = parity_put(c, put);
	changed = parity_file_changed();
	c->results[c->at] = PARITY_ANY;
	/* Paths read more or less often: what follows is the same for all. */
	if (!changed && parity_file_resize(parity_source(s->source),
					   c->file_size, s->change_to))
		return parity_fail(c, "the file's size");
	c->file_size = s->change_to;
	if (n < 0)
		return -1;
	/* A fatal end was met ahead of the reader. */
	if (c->tx_end)
		return 0;
	if ((size_t)n < (changed ? least : before))
		return parity_fail(c, "sendfile ends at %zd: %zu, then %zu",
				   n, before, after);
	return 0;
}

static int send_file(struct parity_conn *c, const struct parity_step *s)
{
	off_t size = s->source == SOURCE_FILE ? c->file_size : 0;
	struct parity_put put = { .s = s, .name = "sendfile",
				  .call = send_some, .len = there(s, size),
				  .may_retry = c->paths.tx == KTLS_LIBRARY };
	size_t most = there(s, PARITY_FILE_MAX);

	if (c->counted + most > PARITY_STREAM_MAX)
		return 0;
	if (most > 0)
		memcpy(c->out + c->counted,
		       parity_pattern + PARITY_FILE_AT + s->off, most);
	c->offered = c->counted + most;
	if (s->change_at > 0 && put.len > 0)
		return changing(c, s, &put);
	return parity_put(c, &put) < 0 ? -1 : 0;
}

/* 0: nothing is to be sent; else what no call gives. */
static int is_over(const struct parity_conn *c, const struct parity_step *s)
{
	return there(s, s->source == SOURCE_FILE ? c->file_size : 0) > 0 ?
		       1 << 30 : 0;
}

int parity_sendfile(struct parity_conn *c, const struct parity_step *s)
{
	int err = source_error(s);
	ssize_t n;

	if (c->tx_end) {
		n = send_some(c, s, 0, s->len);
		if (n == (err ? err : is_over(c, s)) && parity_is_unknown(c))
			return 0;
		return parity_refused(c, "sendfile", n);
	}
	if (err) {
		do
			n = send_some(c, s, 0, s->len);
		while (c->script->disturb && (n == -EAGAIN || n == -EINTR));
		return parity_expect(c, "sendfile", n, err);
	}
	return send_file(c, s) || c->failed ? -1 : 0;
}

int parity_resize(struct parity_conn *c, const struct parity_step *s)
{
	if (parity_file_resize(parity_source(SOURCE_FILE), c->file_size,
			       s->change_to))
		return parity_fail(c, "the file's size");
	c->file_size = s->change_to;
	return 0;
}

static ssize_t splice_some(struct parity_conn *c, const struct parity_step *s,
			   size_t done, size_t left)
{
	(void)s;
	(void)done;
	return ktls_splice_write(c->k, parity_pipe[0], left);
}

int parity_splice_write(struct parity_conn *c, const struct parity_step *s)
{
	const uint8_t *p = parity_pattern + s->from;
	struct parity_put put = { .s = s, .name = "splice_write",
				  .call = splice_some, .len = s->len,
				  .may_retry = 1 };
	int rest = 0;
	ssize_t n;

	/* Who does not know of a reset would wait for the empty pipe. */
	if (parity_is_unknown(c))
		return 0;
	if (c->tx_end)
		return parity_refused(c, "splice_write",
				      splice_some(c, s, 0, s->len));
	if (c->counted + s->len > PARITY_STREAM_MAX)
		return 0;
	if (s->len > 0 && write(parity_pipe[1], p, s->len) != (ssize_t)s->len)
		return parity_fail(c, "the pipe does not take %zu", s->len);
	memcpy(c->out + c->counted, p, s->len);
	c->offered = c->counted + s->len;
	n = parity_put(c, &put);
	if (n < 0)
		return -1;
	if (c->tx_end)
		return parity_pipe_empty();
	if (ioctl(parity_pipe[0], FIONREAD, &rest) || rest != 0)
		return parity_fail(c, "%d bytes stay in the pipe", rest);
	if (!c->script->nonblock)
		return 0;
	/* The pipe is empty, and has a writer. */
	return parity_expect(c, "splice_write of an empty pipe",
			     ktls_splice_write(c->k, parity_pipe[0], 1),
			     -EAGAIN);
}
