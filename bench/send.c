/* SPDX-License-Identifier: MIT */
/* Sending: a file that is hot in the page cache, or memory. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jobs.h"

/* What a verified stream carries at least. */
#define VERIFIED ((size_t)16 << 20)

struct stream {
	struct conn c;
	const struct source *source;
	int (*call)(struct stream *s, size_t size, int flags);
	bool from_file, more, corked;
	/* the bytes repeat after so many */
	size_t window, at;
	size_t verified;
	uint8_t chunk[RECORD];
};

static int next(struct stream *s, size_t size)
{
	s->at = (s->at + size) % s->window;
	return 0;
}

static int file_ktls(struct stream *s, size_t size, int flags)
{
	off_t at = (off_t)s->at, end = at + (off_t)size;
	ssize_t n;

	while (at < end) {
		n = ktls_sendfile(s->c.server.k, s->source->fd, &at,
				  (size_t)(end - at), flags);
		if (n <= 0)
			return complain("ktls_sendfile", (int)n);
	}
	return next(s, size);
}

static int file_ssl(struct stream *s, size_t size, int flags)
{
	size_t done, piece;

	(void)flags;
	for (done = 0; done < size; done += piece) {
		piece = size - done < RECORD ? size - done : RECORD;
		if (pread(s->source->fd, s->chunk, piece,
			  (off_t)(s->at + done)) != (ssize_t)piece)
			return complain("pread", -EIO);
		if (SSL_write(s->c.server.ssl, s->chunk, (int)piece) <= 0)
			return complain("SSL_write", -KTLS_ESSL);
	}
	return next(s, size);
}

static int file_tcp(struct stream *s, size_t size, int flags)
{
	off_t at = (off_t)s->at, end = at + (off_t)size;

	(void)flags;
	while (at < end)
		if (sendfile(s->c.server.fd, s->source->fd, &at,
			     (size_t)(end - at)) <= 0)
			return complain("sendfile", -errno);
	return next(s, size);
}

static int memory_ktls(struct stream *s, size_t size, int flags)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = ktls_write(s->c.server.k, s->source->memory + done,
			       size - done, flags);
		if (n <= 0)
			return complain("ktls_write", (int)n);
		done += (size_t)n;
	}
	return 0;
}

/* One call, whatever its size: both loop inside. */
static int memory_other(struct stream *s, size_t size, int flags)
{
	(void)flags;
	return end_write(&s->c.server, s->source->memory, size);
}

