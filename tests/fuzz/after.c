/* SPDX-License-Identifier: MIT */
/* Near after its hand-off: traffic both ways, then both ends closed. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "run.h"

#define ROUNDS 100000
#define VECTORS 6

static uint8_t buffer[RUN_BUFFER];

size_t run_some_len(struct run *r)
{
	switch (stream_below(&r->random, 4)) {
	case 0:
		return stream_between(&r->random, 1, RUN_WRITE_MAX);
	case 1:
		return stream_between(&r->random, 1, 5000);
	default:
		return stream_between(&r->random, 1, 200);
	}
}

/* Cut the buffer into a few parts, an empty one perhaps. */
static int cut(struct run *r, struct iovec iov[VECTORS], size_t len)
{
	int n = 0;
	size_t off = 0;

	while (n < VECTORS - 1 && off < len) {
		iov[n].iov_base = buffer + off;
		iov[n].iov_len = stream_below(&r->random, len - off + 1);
		off += iov[n++].iov_len;
	}
	iov[n].iov_base = buffer + off;
	iov[n++].iov_len = len - off;
	return n;
}

/* One file for all, written anew before each use. */
static int file(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("payload", MFD_CLOEXEC);
	return fd;
}

/* The file ends where the payload ends, or goes on with other bytes. */
static int prepare_file(struct run *r)
{
	struct run_write *w = &r->write;
	static const char more[100] = "not to be sent";

	w->file_off = (off_t)stream_below(&r->random, 9000);
	w->file_pos = stream_one_in(&r->random, 2);
	stream_fill(r->near_key, r->near_sent, buffer, w->len);
	if (ftruncate(file(), 0) ||
	    pwrite(file(), buffer, w->len, w->file_off) != (ssize_t)w->len)
		return run_fail(r, "no file: %s", strerror(errno));
	if (stream_one_in(&r->random, 2) &&
	    pwrite(file(), more, 100, w->file_off + (off_t)w->len) != 100)
		return run_fail(r, "no file: %s", strerror(errno));
	return 0;
}

static int begin_write(struct run *r)
{
	r->write.len = run_some_len(r);
	switch (stream_below(&r->random, 3)) {
	case 0:
		r->write.kind = WRITE_FILE;
		return prepare_file(r);
	case 1:
		r->write.kind = WRITE_VECTOR;
		return 0;
	default:
		r->write.kind = WRITE_PLAIN;
		return 0;
	}
}

static ssize_t send_file(struct run *r)
{
	struct run_write *w = &r->write;
	off_t off = w->file_off;
	ssize_t n;

	run_count(COUNT_SENDFILE);
	if (w->file_pos)
		lseek(file(), w->file_off, SEEK_SET);
	n = ktls_sendfile(r->k, file(), w->file_pos ? NULL : &off, w->len, 0);
	if (w->file_pos)
		off = lseek(file(), 0, SEEK_CUR);
	if (off != w->file_off + (n > 0 ? n : 0))
		return run_fail(r, "sendfile gives %zd and moves by %lld", n,
				(long long)(off - w->file_off));
	w->file_off = off;
	return n;
}

static ssize_t send_some(struct run *r)
{
	struct run_write *w = &r->write;
	struct iovec iov[VECTORS];

	if (w->kind == WRITE_FILE)
		return send_file(r);
	stream_fill(r->near_key, r->near_sent, buffer, w->len);
	if (w->kind == WRITE_PLAIN) {
		run_count(COUNT_WRITE);
		return ktls_write(r->k, buffer, w->len, 0);
	}
	run_count(COUNT_WRITEV);
	return ktls_writev(r->k, iov, cut(r, iov, w->len), 0);
}

/* An error that only says "later": 0, else -1. */
static int only_later(struct run *r, const char *what, ssize_t n, int events)
{
	if (n == -EINTR && r->plan.blocking && r->plan.disturb)
		return 0;
	if (n == -EAGAIN && !r->plan.blocking) {
		if ((ktls_events(r->k) & events) == events)
			return 0;
		return run_fail(r, "%s: EAGAIN, and events are %x", what,
				(unsigned)ktls_events(r->k));
	}
	return run_fail(r, "%s gives %zd: %s", what, n,
			n < 0 ? ktls_strerror((int)n) : "");
}

static int write_on(struct run *r)
{
	struct run_write *w = &r->write;
	ssize_t n;

	/* The socket has room for all, so that nothing can block. */
	if (r->plan.blocking && wire_take_all(r))
		return -1;
	n = send_some(r);
	run_trace(r, "near writes %zd of %zu (kind %d)", n, w->len, w->kind);
	if (r->failed)
		return -1;
	if (n == -EAGAIN)
		run_count(COUNT_WRITE_AGAIN);
	if (n <= 0)
		return only_later(r, "write", n, POLLOUT);
	if ((size_t)n > w->len)
		return run_fail(r, "a write of %zu gives %zd", w->len, n);
	r->near_sent += (size_t)n;
	w->len -= (size_t)n;
	if (w->len)
		run_count(COUNT_WRITE_SHORT);
	else
		w->kind = WRITE_NONE;
	return 0;
}

static ssize_t read_some(struct run *r, size_t len)
{
	struct iovec iov[VECTORS];

	if (stream_one_in(&r->random, 2)) {
		run_count(COUNT_READ);
		return ktls_read(r->k, buffer, len);
	}
	run_count(COUNT_READV);
	return ktls_readv(r->k, iov, cut(r, iov, len));
}

