/* SPDX-License-Identifier: MIT */
/*
 * key_peer - one connection of libktls to a stock program that changes its
 * keys all the time, as we do: a piece of a file, a KeyUpdate, the next
 * piece, while the other direction is received into a file.
 *
 *   key_peer --send FILE --receive FILE --expect BYTES [--rounds N]
 *            [--updates N] [--ask-every N] [--path PATH] [--suite SUITE]
 *            [--no-notify] (--connect PORT | --cert FILE --key FILE)
 *
 *   --rounds N     pieces of the file that is sent (1000)
 *   --updates N    how many of them a KeyUpdate follows (each)
 *   --ask-every N  every Nth of those asks for the peer's (2; 0: none)
 *   --path PATH    kernel, userspace or library, in both directions
 *   --no-notify    the peer may close without close_notify
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <ktls/ktls.h>

#include "pieces.h"

/* We stay at most this many rounds ahead of the peer: its answers to our
 * requests come in a row while it does not write, and a long row is a flood. */
#define AHEAD 4

struct options {
	const char *send, *receive, *suite, *cert, *key;
	unsigned long long expect;
	unsigned rounds, updates, ask_every;
	enum ktls_choice path;
	int connect, no_notify;
};

struct peer {
	const struct options *o;
	struct ktls *k;
	struct pieces file;
	FILE *out;
	size_t sent;
	unsigned round;
	int turning;            /* a KeyUpdate of ours is not through */
	unsigned turns;
	unsigned long long received;
	int ended, shut;
	unsigned asked;         /* KeyUpdates that ask for ours */
};

static void on_event(struct ktls *k, const struct ktls_event *ev, void *arg)
{
	struct peer *p = arg;

	(void)k;
	if (ev->type == KTLS_EVENT_KEY_UPDATE_RECEIVED && ev->value)
		p->asked++;
}

static int receive(struct peer *p)
{
	static char buf[40000];
	ssize_t n = p->ended ? -EAGAIN : ktls_read(p->k, buf, sizeof(buf));

	if (n > 0) {
		p->received += (unsigned long long)n;
		return fwrite(buf, 1, (size_t)n, p->out) == (size_t)n ?
			       0 : -EIO;
	}
	if (n == 0 || (n == -KTLS_ETRUNCATED && p->o->no_notify)) {
		p->ended = 1;
		return 0;
	}
	return (int)n;
}

static int turn(struct peer *p)
{
	unsigned every = p->o->ask_every;
	int ask = every > 0 && (p->turns + 1) % every == 0;
	int err = ktls_update_keys(p->k, ask ? KTLS_UPDATE_REQUESTED : 0);

	if (err == 0) {
		p->turning = 0;
		p->turns++;
	}
	return err;
}

/* -EAGAIN also where there is nothing to do before more has come. */
static int transmit(struct peer *p)
{
	const struct options *o = p->o;
	unsigned heard = (unsigned)(p->received * o->rounds / o->expect);
	size_t end = piece_end(&p->file, p->round);
	ssize_t n;

	if (p->turning)
		return turn(p);
	if (p->round == o->rounds) {
		n = p->shut || p->received < o->expect ? -EAGAIN :
							 ktls_shutdown(p->k);
		p->shut = p->shut || n == 0;
		return (int)n;
	}
	if (p->round > heard + AHEAD)
		return -EAGAIN;
	n = ktls_write(p->k, p->file.data + p->sent, end - p->sent, 0);
	if (n < 0)
		return (int)n;
	p->sent += (size_t)n;
	if (p->sent == end) {
		p->round++;
		p->turning = p->round * o->updates / o->rounds > p->turns;
	}
	return 0;
}

static int exchange(struct peer *p)
{
	struct pollfd pfd = { .fd = ktls_fd(p->k) };
	int in;
	int out;

	while (!p->ended || !p->shut) {
		in = receive(p);
		out = transmit(p);
		if (in < 0 && in != -EAGAIN)
			return in;
		if (out < 0 && out != -EAGAIN)
			return out;
		if (in == 0 || out == 0)
			continue;
		/* no writing is due: its room is no event */
		pfd.events = (short)ktls_events(p->k);
		poll(&pfd, 1, -1);
	}
	return p->received == p->o->expect ? 0 : -EMSGSIZE;
}

static void report(struct peer *p)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	ktls_info(p->k, &info);
	printf("paths: tx %s, rx %s\n", ktls_path_name(info.tx.path),
	       ktls_path_name(info.rx.path));
	printf("suite: %s\n", ktls_suite_name(info.suite));
	printf("bytes: %llu sent, %llu received\n",
	       (unsigned long long)info.tx.bytes,
	       (unsigned long long)info.rx.bytes);
	printf("updates: %llu sent, %llu received, %u of them asked\n",
	       (unsigned long long)info.key_updates_sent,
	       (unsigned long long)info.key_updates_received, p->asked);
}

