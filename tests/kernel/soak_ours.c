/* SPDX-License-Identifier: MIT */
/* Our end of a long life: see soak.h. */
#include "soak.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#include "tests/tls_calls.h"

/* The last bytes wait until the peer has said all it has to say: so none of
 * its requests comes too late to be answered. */
#define HELD (SOAK_QUIET / 2)

static void on_event(struct ktls *k, const struct ktls_event *ev, void *arg)
{
	struct soak_ours *o = arg;

	(void)k;
	if (ev->type == KTLS_EVENT_KEY_UPDATE_RECEIVED && ev->value)
		o->asked++;
	if (ev->type == KTLS_EVENT_ERROR)
		printf("    event: %s\n", ktls_strerror(ev->value));
}

static int transmit(struct soak_ours *o)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	off_t off = (off_t)(o->sent % o->s->size);
	uint64_t end = o->s->bytes - (o->released ? 0 : HELD);
	uint64_t left = end - o->sent;
	size_t count = o->s->size - (size_t)off;
	ssize_t n;

	if (left == 0 && !o->released)
		return -EAGAIN;
	if (left == 0) {
		n = ktls_shutdown(o->k);
		o->shut = n == 0;
		return (int)n;
	}
	n = ktls_sendfile(o->k, o->s->file, &off,
			  count < left ? count : (size_t)left, 0);
	if (n <= 0)
		return n == 0 ? -ENODATA : (int)n;
	o->sent += (uint64_t)n;
	ktls_info(o->k, &info);
	if (info.tx.key_records > o->most)
		o->most = info.tx.key_records;
	return 0;
}

static int receive(struct soak_ours *o)
{
	uint8_t buf[40000];
	ssize_t n = ktls_read(o->k, buf, sizeof(buf));

	if (n < 0)
		return (int)n;
	o->ended = n == 0;
	if (!soak_same(o->s, buf, (size_t)n, o->got))
		return -EILSEQ;
	o->got += (uint64_t)n;
	return 0;
}

static void *write_all(void *arg)
{
	struct soak_ours *o = arg;

	while (!o->shut && o->writer == 0) {
		o->writer = transmit(o);
		if (o->writer == -EAGAIN && !o->released) {
			sem_wait(&o->heard_all);
			o->released = 1;
			o->writer = 0;
		}
	}
	if (o->writer < 0)
		shutdown(ktls_fd(o->k), SHUT_RDWR);
	return NULL;
}

static void *read_all(void *arg)
{
	struct soak_ours *o = arg;

	while (!o->ended && o->reader == 0)
		o->reader = receive(o);
	sem_post(&o->heard_all);
	return NULL;
}

static void in_threads(struct soak_ours *o)
{
	pthread_t writer;

	sem_init(&o->heard_all, 0, 0);
	if (pthread_create(&writer, NULL, write_all, o) != 0) {
		o->writer = -EAGAIN;
		return;
	}
	read_all(o);
	pthread_join(writer, NULL);
	sem_destroy(&o->heard_all);
}

static void in_turns(struct soak_ours *o)
{
	struct pollfd pfd = { .fd = ktls_fd(o->k) };
	int in;
	int out;

	while (!o->shut || !o->ended) {
		in = o->ended ? -EAGAIN : receive(o);
		o->released = o->ended;
		out = o->shut ? -EAGAIN : transmit(o);
		o->reader = in == -EAGAIN ? 0 : in;
		o->writer = out == -EAGAIN ? 0 : out;
		if (o->reader < 0 || o->writer < 0)
			return;
		if (in == 0 || out == 0)
			continue;
		pfd.events = (short)ktls_events(o->k);
		poll(&pfd, 1, -1);
	}
}

static int take_over(struct soak_ours *o, SSL_CTX *ctx, int fd)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	SSL *ssl = SSL_new(ctx);
	int err = -KTLS_ENOTREADY;

	opts.flags = tls_take();
	opts.tx = opts.rx = o->s->path;
	opts.key_records = o->s->records;
	opts.event = on_event;
	opts.event_arg = o;
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		err = ktls_handoff(&o->k, ssl, &opts);
	tls_let_go(ssl, err == 0 ? opts.flags : 0);
	return err;
}

void soak_ours(struct soak_ours *o, SSL_CTX *ctx, int fd)
{
	o->writer = take_over(o, ctx, fd);
	if (o->writer < 0)
		return;
	if (o->s->threads) {
		in_threads(o);
	} else {
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
		in_turns(o);
	}
	/* where we failed, the peer still waits */
	if (!o->shut || !o->ended)
		shutdown(fd, SHUT_RDWR);
}

