/* SPDX-License-Identifier: MIT */
/*
 * backend_peer - one end of connections between two processes, for
 * backends.sh.  Built once with each TLS library that libktls has a backend
 * for; either end is client or server, in a row of connections:
 *
 *   full     messages of many lengths and a file both ways, each with its
 *            hash, a KeyUpdate within each where asked for; close_notify
 *   resumed  by the session of the first one, with TLS 1.3 a ticket that came
 *            after the hand-off; a shorter talk
 *   cut      one message each, then the stream ends without close_notify
 *
 *   backend_peer --version 1.2|1.3 --suite SUITE --file FILE [--updates]
 *                [--tx PATH] [--rx PATH] [--group NAME] [--connect PORT]
 *   backend_peer --library | --suites
 *
 *   --suite SUITE   as the library calls it.  BoringSSL takes what the peer
 *                   wants of TLS 1.3
 *   --tx, --rx PATH kernel, userspace or library
 *   --connect PORT  the client; without it, the server, whose first line
 *                   tells the port
 *   --library       say which one this is, and end
 *   --suites        say which suites it has of those that libktls hands off,
 *                   TLS 1.3's where its lists have them
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <ktls/ktls.h>

#include "backend_talk.h"
#include "backend_tls.h"

struct options {
	struct tls_choice tls;
	const char *file;
	enum ktls_choice tx, rx;
	bool updates;
	int connect; /* a port, or 0 */
};

enum { FULL, RESUMED, CUT, TALKS };

static const char *const talk_names[] = { "full", "resumed", "cut" };

/* The client's, out of a ticket or a TLS 1.2 handshake. */
static SSL_SESSION *session;

static int on_session(SSL *ssl, SSL_SESSION *new)
{
	(void)ssl;
	SSL_SESSION_free(session);
	session = new;
	return 1;
}

/* ------------------------------------------------------------- the network */

static int dial(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && connect(fd, (void *)&addr, sizeof(addr)) == 0)
		return fd;
	perror("connect");
	close(fd);
	return -1;
}

static int listen_anywhere(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (void *)&addr, len) < 0 ||
	    listen(fd, TALKS) < 0 ||
	    getsockname(fd, (void *)&addr, &len) < 0) {
		perror("listen");
		close(fd);
		return -1;
	}
	printf("listening on 127.0.0.1:%d\n", ntohs(addr.sin_port));
	return fd;
}

/* None of the turns waits for an ACK; and a peer that hangs ends the test,
 * with an error of a read. */
static void set_up(int fd)
{
	const struct timeval limit = { .tv_sec = 60 };
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* ---------------------------------------------------------- one connection */

/* The SSL is given away, which is right for both libraries; it lives on for
 * the tickets. */
static int take_over(struct talk *t, const struct options *o, SSL_CTX *ctx,
		     int fd, bool resume)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	SSL *ssl = SSL_new(ctx);
	int err = -KTLS_ENOTREADY;

	opts.tx = o->tx;
	opts.rx = o->rx;
	opts.flags = KTLS_KEEP_SSL | KTLS_TAKE_SSL;
	if (ssl && SSL_set_fd(ssl, fd) == 1 &&
	    (!resume || SSL_set_session(ssl, session) == 1) &&
	    (t->client ? SSL_connect(ssl) : SSL_accept(ssl)) == 1) {
		t->reused = SSL_session_reused(ssl);
		err = ktls_handoff(&t->k, ssl, &opts);
	}
	if (err < 0) {
		ERR_print_errors_fp(stderr);
		SSL_free(ssl);
	}
	return err;
}

static void report(const struct talk *t, const char *name)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	const char *suite;

	ktls_info(t->k, &info);
	suite = ktls_suite_name(info.suite);
	printf("%s: TLSv%s %s, tx %s, rx %s, reused %d\n", name,
	       info.version == KTLS_TLS_1_3 ? "1.3" : "1.2",
	       suite ? suite : "another suite", ktls_path_name(info.tx.path),
	       ktls_path_name(info.rx.path), t->reused);
	printf("%s sent: %llu bytes, %llu updates\n", name,
	       (unsigned long long)info.tx.bytes,
	       (unsigned long long)info.key_updates_sent);
	printf("%s received: %llu bytes, %llu updates\n", name,
	       (unsigned long long)info.rx.bytes,
	       (unsigned long long)info.key_updates_received);
	printf("%s tickets: %llu, fed %llu\n", name,
	       (unsigned long long)info.tickets,
	       (unsigned long long)info.tickets_fed);
	printf("%s end: %s\n", name, t->end);
}

