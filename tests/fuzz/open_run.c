/* SPDX-License-Identifier: MIT */
/* Plays one plan of fuzz_open: see open_run.h. */
#include "open_run.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_kernel.h"
#include "lib/sys.h"

#define BUFFER 40000
#define STEPS 2000000

static uint8_t buffer[BUFFER];

int open_fail(struct open_run *r, const char *format, ...)
{
	va_list args;

	if (!r->failed) {
		va_start(args, format);
		vsnprintf(r->why, sizeof(r->why), format, args);
		va_end(args);
	}
	r->failed = 1;
	return -1;
}

static size_t some_len(struct open_run *r)
{
	return stream_one_in(&r->random, 3) ?
		       stream_between(&r->random, 1, 30) :
		       stream_between(&r->random, 1, BUFFER);
}

static int deliver(struct open_run *r)
{
	size_t rest = r->c.wire_len - r->at;
	size_t len = some_len(r);
	ssize_t n;

	if (rest == 0 && r->plan.end == OPEN_FIN)
		shutdown(r->c.peer_fd, SHUT_WR);
	if (rest == 0)
		return 0;
	n = send(r->c.peer_fd, r->c.wire + r->at, len < rest ? len : rest,
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || r->read_over ?
			       0 : open_fail(r, "the peer cannot send");
	r->at += (size_t)n;
	return 0;
}

/* What comes has to be the next bytes, and no more than there are. */
static int check(struct open_run *r, size_t n)
{
	size_t good = stream_check(r->plan.peer_key, r->result.got, buffer, n);

	if (r->result.got + n > r->to_read)
		return open_fail(r, "bytes from nowhere");
	if (good < n)
		return open_fail(r, "byte %zu of ours is wrong",
				 (size_t)r->result.got + good);
	r->result.got += n;
	return 0;
}

static ssize_t read_some(struct open_run *r)
{
	size_t len = some_len(r);
	size_t first = stream_below(&r->random, len);
	const struct iovec iov[] = {
		{ buffer, first }, { buffer + first, len - first }
	};

	return stream_one_in(&r->random, 2) ? ktls_read(r->c.k, buffer, len) :
					      ktls_readv(r->c.k, iov, 2);
}

static int read_step(struct open_run *r)
{
	size_t pending = ktls_pending(r->c.k);
	ssize_t n;

	if (r->read_over)
		return 0;
	n = read_some(r);
	if (n > 0)
		return check(r, (size_t)n);
	/* one that is disturbed meets nothing but its own socket */
	if (n == -EAGAIN && pending > 0 && r->result.got < r->to_read &&
	    !r->plan.disturb && r->result.got < r->plan.plaintext_len)
		return open_fail(r, "what is pending cannot be read");
	if (n == -EAGAIN)
		return 0;
	r->read_over = 1;
	r->result.end = n;
	return 0;
}

static int write_step(struct open_run *r)
{
	size_t rest = r->plan.to_write - (size_t)r->sent;
	size_t len = some_len(r);
	ssize_t n;

	if (rest == 0 || r->write_over)
		return 0;
	if (r->plan.our_updates && stream_one_in(&r->random, 8)) {
		n = ktls_update_keys(r->c.k, 0);
	} else {
		len = len < rest ? len : rest;
		stream_fill(r->plan.near_key, r->sent, buffer, len);
		n = ktls_write(r->c.k, buffer, len, 0);
	}
	if (n >= 0) {
		r->sent += (uint64_t)n;
		return 0;
	}
	if (n == -EAGAIN)
		return 0;
	r->write_over = 1;
	if (r->plan.end == OPEN_ALERT || r->plan.end == OPEN_BAD)
		return 0;
	return open_fail(r, "writing: %s", ktls_strerror((int)n));
}

static int take_record(struct open_run *r, uint8_t type, const uint8_t *text,
		       size_t n)
{
	if (keyed_is_gcm12(&r->c) && r->c.nonce != r->nonce++)
		return open_fail(r, "an explicit nonce that is not the next");
	switch (type) {
	case KTLS_RECORD_DATA:
		if (stream_check(r->plan.near_key, r->result.come, text, n) < n)
			return open_fail(r, "wrong bytes at the peer");
		r->result.come += n;
		return 0;
	case KTLS_RECORD_HANDSHAKE:
		if (n != 5 || memcmp(text, "\x18\0\0\x01\0", 5) != 0)
			return open_fail(r, "a strange message at the peer");
		keyed_next_rx(&r->c);
		return 0;
	case KTLS_RECORD_ALERT:
		r->result.alert = n == 2 ? text[1] : -2;
		return 0;
	default:
		return open_fail(r, "type %d at the peer", type);
	}
}

static int peer_step(struct open_run *r)
{
	static uint8_t text[KEYED_RECORD_MAX];
	uint8_t type;
	ssize_t n;

	fake_kernel_push(r->c.fd);
	while ((n = keyed_recv(&r->c, &type, text)) >= 0 && type != 0)
		if (take_record(r, type, text, (size_t)n) < 0)
			return -1;
	if (n == 0 && r->result.alert > 0)
		return 0;
	return n == -EAGAIN ? 0 : open_fail(r, "the peer got %zd", n);
}

static int step(struct open_run *r)
{
	switch (stream_below(&r->random, 4)) {
	case 0:
		return deliver(r);
	case 1:
		return write_step(r);
	case 2:
		return peer_step(r);
	default:
		return read_step(r);
	}
}

static int is_done(const struct open_run *r)
{
	int wrote = r->write_over || r->sent == r->plan.to_write;
	int read = r->plan.end == OPEN_STAYS ?
			   r->result.got == r->to_read &&
				   r->at == r->c.wire_len : r->read_over;

	if (r->plan.end == OPEN_ALERT || r->plan.end == OPEN_BAD)
		return read;
	return read && wrote && r->result.come == r->sent;
}

/* It says the same again.  What waits for room, like an alert of ours, goes
 * out in a linger; room comes by TCP's own clock. */
static int read_again(struct open_run *r)
{
	struct pollfd p = { .fd = r->c.fd };

	if (ktls_read(r->c.k, buffer, 1) != r->result.end)
		return open_fail(r, "reading does not end as it did");
	while (r->plan.end == OPEN_BAD && r->result.alert < 0) {
		if (ktls_linger(r->c.k, 1 << 20, 60000) == -EAGAIN) {
			p.events = (short)ktls_events(r->c.k);
			ktls__sys->poll(&p, 1, 1);
		}
		if (peer_step(r) < 0)
			return -1;
	}
	return 0;
}

/* Nothing more comes, and ours is the last word where it may have one. */
static int finish(struct open_run *r)
{
	const enum open_end end = r->plan.end;
	int err = -EAGAIN;

	fake_kernel_disturb(0, 0);
	if (read_again(r) < 0)
		return -1;
	while (end != OPEN_ALERT && end != OPEN_BAD && err == -EAGAIN) {
		err = ktls_shutdown(r->c.k);
		if (peer_step(r) < 0)
			return -1;
	}
	return 0;
}

static int expect_end(struct open_run *r)
{
	static const int ends[OPEN_ENDS] = {
		[OPEN_STAYS] = -EAGAIN,
		[OPEN_CLOSES] = 0,
		[OPEN_FIN] = -KTLS_ETRUNCATED,
		[OPEN_ALERT] = -KTLS_EALERT,
		[OPEN_BAD] = -KTLS_EBADRECORD
	};
	static const int alerts[OPEN_ENDS] = { 0, 0, 0, -1, 20 };
	struct ktls_conn_info info = { .size = sizeof(info) };

	ktls_info(r->c.k, &info);
	r->result.tickets = info.tickets;
	r->result.updates = info.key_updates_received;
	r->result.alerts = info.alerts_received;
	/* It stops what we write, sooner or later. */
	if (r->plan.end == OPEN_ALERT || r->plan.end == OPEN_BAD)
		r->result.come = 0;
	if (r->result.end != ends[r->plan.end])
		return open_fail(r, "reading ends with %d",
				 (int)r->result.end);
	if (r->result.alert != alerts[r->plan.end])
		return open_fail(r, "alert %d at the peer, end %d, disturbed "
				 "%u", (int)r->result.alert, r->plan.end,
				 r->plan.disturb);
	if (r->result.got != r->to_read)
		return open_fail(r, "%zu bytes are missing",
				 (size_t)(r->to_read - r->result.got));
	return 0;
}

static int go_on(struct open_run *r)
{
	long steps = 0;

	while (!is_done(r)) {
		if (step(r) < 0)
			return -1;
		if (++steps == STEPS)
			return open_fail(r, "stuck: got %zu of %zu, sent %zu "
					 "of %zu, come %zu",
					 (size_t)r->result.got,
					 (size_t)r->to_read, (size_t)r->sent,
					 r->plan.to_write,
					 (size_t)r->result.come);
	}
	return finish(r) < 0 || expect_end(r) < 0 ? -1 : 0;
}

/* The spoiled record was whole among what was left over. */
static int expect_refusal(struct open_run *r)
{
	uint8_t byte;

	if (r->bad_end == 0 || r->bad_end > r->left)
		return open_fail(r, "ktls_open() gives %s",
				 ktls_strerror(r->result.opened));
	if (r->result.opened != -KTLS_EBADRECORD || r->c.k != NULL)
		return open_fail(r, "not refused as a bad record");
	if (recv(r->c.peer_fd, &byte, 1, MSG_DONTWAIT) != -1)
		return open_fail(r, "something was sent");
	return 0;
}

static void set_up(struct open_run *r, enum ktls_choice tx,
		   enum ktls_choice rx)
{
	struct keyed *c = &r->c;
	int room = 8192;
	size_t len = r->plan.plaintext_len;

	c->opts.tx = tx;
	c->opts.rx = rx;
	r->plaintext = malloc(len + 1);
	stream_fill(r->plan.peer_key, 0, r->plaintext, len);
	c->session.plaintext = r->plaintext;
	c->session.plaintext_len = len;
	if (r->plan.small)
		setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	fake_kernel_watch(c->fd);
	fake_kernel_disturb(stream_next(&r->random), r->plan.disturb);
	if (stream_one_in(&r->random, 2))
		deliver(r);
}

int open_play(struct open_run *r, enum ktls_choice tx, enum ktls_choice rx)
{
	struct keyed *c = &r->c;
	int ret;

	open_prepare(r);
	r->result.alert = -1;
	r->result.end = -EAGAIN;
	set_up(r, tx, rx);
	r->result.opened = ktls_open(&c->k, c->fd, &c->session, &c->opts);
	ret = r->result.opened < 0 ? expect_refusal(r) : go_on(r);
	fake_kernel_disturb(0, 0);
	keyed_close(c);
	free(r->plaintext);
	return ret;
}
