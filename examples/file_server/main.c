/* SPDX-License-Identifier: MIT */
/*
 * file_server: start and end.  See file_server.h for the whole.
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <openssl/err.h>

#include "file_server.h"

static SSL_CTX *make_ctx(const struct options *o)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int ok;

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	if (o->cert)
		ok = SSL_CTX_use_certificate_chain_file(ctx, o->cert) == 1 &&
		     SSL_CTX_use_PrivateKey_file(ctx, o->key,
						 SSL_FILETYPE_PEM) == 1;
	else
		ok = cert_self_signed(ctx) == 0;
	if (ok && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    ktls_prepare(ctx, 0) == 0)
		return ctx;
	ERR_print_errors_fp(stderr);
	SSL_CTX_free(ctx);
	return NULL;
}

static void print_ciphers(const char *name, unsigned mask)
{
	printf(" %s:%s%s%s%s", name,
	       mask & KTLS_CIPHER_AES_128_GCM ? " aes-128-gcm" : "",
	       mask & KTLS_CIPHER_AES_256_GCM ? " aes-256-gcm" : "",
	       mask & KTLS_CIPHER_CHACHA20_POLY1305 ? " chacha20" : "",
	       mask ? ";" : " none;");
}

static void print_kernel(void)
{
	struct ktls_features f = { .size = sizeof(f) };
	int err = ktls_probe(&f);

	if (err < 0 || f.ulp != 0) {
		printf("kernel TLS: none (%s)\n",
		       ktls_strerror(err < 0 ? err : f.ulp));
		return;
	}
	printf("kernel TLS:");
	print_ciphers("1.2 tx", f.tx_1_2);
	print_ciphers("1.2 rx", f.rx_1_2);
	print_ciphers("1.3 tx", f.tx_1_3);
	print_ciphers("1.3 rx", f.rx_1_3);
	printf(" rekey: %s\n", f.rekey ? "yes" : "no");
}

static void print_address(const struct sockaddr *addr, socklen_t len)
{
	char host[64], port[16];

	if (getnameinfo(addr, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		printf(strchr(host, ':') ? "listening on [%s]:%s\n" :
					   "listening on %s:%s\n", host, port);
	fflush(stdout);
}

static int resolve(const struct options *o, struct sockaddr_storage *addr,
		   socklen_t *len)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE,
					.ai_socktype = SOCK_STREAM };
	struct addrinfo *ai;
	int err = getaddrinfo(o->address, o->port, &hints, &ai);

	if (err != 0) {
		fprintf(stderr, "%s:%s: %s\n", o->address, o->port,
			gai_strerror(err));
		return -1;
	}
	memcpy(addr, ai->ai_addr, ai->ai_addrlen);
	*len = ai->ai_addrlen;
	freeaddrinfo(ai);
	return 0;
}

/* Run the workers until SIGINT or SIGTERM. */
static void run(struct server *s, struct worker **workers, sigset_t *signals)
{
	const uint64_t one = 1;
	pthread_t threads[1024];
	unsigned i, n;
	int signo;

	for (n = 0; n < s->opts.workers; n++)
		if (pthread_create(&threads[n], NULL, worker_run,
				   workers[n]) != 0)
			break;
	if (n == s->opts.workers)
		sigwait(signals, &signo);
	else
		fprintf(stderr, "cannot start worker %u\n", n + 1);
	if (write(s->stop_fd, &one, sizeof(one)) < 0)
		perror("eventfd");
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* 0, or -1 when a worker could not be made. */
static int serve(struct server *s, sigset_t *signals)
{
	struct worker **workers = calloc(s->opts.workers, sizeof(*workers));
	struct sockaddr_storage addr;
	socklen_t len;
	unsigned n = 0;
	int ok;

	ok = workers && resolve(&s->opts, &addr, &len) == 0;
	for (; ok && n < s->opts.workers; n++) {
		workers[n] = worker_new(s, (struct sockaddr *)&addr, len);
		if (!workers[n]) {
			perror("listen");
			ok = 0;
			break;
		}
	}
	if (ok) {
		print_address((struct sockaddr *)&addr, len);
		run(s, workers, signals);
	}
	while (n > 0)
		worker_free(workers[--n]);
	free(workers);
	return ok ? 0 : -1;
}

/* Blocked in every thread; run() waits for them. */
static void block_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
	signal(SIGPIPE, SIG_IGN); /* OpenSSL's handshake writes may raise it */
}

static int open_root(const char *root)
{
	int fd = files_open_root(root);

	if (fd == -ENOSYS)
		fprintf(stderr, "this kernel has no openat2: without it no"
			" file can be kept beneath the root\n");
	else if (fd < 0)
		fprintf(stderr, "%s: %s\n", root, strerror(-fd));
	return fd;
}

int main(int argc, char **argv)
{
	struct server s = { .root_fd = -1, .stop_fd = -1 };
	sigset_t signals;
	int status = 1, parsed = options_parse(&s.opts, argc, argv);

	if (parsed != 0)
		return parsed > 0 ? 0 : 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	block_signals(&signals);
	http_parser_set_max_header_size(HEADERS_MAX);
	s.root_fd = open_root(s.opts.root);
	if (s.root_fd < 0)
		return 1;
	s.stop_fd = eventfd(0, EFD_CLOEXEC);
	s.ctx = make_ctx(&s.opts);
	if (s.ctx && s.stop_fd >= 0) {
		print_kernel();
		status = serve(&s, &signals) < 0;
	}
	SSL_CTX_free(s.ctx);
	if (s.stop_fd >= 0)
		close(s.stop_fd);
	close(s.root_fd);
	return status;
}