static int converse(struct talk *t, int which)
{
	int err;

	switch (which) {
	case FULL: err = talk_much(t); break;
	case RESUMED: err = talk_little(t); break;
	default: return talk_cut(t);
	}
	return err < 0 ? err : talk_end(t);
}

static int run_one(const struct options *o, SSL_CTX *ctx, int fd, int which)
{
	struct talk t = { .client = o->connect != 0, .fd = fd,
			  .updates = o->updates, .end = "none" };
	bool resume = which == RESUMED && t.client;
	int err;

	if (resume && !session) {
		fprintf(stderr, "there is no session to resume\n");
		return -ENOENT;
	}
	t.file = open(o->file, O_RDONLY | O_CLOEXEC);
	set_up(fd);
	err = t.file < 0 ? -errno : take_over(&t, o, ctx, fd, resume);
	if (err == 0) {
		err = converse(&t, which);
		report(&t, talk_names[which]);
	}
	if (err < 0)
		fprintf(stderr, "%s: %s: %s\n", talk_names[which],
			t.doing ? t.doing : "up to the hand-off",
			ktls_strerror(err));
	ktls_free(t.k);
	close(t.file);
	return err;
}

static int run(const struct options *o, SSL_CTX *ctx)
{
	int listener = o->connect ? -1 : listen_anywhere();
	int err = o->connect || listener >= 0 ? 0 : -EIO;
	int fd, i;

	for (i = 0; i < TALKS && err == 0; i++) {
		fd = o->connect ? dial(o->connect) :
				  accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		err = fd < 0 ? -EIO : run_one(o, ctx, fd, i);
		close(fd);
	}
	close(listener);
	SSL_SESSION_free(session);
	return err;
}

/* ----------------------------------------------------------------- options */

static enum ktls_choice choice(const char *name)
{
	if (strcmp(name, "library") == 0)
		return KTLS_LIBRARY;
	return strcmp(name, "kernel") == 0 ? KTLS_KERNEL : KTLS_USERSPACE;
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "version", required_argument, NULL, 'v' },
		{ "suite", required_argument, NULL, 's' },
		{ "group", required_argument, NULL, 'g' },
		{ "file", required_argument, NULL, 'f' },
		{ "tx", required_argument, NULL, 't' },
		{ "rx", required_argument, NULL, 'r' },
		{ "updates", no_argument, NULL, 'u' },
		{ "connect", required_argument, NULL, 'c' },
		{ "library", no_argument, NULL, 'l' },
		{ "suites", no_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case 'v': o->tls.tls13 = strcmp(optarg, "1.3") == 0; break;
		case 's': o->tls.suite = optarg; break;
		case 'g': o->tls.group = optarg; break;
		case 'f': o->file = optarg; break;
		case 't': o->tx = choice(optarg); break;
		case 'r': o->rx = choice(optarg); break;
		case 'u': o->updates = true; break;
		case 'c': o->connect = atoi(optarg); break;
		case 'l': printf("%s\n", tls_library()); return 1;
		case 'a': tls_print_suites(); return 1;
		default: return -1;
		}
	}
	o->tls.client = o->connect != 0;
	return optind == argc && o->tls.suite && o->file ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options o = { .tx = KTLS_USERSPACE, .rx = KTLS_USERSPACE };
	int err = parse(&o, argc, argv);
	SSL_CTX *ctx;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (err > 0)
		return 0;
	if (err < 0) {
		fprintf(stderr, "usage: see the head of backend_peer.c\n");
		return 2;
	}
	ctx = tls_context(&o.tls);
	if (!ctx) {
		ERR_print_errors_fp(stderr);
		return 2;
	}
	SSL_CTX_set_session_cache_mode(ctx, o.connect ? SSL_SESS_CACHE_CLIENT :
							SSL_SESS_CACHE_OFF);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	err = run(&o, ctx);
	SSL_CTX_free(ctx);
	return err < 0 ? 1 : 0;
}
