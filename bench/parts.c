/* SPDX-License-Identifier: MIT */
/* What copying and the socket alone cost, and the limit that follows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "jobs.h"
#include "parts.h"
#include "tape.h"

/* The wire's bytes of a TLS 1.2 record of AES-GCM: an explicit nonce more. */
#define RECORD_EXTRA_12 29

struct part_stream {
	struct conn c;
	const struct source *source;
	struct aead *aead;
	bool from_file;
	size_t at, payload, wire;
	uint8_t buffer[BATCH * (RECORD + RECORD_EXTRA_12)];
};

static struct part_stream *make(struct race *r, const char *name,
				double (*run)(struct way *, long),
				void (*done)(struct way *))
{
	struct part_stream *p = calloc(1, sizeof(*p));
	struct way *w;

	if (!p)
		return NULL;
	p->c.server.fd = p->c.client.fd = -1;
	p->payload = r->size < RECORD ? r->size : RECORD;
	w = race_add(r, name, ROLE_PART);
	w->run = run;
	w->close = done;
	w->state = p;
	return p;
}

static size_t wire_of(const struct part_stream *p, const struct suite *s)
{
	return p->payload + (s->protocol == TLS1_3_VERSION ?
			     RECORD_EXTRA : RECORD_EXTRA_12);
}

static void close_part(struct way *w)
{
	struct part_stream *p = w->state;

	conn_close(&p->c);
	aead_free(p->aead);
	free(p);
	w->state = NULL;
}

/* A batch of records by one call, each to where it would be encrypted. */
static int copy_batch(struct part_stream *p, size_t len)
{
	struct iovec iov[BATCH];
	size_t left = len;
	int n = 0;

	for (; left > 0; n++) {
		iov[n].iov_base = p->buffer + HEADER + (size_t)n * p->wire;
		iov[n].iov_len = left < p->payload ? left : p->payload;
		left -= iov[n].iov_len;
	}
	if (preadv(p->source->fd, iov, n, (off_t)p->at) != (ssize_t)len)
		return complain("preadv", -EIO);
	p->at += len;
	return 0;
}

static double run_copy(struct way *w, long calls)
{
	struct part_stream *p = w->state;
	const size_t most = BATCH * p->payload;
	double began = cpu_now();
	size_t left, piece;

	for (; calls > 0; calls--) {
		for (left = w->bytes; left > 0; left -= piece) {
			piece = left < most ? left : most;
			if (copy_batch(p, piece) < 0)
				return -1;
		}
		if (p->at >= SOURCE_WINDOW)
			p->at = 0;
	}
	return cpu_now() - began;
}

int part_copy(struct race *r, const struct source *source)
{
	struct part_stream *p = make(r, "copy alone", run_copy, close_part);

	if (!p || !source)
		return -1;
	p->source = source;
	p->wire = p->payload + RECORD_EXTRA;
	return 0;
}

/* All but the last piece say that there is more. */
static int send_call(struct part_stream *p, size_t len)
{
	const size_t most = BATCH * p->wire;
	size_t piece;
	ssize_t n;

	for (; len > 0; len -= piece) {
		piece = len < most ? len : most;
		n = send(p->c.server.fd, p->buffer, piece,
			 MSG_NOSIGNAL | (len > piece ? MSG_MORE : 0));
		if (n != (ssize_t)piece)
			return complain("send", -errno);
	}
	return 0;
}

static double run_send(struct way *w, long calls)
{
	struct part_stream *p = w->state;
	const size_t len = w->bytes / p->payload * p->wire;
	double took;
	int err = 0;

	if (drain_start(p->c.client.fd) < 0)
		return -1;
	took = cpu_now();
	for (; calls > 0 && err == 0; calls--)
		err = send_call(p, len);
	took = cpu_now() - took;
	return drain_stop(p->c.server.fd) < 0 || err < 0 ? -1 : took;
}

int part_send(struct race *r, const struct suite *s)
{
	struct part_stream *p = make(r, "socket alone", run_send, close_part);

	if (!p || conn_open(&p->c, s, DRIVE_TCP, DRIVE_TCP) < 0)
		return -1;
	p->wire = wire_of(p, s);
	return 0;
}