static void cork(struct stream *s, int on)
{
	setsockopt(s->c.server.fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

static int calls(struct stream *s, size_t size, long n)
{
	int err = 0;
	long i;

	for (i = 0; i < n && err == 0; i++)
		err = s->call(s, size,
			      s->more && i + 1 < n ? KTLS_MORE : 0);
	if (s->corked) {
		cork(s, 0);
		cork(s, 1);
	}
	return err;
}

static double run(struct way *w, long n)
{
	struct stream *s = w->state;
	double took;
	int err;

	if (drain_start(s->c.client.fd) < 0)
		return -1;
	took = cpu_now();
	err = calls(s, w->bytes, n);
	took = cpu_now() - took;
	if (drain_stop(s->c.server.fd) < 0)
		err = -1;
	return err < 0 ? -1 : took;
}

/* The peer's side of the stream's first bytes, by OpenSSL's own hand. */
static int compare(struct stream *s)
{
	const uint8_t *all = s->from_file ? s->source->map : s->source->memory;
	static uint8_t got[RECORD];
	size_t done, piece, at = 0;

	for (done = 0; done < s->verified; done += piece) {
		piece = s->window - at < sizeof(got) ? s->window - at :
						       sizeof(got);
		if (end_read(&s->c.client, got, piece) < 0)
			return -1;
		if (memcmp(got, all + at, piece) != 0)
			return complain("wrong bytes", -EBADMSG);
		at = (at + piece) % s->window;
	}
	return 0;
}

static int compare_job(void *arg)
{
	struct stream *s = arg;
	int err = compare(s);

	if (err < 0)
		conn_abort(&s->c);
	return err;
}

static int verify(struct way *w)
{
	struct stream *s = w->state;
	long n = (long)(VERIFIED / w->bytes);
	int err, theirs;

	n += n == 0;
	s->verified = (size_t)n * w->bytes;
	if (worker_start(compare_job, s) < 0)
		return -1;
	err = calls(s, w->bytes, n);
	if (err < 0)
		conn_abort(&s->c);
	theirs = worker_wait();
	return err < 0 || theirs < 0 ? -1 : 0;
}

static void close_stream(struct way *w)
{
	struct stream *s = w->state;

	conn_close(&s->c);
	free(s);
	w->state = NULL;
}

/* `how` tells DRIVE_TCP, DRIVE_SSL and DRIVE_KTLS apart. */
static struct stream *add(struct race *r, const char *name, enum role role,
			  const struct suite *suite, enum drive how, bool file)
{
	static int (*const call[2][DRIVES])(struct stream *, size_t, int) = {
		{ [DRIVE_TCP] = memory_other, [DRIVE_SSL] = memory_other,
		  [DRIVE_KTLS] = memory_ktls },
		{ [DRIVE_TCP] = file_tcp, [DRIVE_SSL] = file_ssl,
		  [DRIVE_KTLS] = file_ktls },
	};
	struct stream *s = calloc(1, sizeof(*s));
	struct way *w;

	if (!s || !(s->source = source_get()) ||
	    conn_open(&s->c, suite, how, DRIVE_SSL) < 0) {
		free(s);
		return NULL;
	}
	s->call = call[file][how];
	s->from_file = file;
	s->window = file ? SOURCE_WINDOW : r->size;
	if (s->window < r->size)
		s->window = r->size;
	w = race_add(r, name, role);
	w->run = run;
	w->verify = verify;
	w->close = close_stream;
	w->state = s;
	w->provider = s->c.server.provider;
	return s;
}

static int add_all(struct race *r, const struct suite *suite, bool file)
{
	struct stream *s;

	if (!add(r, "libktls", ROLE_OURS, suite, DRIVE_KTLS, file))
		return -1;
	if (r->size < 256 << 10) {
		s = add(r, "libktls MORE", ROLE_OURS, suite, DRIVE_KTLS, file);
		if (!s)
			return -1;
		s->more = true;
		r->way[r->ways - 1].joined = true;
	}
	if (!add(r, "SSL_write", ROLE_PEER, suite, DRIVE_SSL, file))
		return -1;
	s = add(r, "SSL_write corked", ROLE_PEER, suite, DRIVE_SSL, file);
	if (!s)
		return -1;
	s->corked = true;
	cork(s, 1);
	return add(r, "plain TCP", ROLE_PEER, suite, DRIVE_TCP, file) ? 0 : -1;
}

static int add_parts(struct race *r, const struct suite *suite, bool file)
{
	if (part_seal(r, suite, file) < 0 ||
	    (file && part_copy(r, source_get()) < 0) ||
	    part_send(r, suite) < 0 || bare_loop(r, suite, file) < 0)
		return -1;
	part_limit(r);
	return 0;
}

static int race(const struct suite *suite, bool file, size_t size)
{
	static struct race r;

	r = (struct race){ .name = file ? "send-file" : "send-memory",
			   .version = suite->version, .suite = suite->name,
			   .size = size, .unit = UNIT_MB };
	if (!race_wanted(&r))
		return 0;
	if (add_all(&r, suite, file) < 0 || add_parts(&r, suite, file) < 0)
		return race_failed(&r, "set-up");
	return race_run(&r);
}

/* The sizes of the first suite, and of the others. */
static bool size_wanted(size_t size, bool file, int suite)
{
	if (size > SOURCE_MEMORY && !file)
		return false;
	if (suite > 0)
		return size == 1 << 20 ||
		       (size == RECORD && !settings.quick &&
			suites[suite].protocol == TLS1_3_VERSION && file);
	if (settings.quick)
		return size == RECORD || size == 1 << 20;
	return true;
}

int bench_send(void)
{
	static const size_t sizes[] = {
		1 << 10, 4 << 10, 16 << 10, 64 << 10,
		256 << 10, 1 << 20, 16 << 20, 256 << 20
	};
	int file, i, err = 0;
	size_t n;

	for (file = 1; file >= 0; file--)
		for (i = 0; i < suite_total; i++)
			for (n = 0; n < sizeof(sizes) / sizeof(*sizes); n++)
				if (size_wanted(sizes[n], file, i) &&
				    race(&suites[i], file, sizes[n]) < 0)
					err = -1;
	return err;
}