/* ---------------------------------------------------------- up to hand-off */

static int dial(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (void *)&addr, sizeof(addr)) < 0 ? -1 : fd;
}

static int await_one(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	int fd;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (void *)&addr, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (void *)&addr, &len) < 0)
		return -1;
	printf("listening on 127.0.0.1:%d\n", ntohs(addr.sin_port));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return fd;
}

static SSL_CTX *context(const struct options *o)
{
	SSL_CTX *ctx = SSL_CTX_new(o->connect ? TLS_client_method() :
						TLS_server_method());

	if (!ctx || ktls_prepare(ctx, 0) < 0 ||
	    !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, o->suite))
		return NULL;
	if (!o->connect &&
	    (SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1 ||
	     SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) != 1))
		return NULL;
	return ctx;
}

static int take_over(struct peer *p, SSL_CTX *ctx, int fd)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	SSL *ssl = SSL_new(ctx);
	const int on = 1;
	int err;

	opts.tx = p->o->path;
	opts.rx = p->o->path;
	opts.event = on_event;
	opts.event_arg = p;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	SSL_set_fd(ssl, fd);
	if ((p->o->connect ? SSL_connect(ssl) : SSL_accept(ssl)) != 1) {
		ERR_print_errors_fp(stderr);
		return -KTLS_ENOTREADY;
	}
	err = ktls_handoff(&p->k, ssl, &opts);
	SSL_free(ssl);
	fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	return err;
}

static int run(struct peer *p)
{
	int fd = p->o->connect ? dial(p->o->connect) : await_one();
	SSL_CTX *ctx = context(p->o);
	int err = -EINVAL;

	if (fd >= 0 && ctx)
		err = take_over(p, ctx, fd);
	if (err == 0) {
		err = exchange(p);
		report(p);
	}
	if (err < 0)
		fprintf(stderr, "key_peer: %s; round %u, %llu bytes received\n",
			ktls_strerror(err), p->round, p->received);
	ktls_free(p->k);
	SSL_CTX_free(ctx);
	close(fd);
	return err;
}

static enum ktls_choice choice(const char *name)
{
	if (strcmp(name, "kernel") == 0)
		return KTLS_KERNEL;
	return strcmp(name, "userspace") == 0 ? KTLS_USERSPACE : KTLS_LIBRARY;
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "send", required_argument, NULL, 's' },
		{ "receive", required_argument, NULL, 'r' },
		{ "expect", required_argument, NULL, 'e' },
		{ "rounds", required_argument, NULL, 'n' },
		{ "updates", required_argument, NULL, 'u' },
		{ "ask-every", required_argument, NULL, 'a' },
		{ "path", required_argument, NULL, 'P' },
		{ "suite", required_argument, NULL, 'S' },
		{ "connect", required_argument, NULL, 'c' },
		{ "cert", required_argument, NULL, 'C' },
		{ "key", required_argument, NULL, 'k' },
		{ "no-notify", no_argument, NULL, 'N' },
		{ NULL, 0, NULL, 0 }
	};
	int updates = -1;
	int c;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case 's': o->send = optarg; break;
		case 'r': o->receive = optarg; break;
		case 'e': o->expect = strtoull(optarg, NULL, 10); break;
		case 'n': o->rounds = (unsigned)atoi(optarg); break;
		case 'u': updates = atoi(optarg); break;
		case 'a': o->ask_every = (unsigned)atoi(optarg); break;
		case 'P': o->path = choice(optarg); break;
		case 'S': o->suite = optarg; break;
		case 'c': o->connect = atoi(optarg); break;
		case 'C': o->cert = optarg; break;
		case 'k': o->key = optarg; break;
		case 'N': o->no_notify = 1; break;
		default: return -1;
		}
	}
	o->updates = updates < 0 ? o->rounds : (unsigned)updates;
	return o->send && o->receive && o->expect && o->rounds &&
	       (o->connect || (o->cert && o->key)) ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options o = { .rounds = 1000, .ask_every = 2,
			     .suite = "TLS_AES_128_GCM_SHA256" };
	struct peer p = { .o = &o };
	int err;

	if (parse(&o, argc, argv) < 0) {
		fprintf(stderr, "usage: see the head of key_peer.c\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (pieces_open(&p.file, o.send, o.rounds, 1) < 0)
		return 2;
	p.out = fopen(o.receive, "w");
	if (!p.out) {
		perror(o.receive);
		return 2;
	}
	err = run(&p);
	if (fclose(p.out) != 0)
		err = -EIO;
	return err < 0 ? 1 : 0;
}