static int loop_batch(struct part_stream *p, size_t at, size_t len, bool more)
{
	const size_t n = len / p->payload;
	const uint8_t *from;
	uint8_t *slot;
	size_t i;

	if (p->from_file && copy_batch(p, len) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		slot = p->buffer + i * p->wire;
		from = p->from_file ? slot + HEADER :
				      p->source->memory + at + i * p->payload;
		if (aead_seal(p->aead, slot, from) < 0)
			return -1;
	}
	if (send(p->c.server.fd, p->buffer, n * p->wire,
		 MSG_NOSIGNAL | (more ? MSG_MORE : 0)) !=
	    (ssize_t)(n * p->wire))
		return complain("send", -errno);
	return 0;
}

static int loop_call(struct part_stream *p, size_t size)
{
	const size_t most = BATCH * p->payload;
	size_t at, piece;

	for (at = 0; at < size; at += piece) {
		piece = size - at < most ? size - at : most;
		if (loop_batch(p, at, piece, at + piece < size) < 0)
			return -1;
	}
	if (p->at >= SOURCE_WINDOW)
		p->at = 0;
	return 0;
}

static double run_loop(struct way *w, long calls)
{
	struct part_stream *p = w->state;
	double took;
	int err = 0;

	if (drain_start(p->c.client.fd) < 0)
		return -1;
	took = cpu_now();
	for (; calls > 0 && err == 0; calls--)
		err = loop_call(p, w->bytes);
	took = cpu_now() - took;
	return drain_stop(p->c.server.fd) < 0 || err < 0 ? -1 : took;
}

int bare_loop(struct race *r, const struct suite *s, bool file)
{
	struct part_stream *p = make(r, "bare loop", run_loop, close_part);

	if (!p || !source_get() ||
	    conn_open(&p->c, s, DRIVE_TCP, DRIVE_TCP) < 0)
		return -1;
	r->way[r->ways - 1].role = ROLE_PEER;
	p->source = source_get();
	p->aead = aead_new(s, p->payload);
	p->from_file = file;
	p->wire = wire_of(p, s);
	return p->aead ? 0 : complain("EVP", -KTLS_ECRYPTO);
}

/* Until so much is in the socket, or as much as its window lets in. */
static int wait_for(int fd, size_t len)
{
	int i, there = 0;

	for (i = 0; i < 200 && (size_t)there < len; i++)
		if (ioctl(fd, FIONREAD, &there) < 0)
			return complain("FIONREAD", -errno);
	return 0;
}

/*
 * Always many records by one call, as a reader may do for small calls too,
 * and not before they are there: one that decrypts in between finds them.
 */
static int recv_all(struct part_stream *p, size_t len, double *took)
{
	const size_t most = BATCH * p->wire;
	double began;
	ssize_t n;

	for (; len > 0; len -= (size_t)n) {
		if (wait_for(p->c.server.fd, len < most ? len : most) < 0)
			return -1;
		began = cpu_now();
		n = recv(p->c.server.fd, p->buffer, len < most ? len : most,
			 0);
		*took += cpu_now() - began - cpu_overhead();
		if (n <= 0)
			return complain("recv", -EIO);
	}
	return 0;
}

static int recv_tape(struct part_stream *p, size_t len, double *took)
{
	int err;

	if (tape_fill(len) < 0 || tape_start(&p->c) < 0)
		return -1;
	err = recv_all(p, tape_length(), took);
	if (err < 0)
		conn_abort(&p->c);
	return worker_wait() < 0 || err < 0 ? -1 : 0;
}

static double run_recv(struct way *w, long calls)
{
	struct part_stream *p = w->state;
	size_t left = w->bytes * (size_t)calls, piece;
	double took = 0;

	for (; left > 0; left -= piece) {
		piece = left < TAPE_PLAIN ? left : TAPE_PLAIN;
		if (recv_tape(p, piece / RECORD * p->wire, &took) < 0)
			return -1;
	}
	return took;
}

int part_recv(struct race *r, const struct suite *s)
{
	struct part_stream *p = make(r, "socket alone", run_recv, close_part);

	if (!p || conn_open(&p->c, s, DRIVE_TCP, DRIVE_TCP) < 0)
		return -1;
	p->wire = wire_of(p, s);
	return 0;
}

static double limit(const struct way *w, int round)
{
	const struct race *r = w->state;
	double time = 0;
	int i;

	for (i = 0; i < r->ways; i++)
		if (r->way[i].role == ROLE_PART)
			time += 1 / r->way[i].value[round];
	return 1 / time;
}

void part_limit(struct race *r)
{
	struct way *w = race_add(r, "limit", ROLE_PEER);

	w->derive = limit;
	w->state = r;
}
