/* SPDX-License-Identifier: MIT */
/*
 * echo_server - sends back what it receives over TLS, one connection after
 * the other: the whole life of a libktls connection in its order.
 *
 *   cc -std=c11 -D_GNU_SOURCE echo_server.c -o echo_server \
 *      $(pkg-config --cflags --libs ktls openssl)
 *   ./echo_server --port 4433 --cert cert.pem --key key.pem
 *   openssl s_client -connect localhost:4433
 *
 * With BoringSSL, which has no .pc file, from Debian's folders:
 *   dir=/usr/lib/x86_64-linux-gnu/android
 *   cc -std=c11 -D_GNU_SOURCE -I/usr/include/android echo_server.c \
 *      -o echo_server $(pkg-config --cflags --libs ktls-boringssl) \
 *      $dir/libssl.so $dir/libcrypto.so -Wl,-rpath,$dir
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <ktls/ktls.h>

struct options {
	const char *address, *port, *cert, *key;
};

static volatile sig_atomic_t stop;
static volatile sig_atomic_t listener = -1;

/* An accept() that has not begun yet fails at once, too. */
static void on_signal(int signo)
{
	const int saved = errno;

	(void)signo;
	stop = 1;
	shutdown(listener, SHUT_RDWR);
	errno = saved;
}

static void print_direction(const char *name, const struct ktls_direction *d)
{
	printf(" %s %s", name, ktls_path_name(d->path));
	if (d->path != KTLS_PATH_KERNEL)
		printf(" (%s)", ktls_reason_name(d->reason));
}

static void print_paths(struct ktls *k)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	const char *suite;

	if (ktls_info(k, &info) < 0)
		return;
	suite = ktls_suite_name(info.suite);
	printf("%s %s", info.version == KTLS_TLS_1_3 ? "TLSv1.3" : "TLSv1.2",
	       suite ? suite : "another suite");
	print_direction("tx", &info.tx);
	print_direction("rx", &info.rx);
	putchar('\n');
}

/* ktls_write() may take less than all, when the send time-out strikes. */
static int write_all(struct ktls *k, const char *buf, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = ktls_write(k, buf, len, 0);
		if (n < 0 && n != -EINTR)
			return (int)n;
		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Until the peer's close_notify, which is what ktls_read() answers with 0. */
static int echo(struct ktls *k)
{
	char buf[16384];
	ssize_t n;
	int err;

	do {
		n = ktls_read(k, buf, sizeof(buf));
		if (n < 0 && n != -EINTR)
			return (int)n;
		err = n > 0 ? write_all(k, buf, (size_t)n) : 0;
		if (err < 0)
			return err;
	} while (n != 0 && !stop);
	do
		err = ktls_shutdown(k);
	while (err == -EINTR);
	return err;
}

/* Handshake with OpenSSL, or BoringSSL, as ever; then the SSL is given away. */
static int take_over(struct ktls **k, SSL_CTX *ctx, int fd)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	SSL *ssl = SSL_new(ctx);
	int err = -ENOMEM;

	opts.flags = KTLS_TAKE_SSL;
	if (ssl && SSL_set_fd(ssl, fd) == 1) {
		ERR_clear_error();
		err = -KTLS_ENOTREADY;
		if (SSL_accept(ssl) == 1)
			err = ktls_handoff(k, ssl, &opts);
	}
	if (err < 0)
		SSL_free(ssl);
	return err;
}

static void serve(SSL_CTX *ctx, int fd)
{
	/* A silent client must not keep the others waiting for ever. */
	const struct timeval limit = { .tv_sec = 30, .tv_usec = 0 };
	struct ktls *k = NULL;
	const int on = 1;
	int err;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	err = take_over(&k, ctx, fd);
	if (err == 0) {
		print_paths(k);
		err = echo(k);
	}
	if (err < 0)
		fprintf(stderr, "connection: %s\n", ktls_strerror(err));
	ktls_free(k);
	close(fd);
}

static SSL_CTX *server_ctx(const struct options *o)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_use_certificate_chain_file(ctx, o->cert) == 1 &&
	    SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) == 1 &&
	    ktls_prepare(ctx, 0) == 0)
		return ctx;
	ERR_print_errors_fp(stderr);
	SSL_CTX_free(ctx);
	return NULL;
}

static int listen_on(const struct options *o)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE,
					.ai_socktype = SOCK_STREAM };
	char host[64], port[16];
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	struct addrinfo *ai;
	const int on = 1;
	int fd;

	if (getaddrinfo(o->address, o->port, &hints, &ai) != 0)
		return -1;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		close(fd);
		fd = -1;
	} else {
		listener = fd;
		printf("listening on %s:%s\n", host, port);
	}
	freeaddrinfo(ai);
	return fd;
}

static void accept_until_stopped(SSL_CTX *ctx)
{
	int fd;

	while (!stop) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve(ctx, fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "cert", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case 'a': o->address = optarg; break;
		case 'p': o->port = optarg; break;
		case 'c': o->cert = optarg; break;
		case 'k': o->key = optarg; break;
		default: return -1;
		}
	}
	return optind == argc && o->cert && o->key ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options o = { "127.0.0.1", "4433", NULL, NULL };
	/* Without SA_RESTART: the signal ends accept() and read. */
	const struct sigaction on_stop = { .sa_handler = on_signal };
	SSL_CTX *ctx;

	if (parse(&o, argc, argv) < 0) {
		fprintf(stderr, "usage: %s --cert FILE --key FILE"
			" [--address A] [--port N]\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN); /* OpenSSL's handshake writes may raise it */
	sigaction(SIGINT, &on_stop, NULL);
	sigaction(SIGTERM, &on_stop, NULL);
	ctx = server_ctx(&o);
	if (ctx && listen_on(&o) < 0)
		perror("listen");
	if (listener >= 0) {
		accept_until_stopped(ctx);
		close(listener);
	}
	SSL_CTX_free(ctx);
	return stop ? 0 : 1;
}