/* What the end of the stream is to look like. */
static int read_end(struct run *r, ssize_t n)
{
	if (n == (r->plan.truncate ? -KTLS_ETRUNCATED : 0) &&
	    r->near_got == r->peer_sent) {
		r->near_ended = 1;
		return 0;
	}
	return run_fail(r, "read gives %zd (%s) at byte %llu of %llu", n,
			n < 0 ? ktls_strerror((int)n) : "end",
			(unsigned long long)r->near_got,
			(unsigned long long)r->peer_sent);
}

static int read_on(struct run *r)
{
	ssize_t n = read_some(r, run_some_len(r));

	run_trace(r, "near reads %zd", n);
	if (n > 0)
		return near_check(r, buffer, (size_t)n);
	if (n == 0 || n == -KTLS_ETRUNCATED)
		return read_end(r, n);
	if (n == -KTLS_EKEYUPDATE && r->may_end) {
		run_count(COUNT_KEY_UPDATE_END);
		r->ended = 1;
		return -1;
	}
	run_count(COUNT_READ_AGAIN);
	return only_later(r, "read", n, POLLIN);
}

/* Reading while there is data, or where it cannot block. */
static int read_if_safe(struct run *r)
{
	if (!r->plan.blocking)
		return read_on(r);
	if (r->near_got == r->peer_sent)
		return 0;
	return wire_deliver_all(r) ? -1 : read_on(r);
}

static int traffic_step(struct run *r, size_t *near_writes,
			size_t *peer_writes)
{
	switch (stream_below(&r->random, 8)) {
	case 0:
	case 1:
		return read_if_safe(r);
	case 2:
		if (!*peer_writes)
			return stream_one_in(&r->random, 8) ? peer_ticket(r) :
							      0;
		--*peer_writes;
		return peer_write(r, run_some_len(r));
	case 3:
		return wire_step(r);
	case 4:
		return ktls_write(r->k, buffer, 0, 0) ?
		       run_fail(r, "a write of nothing gives no 0") : 0;
	default:
		if (r->write.kind)
			return write_on(r);
		if (!*near_writes)
			return 0;
		--*near_writes;
		return begin_write(r);
	}
}

static int traffic(struct run *r)
{
	size_t near_writes = r->plan.writes_after;
	size_t peer_writes = r->plan.writes_after;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (!near_writes && !peer_writes && !r->write.kind)
			return 0;
		if (traffic_step(r, &near_writes, &peer_writes))
			return -1;
		/* Otherwise a full socket stays full. */
		if (r->write.kind && wire_step(r))
			return -1;
	}
	return run_fail(r, "a write does not end");
}

static int peer_ends(struct run *r)
{
	int i;

	if (!r->plan.truncate && peer_shutdown(r))
		return -1;
	for (i = 0; i < ROUNDS; i++) {
		if (r->to_near.off == r->to_near.len && r->plan.truncate)
			shutdown(r->wire, SHUT_WR);
		if (r->to_near.off == r->to_near.len && r->near_ended)
			break;
		if (r->plan.blocking ? wire_deliver_all(r) : wire_step(r))
			return -1;
		if (r->to_near.off == r->to_near.len && r->plan.truncate)
			shutdown(r->wire, SHUT_WR);
		if (!r->near_ended && read_on(r))
			return -1;
	}
	if (!r->near_ended)
		return run_fail(r, "the end does not arrive");
	return read_on(r); /* it repeats */
}

static int near_ends(struct run *r)
{
	int ret = -1;
	int i;

	for (i = 0; i < ROUNDS && ret; i++) {
		if (r->plan.blocking && wire_take_all(r))
			return -1;
		ret = ktls_shutdown(r->k);
		run_trace(r, "ktls_shutdown: %d", ret);
		if (ret == -EAGAIN)
			run_count(COUNT_SHUTDOWN_AGAIN);
		if (ret && only_later(r, "shutdown", ret, POLLOUT))
			return -1;
		if (ret && wire_step(r))
			return -1;
	}
	if (ret || ktls_shutdown(r->k))
		return run_fail(r, "shutdown does not end");
	if (fake_kernel_push(r->fd))
		return run_fail(r, "shutdown is done, and records wait");
	for (i = 0; i < ROUNDS && !r->peer_closed; i++)
		if (wire_step(r))
			return -1;
	if (!r->peer_closed || r->peer_got != r->near_sent)
		return run_fail(r, "the peer got %llu of %llu bytes, end %d",
				(unsigned long long)r->peer_got,
				(unsigned long long)r->near_sent,
				r->peer_closed);
	return 0;
}

static int check_totals(struct run *r)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	if (ktls_info(r->k, &info))
		return run_fail(r, "no info");
	if (info.tickets)
		run_count(COUNT_TICKET_SKIPPED);
	if (info.tx.bytes != r->near_sent - r->sent_at_handoff ||
	    info.rx.bytes != r->near_got - r->got_at_handoff)
		return run_fail(r, "info counts %llu and %llu bytes, it were "
				"%llu and %llu",
				(unsigned long long)info.tx.bytes,
				(unsigned long long)info.rx.bytes,
				(unsigned long long)(r->near_sent -
						     r->sent_at_handoff),
				(unsigned long long)(r->near_got -
						     r->got_at_handoff));
	return 0;
}

int after(struct run *r)
{
	int peer_first = stream_one_in(&r->random, 2);

	if (traffic(r))
		return -1;
	if (peer_first)
		run_count(COUNT_PEER_FIRST);
	if (r->plan.truncate)
		run_count(COUNT_TRUNCATED);
	if (peer_first && peer_ends(r))
		return -1;
	if (near_ends(r))
		return -1;
	if (!peer_first && peer_ends(r))
		return -1;
	return check_totals(r);
}
